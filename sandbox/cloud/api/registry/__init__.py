"""Container Registry's operations. Imported by api.advisor and by app."""
