"""Gets the programs that the sandbox is made of: the Pulumi CLI and its plugins, Kubernetes, and packages of Debian."""
