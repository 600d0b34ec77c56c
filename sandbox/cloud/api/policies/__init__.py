"""IAM Policy Management's operations: access policies and roles. Only app imports it."""
