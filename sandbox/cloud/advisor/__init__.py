"""Vulnerability Advisor's tables and work: what is installed in images, and what is wrong with it. Imports registry."""
