"""IAM Identity Services' operations: token grants, service IDs, API keys, settings. Only app imports it."""
