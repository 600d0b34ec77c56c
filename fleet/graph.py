"""`make graph`: a stack's resources and what each needs of the others, as a picture, drawn from the stack's state."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from base.errors import SandboxError
from base.progress import say
from fleet.stack import Stack, resources_of

STEPS = {
    ("Namespace", "Image"): "docker push",
    ("Namespace", "AccessPolicy"): "Reader here only",
    ("ServiceId", "AccessPolicy"): "iam service-policy-create",
    ("ServiceId", "ApiKey"): "iam service-api-key-create",
    ("ApiKey", "Access"): "docker login",
    ("Image", "Access"): "docker pull",
    ("Access", "Secret"): "kubectl create secret",
    ("Secret", "ServiceAccount"): "imagePullSecrets",
    ("ServiceAccount", "Pod"): "serviceAccountName",
    ("Image", "Pod"): "image, by digest",
}
"""The step of the manual procedure that an edge stands for, by the types at its ends; others show the input's name."""
_LOOKS = """\
  rankdir=LR; nodesep=0.35; fontname=Helvetica; fontsize=11; bgcolor=white
  node [shape=box, style="rounded,filled", fillcolor=white, fontname=Helvetica, fontsize=11]
  edge [fontname=Helvetica, fontsize=9, color="#5a6270", fontcolor="#5a6270"]"""
_COMPONENT = 'style="rounded,filled"; fillcolor="#eef3fb"; color="#b8c6dd"'


@dataclass(frozen=True)
class Resource:
    """What the picture takes of a resource in a state; nothing in it is secret."""

    urn: str
    type: str
    """The type token's last part: Namespace, Secret, Image."""
    name: str
    """What it is called where it lives; its name in the program if it has none there."""
    parent: str
    component: bool
    needs: Mapping[str, Sequence[str]]
    """URNs of what it needs, each with the inputs that take something of it."""


def resources(state: Mapping[str, object]) -> Iterator[Resource]:
    """Yield the resources of an exported state, without the stack itself and the providers."""
    for each in resources_of(state):
        token = str(each["type"])
        if token.startswith("pulumi:") or each.get("delete"):
            continue
        by_input = cast("Mapping[str, Sequence[str] | None]", each.get("propertyDependencies") or {})
        needed = cast("Sequence[str]", each.get("dependencies") or ())
        yield Resource(
            urn=str(each["urn"]),
            type=token.rsplit(":", 1)[-1],
            name=_name(each),
            parent=str(each.get("parent", "")),
            component=not each.get("custom"),
            needs={urn: sorted(key for key, urns in by_input.items() if urn in (urns or ())) for urn in needed},
        )


def picture(found: Sequence[Resource], title: str) -> str:
    """Return the graph in graphviz's DOT: components as boxes round what they own, arrows to what needs something."""
    shown = {each.urn: each for each in found}
    lines = ["digraph stack {", _LOOKS, f"  label={_quoted(title)}"]
    lines += _inside([each for each in found if each.parent not in shown], found)
    for each in found:
        for urn, inputs in each.needs.items():
            if (needed := shown.get(urn)) and not (needed.component or each.component):
                step = STEPS.get((needed.type, each.type), ", ".join(inputs))
                lines.append(f"  {_node(needed)} -> {_node(each)} [label={_quoted(step)}]")
    return "\n".join([*lines, "}", ""])


def draw(stack: Stack, out: Path | None) -> int:
    """Write the stack's graph as SVG; raises SandboxError if there is nothing to draw, or no graphviz to draw it."""
    out = out or Path(f"graph-{stack.name}.svg")
    found = list(resources(stack.export()))
    drawn = svg(found, stack.name)
    try:
        out.write_bytes(drawn)
    except OSError as error:
        raise SandboxError(f"{out} can't be written: {error.strerror}", "make graph OUT=FILE") from None
    say(f"{out}: {sum(not each.component for each in found)} resources of stack {stack.name}")
    return 0


def svg(found: Sequence[Resource], stack: str) -> bytes:
    """Return the graph as SVG; raises SandboxError if there is nothing to draw, or no graphviz to draw it."""
    if not found:
        raise SandboxError(f"stack {stack} has no resource yet", f"pulumi up --stack {stack}")
    if not shutil.which("dot"):
        raise SandboxError(
            "graphviz, which draws the picture, isn't installed: no `dot` on PATH",
            "apt-get install --no-install-recommends graphviz",
        )
    source = picture(found, f"stack {stack}")
    drawn = subprocess.run(["dot", "-Tsvg"], input=source.encode(), capture_output=True, check=False)
    if drawn.returncode:
        raise SandboxError(
            f"graphviz refuses the graph: {drawn.stderr.decode().strip()}",
            "apt-get install --reinstall graphviz",
        )
    return drawn.stdout


def _inside(members: Sequence[Resource], found: Sequence[Resource]) -> Iterator[str]:
    for each in members:
        if each.component:
            yield f"  subgraph {_quoted('cluster ' + each.urn)} {{ {_COMPONENT}; label={_quoted(each.type)}"
            yield from _inside([other for other in found if other.parent == each.urn], found)
            yield "  }"
        else:
            label = f"{each.type}\n{each.name}"
            yield f"  {_node(each)} [label={_quoted(label)}]"


def _node(resource: Resource) -> str:
    """Return a node's id: the types and the name of the URN, which don't tell the stack."""
    return _quoted(resource.urn.split("::", 2)[-1])


def _quoted(text: str) -> str:
    """Return a DOT string; its escapes are JSON's as far as URNs and names go."""
    return json.dumps(text, ensure_ascii=False)


def _name(resource: Mapping[str, object]) -> str:
    inputs = cast("Mapping[str, object]", resource.get("inputs") or {})
    metadata = cast("Mapping[str, object]", inputs.get("metadata") or {})
    given = (metadata.get("name"), inputs.get("imageName"), inputs.get("name"))
    in_program = str(resource["urn"]).rsplit("::", 1)[-1]
    return next((name for name in given if isinstance(name, str)), in_program)
