"""What answers at a region's address: registry, IBM Cloud's stand-in, front; stands on kubernetes, host, toolchain."""
