"""Stand-ins for the plugins that only Pulumi's download site has: used where that site is out of reach."""
