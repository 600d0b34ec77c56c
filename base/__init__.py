"""What `commands`, `bench` and `sandbox` stand on: errors a person reads, paths, progress, and the way in.

It imports none of them, and of other packages only platformdirs, and that not in the way in.
"""
