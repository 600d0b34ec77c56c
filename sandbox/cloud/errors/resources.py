"""Resource Manager's errors: `{message, status_code, transaction_id}`."""

from __future__ import annotations

import uuid
from typing import Self

from starlette.requests import Request
from starlette.responses import Response

from sandbox.cloud.core.answers import answer
from sandbox.cloud.errors.base import ServiceError


class ResourceError(ServiceError):
    """An error of /v2/resource_groups. No public source gives its shape: it is that of the Resource Controller."""

    UNAUTHENTICATED = (401, "The access token is missing, invalid or expired.")
    FORBIDDEN = (403, "You are not authorized to use this API.")
    MALFORMED = (400, "The request is not valid: {}.")
    NOT_IMPLEMENTED = (501,)

    def response(self, request: Request) -> Response:
        """Write the answer."""
        trace = request.headers.get("transaction-id") or uuid.uuid4().hex
        content = {"message": self.message, "status_code": self.status, "transaction_id": trace}
        return answer(content, self.status, {"Transaction-Id": trace})

    @classmethod
    def absent(cls, identifier: str) -> Self:
        """Make the answer to an id that no resource group has."""
        return cls(404, f"Resource group {identifier} not found.")
