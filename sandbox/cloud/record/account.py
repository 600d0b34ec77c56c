"""The account that is asked: raw calls, so that answers are seen as they came, and the removal of what they made."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self, cast

import httpx
import jwt

from base.errors import SandboxError

GRANT = "urn:ibm:params:oauth:grant-type:"
Body = dict[str, Any]


@dataclass
class Account:
    """One account, reached with the API key of somebody who may make service IDs, API keys and policies in it.

    `iam` and `registry` are URLs without a path. What questions make is removed when the block ends, last made first.
    """

    iam: str
    registry: str
    api_key: str = field(repr=False)

    def __post_init__(self) -> None:
        self._http = httpx.Client(timeout=60)
        self._made = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._made.close()
        self._http.close()

    def grant(self, api_key: str) -> httpx.Response:
        """Ask for an access token with an API key."""
        form = {"grant_type": f"{GRANT}apikey", "apikey": api_key}
        return self._http.post(f"{self.iam}/identity/token", data=form)

    def assume(self, token: str, profile: str) -> httpx.Response:
        """Ask for an access token of a trusted profile."""
        form = {"grant_type": f"{GRANT}assume", "access_token": token, "profile_id": profile}
        return self._http.post(f"{self.iam}/identity/token", data=form)

    @cached_property
    def token(self) -> str:
        """Return an access token; raises SandboxError if the key gets none."""
        answer = self.grant(self.api_key)
        if answer.status_code != 200:
            raise SandboxError(
                f"IAM gave no token for the API key: HTTP {answer.status_code}.",
                "export IBMCLOUD_API_KEY=... with a valid key of the account to ask",
            )
        return str(answer.json()["access_token"])

    @cached_property
    def _claims(self) -> Mapping[str, Any]:
        return jwt.decode(self.token, options={"verify_signature": False})

    @property
    def id(self) -> str:
        """Return the account's id."""
        return str(self._claims["account"]["bss"])

    @property
    def iam_id(self) -> str:
        """Return the IAM ID of the key's owner."""
        return str(self._claims["iam_id"])

    def call(self, method: str, path: str, body: Body | None = None, **headers: str | None) -> httpx.Response:
        """Call IAM with the token; a header's `_` stands for `-`, and None takes a header away."""
        return self._call(self.iam, method, path, body, headers)

    def ask_registry(self, method: str, path: str, body: Body | None = None, **headers: str | None) -> httpx.Response:
        """Call the registry's API or Vulnerability Advisor, the same way."""
        return self._call(self.registry, method, path, body, {"Account": self.id, **headers})

    def log_in(self, user: str, password: str) -> httpx.Response:
        """Log in at the registry as docker does; an empty user is nobody."""
        query = {"service": "registry", "scope": "repository:nobody/nothing:pull"}
        auth = (user, password) if user else None
        return self._http.get(f"{self.registry}/oauth/token", params=query, auth=auth)

    def make(self, path: str, body: Body) -> tuple[str, httpx.Response]:
        """Create an entity that is removed in the end; returns its path and the answer."""
        answer = self.call("POST", path, body)
        if answer.status_code not in {200, 201}:
            raise SandboxError(
                f"POST {path} answered HTTP {answer.status_code}, and what it makes is needed for the questions.",
                "use the key of a user who is Administrator of IAM Identity Service and Container Registry",
            )
        place = f"{path.rstrip('/')}/{answer.json()['id']}"
        self._made.callback(self.call, "DELETE", place)
        return place, answer

    def service_id(self) -> tuple[str, httpx.Response]:
        """Make a service ID."""
        return self.make("/v1/serviceids/", {"account_id": self.id, "name": name()})

    def key(self, **more: object) -> tuple[str, httpx.Response]:
        """Make an API key of a new service ID."""
        _, owner = self.service_id()
        return self.make("/v1/apikeys", {"name": name(), "iam_id": owner.json()["iam_id"], **more})

    def policy_body(self, **attributes: str) -> Body:
        """Return a v2 policy that makes a new service ID Reader on the registry, with further resource attributes."""
        _, owner = self.service_id()
        resource = {"accountId": self.id, "serviceName": "container-registry", **attributes}
        return {
            "type": "access",
            "control": {"grant": {"roles": [{"role_id": "crn:v1:bluemix:public:iam::::serviceRole:Reader"}]}},
            "subject": {"attributes": [_equals("iam_id", owner.json()["iam_id"])]},
            "resource": {"attributes": [_equals(key, value) for key, value in resource.items()]},
        }

    def _call(
        self, base: str, method: str, path: str, body: Body | None, headers: Mapping[str, str | None]
    ) -> httpx.Response:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        sent = {"Authorization": f"Bearer {self.token}", **named}
        return self._http.request(
            method, f"{base}{path}", json=body, headers={key: value for key, value in sent.items() if value is not None}
        )


def name() -> str:
    """Return a name that tells a person where a leftover comes from."""
    return f"icr-private-image-question-{secrets.token_hex(4)}"


def refused(answer: httpx.Response) -> tuple[int, dict[str, str]]:
    """Return status, and what the first error says, whichever shape of IBM's it has; empty if it was no refusal."""
    if answer.status_code < 400:
        return answer.status_code, {}
    try:
        body = cast("dict[str, Any]", answer.json())
    except ValueError:
        return answer.status_code, {}
    first = body["errors"][0] if body.get("errors") else body
    return answer.status_code, {str(key): str(value) for key, value in first.items() if isinstance(value, str)}


def _equals(key: str, value: str) -> Body:
    return {"key": key, "operator": "stringEquals", "value": value}
