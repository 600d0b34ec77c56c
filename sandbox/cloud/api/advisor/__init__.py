"""Vulnerability Advisor's operations: reports and exemptions. Imports api.registry."""
