"""The registry's login: the token server of Docker's token authentication. Only app imports it."""
