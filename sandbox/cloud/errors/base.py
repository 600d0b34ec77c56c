"""What every service's errors have in common, and the refusals that no service words for itself.

Each service has one error class, in the file of its name, that writes IBM's shape for that service.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

from starlette.requests import Request
from starlette.responses import Response


class ServiceError(Exception, ABC):
    """An answer other than 2xx, in the shape of one service, whose constructor takes what these begin with."""

    UNAUTHENTICATED: ClassVar[tuple[Any, ...]]
    FORBIDDEN: ClassVar[tuple[Any, ...]]
    MALFORMED: ClassVar[tuple[Any, ...]]
    """The last is a text with a place, `{}`, for what is wrong."""
    NOT_IMPLEMENTED: ClassVar[tuple[Any, ...]]
    """Without the text."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    @abstractmethod
    def response(self, request: Request) -> Response:
        """Write the answer."""

    @classmethod
    def unauthenticated(cls) -> Self:
        """Make the answer to a call without a valid access token."""
        return cls(*cls.UNAUTHENTICATED)

    @classmethod
    def forbidden(cls) -> Self:
        """Make the answer to a call that the caller has no right for."""
        return cls(*cls.FORBIDDEN)

    @classmethod
    def malformed(cls, message: str) -> Self:
        """Make the answer to a body or a parameter that can't be read."""
        *known, text = cls.MALFORMED
        refusal: tuple[Any, ...] = (*known, text.format(message))
        return cls(*refusal)

    @classmethod
    def not_implemented(cls, message: str) -> Self:
        """Make the 501 answer to what the stand-in lacks; the message names it."""
        refusal: tuple[Any, ...] = (*cls.NOT_IMPLEMENTED, message)
        return cls(*refusal)


class VersionedError(ServiceError):
    """An error of a service whose changes name the version that they are about, in If-Match."""

    UNTAGGED: ClassVar[tuple[Any, ...]]
    STALE: ClassVar[tuple[Any, ...]]

    @classmethod
    def untagged(cls) -> Self:
        """Make the answer to a change without If-Match."""
        return cls(*cls.UNTAGGED)

    @classmethod
    def stale(cls) -> Self:
        """Make the answer to an If-Match that isn't the entity's tag."""
        return cls(*cls.STALE)


class InvalidTokenError(Exception):
    """An access token that is missing, not ours, or expired."""


class ForbiddenError(Exception):
    """The caller's policies don't allow the action; `told` is said instead of the service's own text."""

    told: str | None = None


class LimitedError(ForbiddenError):
    """The caller's policies would allow it, and the setting that the text names keeps the caller out."""

    def __init__(self, told: str) -> None:
        super().__init__(told)
        self.told = told


class MalformedError(Exception):
    """A body or a parameter that can't be read; the text says which and what was expected."""


class NotImplementedYetError(Exception):
    """A parameter or a value that IBM Cloud knows and the stand-in lacks; the text names it."""
