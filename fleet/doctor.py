"""`fleet doctor`: all that the first update will need, looked at before anything is made, in one report.

It writes nothing but a stack of its own name into the backend, and removes it: that a state can be written, and locked,
is told by nothing else.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any, cast

import httpx

from base.errors import SandboxError
from config import stack_files
from fleet.connection import asked, connection
from fleet.inventory import StackFile
from fleet.kubectl import Cluster, cluster_of
from fleet.roles import holder
from fleet.stack import Stack
from ibm_native.cloud.client import Cloud
from ibm_native.cloud.connection import API_KEY_VARIABLE, Connection
from ibm_native.cloud.refusals import Job
from ibm_native.cloud.sdk import mapping, objects, text

KINDS = ("secrets", "serviceaccounts", "pods")
"""What a stack makes in its cluster."""
_TOOLS = 'export PATH="$(make tools):$PATH"'
_DOCKER = "unix:///var/run/docker.sock"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at; `mend` is the command for one that isn't as it must be."""

    what: str
    passed: bool
    seen: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{'ok' if self.passed else 'NO':4}{self.what}: {self.seen}" + (
            f"\n    To mend it: {self.mend}" if self.mend else ""
        )

    def as_json(self) -> dict[str, Any]:
        """Return it for a program."""
        return asdict(self)


def examine(files: Sequence[StackFile]) -> Iterator[Check]:
    """Yield what was seen, each thing once, however many stacks need it."""
    seen: set[tuple[object, ...]] = set()
    for file in files:
        for about, what, probe in _probes(Stack.of(file)):
            if (what, *about) not in seen:
                seen.add((what, *about))
                yield _tried(what, probe)


def _probes(stack: Stack) -> Iterator[tuple[tuple[object, ...], str, Callable[[], str]]]:
    """Yield what each probe hangs on, what it is about, and the probe: it says what it saw, or raises SandboxError."""
    file, environ = stack.file, stack.environ
    path, home = environ.get("PATH"), environ.get("PULUMI_HOME")
    yield (), f"Pulumi.{file.name}.yaml", lambda: _settings(file)
    yield (path,), "Pulumi CLI", lambda: _cli(stack)
    yield (path, home), "language host and plugins", lambda: _plugins(stack)
    yield (environ.get("PULUMI_BACKEND_URL"),), "backend: a state is written and locked", lambda: _backend(stack)
    yield (environ.get("DOCKER_HOST"),), "Docker Engine", lambda: _docker(environ)
    context, namespace = file.config.get("kubernetesContext", ""), file.config.get("kubernetesNamespace", "default")
    cluster = f"cluster {context or '(current context)'}, namespace {namespace}"
    given = file.name if "kubeconfig" in file.secrets else file.config.get("kubeconfig")
    yield (environ.get("KUBECONFIG"), given), cluster, lambda: _cluster(cluster_of(stack), namespace)
    try:
        to = connection(stack)
    except SandboxError as error:
        yield (file.name,), "API key", lambda error=error: _raise(error)
        return
    yield (to.api_key,), f"API key at {to.iam_endpoint}", lambda: _key(to, file)
    if to.api_key:
        yield (to.api_key,), f"registry of {file.region}", lambda: _registry(to, file.region)


def _tried(what: str, probe: Callable[[], str]) -> Check:
    try:
        return Check(what, passed=True, seen=probe())
    except SandboxError as error:
        return Check(what, passed=False, seen=error.what, mend=error.remedy)


def _raise(error: SandboxError) -> str:
    raise error


def _settings(file: StackFile) -> str:
    if problem := stack_files.problem_of(file.folder, file.name):
        raise SandboxError(
            problem, f"mend Pulumi.{file.name}.yaml, then: .venv/bin/python -m fleet validate {file.name}"
        )
    return "its settings are right"


def _cli(stack: Stack) -> str:
    from fleet.engine import VERSION  # noqa: PLC0415 - half a second, which only who runs the CLI pays

    found = stack.ask("version").strip().removeprefix("v")
    if found != str(VERSION):
        raise SandboxError(f"{found} is on PATH, and this project is made for {VERSION}", _TOOLS)
    return found


