"""IBM Cloud's registry and a Kubernetes node on the user's own machine: same APIs, real parts, no account."""
