"""What service IDs and API keys have in common: the tag that guards a change, and the context of an answer."""

from __future__ import annotations

import uuid

from sandbox.cloud.errors.identity import IdentityError, context
from sandbox.cloud.iam.identities import ApiKey, ServiceId
from sandbox.cloud.serving.call import Call


def check_version(call: Call, entity: ServiceId | ApiKey) -> None:
    """Go on only if the entity may change and If-Match names its tag, or `*`.

    Raises:
        IdentityError: it is locked, or the tag is missing or stale.

    """
    if entity.locked:
        raise IdentityError.locked()
    call.check_tag(entity.entity_tag, IdentityError)


def new_context(call: Call) -> dict[str, str]:
    """Return the context of an answer, with a transaction id of its own."""
    return context(call.request, uuid.uuid4().hex, "transaction_id")
