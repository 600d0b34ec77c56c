"""IAM Identity Services: token grants, service IDs and API keys."""
