"""What service IDs and API keys have in common: the tag that guards a change, and the context of an answer."""

from __future__ import annotations

import uuid

from sandbox.cloud.identity.errors import IdentityError, context
from sandbox.cloud.identity.models import ApiKey, ServiceId
from sandbox.cloud.web import Call


def check_version(call: Call, entity: ServiceId | ApiKey) -> None:
    """Go on only if the entity may change and If-Match names its tag, or `*`.

    Raises:
        IdentityError: it is locked, or the tag is missing or stale.

    """
    tag = call.request.headers.get("if-match")
    if not tag:
        raise IdentityError.missing("If-Match")
    if entity.locked:
        raise IdentityError.locked()
    if tag not in ("*", entity.entity_tag):
        raise IdentityError.stale()


def new_context(call: Call) -> dict[str, str]:
    """Return the context of an answer, with a transaction id of its own."""
    return context(call.request, uuid.uuid4().hex, "transaction_id")
