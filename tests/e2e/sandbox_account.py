"""The sandbox's IBM Cloud account and Docker command, as its owner uses them: what the sandbox's own tests share."""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from sandbox import addresses
from sandbox.toolchain import debian

Json = dict[str, Any]
REGISTRY = addresses.REGISTRY_ADDRESSES["jp-tok"]
_IAM = f"http://{addresses.IAM_ADDRESS}"


@dataclass(frozen=True)
class Reader:
    """A service ID that may read one namespace: its key's value, and the ids by which both are taken away."""

    key: str = field(repr=False)
    key_id: str
    policy_id: str


@dataclass
class Account:
    """The account whose owner holds `key`; what it makes is removed by `clean`."""

    key: str = field(repr=False)
    _made: list[str] = field(default_factory=list[str])

    def namespace(self) -> str:
        """Make a registry namespace with a name of its own."""
        name = f"e2e-{secrets.token_hex(4)}"
        self._call("PUT", f"http://{REGISTRY}/api/v1/namespaces/{name}")
        self._made.append(f"http://{REGISTRY}/api/v1/namespaces/{name}")
        return name

    def namespaces(self) -> list[str]:
        """Return the account's registry namespaces."""
        answer = httpx.get(f"http://{REGISTRY}/api/v1/namespaces", headers=self.headers, trust_env=False)
        return list(answer.raise_for_status().json())

    def reader(self, namespace: str) -> Reader:
        """Make a service ID with an API key, and a policy that makes it Reader on the namespace."""
        service = self._call("POST", f"{_IAM}/v1/serviceids/", {"account_id": self._account, "name": namespace})
        self._made.append(f"{_IAM}/v1/serviceids/{service['id']}")
        made = self._call("POST", f"{_IAM}/v1/apikeys", {"name": "pull", "iam_id": service["iam_id"]})
        policy = self._let_read(service["iam_id"], namespace)
        return Reader(made["apikey"], made["id"], policy["id"])

    def profile(self, namespace: str, cluster: str, service_account: str) -> str:
        """Make a trusted profile for a ServiceAccount in `default` that is Reader on the namespace; returns its id."""
        made = self._call("POST", f"{_IAM}/v1/profiles", {"account_id": self._account, "name": namespace})
        self._made.append(f"{_IAM}/v1/profiles/{made['id']}")
        link = {"crn": cluster, "namespace": "default", "name": service_account}
        self._call("POST", f"{_IAM}/v1/profiles/{made['id']}/links", {"cr_type": "IKS_SA", "link": link})
        self._let_read(made["iam_id"], namespace)
        return made["id"]

    def key_of_its_own(self) -> tuple[str, str]:
        """Make another API key of the owner's; returns its value and its id."""
        made = self._call("POST", f"{_IAM}/v1/apikeys", {"name": "another", "iam_id": self._claims["iam_id"]})
        self._made.append(f"{_IAM}/v1/apikeys/{made['id']}")
        return made["apikey"], made["id"]

    def delete_policy(self, policy_id: str) -> None:
        """Delete a policy."""
        self._call("DELETE", f"{_IAM}/v2/policies/{policy_id}")

    def delete_key(self, key_id: str) -> None:
        """Delete an API key."""
        self._call("DELETE", f"{_IAM}/v1/apikeys/{key_id}")

    def clean(self) -> None:
        """Remove what was made and is still there, the last first."""
        while self._made:
            answer = httpx.delete(self._made.pop(), headers=self.headers, trust_env=False)
            assert answer.is_success or answer.status_code == httpx.codes.NOT_FOUND, answer.text

    def _let_read(self, iam_id: str, namespace: str) -> Json:
        scope = {
            "accountId": self._account,
            "serviceName": "container-registry",
            "region": "jp-tok",
            "resourceType": "namespace",
            "resource": namespace,
        }
        return self._call(
            "POST",
            f"{_IAM}/v2/policies",
            {
                "type": "access",
                "subject": {"attributes": _attributes({"iam_id": iam_id})},
                "control": {"grant": {"roles": [{"role_id": "crn:v1:bluemix:public:iam::::serviceRole:Reader"}]}},
                "resource": {"attributes": _attributes(scope)},
            },
        )

    @property
    def _account(self) -> str:
        return self._claims["account"]["bss"]

    @property
    def _claims(self) -> Json:
        claims = self._token.split(".")[1]
        return json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))

    @property
    def _token(self) -> str:
        grant = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": self.key}
        answer = httpx.post(f"{_IAM}/identity/token", data=grant, trust_env=False)
        return answer.raise_for_status().json()["access_token"]

    @property
    def headers(self) -> dict[str, str]:
        """What a call to the registry's API needs."""
        return {"Authorization": f"Bearer {self._token}", "Account": self._account}

    def _call(self, method: str, url: str, body: Json | None = None) -> Json:
        answer = httpx.request(method, url, json=body, headers=self.headers, trust_env=False)
        assert answer.is_success, f"{method} {url}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else {}


@dataclass(frozen=True)
class Docker:
    """The docker command on the sandbox's engine, with logins of its own in `folder`."""

    home: Path
    folder: Path

    def __call__(self, *words: str, stdin: str | None = None) -> tuple[int, str]:
        """Run it; returns the exit status and all output."""
        engine = (self.home / "docker-host").read_text().strip()
        tree = debian.ensure()
        ran = subprocess.run(
            [str(tree.binary("docker")), *words],
            env=tree.environ() | {"DOCKER_HOST": engine, "DOCKER_CONFIG": str(self.folder)},
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return ran.returncode, ran.stdout

    def login(self, key: str, registry: str = REGISTRY, user: str = "iamapikey") -> None:
        """Log in with an API key, or as another user that the registry knows."""
        status, text = self("login", "--username", user, "--password-stdin", registry, stdin=key)
        assert status == 0, text


def _attributes(values: dict[str, str]) -> list[Json]:
    return [{"key": key, "operator": "stringEquals", "value": value} for key, value in values.items()]
