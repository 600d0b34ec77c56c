"""The program: what delivers a private image, as components that a user reads and changes."""
