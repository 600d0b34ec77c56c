"""IBM Cloud regions as the registry knows them: hosts and the rules for names; pure."""

from __future__ import annotations

from urllib.parse import urlsplit

from ibm_native.cloud.regions import REGISTRY_HOSTS

__all__ = ["NAMESPACE_PATTERN", "NAMESPACE_RULE", "REGISTRY_HOSTS", "host_of"]

NAMESPACE_PATTERN = r"[a-z0-9][a-z0-9_-]{2,28}[a-z0-9]"
NAMESPACE_RULE = (
    "4 to 30 lowercase letters, digits, '-' and '_', with a letter or digit at both ends "
    '(IBM\'s docs, "Setting up a namespace")'
)


def host_of(endpoint: str | None) -> str | None:
    """Return the host, with its port if it has one, of an endpoint URL; None for none."""
    return urlsplit(endpoint).netloc if endpoint else None
