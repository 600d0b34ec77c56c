"""Container Registry's API: namespaces and messages of each region."""
