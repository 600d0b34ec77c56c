"""The registry's login: the token server of Docker's token authentication, with IBM's user names."""
