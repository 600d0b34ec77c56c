"""Container Registry's errors: `{code, message, request-id}`."""

from __future__ import annotations

import uuid
from typing import Self

from starlette.requests import Request
from starlette.responses import Response

from sandbox.cloud.core import unverified
from sandbox.cloud.core.answers import answer
from sandbox.cloud.errors.base import ServiceError


class RegistryError(ServiceError):
    """An error of /api/v1."""

    UNAUTHENTICATED = (401, "CRG0014E", "You are not authenticated. The access token is missing, invalid or expired.")
    FORBIDDEN = (403, "CRG0020E", "You are not authorized to access the specified resource.")
    MALFORMED = (*unverified.BAD_REQUEST, "{}")
    NOT_IMPLEMENTED = (501, "SANDBOX")

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, message)
        self.code = code

    def response(self, request: Request) -> Response:
        """Write the answer."""
        del request
        return answer({"code": self.code, "message": self.message, "request-id": str(uuid.uuid4())}, self.status)

    @classmethod
    def other_account(cls) -> Self:
        """Make the answer to a call for an account that isn't the caller's."""
        return cls(403, "CRG0009E", "You are not authorized to access the specified account.")
