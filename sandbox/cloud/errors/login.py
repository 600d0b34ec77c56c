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
    def unauthenticated(cls) -> Self:
        """Make the answer to an anonymous caller."""
        return cls(*unverified.ANONYMOUS_LOGIN)

    @classmethod
    def bad_login(cls) -> Self:
        """Make the answer to a user name and password that don't fit."""
        return cls(*unverified.BAD_LOGIN)

    @classmethod
    def forbidden(cls) -> Self:
        """Make the answer to a request without the right."""
        return cls(403, "DENIED", "You are not authorized to access the specified resource.")

    @classmethod
    def malformed(cls, message: str) -> Self:
        """Make the answer to a parameter that can't be read."""
        return cls(400, "UNSUPPORTED", message)

    @classmethod
    def not_implemented(cls, message: str) -> Self:
        """Make the 501 answer."""
        return cls(501, "UNSUPPORTED", message)
