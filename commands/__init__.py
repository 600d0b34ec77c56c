"""What `make` runs: the journey from nothing to a verified Pod, and back."""
