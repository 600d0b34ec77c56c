"""Stand-in for the official plugin pulumi-resource-kubernetes 4.32.0, for the few kinds that the program uses."""
