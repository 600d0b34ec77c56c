"""What the report tells of stacks and registries: read from states, accounts and clusters; no secret is among it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from base.errors import SandboxError
from fleet.account import Held, held
from fleet.connection import asked
from fleet.graph import resources, svg
from fleet.inventory import StackFile
from fleet.kubectl import cluster_of
from fleet.orphans import IMAGE, by_key, named_images
from fleet.stack import Stack, has_objects, resources_of
from ibm_native.cloud.client import Cloud
from ibm_native.cloud.connection import Connection
from ibm_native.cloud.errors import ProviderError
from ibm_native.cloud.refusals import Job
from ibm_native.cloud.sdk import text
from ibm_native.registry.get_quota import GetQuotaArgs, GetQuotaResult, get_quota
from ibm_native.registry.scan_gate import counted

KEY = "ibm-native:iam:ApiKey"
FREE_STORAGE, FREE_TRAFFIC = 512 << 20, 5 << 30
"""Bytes of the free plan: stored, and pulled a month (IBM Cloud docs, "About Container Registry", quota limits)."""
_REMEDY = "export the reader's key of docs/fleet.md, then run the same again"
_ADVISOR = Job("look at an image's scan", "the role Reader on Container Registry")


@dataclass
class Pod:
    """A Pod that runs an image of the stack; times are ISO 8601."""

    name: str
    phase: str
    image: str
    since: str
    findings: str = "not looked at"
    """What the Vulnerability Advisor says."""


@dataclass
class Key:
    """An API key of the stack; days are whole ones."""

    name: str
    id: str
    created: str
    ends: str
    age: int
    left: int | None
    rotate_after: int
    """Days after which every run warns; 0 is never."""


@dataclass
class Seen:
    """One stack as the report shows it."""

    file: StackFile
    updated: str = ""
    resources: int = 0
    graph: str = ""
    """SVG, or why there is none."""
    drawn: bool = False
    pods: list[Pod] = field(default_factory=list[Pod])
    keys: list[Key] = field(default_factory=list[Key])
    problems: list[str] = field(default_factory=list[str])


@dataclass
class Registry:
    """One account's registry in a region; bytes."""

    region: str
    endpoint: str
    stacks: list[str]
    quota: GetQuotaResult
    images: list[tuple[Held, bool]]
    """With each, whether a stack or a Pod names it."""


@dataclass
class Survey:
    """All that the report shows but drift."""

    stacks: list[Seen]
    registries: list[Registry]
    problems: list[str]


def survey(files: Sequence[StackFile]) -> Survey:
    """Look at everything; what can't be looked at is a line among the problems, never a failure of it all."""
    found = Survey([Seen(file) for file in files], [], [])
    stacks = [*map(Stack.of, files)]
    states: dict[str, Mapping[str, object]] = {}
    for seen, stack in zip(found.stacks, stacks, strict=True):
        try:
            state = stack.export_if_made()
            if state is None:
                seen.problems.append("it has no state yet")
                continue
            states[stack.name] = state
            _of_state(seen, state)
            seen.pods = _pods(stack, state)
        except SandboxError as error:
            seen.problems.append(str(error))
    try:
        groups = [*by_key(stack for stack in stacks if stack.name in states)]
    except (SandboxError, ProviderError) as error:
        found.problems.append(str(error))
        return found
    running = {name for state in states.values() for name in named_images(state)}
    for to, members in groups:
        names = {stack.name for stack in members}
        mine = [seen for seen in found.stacks if seen.file.name in names]
        try:
            found.registries += asked(to, lambda cloud, mine=mine, to=to: _account(cloud, to, mine, running), _REMEDY)
        except SandboxError as error:
            found.problems.append(str(error))
    return found


def _of_state(seen: Seen, state: Mapping[str, object]) -> None:
    deployment = cast("Mapping[str, Any]", state.get("deployment") or {})
    seen.updated = str(deployment.get("manifest", {}).get("time", ""))
    parts = [*resources(state)]
    seen.resources = sum(not each.component for each in parts)
    try:
        seen.graph, seen.drawn = svg(parts, seen.file.name).decode(), True
    except SandboxError as error:
        seen.graph = str(error)
    after = int(seen.file.config.get("rotateAfterDays") or 90)
    for each in resources_of(state):
        if each["type"] == KEY:
            told = cast("Mapping[str, Any]", each.get("outputs") or {})
            created, ends = str(told.get("createdAt") or ""), str(told.get("endsAt") or "")
            left = None if not ends else -_days_since(ends)
            seen.keys.append(Key(str(told.get("name")), each["id"], created, ends, _days_since(created), left, after))


def _days_since(when: str) -> int:
    return (datetime.now(UTC) - datetime.fromisoformat(when)).days if when else 0


def _pods(stack: Stack, state: Mapping[str, object]) -> list[Pod]:
    if not has_objects(state):
        return []
    own = named_images(state)
    pods = cluster_of(stack).pods()
    return [
        Pod(
            f"{pod['metadata']['namespace']}/{pod['metadata']['name']}",
            str(pod.get("status", {}).get("phase", "unknown")),
            str(container["image"]),
            str(pod.get("status", {}).get("startTime", "")),
        )
        for pod in pods
        for container in pod["spec"]["containers"]
        if own & set(IMAGE.findall(str(container["image"])))
    ]


async def _account(cloud: Cloud, to: Connection, mine: Iterable[Seen], running: set[str]) -> list[Registry]:
    by_region: dict[str, list[Seen]] = {}
    for seen in mine:
        by_region.setdefault(seen.file.region, []).append(seen)
        for pod in seen.pods:
            pod.findings = await _findings(cloud, seen.file.region, pod.image)
    images = [each for each in await held(cloud, sorted(by_region)) if each.kind == "image"]
    return [
        Registry(
            region,
            to.registry_url(region, "look at the registry"),
            [seen.file.name for seen in members],
            await get_quota.answer(cloud, GetQuotaArgs(region=region)),
            [(each, each.id.partition("/")[2] in running) for each in images if each.of.startswith(f"{region}/")],
        )
        for region, members in sorted(by_region.items())
    ]


async def _findings(cloud: Cloud, region: str, image: str) -> str:
    try:
        report = (await cloud.advisor(region, _ADVISOR, lambda api: api.image_report_query_path(image))).fields
    except ProviderError:
        return "not scanned"
    issues = counted(report, set())
    return f"{text(report, 'status')}, {len(issues)} known problems" if issues else text(report, "status")
