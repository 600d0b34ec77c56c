"""The front, real registries and the stand-in as the sandbox starts them, on free ports: one address a region."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from ibm_cloud_sdk_core.authenticators import IAMAuthenticator
from ibm_container_registry.container_registry_v1 import ContainerRegistryV1

from sandbox import addresses
from sandbox.endpoints import front as front_part
from sandbox.endpoints import regions, registry, stand_in
from sandbox.host.layout import Layout
from sandbox.host.supervisor import Command
from sandbox.kubernetes import pki
from sandbox.toolchain import debian
from tests.cloud.clients import Service
from tests.cloud.real_registry import until

pytestmark = [pytest.mark.cloud, pytest.mark.verified]

REGIONS = ("jp-tok", "us-south")
NAMESPACE = "my-praivate-repo"
REPOSITORY = f"{NAMESPACE}/nginx-custom"


@dataclass(frozen=True)
class Front:
    """Where everything listens, and the owner's API key."""

    iam: str
    hosts: dict[str, str]
    key: str
    account: str

    def registry(self, region: str) -> Service:
        """Return IBM's client of a region's API."""
        client: Any = ContainerRegistryV1(account=self.account, authenticator=IAMAuthenticator(self.key, url=self.iam))
        client.set_service_url(f"http://{self.hosts[region]}")
        return client

    def token(self, region: str, scope: str) -> str:
        """Log in as the owner."""
        url = f"http://{self.hosts[region]}/oauth/token"
        answer = httpx.get(url, params={"service": "registry", "scope": scope}, auth=("iamapikey", self.key))
        return answer.raise_for_status().json()["token"]


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


def start(command: Command, log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as file:
        return subprocess.Popen([str(word) for word in command.arguments], env=dict(command.environ), stderr=file)


def on_loopback(address: str) -> str:
    return address.replace("127.0.0.1", "127.0.0.2")


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Generator[Front]:
    with pytest.MonkeyPatch.context() as patch:
        iam, *ports = (f"127.0.0.1:{port}" for port in free_ports(3))
        patch.setattr(addresses, "IAM_ADDRESS", iam)
        patch.setattr(addresses, "REGISTRY_ADDRESSES", dict(zip(REGIONS, ports, strict=True)))
        # The Pods' network, whose address the fronts share with them, is there only where a sandbox runs.
        patch.setattr(addresses, "shared", on_loopback)
        layout = Layout(tmp_path_factory.mktemp("home"))
        layout.make()
        regions.ensure_secrets(layout)
        pki.ensure(layout.pki, "node")
        tree = debian.ensure()
        commands = [stand_in.command(layout)]
        for region in REGIONS:
            commands += [
                registry.command(layout, tree, region),
                front_part.command(layout, tree, region),
            ]
        parts = [stand_in.part(layout), *(registry.part(layout, region) for region in REGIONS)]
        parts += [front_part.part(region) for region in REGIONS]
        processes = [start(command, layout.root / "log") for command in commands]
        try:
            for part in parts:
                until(lambda part=part: part.problem() is None)
            key = layout.deployer_key.read_text().strip()
            grant = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": key}
            token = httpx.post(f"http://{iam}/identity/token", data=grant).json()["access_token"]
            details = httpx.get(
                f"http://{iam}/v1/apikeys/details", headers={"IAM-ApiKey": key, "Authorization": f"Bearer {token}"}
            ).json()
            found = Front(f"http://{iam}", dict(zip(REGIONS, ports, strict=True)), key, details["account_id"])
            for region in REGIONS:
                found.registry(region).create_namespace(NAMESPACE)
            yield found
        finally:
            for process in processes:
                os.kill(process.pid, signal.SIGTERM)
            for process in processes:
                process.wait(20)


def manifest(front: Front, region: str, method: str = "GET", **headers: str) -> httpx.Response:
    url = f"http://{front.hosts[region]}/v2/{REPOSITORY}/manifests/absent"
    return httpx.request(method, url, headers=headers)


def challenge(front: Front, region: str = "jp-tok") -> str:
    return f'Bearer realm="http://{front.hosts[region]}/oauth/token",service="registry"'


def test_without_a_token_the_answer_is_401_with_the_regions_own_challenge(front: Front) -> None:
    for region in REGIONS:
        answer = manifest(front, region)
        assert answer.status_code == 401
        wanted = f'{challenge(front, region)},scope="repository:{REPOSITORY}:pull"'
        assert answer.headers.get_list("www-authenticate") == [wanted]
        assert answer.headers["docker-distribution-api-version"] == "registry/2.0"
        assert answer.json()["errors"][0] == {
            "code": "UNAUTHORIZED",
            "message": "authentication required",
            "detail": {},
        }


@pytest.mark.unknown
def test_the_greeting_of_a_registry_asks_for_a_login(front: Front) -> None:
    answer = httpx.get(f"http://{front.hosts['jp-tok']}/v2/")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, challenge(front))


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_a_valid_token_with_too_small_a_scope_is_403_that_names_the_wanted_one(front: Front, method: str) -> None:
    login = f"Bearer {front.token('jp-tok', 'repository:elsewhere/image:pull')}"
    answer = manifest(front, "jp-tok", method, Authorization=login)
    action = "delete" if method == "DELETE" else "pull"
    wanted = f'{challenge(front)},scope="repository:{REPOSITORY}:{action}",error="insufficient_scope"'
    assert answer.status_code == 403
    assert answer.headers.get_list("www-authenticate") == [wanted]
    if method != "HEAD":
        error = answer.json()["errors"][0]
        text = "You are not authorized to access the specified resource."
        assert (error["code"], error["message"]) == ("DENIED", text)


