"""How a resource is declared and lives, whatever it is; stands on cloud only."""
