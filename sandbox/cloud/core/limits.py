"""How much an account may hold, from IBM's docs on IAM and Container Registry limits."""

from __future__ import annotations

API_KEYS_PER_IDENTITY = 20
SERVICE_IDS_PER_GROUP = 2_000
SERVICE_IDS_PER_ACCOUNT = 100_000
PROFILES_PER_ACCOUNT = 2_000
POLICIES_PER_ACCOUNT = 4_020
POLICIES_PER_SUBJECT = 1_000
TAGGED_POLICIES = 500
"""Policies with access tags, per account."""
CUSTOM_ROLES_PER_ACCOUNT = 40
NAMESPACES_PER_REGION = 100
"""Per account as well."""

ACCESS_GROUPS_PER_ACCOUNT = 500
ACCESS_GROUP_PAGE = 100
"""The most access groups or members in one answer, and as many as there are without being told."""

PAGE_DEFAULT = 20
PAGE_MAXIMUM = 100
"""Of lists of service IDs and API keys."""

EXPIRED_KEY_DAYS = 90
"""An expired key that nobody changed for so long is removed."""

OWN_KEY_LENGTH = 32
"""The least number of characters of an API key value that the caller chooses."""

ATTRIBUTE_LENGTH = 1_000
"""The most characters of a policy attribute's value; the least is 1."""

BODY_BYTES = 1 << 20
"""The largest request body that is read. The stand-in's own limit."""