@pytest.mark.sandbox_only
def test_a_push_with_a_token_for_pulling_is_403_and_its_body_is_not_waited_for(front: Front) -> None:
    login = f"Bearer {front.token('jp-tok', f'repository:{REPOSITORY}:pull')}"
    url = f"http://{front.hosts['jp-tok']}/v2/{REPOSITORY}/blobs/uploads/"
    answer = httpx.post(url, headers={"Authorization": login}, content=b"x" * 1_000_000)
    assert answer.status_code == 403
    challenged = answer.headers["www-authenticate"]
    # The registry names a scope's actions in no fixed order.
    assert any(f'scope="repository:{REPOSITORY}:{actions}"' in challenged for actions in ("pull,push", "push,pull"))


@pytest.mark.parametrize("token", ["x", "a.b.c"])
def test_a_token_that_is_none_stays_401(front: Front, token: str) -> None:
    assert manifest(front, "jp-tok", Authorization=f"Bearer {token}").status_code == 401


@pytest.mark.sandbox_only
def test_what_the_registry_itself_answers_passes_as_it_is(front: Front) -> None:
    login = f"Bearer {front.token('jp-tok', f'repository:{REPOSITORY}:pull')}"
    answer = manifest(front, "jp-tok", Authorization=login)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "MANIFEST_UNKNOWN")


@pytest.mark.unknown
def test_regions_hold_images_of_their_own_and_take_no_tokens_of_another(front: Front) -> None:
    scope = f"repository:{REPOSITORY}:pull,push"
    kind = "application/vnd.docker.distribution.manifest.list.v2+json"
    body = b'{"schemaVersion":2,"mediaType":"' + kind.encode() + b'","manifests":[]}'
    url = f"http://{front.hosts['us-south']}/v2/{REPOSITORY}/manifests/{secrets.token_hex(4)}"
    headers = {"Authorization": f"Bearer {front.token('us-south', scope)}", "Content-Type": kind}
    assert httpx.put(url, content=body, headers=headers).status_code == 201
    assert httpx.put(url.replace(front.hosts["us-south"], front.hosts["jp-tok"]), headers=headers).status_code == 401
    images = {region: front.registry(region) for region in REGIONS}
    until(lambda: len(images["us-south"].list_images(include_manifest_lists=True).get_result()) == 1)
    assert images["jp-tok"].list_images(include_manifest_lists=True).get_result() == []
    (found,) = images["us-south"].list_images(include_manifest_lists=True).get_result()
    assert found["RepoTags"][0].startswith(f"{front.hosts['us-south']}/{REPOSITORY}:")  # type: ignore[index]
