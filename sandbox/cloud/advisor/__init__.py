"""Vulnerability Advisor v4: what is installed in images, which known problems that has, and what is exempt."""
