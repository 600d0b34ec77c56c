"""The operations over HTTP, one folder a service. Imports serving and what lies below; nothing but app imports it."""
