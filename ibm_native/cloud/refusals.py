"""Reads what went wrong in a call to IBM Cloud, says the likely cause, and tells whether the call may be repeated."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ibm_native.cloud.errors import (
    ApiError,
    ConflictError,
    LockedError,
    LostAnswerError,
    NotFoundError,
    ProviderError,
    StaleError,
    TokenError,
    UnreachableError,
    UntrustedError,
)
from ibm_native.cloud.sdk import ApiFailure, Json, mapping, objects

_AGAIN = "Run the same command again in a moment; nothing needs to be cleaned up by hand."
_LOCKED = re.compile(r"\block(?:ed)?\b", re.IGNORECASE)
"""IBM documents neither status nor code of a lock: its words tell."""


@dataclass(frozen=True)
class Job:
    """One call: `what` it is for ("create service ID 'x'"), the access that it `needs`, and whether it may be repeated.

    A repeatable call has the same effect however often it is sent; a POST that creates is not.
    """

    what: str
    needs: str
    repeatable: bool = True
    conditional: bool = False
    """Whether it was sent with If-Match: 409 can then mean that somebody else was faster (IBM documents no status)."""
    unlock: str = ""
    """The command that unlocks what the call is about, if that can be locked."""


@dataclass(frozen=True)
class Refusal:
    """IBM's answer to a call that it refused, whichever of its error shapes it has."""

    status: int
    code: str
    message: str
    details: str
    transaction: str
    retry_after: float | None
    conflicting: object

    @property
    def told(self) -> str:
        """Return IBM's words with what support asks for."""
        marks = [f"HTTP {self.status}", self.code, f"transaction {self.transaction}" if self.transaction else ""]
        words = " ".join(filter(None, (self.message, self.details)))
        return f"IBM Cloud answered: {words} ({', '.join(mark for mark in marks if mark)})"


def read(failure: ApiFailure) -> Refusal:
    """Return what an ApiException holds."""
    response = failure.http_response
    headers: Mapping[str, str] = response.headers if response is not None else {}
    body = _object(response.text if response is not None else "")
    first = next(iter(objects(body.get("errors"))), body)
    code = _first(first, "message_code", "code", "errorCode")
    message = _first(first, "message", "errorMessage", "error") or str(failure.message)
    transaction = (
        _first(headers, "Transaction-Id", "X-Global-Transaction-ID", "X-Correlation-ID")
        or _first(body, "trace", "request-id")
        or _first(mapping(body.get("context")), "requestId", "transaction_id")
    )
    conflict = mapping(mapping(first.get("details")).get("conflicts_with")).get("policy")
    return Refusal(
        failure.status_code or 0,
        code,
        message,
        _first(first, "details"),
        transaction,
        _seconds(headers.get("Retry-After")),
        conflict,
    )


def api_error(job: Job, refusal: Refusal) -> ProviderError:
    """Return the typed error for a refused call, with the likely cause."""
    status, code, told = refusal.status, refusal.code, refusal.told
    if 200 <= status < 300:
        return LostAnswerError(job.what, "IBM Cloud's answer can't be read", _AGAIN)
    if status >= 500 and not job.repeatable:
        return LostAnswerError(job.what, told, _AGAIN)
    if status == 404:
        return NotFoundError(job.what, told, status=404, code=code)
    if status in {409, 412}:
        return _conflict(job, refusal)
    remedies = {
        401: "The token wasn't accepted: the API key may have been deleted or disabled in the meantime.",
        403: f"The provider's API key lacks a right. This call needs {job.needs}.",
        422: "IBM Cloud's limits may be reached: an account has 4,020 policies, a service ID 20 API keys.",
        429: "Too many calls. " + _AGAIN,
    }
    remedy = remedies.get(status, _AGAIN if status >= 500 else "")
    return ApiError(job.what, told, remedy, status=status, code=code, retry_after=refusal.retry_after)


def _conflict(job: Job, refusal: Refusal) -> ProviderError:
    """Return why the state of things forbids a call: IBM's code and words count before the status."""
    status, code, told = refusal.status, refusal.code, refusal.told
    if refusal.conflicting is not None:
        return ConflictError(job.what, told, code=code, conflicting=refusal.conflicting)
    if _LOCKED.search(f"{code} {refusal.message}"):
        remedy = f"Unlock it: {job.unlock}" if job.unlock else "Unlock it, then run the same command again."
        return LockedError(job.what, told, remedy, status=status, code=code)
    if status == 412 or job.conditional:
        return StaleError(job.what, told, "Somebody else changes it at this time. " + _AGAIN, status=status, code=code)
    return ConflictError(job.what, told, code=code)


def token_error(what: str, endpoint: str, refusal: Refusal) -> ProviderError:
    """Return the typed error for a refused token request."""
    if refusal.status in {400, 401, 403}:
        return TokenError(
            what,
            f"IAM at {endpoint} doesn't take the provider's API key. {refusal.told}",
            "It is wrong, deleted, disabled or expired, or belongs to another IBM Cloud than this endpoint. Set a good "
            "one: `pulumi config set --secret ibm-native:apiKey`, or the environment variable IBMCLOUD_API_KEY.",
            status=refusal.status,
        )
    return TokenError(what, refusal.told, _AGAIN, status=refusal.status or 500, retry_after=refusal.retry_after)


def connection_error(what: str, endpoint: str, failure: Exception) -> ProviderError:
    """Return the typed error for a call that got no answer at all: never sent, or perhaps done."""
    import requests  # noqa: PLC0415  # only the plugin process needs it
    import urllib3.exceptions  # noqa: PLC0415

    remedy = f"Is {endpoint} the right address, and can this machine reach it?"
    if isinstance(failure, requests.exceptions.SSLError):
        return UntrustedError(what, f"the certificate of {endpoint} isn't trusted", remedy)
    inner: object = failure.args[0] if failure.args else None
    if isinstance(inner, urllib3.exceptions.MaxRetryError):
        inner = inner.reason
    unsent = (
        urllib3.exceptions.NewConnectionError,
        urllib3.exceptions.ConnectTimeoutError,
        urllib3.exceptions.NameResolutionError,
        urllib3.exceptions.ProxyError,
    )
    if isinstance(inner, unsent) or isinstance(failure, requests.exceptions.ConnectTimeout):
        return UnreachableError(what, f"no connection to {endpoint}", remedy)
    return LostAnswerError(what, f"{endpoint} broke off the connection before it answered", _AGAIN)


def _object(text: str) -> Json:
    try:
        return mapping(json.loads(text))
    except ValueError:
        return {}


def _first(source: Mapping[str, object], *names: str) -> str:
    return next((value for name in names if isinstance(value := source.get(name), str) and value), "")


def _seconds(value: str | None) -> float | None:
    return float(value) if value and value.isdigit() else None
