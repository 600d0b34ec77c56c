"""The errors of IAM Identity, `{context, status_code, trace, errors}`, and of tokens, `{errorCode, errorMessage}`."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Self

from starlette.requests import Request
from starlette.responses import Response

from sandbox.cloud.core import unverified
from sandbox.cloud.core.answers import answer, base_url
from sandbox.cloud.errors.base import ServiceError, VersionedError

_INSTANCE = "icr-sandbox"


class IdentityError(VersionedError):
    """An error of /v1/serviceids and /v1/apikeys."""

    UNAUTHENTICATED = (401, *unverified.UNAUTHENTICATED_CODE)
    FORBIDDEN = (403, *unverified.FORBIDDEN_CODE)
    MALFORMED = (400, "invalid_request", "BXNIM0106E", "Property has an invalid value: {}.")
    NOT_IMPLEMENTED = (501, "not_implemented", "SANDBOX")
    UNTAGGED = (400, "missing_property", "BXNIM0109E", "Property missing or empty: 'If-Match'.")
    STALE = (unverified.STALE_IDENTITY_STATUS, *unverified.STALE_IDENTITY_CODE)

    def __init__(self, status: int, code: str, message_code: str, message: str, details: str | None = None) -> None:
        super().__init__(status, message)
        self.code = code
        self.message_code = message_code
        self.details = details

    def response(self, request: Request) -> Response:
        """Write the answer."""
        error = {"code": self.code, "message_code": self.message_code, "message": self.message}
        if self.details is not None:
            error["details"] = self.details
        trace = uuid.uuid4().hex
        content = {
            "context": context(request, trace, "transaction_id"),
            "status_code": self.status,
            "trace": trace,
            "errors": [error],
        }
        return answer(content, self.status, {"Transaction-Id": trace})

    @classmethod
    def missing(cls, name: str) -> Self:
        """Make the answer to a property that is missing or empty."""
        return cls(400, "missing_property", "BXNIM0109E", f"Property missing or empty: '{name}'.")

    @classmethod
    def absent(cls, what: str) -> Self:
        """Make the answer to an id that nothing has."""
        return cls(404, *unverified.NOT_FOUND_CODE, f"{what} not found.")

    @classmethod
    def locked(cls) -> Self:
        """Make the answer to a change of a locked entity."""
        return cls(unverified.LOCKED_STATUS, *unverified.LOCKED_CODE)

    @classmethod
    def limit(cls, message: str) -> Self:
        """Make the answer to one object more than the account may hold."""
        return cls(unverified.LIMIT_STATUS, *unverified.LIMIT_CODE, message)

    @classmethod
    def duplicate_value(cls) -> Self:
        """Make the answer to a chosen key value that is in use."""
        return cls(unverified.DUPLICATE_KEY_STATUS, *unverified.DUPLICATE_KEY_CODE)

    @classmethod
    def delete_not_possible(cls, key_id: str) -> Self:
        """Make the answer to deleting a service ID one of whose keys can't be deleted."""
        message = "The service ID could not be deleted, since an API key of it could not be deleted."
        return cls(409, "delete_not_possible", "BXNIM0105E", message, f"API key {key_id} could not be deleted.")


class TokenError(ServiceError):
    """An error of /identity/token."""

    UNAUTHENTICATED = (401, *unverified.UNAUTHENTICATED_CODE[1:])
    FORBIDDEN = (403, *unverified.FORBIDDEN_CODE[1:])
    MALFORMED = (400, "BXNIM0106E", "{}")
    NOT_IMPLEMENTED = (501, "SANDBOX")

    def __init__(self, status: int, code: str, message: str, details: str | None = None) -> None:
        super().__init__(status, message)
        self.code = code
        self.details = details

    def response(self, request: Request) -> Response:
        """Write the answer."""
        trace = uuid.uuid4().hex
        content = {
            "errorCode": self.code,
            "errorMessage": self.message,
            **({"errorDetails": self.details} if self.details else {}),
            "context": context(request, trace, "requestId"),
        }
        return answer(content, self.status, {"Transaction-Id": trace})

    @classmethod
    def missing(cls, name: str) -> Self:
        """Make the answer to a property that is missing or empty."""
        return cls(400, "BXNIM0109E", f"Property missing or empty: '{name}'.")


def context(request: Request, trace: str, trace_name: str) -> dict[str, str]:
    """Return the properties that IAM adds for problem determination; the token endpoint spells them in camel case."""
    now = datetime.now(UTC).strftime("%d.%m.%Y %H:%M:%S:%f UTC")
    agent = request.headers.get("user-agent", "")
    url = base_url(request)
    if trace_name == "requestId":
        names = ("userAgent", "url", "instanceId", "threadId", "host", "startTime", "endTime", "elapsedTime")
        extra = {"requestType": "incoming.Identity_API", "clientIp": _client(request), "locale": "en_US"}
        cluster = {"clusterName": _INSTANCE}
    else:
        names = ("user_agent", "url", "instance_id", "thread_id", "host", "start_time", "end_time", "elapsed_time")
        extra = {"operation": f"{request.method} {request.scope['path']}"}
        cluster = {"cluster_name": _INSTANCE}
    values = (agent, url, _INSTANCE, "main", _INSTANCE, now, now, "0")
    return {trace_name: trace, **extra, **dict(zip(names, values, strict=True)), **cluster}


def _client(request: Request) -> str:
    return request.client.host if request.client else "127.0.0.1"
