"""What the provider says about itself, in its one place: the plugin's answer, the schema and the distribution agree."""

VERSION = "0.1.0"
PACKAGE = "ibm-native"
PUBLISHER = "Seed e1aa7efb maintainers"
REPOSITORY = "https://r-seed-e1aa7efb.example/icr-private-image"
"""Where the project will be published; until then the name leads nowhere."""
