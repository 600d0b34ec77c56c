"""Asks a real account what no public source settles, and writes its answers down; stands on core only."""
