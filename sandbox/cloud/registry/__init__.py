"""Container Registry's tables and work: namespaces, images, plans, the real registries. Imports core and iam."""
