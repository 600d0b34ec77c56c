"""The errors of the registry's login, in the shape of the distribution specification: `{errors: [{code, ...}]}`."""

from __future__ import annotations

from typing import Self

from starlette.requests import Request
from starlette.responses import Response

from sandbox.cloud.core import unverified
from sandbox.cloud.core.answers import answer
from sandbox.cloud.errors.base import ServiceError


class LoginError(ServiceError):
    """An error of /oauth/token, and of paths that only the real registry answers."""

    UNAUTHENTICATED = unverified.ANONYMOUS_LOGIN
    FORBIDDEN = (403, "DENIED", "You are not authorized to access the specified resource.")
    MALFORMED = (400, "UNSUPPORTED", "{}")
    NOT_IMPLEMENTED = (501, "UNSUPPORTED")

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, message)
        self.code = code

    def response(self, request: Request) -> Response:
        """Write the answer."""
        del request
        return answer(
            {"errors": [{"code": self.code, "message": self.message, "detail": dict[str, str]()}]}, self.status
        )

    @classmethod
    def bad_login(cls) -> Self:
        """Make the answer to a user name and password that don't fit."""
        return cls(*unverified.BAD_LOGIN)
