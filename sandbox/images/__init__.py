"""The Docker Engine and the base image that it is given; stands on kubernetes, host and toolchain."""
