"""Policy Management's errors: `{trace, errors: [{code, message, details}], status_code}`."""

from __future__ import annotations

import uuid
from typing import Self

from starlette.requests import Request
from starlette.responses import Response

from sandbox.cloud.core import unverified
from sandbox.cloud.core.answers import answer
from sandbox.cloud.errors.base import VersionedError


class PolicyError(VersionedError):
    """An error of /v1/policies, /v2/policies and /v2/roles; the codes are those of the SDK's list."""

    UNAUTHENTICATED = (401, "invalid_token", "The provided token is invalid or has expired.")
    FORBIDDEN = (403, "insufficent_permissions", "You are not authorized to use this API.")
    MALFORMED = (unverified.BAD_POLICY_STATUS, "invalid_body", "Invalid body format. Check the input: {}.")
    NOT_IMPLEMENTED = (501, "request_not_processed")
    UNTAGGED = (*MALFORMED[:2], MALFORMED[2].format("the header If-Match is missing"))
    STALE = (unverified.STALE_POLICY_STATUS, *unverified.STALE_POLICY_CODE)

    def __init__(self, status: int, code: str, message: str, details: dict[str, object] | None = None) -> None:
        super().__init__(status, message)
        self.code = code
        self.details = details

    def response(self, request: Request) -> Response:
        """Write the answer."""
        error: dict[str, object] = {"code": self.code, "message": self.message}
        if self.details is not None:
            error["details"] = self.details
        trace = request.headers.get("transaction-id") or uuid.uuid4().hex
        content = {"trace": trace, "errors": [error], "status_code": self.status}
        return answer(content, self.status, {"Transaction-Id": trace})

    @classmethod
    def missing_query(cls, name: str) -> Self:
        """Make the answer to a list without the account."""
        return cls(400, "missing_required_query_parameter", f"The query parameter {name} is missing.")

    @classmethod
    def absent(cls, policy_id: str) -> Self:
        """Make the answer to an id that no policy has."""
        return cls(404, "policy_not_found", f"Policy with Id {policy_id} not found.")

    @classmethod
    def conflict(cls, etag: str, policy: dict[str, object]) -> Self:
        """Make the answer to a policy that says what another one says; that one is shown whole."""
        details: dict[str, object] = {"conflicts_with": {"etag": etag, "policy": policy}}
        return cls(409, "policy_conflict_error", "A policy with the same subject, roles and resource exists.", details)

    @classmethod
    def too_many(cls, limit: int) -> Self:
        """Make the answer to one policy more than the quota."""
        return cls(422, "unable_to_process", f"The policies quota of {limit} would be exceeded.")

    @classmethod
    def locked(cls, iam_id: str) -> Self:
        """Make the answer to any change to the policies of a locked service ID."""
        return cls(unverified.LOCKED_STATUS, "request_not_processed", f"The service ID {iam_id} is locked.")