def _plugins(stack: Stack) -> str:
    if not shutil.which("pulumi-language-python", path=stack.environ.get("PATH")):
        raise SandboxError("there is no pulumi-language-python on PATH", _TOOLS)
    wanted = {name: version(f"pulumi-{name}") for name in ("docker", "kubernetes")}
    listed = cast("list[dict[str, str]]", stack.read("plugin", "ls", "--json"))
    there = {(each["name"], each.get("version", "")) for each in listed}
    missing = [f"{name} {wanted[name]}" for name in wanted if (name, wanted[name]) not in there]
    told = ", ".join(f"{name} {number}" for name, number in wanted.items())
    if not missing:
        return told
    if stack.environ.get("PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"):
        raise SandboxError(f"missing: {', '.join(missing)}", "make tools")
    return f"the CLI gets {', '.join(missing)} at its first run"


def _backend(stack: Stack) -> str:
    probe = Stack(f"doctor-{secrets.token_hex(4)}", stack.environ, stack.folder)
    probe.make()
    probe.ask("stack", "rm", "--yes", "--stack", probe.name)
    (stack.folder / f"Pulumi.{probe.name}.yaml").unlink(missing_ok=True)
    return stack.backend()


def _docker(environ: Mapping[str, str]) -> str:
    host = environ.get("DOCKER_HOST") or _DOCKER
    scheme, _, address = host.partition("://")
    if scheme == "ssh":
        return f"{host} isn't looked at: it is behind ssh"
    transport = httpx.HTTPTransport(uds=address if scheme == "unix" else None)
    url = "http://docker/version" if scheme == "unix" else f"http://{address}/version"
    try:
        with httpx.Client(transport=transport, timeout=10) as client:
            told = mapping(client.get(url).raise_for_status().json())
    except (httpx.HTTPError, ValueError) as error:
        raise SandboxError(
            f"no Docker Engine answers at {host}: {error}",
            "start it, or export DOCKER_HOST=...; for the sandbox: make up",
        ) from None
    return f"{text(told, 'Version') or 'API ' + text(told, 'ApiVersion')} at {host}"


def _cluster(cluster: Cluster, namespace: str) -> str:
    missing = [kind for kind in KINDS if not cluster.may("create", kind, namespace)]
    if missing:
        raise SandboxError(
            f"the kubeconfig's user may not create {', '.join(missing)}",
            f"kubectl create rolebinding deliver --clusterrole=edit --user=USER --namespace {namespace}",
        )
    return f"{', '.join(KINDS)} may be made"


def _key(to: Connection, file: StackFile) -> str:
    if not to.api_key:
        mend = 'eval "$(make env)"' if file.on_sandbox else f"export {API_KEY_VARIABLE}=..."
        raise SandboxError(f"${API_KEY_VARIABLE} isn't set", mend)
    key = to.api_key
    mend = f"export a good {API_KEY_VARIABLE}; for the sandbox: make up"
    found = asked(to, lambda cloud: holder(cloud, key), mend)
    whose = "of its own or of an access group" if found.groups_seen else "of its own"
    reasons = ["the account's owner"] if found.is_user else []
    reasons += [] if found.groups_seen else ["by access groups, which it may not list"]
    if reasons and not found.roles:
        return f"{found}; it has no policy {whose}: {', or '.join(reasons)}"
    if missing := found.missing():
        unless = "" if found.groups_seen else ", if no access group does: Viewer on iam-groups shows them"
        raise SandboxError(
            f"{found} has no policy {whose} that gives {', '.join(missing)}",
            f"python -m webbrowser https://cloud.ibm.com/iam   gives roles{unless}",
        )
    return f"{found}, with the roles that a delivery takes"


def _registry(to: Connection, region: str) -> str:
    what = f"list the registry namespaces in {region}"
    job = Job(what, "the role Manager on Container Registry")

    async def look(cloud: Cloud) -> int:
        return len(objects((await cloud.registry(region, job, lambda api: api.list_namespace_details())).body))

    count = asked(to, look, "make that address reachable from here (proxy, firewall, private endpoint)")
    return f"{to.registry_url(region, what)} answers; namespaces: {count}"
