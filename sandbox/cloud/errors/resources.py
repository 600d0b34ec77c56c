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

    def response(self, request: Request) -> Response:
        """Write the answer."""
        trace = request.headers.get("transaction-id") or uuid.uuid4().hex
        content = {"message": self.message, "status_code": self.status, "transaction_id": trace}
        return answer(content, self.status, {"Transaction-Id": trace})

    @classmethod
    def unauthenticated(cls) -> Self:
        """Make the answer to a call without a valid access token."""
        return cls(401, "The access token is missing, invalid or expired.")

    @classmethod
    def forbidden(cls) -> Self:
        """Make the answer to a call without the right."""
        return cls(403, "You are not authorized to use this API.")

    @classmethod
    def malformed(cls, message: str) -> Self:
        """Make the answer to a bad body or parameter."""
        return cls(400, f"The request is not valid: {message}.")

    @classmethod
    def not_implemented(cls, message: str) -> Self:
        """Make the 501 answer."""
        return cls(501, message)

    @classmethod
    def absent(cls, identifier: str) -> Self:
        """Make the answer to an id that no resource group has."""
        return cls(404, f"Resource group {identifier} not found.")
