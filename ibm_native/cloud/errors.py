"""What can go wrong, for a person: what failed, why, what to do. No message ever holds a secret or a request's body."""

from __future__ import annotations

import re
from enum import Enum

_HIDDEN = "[hidden]"
_SHORTEST_SECRET = 8
_TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")
_secrets: set[str] = set()


def conceal(secret: str) -> None:
    """Keep `secret` out of every message from now on."""
    if len(secret) >= _SHORTEST_SECRET:
        _secrets.add(secret)


def scrub(text: str) -> str:
    """Return `text` without any secret that this process was given, and without tokens.

    What merely looks like a key stays: legal names have the same length and letters.
    """
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    return _TOKEN.sub(_HIDDEN, text)


class Repeat(Enum):
    """Whether the call that failed may be sent again."""

    NEVER = "it would fail again"
    SAFE = "it had no effect"
    IF_SAME = "it may have had its effect: only if doing it twice is the same as once"


class ProviderError(Exception):
    """Stops one operation; its text is all that a person sees.

    `what` failed, `why` in IBM's or our words, and the `remedy`: each a clause or a sentence.
    """

    repeat = Repeat.NEVER

    def __init__(self, what: str, why: str, remedy: str = "") -> None:
        self.what = what
        self.why = why
        self.remedy = remedy
        super().__init__(scrub(f"{what}: {why}" + (f"\n{remedy}" if remedy else "")))


class ConfigurationError(ProviderError):
    """The provider's own configuration doesn't allow what was asked."""


class CancelledByUserError(ProviderError):
    """A wait was cut short because the user cancelled."""

    def __init__(self, what: str) -> None:
        super().__init__(what, "cancelled while waiting", "Run the same command again to go on.")


class TimedOutError(ProviderError):
    """Something didn't become true in time."""


class UnreachableError(ProviderError):
    """No connection: the request was never sent."""

    repeat = Repeat.SAFE


class UntrustedError(ProviderError):
    """The other side's certificate isn't trusted."""


class LostAnswerError(ProviderError):
    """A request was sent, but its answer didn't come: it may have had its effect."""

    repeat = Repeat.IF_SAME


class ApiError(ProviderError):
    """IBM Cloud refused a request.

    `code` is IBM's own, `body` the decoded answer (which never repeats a request), `retry_after` in seconds.
    """

    def __init__(
        self, what: str, why: str, remedy: str = "", *, status: int, code: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(what, why, remedy)
        self.status = status
        self.code = code
        self.retry_after = retry_after
        if status == 429:
            self.repeat = Repeat.SAFE
        elif status >= 500:
            self.repeat = Repeat.IF_SAME


class NotFoundError(ApiError):
    """There is no such object (404)."""


class StaleError(ApiError):
    """The object changed since it was read (409 or 412 to If-Match)."""


class LockedError(ApiError):
    """The object, or the service ID that it belongs to, is locked (409)."""


class ConflictError(ApiError):
    """The object is in the way of another one (409); `conflicting` is what IBM says that one is."""

    def __init__(self, what: str, why: str, remedy: str = "", *, code: str = "", conflicting: object = None) -> None:
        super().__init__(what, why, remedy, status=409, code=code)
        self.conflicting = conflicting


class TokenError(ApiError):
    """IAM gave no token: it doesn't take the API key, or can't answer now."""

    def __init__(self, what: str, why: str, remedy: str, *, status: int, retry_after: float | None = None) -> None:
        super().__init__(what, why, remedy, status=status, retry_after=retry_after)
        self.repeat = Repeat.SAFE if status == 429 or status >= 500 else Repeat.NEVER
