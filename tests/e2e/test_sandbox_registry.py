"""The sandbox's registry lets in whom IBM Cloud's stand-in lets in, and nobody else; with the real docker command."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from base.paths import CHECKOUT
from sandbox import addresses
from sandbox.cloud.core import unverified
from sandbox.cloud.iam.tokens import GRANTS
from sandbox.endpoints import stand_in
from sandbox.host.layout import Layout
from sandbox.kubernetes import control_plane
from sandbox.toolchain import debian
from tests.e2e.sandbox_account import REGISTRY, Account, Docker, Json, Reader

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class Shelf:
    """A namespace with one image in it."""

    account: Account
    owner: Docker
    namespace: str
    image: str

    def docker(self, folder: Path, key: str | None = None) -> Docker:
        """Return a docker command with no login, or with that of one key."""
        docker = Docker(self.owner.home, folder)
        if key:
            docker.login(key)
        return docker


@pytest.fixture(scope="module")
def shelf(sandbox_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    account = Account((sandbox_home / "deployer.key").read_text().strip())
    docker = Docker(sandbox_home, tmp_path_factory.mktemp("owner"))
    docker.login(account.key)
    namespace = account.namespace()
    image = f"{REGISTRY}/{namespace}/nginx:1"
    assert docker("tag", addresses.BASE_IMAGE, image)[0] == 0
    status, text = docker("push", image)
    assert status == 0, text
    yield Shelf(account, docker, namespace, image)
    docker("rmi", image)
    account.clean()


@pytest.fixture
def reader(shelf: Shelf) -> Reader:
    return shelf.account.reader(shelf.namespace)


def test_a_pull_without_a_login_is_refused(shelf: Shelf, tmp_path: Path) -> None:
    status, text = shelf.docker(tmp_path)("pull", shelf.image)
    assert status != 0
    assert "unauthorized: authentication required" in text


def test_the_registry_answers_an_anonymous_request_with_401_and_where_to_get_a_token(shelf: Shelf) -> None:
    answer = httpx.get(f"http://{REGISTRY}/v2/{shelf.namespace}/nginx/manifests/1", trust_env=False)
    assert answer.status_code == 401
    assert f'realm="http://{REGISTRY}/oauth/token",service="registry"' in answer.headers["WWW-Authenticate"]
    assert answer.json()["errors"][0]["message"] == "authentication required"


def test_a_reader_pulls_and_is_refused_a_push(shelf: Shelf, reader: Reader, tmp_path: Path) -> None:
    docker = shelf.docker(tmp_path, reader.key)
    status, text = docker("pull", shelf.image)
    assert status == 0, text
    status, text = docker("push", shelf.image)
    assert status != 0
    assert "denied" in text


def test_a_reader_of_one_namespace_is_refused_another(shelf: Shelf, reader: Reader, tmp_path: Path) -> None:
    other = f"{REGISTRY}/{shelf.account.namespace()}/nginx:1"
    assert shelf.owner("tag", addresses.BASE_IMAGE, other)[0] == 0
    assert shelf.owner("push", other)[0] == 0
    status, text = shelf.docker(tmp_path, reader.key)("pull", other)
    shelf.owner("rmi", other)
    assert status != 0
    assert "denied" in text


def test_a_deleted_policy_stops_new_pulls(shelf: Shelf, reader: Reader, tmp_path: Path) -> None:
    docker = shelf.docker(tmp_path, reader.key)
    assert docker("pull", shelf.image)[0] == 0
    shelf.account.delete_policy(reader.policy_id)
    status, text = docker("pull", shelf.image)
    assert status != 0
    assert "denied" in text


def test_a_deleted_key_stops_new_pulls(shelf: Shelf, reader: Reader, tmp_path: Path) -> None:
    docker = shelf.docker(tmp_path, reader.key)
    assert docker("pull", shelf.image)[0] == 0
    shelf.account.delete_key(reader.key_id)
    status, text = docker("pull", shelf.image)
    assert status != 0
    assert "unauthorized" in text


def projected(home: Path, audience: str) -> str:
    """Have a token made as the kubelet does for a Pod of ServiceAccount `default` in namespace `default`."""
    wanted = {"spec": {"audiences": [audience], "expirationSeconds": 3600}}
    with control_plane.api(Layout(home)).client() as client:
        made = client.post("/api/v1/namespaces/default/serviceaccounts/default/token", json=wanted)
    return made.raise_for_status().json()["status"]["token"]


def test_a_pods_service_account_pulls_without_any_key(shelf: Shelf, sandbox_home: Path, tmp_path: Path) -> None:
    """Its token becomes a trusted profile's, that one the registry's; no token that is like it does."""
    profile = shelf.account.profile(shelf.namespace, stand_in.CLUSTER_CRN, "default")

    def exchanged(token: str) -> httpx.Response:
        form = {"grant_type": f"{GRANTS}cr-token", "cr_token": token, "profile_id": profile}
        return httpx.post(f"http://{addresses.IAM_ADDRESS}/identity/token", data=form, trust_env=False)

    token = projected(sandbox_home, "iam")
    docker = shelf.docker(tmp_path)
    docker.login(exchanged(token).raise_for_status().json()["access_token"], user="iambearer")
    shelf.owner("rmi", shelf.image)
    status, text = docker("pull", shelf.image)
    assert status == 0, text
    assert "denied" in docker("push", shelf.image)[1]

    claims: Json = jwt.decode(token, options={"verify_signature": False})
    cluster = serialization.load_pem_private_key((sandbox_home / "pki/service-account.key").read_bytes(), None)
    assert isinstance(cluster, ec.EllipticCurvePrivateKey)
    for refused, reason in (
        (jwt.encode(claims, ec.generate_private_key(ec.SECP256R1()), "ES256"), "no cluster that IAM knows"),
        (projected(sandbox_home, "https://kubernetes.default.svc"), "not for the audience iam"),
        (jwt.encode(claims | {"iat": 1, "nbf": 1, "exp": 3601}, cluster, "ES256"), "expired"),
    ):
        answer = exchanged(refused)
        assert (answer.status_code, answer.json()["errorCode"]) == (400, "BXNIM0398E")
        assert reason in answer.json()["errorDetails"]


@dataclass(frozen=True)
class Crane:
    """Google's `crane`, which speaks to registries without any engine, with logins of its own in `folder`."""

    folder: Path

    def __call__(self, *words: str, stdin: str = "") -> tuple[int, str]:
        """Run it, built by Go where it isn't yet; returns the exit status and all output."""
        command = ["go", "-C", str(CHECKOUT / "tests/clients/crane"), "tool", "crane", *words]
        return run(command, os.environ | {"DOCKER_CONFIG": str(self.folder), "GOFLAGS": ""}, stdin)


