"""Whatever is typed into a stack file, nested keys included: one clear report with commands, never a traceback."""

from __future__ import annotations

import json
import random
import re
import shlex
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, cast

import pytest

from base.paths import CHECKOUT
from config.model import SettingsError, parse
from tests.unit.samples import values

pytestmark = pytest.mark.unit

EXAMPLES = 5000
TITLE = "stack x's settings (Pulumi.x.yaml) can't be used:"
DIGEST = "sha256:" + "ab" * 32
GOOD: dict[str, Any] = {
    **{key: value for key, value in values().items() if key not in {"workloads", "pullIdentity", "vulnerabilityGate"}},
    "pullIdentity": {"kind": "stack"},
    "vulnerabilityGate": {
        "action": "block",
        "allowed": 1,
        "exemptions": {"CVE-2024-1": {"reason": "not reached", "until": "2030-01-31"}},
    },
    "workloads": {
        "web": {
            "build": {"context": "app", "dockerfile": "Dockerfile", "args": {"BASE": "nginx:1"}, "tag": "v2"},
            "command": ["sh", "-c", "true"],
            "env": {"A": "b"},
            "ports": [80, 443],
            "probes": {"readiness": {"http": {"path": "/", "port": 80}, "periodSeconds": 5}},
            "securityContext": {"runAsUser": 101},
        },
        "api": {
            "image": f"api@{DIGEST}",
            "kind": "Deployment",
            "replicas": 2,
            "strategy": "Recreate",
            "envFrom": ["keys"],
            "resources": {"requests": {"cpu": "50m"}, "limits": {"memory": "64Mi"}},
            "probes": {"liveness": {"page": {"text": "a"}}, "startup": {"tcp": 80}},
            "gate": {"action": "warn"},
            "platform": "linux/arm64",
            "pullVia": "pod",
        },
    },
}
SCALARS = (
    None,
    True,
    False,
    0,
    -1,
    7,
    10**9,
    1.5,
    float("inf"),
    "",
    " ",
    "a",
    "off",
    "yes",
    "A_b",
    'ü\n"]',
    "a.b",
    "/",
    "latest",
)
JUNK: tuple[Any, ...] = (*SCALARS, [], {}, [[]], ["a", 1], {"": {}}, {"a": [None]}, {"http": {}}, [{"b": "c"}])


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where every key and every item is."""
    steps: list[Any] = []
    if isinstance(value, dict):
        steps += cast("dict[str, Any]", value)
    elif isinstance(value, list):
        steps += range(len(cast("list[Any]", value)))
    for step in steps:
        yield (*above, step)
        yield from places(value[step], (*above, step))


PLACES = list(places(GOOD))


def spoilt(chance: random.Random) -> dict[str, Any]:
    """Return good config with one to three places spoilt: another value, another name, one too much, one missing."""
    config = deepcopy(GOOD)
    for place in chance.sample(PLACES, chance.randint(1, 3)):
        holder: Any = config
        try:
            for step in place[:-1]:
                holder = holder[step]
            value = holder[place[-1]]
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took it away
        how = chance.choice(["value", "name", "more", "gone"])
        if how == "value" or isinstance(holder, list):
            holder[place[-1]] = chance.choice(JUNK)
            continue
        if how in {"gone", "name"}:
            del holder[place[-1]]
        if how != "gone":
            holder[str(chance.choice([chance.choice(SCALARS), f"{place[-1]}s", str(place[-1])[1:]]))] = value
    return config


def report(config: dict[str, Any]) -> str | None:
    """Return what is said about config that is handed over as the engine does; None if it is taken."""
    handed = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    try:
        parse(handed, push_key="k", project=CHECKOUT, stack="x")
    except SettingsError as error:
        return str(error)
    return None


def test_5000_bad_configurations_get_one_report_each_with_a_command_for_each_problem() -> None:
    reports = [(seed, report(spoilt(random.Random(seed)))) for seed in range(EXAMPLES)]  # noqa: S311 - no secrets
    for seed, said in reports:
        assert said is None or whole(said), f"seed {seed}: {said}"
    assert sum(said is not None for _, said in reports) > EXAMPLES * 0.8, "most of what is made is bad"


def whole(said: str) -> bool:
    """Tell whether a report says of each problem what was got and expected, and ends it in a command or an edit."""
    first, *lines = said.split("\n")
    heads = [bool(re.match(r"  \S.*: got .*, expected \S", line)) for line in lines]
    mends = [line.startswith(("    pulumi config ", "    in the stack file, ")) for line in lines]
    after_each = all(mend for head, mend in zip(heads, [*mends[1:], False], strict=True) if head)
    known = all(head != mend for head, mend in zip(heads, mends, strict=True))
    typed = [shlex.split(line) for line in lines if line.startswith("    pulumi ")]
    return first == TITLE and heads[0] and after_each and known and all(typed)


def test_the_good_configuration_is_good() -> None:
    assert report(GOOD) is None


SET = "pulumi config set --path workloads.web."
EDIT = "in the stack file, "
WORKLOAD = {"build": {"context": "app"}}


@pytest.mark.parametrize(
    ("typed", "message", "mend"),
    [
        (
            {"build": None},
            "web: got '{\"build\": null}', expected exactly one of build, image",
            f"{EDIT}give workloads.web",
        ),
        ({"image": "web:v1"}, "expected exactly one of build, image", f"{EDIT}give workloads.web one of them"),
        (
            {"build": None, "image": "jp.icr.io/ns/web:v1"},
            "web.image: got 'jp.icr.io/ns/web:v1', expected an image of the stack's registry namespace, without host",
            f"{SET}image web:v1",
        ),
        (
            {"build": None, "image": "web:latest"},
            "web.image: got 'web:latest', expected a tag other than latest, or a digest",
            f"{EDIT}write what is expected in place of the value of workloads.web.image",
        ),
        ({"build": None, "image": "web"}, "web.image: got 'web', expected an image of the stack's", EDIT),
        ({"build": "app"}, "web.build: got 'app', expected a map from key to value", f"{SET}build.context app"),
        ({"build": {}}, "web.build.context: got none, expected a value", f"{SET}build.context VALUE"),
        (
            {"build": {"context": "nowhere"}},
            "web.build.context: got 'nowhere', expected a folder, relative to the",
            EDIT,
        ),
        ({"kind": "deployment"}, "web.kind: got 'deployment', expected one of 'Pod' or", f"{SET}kind Deployment"),
        ({"replicas": 2}, "expected kind Deployment, since it has replicas or strategy", f"{SET}kind Deployment"),
        ({"ports": 80}, "web.ports: got '80', expected a list", EDIT),
        ({"ports": ["80:8080"]}, "web.ports[0]: got '80:8080', expected a port from 1 to 65535", EDIT),
        (
            {"command": "sh -c x"},
            "web.command: got 'sh -c x', expected a list of texts, a word each, such as [sh",
            EDIT,
        ),
        ({"env": ["A=b"]}, "web.env: got '[\"A=b\"]', expected a map from key to value", EDIT),
        (
            {"env": {"A-B": "c"}},
            "web.env.A-B: got 'A-B', expected letters, digits and '_'",
            f"{EDIT}write A_B in place",
        ),
        ({"env": {"A": {"secretKeyRef": "b"}}}, 'web.env.A: got \'{"secretKeyRef": "b"}\', expected a text', EDIT),
        ({"envFrom": "keys"}, "web.envFrom: got 'keys', expected a list", EDIT),
        (
            {"resources": {"limits": {"memory": "128MB"}}},
            "web.resources.limits.memory: got '128MB', expected an amount as Kubernetes writes it",
            f"{SET}resources.limits.memory 128M",
        ),
        ({"resources": {"limits": {"gpu": 1}}}, "limits.gpu: got 'gpu', expected one of cpu, memory, ephemeral", EDIT),
        ({"probes": {"readiness": {}}}, "probes.readiness: got '{}', expected exactly one of http, page, tcp", EDIT),
        (
            {"probes": {"readiness": {"http": {"port": 80, "path": "ready"}}}},
            "web.probes.readiness.http.path: got 'ready', expected a path that begins with /",
            f"{SET}probes.readiness.http.path /ready",
        ),
        (
            {"build": {"context": "app", "dockerFile": "x"}},
            "web.build.dockerFile: got 'x', expected a key of this project, as Pulumi.yaml has them; the nearest is",
            f"{SET}build.dockerfile x",
        ),
        ({"probe": {}}, "web.probe: got '{}', expected a key of this project", f"{EDIT}write probes in place of probe"),
        ({"securityContext": {"runAsUser": 0}}, "expected a user id from 1 on; root is 0", EDIT),
        (
            {"platform": "amd64"},
            "web.platform: got 'amd64', expected linux/amd64, linux/arm64",
            f"{SET}platform linux/amd64",
        ),
        ({"gate": "block"}, "web.gate: got 'block', expected a map from key to value", f"{SET}gate.action block"),
        (
            {"terminationGracePeriodSeconds": "30s"},
            "terminationGracePeriodSeconds: got '30s', expected a whole number of seconds from 0 to 86400",
            f"{SET}terminationGracePeriodSeconds 30",
        ),
    ],
)
def test_a_likely_mistake_in_a_workload_is_named_with_what_mends_it(
    typed: dict[str, Any], message: str, mend: str
) -> None:
    said = str(report({"workloads": {"web": {**WORKLOAD, **typed}}}))
    assert message in said
    assert any(line.startswith(f"    {mend}") for line in said.split("\n")), said


@pytest.mark.parametrize(
    ("typed", "message", "mend"),
    [
        (
            {"workloads": {"Web_1": WORKLOAD}},
            "workloads.Web_1: got 'Web_1', expected at most 63 lowercase letters",
            f"{EDIT}write web-1 in place of workloads.Web_1",
        ),
        ({"workloads": ["web"]}, "workloads: got '[\"web\"]', expected a map from key to value", EDIT),
        (
            {"pullIdentity": "workload"},
            "pullIdentity: got 'workload', expected a map from key to value",
            "pulumi config set --path pullIdentity.kind workload",
        ),
        (
            {"pullIdentity": {"kind": "given"}},
            "expected kind given with exactly one of apiKey, apiKeyFile",
            "pulumi config set --path --secret pullIdentity.apiKey",
        ),
        (
            {"pullIdentity": {"kind": "given", "apiKeyFile": "nowhere"}},
            "expected a file that holds the key; ",
            "pulumi config set --path pullIdentity.apiKeyFile FILE",
        ),
        (
            {"vulnerabilityGate": "block"},
            "vulnerabilityGate: got 'block', expected a map from key to value",
            "pulumi config set --path vulnerabilityGate.action block",
        ),
        (
            {"vulnerabilityGate": {"exemptions": {"CVE-2024-1": {"reason": "a reason", "until": "31.1.2030"}}}},
            "exemptions.CVE-2024-1.until: got '31.1.2030', expected a day, such as 2030-01-31",
            EDIT,
        ),
    ],
)
def test_a_likely_mistake_in_a_map_is_named_with_what_mends_it(typed: dict[str, Any], message: str, mend: str) -> None:
    said = str(report(typed))
    assert message in said
    assert any(line.startswith(f"    {mend}") for line in said.split("\n")), said
