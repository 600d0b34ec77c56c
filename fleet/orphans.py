"""Drift that no state can show: what carries a stack's mark, or lies where only stacks put things, and none knows.

Only what belongs to no stack that this checkout has a state of. Another checkout, or another backend, may know it: a
finding says so, and nothing is removed unless somebody names it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, cast

from base.errors import SandboxError
from config.model import PROVIDER
from fleet.account import Held, held, remove
from fleet.connection import asked, connection
from fleet.inventory import StackFile
from fleet.kubectl import cluster_of
from fleet.stack import Stack, has_objects, resources_of
from fleet.waves import jobs_here
from ibm_native.cloud.client import Cloud
from ibm_native.cloud.connection import Connection
from ibm_native.model.journal import Journal, default_folder
from ibm_native.model.marker import Mark

_Made: TypeAlias = tuple[Stack, Mapping[str, object]]
"""A stack, and its exported state."""
_Told: TypeAlias = tuple[str, str, str, str]
"""What is to be said of a thing, since when, the command that mends it, and its stack."""
IAM_TYPES = tuple(f"{PROVIDER}:iam:{name}" for name in ("ServiceId", "AccessPolicy", "ApiKey"))
SPACE = f"{PROVIDER}:registry:Namespace"
IMAGE = re.compile(r"[\w.:-]+/([\w./-]+@sha256:[0-9a-f]{64})")
"""An image by digest; the registry's host has several names, so it doesn't count."""
_FEW = 6
_CLUSTER = ("kubeconfig", "kubernetesContext")
_UNLESS = "   # unless another checkout's stack, or another backend's, has it"
_REMEDY = "give the key the roles that docs/fleet.md lists for a reader, then run the same again"


@dataclass(frozen=True)
class Finding:
    """One thing that no stack knows; `stack` is whose mark or service ID it has, empty if none here."""

    what: str
    since: str
    mend: str
    stack: str
    held: Held = field(repr=False)
    to: Connection = field(repr=False)

    def __str__(self) -> str:
        since = f", since {self.since}" if self.since else ""
        return f"{self.what}{since}\n  To mend it: {self.mend}"

    def as_json(self) -> dict[str, str]:
        """Return it for a program."""
        return {"what": self.what, "since": self.since, "mend": self.mend, "stack": self.stack}


@dataclass
class Known:
    """What the states of one account's stacks know; each by the name of its stack."""

    stacks: list[str] = field(default_factory=list[str])
    ids: dict[str, str] = field(default_factory=dict[str, str])
    identities: dict[str, str] = field(default_factory=dict[str, str])
    """IAM IDs of service IDs."""
    urns: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """Stack and name of a resource, by what its mark has of its URN."""
    begun: set[str] = field(default_factory=set[str])
    """As above, of creations that are under way, or were when their update was killed: the next one sees to them."""
    spaces: dict[str, str] = field(default_factory=dict[str, str])
    """Registry namespaces that a stack made, `region/name`."""
    repositories: dict[str, str] = field(default_factory=dict[str, str])
    """`region/namespace/name` that stacks push to."""
    running: set[str] = field(default_factory=set[str])
    """`namespace/name@digest` of what states or Pods name."""

    def add(self, file: StackFile, state: Mapping[str, object]) -> None:
        """Take what a stack's exported state knows."""
        name = file.name
        self.stacks.append(name)
        for each in resources_of(state):
            kind, outputs = each["type"], cast("Mapping[str, Any]", each.get("outputs") or {})
            if kind in IAM_TYPES:
                self.urns[Mark.new(each["urn"]).urn] = (name, each["urn"].rpartition("::")[2])
            if kind in {*IAM_TYPES, SPACE}:
                self.ids[each["id"]] = name
            if kind == IAM_TYPES[0]:
                self.identities[outputs["iamId"]] = name
            if kind == SPACE and not outputs.get("adopted"):
                self.spaces[each["id"]] = name
            if kind == "docker:index/image:Image" and (found := IMAGE.search(str(outputs.get("repoDigest")))):
                self.repositories[f"{file.region}/{found[1].partition('@')[0]}"] = name
        self.running |= named_images(state)
        deployment = cast("Mapping[str, Any]", state.get("deployment") or {})
        pending = cast("Sequence[Mapping[str, Any]]", deployment.get("pending_operations") or ())
        self.begun |= {Mark.new(each["resource"]["urn"]).urn for each in pending}

    def run(self, text: str, there: Sequence[Held]) -> None:
        """Take the images that `text` names as running, and what the lists among them name."""
        self.running |= set(IMAGE.findall(text))
        for each in there:
            name = each.id.partition("/")[2]
            if name in self.running:
                self.running |= {f"{name.partition('@')[0]}@{part}" for part in each.parts}

    @property
    def nobody(self) -> str:
        """Say who doesn't know it."""
        few = ", ".join(self.stacks) if len(self.stacks) <= _FEW else f"{len(self.stacks)} stacks"
        return f"no stack that this checkout has a state of ({few}) knows it"


def find(files: Sequence[StackFile], chosen: Sequence[StackFile]) -> list[Finding]:
    """Return what no state of `files`, all of the project's stacks, knows in the accounts of those `chosen`.

    Raises SandboxError if a state can't be read, or an account or a cluster can't be asked: nothing is told then, since
    what isn't known would count as nobody's.
    """
    found: dict[str, Finding] = {}
    for endpoint in dict.fromkeys(each.iam_endpoint for each in chosen):
        near = _with_fileless([each for each in files if each.iam_endpoint == endpoint], files)
        stacks = [*map(Stack.of, near)]
        with ThreadPoolExecutor(jobs_here(waits=False)) as pool:
            read = zip(stacks, pool.map(Stack.export_if_made, stacks), strict=True)
            made = [(stack, state) for stack, state in read if state is not None]
        wanted = {each.name for each in chosen}
        for to, members in by_key(stack for stack, _ in made if stack.name in wanted):
            found |= {each.held.id: each for each in _in_account(to, members, made)}
    return [*found.values()]


