"""Each service's errors in IBM's shape, and the refusals that no service words for itself. Imports core."""
