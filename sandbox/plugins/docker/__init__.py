"""Stand-in for the official docker plugin 5.1.0: its Image, built and pushed by the real Docker Engine."""