def _with_fileless(near: Sequence[StackFile], files: Sequence[StackFile]) -> list[StackFile]:
    """Return stacks and, beside them, those that their backends have and no file here: of another branch, say."""
    found = {each.name: each for each in near}
    for backend in {each.environ().get("PULUMI_BACKEND_URL"): each for each in near}.values():
        listed = Stack.of(backend).read("stack", "ls", "--json")
        for name in (each["name"] for each in cast("list[dict[str, str]]", listed)):
            if name not in {each.name for each in files}:
                # Their cluster is not known: it is taken for the one that the shell chooses.
                config = {key: value for key, value in backend.config.items() if key not in _CLUSTER}
                found[name] = replace(backend, name=name, tags={}, config=config, secrets=frozenset())
    return [*found.values()]


def drop(findings: Sequence[Finding], ids: Sequence[str]) -> list[str]:
    """Remove what has one of `ids`; returns what was removed. Raises SandboxError for an id that is in no finding."""
    by_id = {each.held.id: each for each in findings}
    for each in ids:
        if each not in by_id:
            raise SandboxError(
                f"{each} isn't among what no stack knows ({', '.join(by_id) or 'which is nothing'}): it stays",
                ".venv/bin/python -m fleet drift --all   shows what is",
            )
    done: list[str] = []
    for each in ids:
        one = by_id[each]
        asked(one.to, lambda cloud, one=one: remove(cloud, one.held), "run the same again with a key that may")
        done.append(f"removed {one.held.kind} {each}")
    return done


def by_key(stacks: Iterable[Stack]) -> Iterator[tuple[Connection, list[Stack]]]:
    """Yield one connection a key, with the endpoints of all of its stacks' regions, and these stacks."""
    by_key: dict[str | None, list[tuple[Stack, Connection]]] = {}
    for each in stacks:
        to = connection(each)
        by_key.setdefault(to.api_key, []).append((each, to))
    for members in by_key.values():
        urls = {each.file.region: to.registry_url(each.file.region, "look at the registry") for each, to in members}
        to = replace(members[0][1], registry_endpoint=None, registry_endpoints=urls)
        yield to, [stack for stack, _ in members]


def _in_account(to: Connection, members: Iterable[Stack], states: Sequence[_Made]) -> list[Finding]:
    known = Known()
    for stack, state in states:
        known.add(stack.file, state)

    async def look(cloud: Cloud) -> tuple[str, list[Held]]:
        return await cloud.account("look at the account"), await held(cloud, sorted(to.registry_endpoints))

    account, there = asked(to, look, _REMEDY)
    noted = {
        space: urn
        for folder in {default_folder(stack.environ) for stack in members}
        for urn, space in Journal(folder).noted(account)
    }
    known.run("\n".join(_pods(states)), there)
    return [Finding(*told, each, to) for each in there if (told := judge(each, known, noted))]


def _pods(states: Iterable[_Made]) -> Iterator[str]:
    """Yield a text with the images of the Pods of each cluster that stacks have objects in."""
    asked_already: set[tuple[str, str]] = set()
    for stack, state in states:
        if has_objects(state):
            cluster = cluster_of(stack)
            if cluster.chosen not in asked_already:
                asked_already.add(cluster.chosen)
                yield cluster.images()


def named_images(state: Mapping[str, object]) -> set[str]:
    """Return the images that a state names by digest, as `namespace/name@digest`."""
    return set(IMAGE.findall(json.dumps(state)))


def judge(each: Held, known: Known, noted: Mapping[str, str]) -> _Told | None:
    """Return what is to be told of one thing; None if all is well."""
    if each.kind == "image":
        return _judge_image(each, known)
    if each.id in known.ids:
        return None
    if each.kind == "registry namespace":
        what = f"was begun here as {noted.get(each.id)}, and {known.nobody}"
        return _told(each, what, "", unless=_UNLESS) if each.id in noted else None
    return _judge_marked(each, known)


def _judge_marked(each: Held, known: Known) -> _Told | None:
    stack = known.identities.get(each.of, "")
    if each.mark is None:
        if each.kind != "API key" or not stack:
            return None
        owner = each.of.removeprefix("iam-")
        return _told(each, f"of stack {stack}'s service ID {owner} was made by somebody else", stack)
    if each.mark.urn in known.begun:
        return None
    if each.mark.urn in known.urns:
        stack, name = known.urns[each.mark.urn]
        return _told(each, f"has the mark of stack {stack}'s {name}, whose state has another one", stack)
    return _told(each, f"has the mark of {PROVIDER}, and {known.nobody}", stack, unless=_UNLESS)


def _judge_image(each: Held, known: Known) -> _Told | None:
    name = each.id.partition("/")[2]
    region = each.of.partition("/")[0]
    stack = known.repositories.get(f"{region}/{name.partition('@')[0]}") or known.spaces.get(each.of, "")
    return (
        _told(each, f"of {each.size / 1e6:.1f} MB: nothing runs it", stack)
        if stack and name not in known.running
        else None
    )


def _told(each: Held, what: str, stack: str, unless: str = "") -> _Told:
    built = " (built)" if each.kind == "image" and each.since else ""
    mend = f".venv/bin/python -m fleet remove {each.id}{unless}"
    return f"{each.kind} {each.id} ({each.name}) {what}", f"{each.since}{built}", mend, stack
