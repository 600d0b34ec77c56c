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
    typed = [shlex.split(line) for line, mend in zip(lines, mends, strict=True) if mend]
    return first == TITLE and heads[0] and after_each and known and all(typed)


def test_the_good_configuration_is_good() -> None:
    assert report(GOOD) is None