@dataclass(frozen=True)
class Skopeo:
    """Debian's `skopeo`, another one without an engine, with logins of its own in `folder`."""

    folder: Path

    def __call__(self, *words: str, stdin: str = "") -> tuple[int, str]:
        """Run it, unpacked where it isn't yet; returns the exit status and all output."""
        tree = debian.ensure({"skopeo": ("skopeo",)})
        environ = tree.environ(os.environ | {"REGISTRY_AUTH_FILE": str(self.folder / "auth.json")})
        return run([str(tree.binary("skopeo")), "--insecure-policy", *words], environ, stdin)

    def login(self, key: str) -> tuple[int, str]:
        """Log in with an API key."""
        return self("login", REGISTRY, "--tls-verify=false", "-u", "iamapikey", "--password-stdin", stdin=key)

    def digest(self, image: str) -> tuple[int, str]:
        """Ask for the digest of an image."""
        return self("inspect", "--tls-verify=false", "--format", "{{.Digest}}", f"docker://{image}")

    def copy(self, source: str, target: str) -> tuple[int, str]:
        """Copy an image within the registry."""
        words = ("--src-tls-verify=false", "--dest-tls-verify=false", f"docker://{source}", f"docker://{target}")
        return self("copy", "--quiet", *words)


def run(command: list[str], environ: Mapping[str, str], stdin: str) -> tuple[int, str]:
    """Run a client; returns the exit status and all output."""
    ran = subprocess.run(
        command, env=environ, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return ran.returncode, ran.stdout.strip()


def test_crane_reads_and_copies_with_a_key_and_is_refused_without(shelf: Shelf, reader: Reader, tmp_path: Path) -> None:
    owner, stranger, pulling = (Crane(tmp_path / name) for name in ("owner", "stranger", "reader"))
    copied = f"{REGISTRY}/{shelf.namespace}/copy:1"
    for crane, key in ((owner, shelf.account.key), (pulling, reader.key)):
        status, text = crane("auth", "login", REGISTRY, "-u", "iamapikey", "--password-stdin", stdin=key)
        assert status == 0, text

    status, text = owner("copy", shelf.image, copied)
    assert status == 0, text
    assert pulling("digest", copied) == owner("digest", shelf.image)
    assert pulling("ls", f"{REGISTRY}/{shelf.namespace}/copy") == (0, "1")
    assert pulling("validate", "--remote", copied)[0] == 0
    assert "DENIED" in pulling("copy", shelf.image, f"{REGISTRY}/{shelf.namespace}/other:1")[1]
    assert "UNAUTHORIZED" in stranger("digest", copied)[1]


def test_skopeo_reads_copies_and_deletes_with_a_key_and_is_refused_without(
    shelf: Shelf, reader: Reader, tmp_path: Path
) -> None:
    owner, stranger, pulling = (Skopeo(tmp_path / name) for name in ("owner", "stranger", "reader"))
    copied = f"{REGISTRY}/{shelf.namespace}/skopeo:1"
    for skopeo, key in ((owner, shelf.account.key), (pulling, reader.key)):
        status, text = skopeo.login(key)
        assert status == 0, text
    status, text = stranger.login("a key that is none, and is long enough to be one")
    assert status != 0
    assert f"invalid status code from registry {unverified.BAD_LOGIN[0]}" in text

    status, text = owner.copy(shelf.image, copied)
    assert status == 0, text
    status, digest = owner.digest(shelf.image)
    assert status == 0, digest
    assert pulling.digest(copied) == (0, digest)
    assert "denied" in pulling.copy(shelf.image, f"{REGISTRY}/{shelf.namespace}/other:1")[1]
    assert "unauthorized" in stranger.digest(copied)[1]
    assert "403 Forbidden" in pulling("delete", "--tls-verify=false", f"docker://{copied}")[1]
    status, text = owner("delete", "--tls-verify=false", f"docker://{copied}")
    assert status == 0, text
    assert "manifest unknown" in pulling.digest(copied)[1]


def test_a_large_layer_passes_the_front_whole(shelf: Shelf, tmp_path: Path) -> None:
    """64 MiB that don't compress: neither a body limit nor a buffer file of the front may be in its way."""
    context = tmp_path / "context"
    context.mkdir()
    with Path("/dev/urandom").open("rb") as source:
        context.joinpath("noise").write_bytes(source.read(64 << 20))
    context.joinpath("Dockerfile").write_text(f"FROM {addresses.BASE_IMAGE}\nCOPY noise /noise\n")
    image = f"{REGISTRY}/{shelf.namespace}/large:1"
    assert shelf.owner("build", "--quiet", "--tag", image, str(context))[0] == 0
    status, text = shelf.owner("push", image)
    assert status == 0, text
    shelf.owner("rmi", image)
    status, text = shelf.owner("pull", image)
    assert status == 0, text
    shelf.owner("rmi", image)
    spilled = [path for path in (shelf.owner.home / "run/front").rglob("*") if path.is_file()]
    assert spilled == []
