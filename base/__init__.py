"""What `commands`, `bench` and `sandbox` stand on: errors a person reads, paths, progress, and the way in.

It imports none of them, and of other packages none at all: the way in runs on a bare Python.
"""
