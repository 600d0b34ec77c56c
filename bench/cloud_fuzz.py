"""Whether anything makes the cloud stand-in fail or hang: `python -m bench.cloud_fuzz [--requests 10000] [--seed 1]`.

Sends requests of every operation with ids that exist and nonsense, bodies of the properties that operations know with
legal and illegal values, and the tokens of two accounts' owners, of a service ID, of a trusted profile and of nobody.
Prints how often each status came; exits 1 for a 500, for an answer without a body in the service's shape, or for one
that took ten seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import json
import random
import re
import sys
import time
from typing import Any
from urllib.parse import quote

import httpx

from sandbox.cloud.app import operations
from sandbox.cloud.testing import Owned, StandIn

Json = dict[str, Any]
APIKEY = "urn:ibm:params:oauth:grant-type:apikey"
ASSUME = "urn:ibm:params:oauth:grant-type:assume"
LIMIT_SECONDS = 10.0

_VALUES: tuple[object, ...] = (
    *("", "x", "a" * 5000, "\u0000", "é\u2028", "../..", "*", "true", "limited", "service", "iam_id", "stringEquals"),
    *(None, True, 0, -1, 2**70, 1.5, [], [[]], {}, [None], {"a": {"b": []}}, "2049-01-02T18:30+0000", "IKS_SA"),
)
_NAMES = (
    *("name", "account_id", "iam_id", "description", "apikey", "members", "groups", "type", "identities", "identifier"),
    *("link", "cr_type", "conditions", "claim", "operator", "value", "attributes", "subject", "resource", "control"),
    *("grant", "roles", "role_id", "actions", "display_name", "service_name", "expires_at", "mfa", "namespace", "tags"),
    *("images_per_repo", "deletion_threshold_days", "external_account_identity_interaction", "identity_types", "rule"),
)
_QUERIES = (
    "account_id",
    "iam_id",
    "limit",
    "offset",
    "pagesize",
    "pagetoken",
    "sort",
    "filter",
    "force",
    "name",
    "scope",
)
_FORM = ("grant_type", "apikey", "profile_id", "access_token", "cr_token", "profile_name", "account", "username")


class Fuzz:
    """One run against one stand-in; `random` decides everything."""

    def __init__(self, cloud: StandIn, seed: int) -> None:
        self._cloud = cloud
        self._random = random.Random(seed)  # noqa: S311 (not a secret: a run can be repeated)
        self._ids = ["nobody", "%2e%2e", "a%00b", *(each.account_id for each in cloud.accounts)]
        self._tokens = ["nonsense", *(self._grant(each.api_key) for each in cloud.accounts)]
        self.statuses: collections.Counter[int] = collections.Counter()
        self.wrong: list[str] = []

    def _post(self, path: str, token: str, body: Json) -> Json:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.post(f"{self._cloud.url}{path}", json=body, headers=headers).raise_for_status().json()

    def _grant(self, key: str, **more: str) -> str:
        form = {"grant_type": APIKEY, "apikey": key, **more}
        return httpx.post(f"{self._cloud.url}/identity/token", data=form).raise_for_status().json()["access_token"]

    def populate(self, owner: Owned) -> None:
        """Make a service ID, a profile that trusts it, and an access group with it in an account."""
        token = self._grant(owner.api_key)
        body = {"account_id": owner.account_id, "name": "fuzz"}
        robot = self._post("/v1/serviceids", token, {**body, "apikey": {"name": "k"}})
        profile = self._post("/v1/profiles", token, body)
        self._post(
            f"/v1/profiles/{profile['id']}/identities/serviceid",
            token,
            {"identifier": robot["id"], "type": "serviceid"},
        )
        group = self._post(f"/v2/groups?account_id={owner.account_id}", token, {"name": "fuzz"})
        mine = self._grant(robot["apikey"]["apikey"])
        self._tokens.append(mine)
        self._tokens.append(self._grant("", grant_type=ASSUME, access_token=mine, profile_id=profile["id"]))
        self._ids += [
            robot["id"],
            robot["iam_id"],
            robot["apikey"]["id"],
            profile["id"],
            profile["iam_id"],
            group["id"],
        ]

    async def run(self, requests: int) -> None:
        """Send that many requests, eight at once."""
        known = operations()
        async with httpx.AsyncClient(base_url=self._cloud.url, timeout=LIMIT_SECONDS) as http:
            for start in range(0, requests, 8):
                chosen = [self._random.choice(known) for _ in range(min(8, requests - start))]
                await asyncio.gather(*(self._send(http, each.method, each.path) for each in chosen))

    async def _send(self, http: httpx.AsyncClient, method: str, path: str) -> None:
        filled = re.sub(r"\{[^}]+\}", lambda _: quote(self._random.choice(self._ids), safe="%"), path)
        headers = {"Authorization": f"Bearer {self._random.choice(self._tokens)}"}
        if self._random.random() < 0.8:
            headers["Account"] = self._random.choice(self._cloud.accounts).account_id
        if self._random.random() < 0.3:
            headers["If-Match"] = "*"
        query = {name: str(self._value()) for name in self._random.sample(_QUERIES, self._random.randrange(3))}
        began = time.monotonic()
        try:
            answer = await http.request(method, filled, params=query, headers=headers, content=self._body(path))
        except httpx.HTTPError as error:
            self.wrong.append(f"{method} {filled}: {error!r}")
            return
        self.statuses[answer.status_code] += 1
        if answer.status_code == 500 or time.monotonic() - began > LIMIT_SECONDS:
            self.wrong.append(f"{method} {filled} answers {answer.status_code}: {answer.text[:200]}")
        if answer.status_code >= 400 and method != "HEAD" and not isinstance(answer.json(), dict):
            self.wrong.append(f"{method} {filled} answers {answer.status_code} without an error's shape")

    def _body(self, path: str) -> bytes:
        if self._random.random() < 0.05:
            return self._random.choice((b"", b"{", b"\xff\xfe", b"[1]", b'"x"', b"{" * 3000))
        if "token" in path:
            pairs = (f"{name}={quote(str(self._value()))}" for name in self._random.sample(_FORM, 3))
            return "&".join(pairs).encode()
        return json.dumps(self._object(3)).encode()

    def _object(self, depth: int) -> Json:
        names = self._random.sample(_NAMES, self._random.randrange(1, 9))
        return {name: self._value(depth - 1) for name in names}

    def _value(self, depth: int = 0) -> object:
        kind = self._random.random()
        if depth and kind < 0.3:
            return self._object(depth)
        if depth and kind < 0.5:
            return [self._object(depth) for _ in range(self._random.randrange(3))]
        return self._random.choice(self._ids) if kind < 0.7 else self._random.choice(_VALUES)


def main() -> int:
    """Fuzz; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with StandIn(("jp-tok", "us-south"), accounts=2) as cloud:
        fuzz = Fuzz(cloud, options.seed)
        for owner in cloud.accounts:
            fuzz.populate(owner)
        asyncio.run(fuzz.run(options.requests))
    print(", ".join(f"{status}: {count}" for status, count in sorted(fuzz.statuses.items())))
    print(*fuzz.wrong, sep="\n")
    return 1 if fuzz.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
