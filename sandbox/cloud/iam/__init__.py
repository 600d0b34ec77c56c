"""IAM's tables and rules: accounts, identities, policies, roles, rights, tokens. Imports core, errors and controls."""
