"""Resource Manager's operations: resource groups. Only app imports it."""
