"""`make graph`: what it takes of a state, and what it says where it can't draw."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from base.errors import SandboxError
from fleet.graph import draw, picture, resources
from fleet.stack import Stack
from tests.unit import samples

pytestmark = pytest.mark.unit

PREFIX = "urn:pulumi:dev::icr-private-image::"
SECRET_MARK = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:abc"}


def resource(token: str, name: str, **more: object) -> dict[str, object]:
    return {"urn": f"{PREFIX}{token}::{name}", "type": token, "custom": True, **more}


BOX = resource("icr-private-image:delivery:PullIdentity", "identity", custom=False, parent=f"{PREFIX}stack::s")
SPACE = resource("ibm-native:registry:Namespace", "space", inputs={"name": 'of "us"'})
POLICY = resource(
    "ibm-native:iam:AccessPolicy",
    "pull",
    parent=BOX["urn"],
    inputs={"name": SECRET_MARK},
    dependencies=[SPACE["urn"], BOX["urn"], f"{PREFIX}gone::gone"],
    propertyDependencies={"namespace": [SPACE["urn"]], "roles": None},
)
OTHER = resource(
    "other:index:Thing", "thing", dependencies=[POLICY["urn"]], propertyDependencies={"of": [POLICY["urn"]]}
)
STATE: dict[str, object] = {
    "deployment": {
        "resources": [
            resource("pulumi:pulumi:Stack", "s", custom=False),
            resource("pulumi:providers:ibm-native", "default"),
            BOX,
            SPACE,
            resource("ibm-native:registry:Namespace", "old", delete=True),
            POLICY,
            OTHER,
        ]
    }
}


def test_components_are_boxes_and_edges_carry_the_step_or_the_input() -> None:
    drawn = picture(list(resources(STATE)), "stack dev").splitlines()
    assert [line for line in drawn if "subgraph" in line or "[label" in line or line.endswith("}")] == [
        (
            f'  subgraph "cluster {BOX["urn"]}" {{ style="rounded,filled"; fillcolor="#eef3fb"; color="#b8c6dd"; '
            'label="PullIdentity"'
        ),
        '  "ibm-native:iam:AccessPolicy::pull" [label="AccessPolicy\\npull"]',
        "  }",
        '  "ibm-native:registry:Namespace::space" [label="Namespace\\nof \\"us\\""]',
        '  "other:index:Thing::thing" [label="Thing\\nthing"]',
        '  "ibm-native:registry:Namespace::space" -> "ibm-native:iam:AccessPolicy::pull" [label="Reader here only"]',
        '  "ibm-native:iam:AccessPolicy::pull" -> "other:index:Thing::thing" [label="of"]',
        "}",
    ]


@pytest.mark.parametrize(
    ("state", "dot", "said"),
    [
        ({"deployment": {}}, "exit 0", "stack dev has no resource yet\n.*pulumi up --stack dev"),
        (STATE, None, "no `dot` on PATH\n.*apt-get install --no-install-recommends graphviz"),
        (STATE, "echo bad >&2; exit 1", "graphviz refuses the graph: bad"),
        (STATE, "cat", "can't be written: No such file or directory\n.*make graph OUT=FILE"),
    ],
)
def test_what_it_cannot_draw_is_said_with_what_mends_it(
    state: dict[str, object], dot: str | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "state.json").write_text(json.dumps(state))
    samples.script(tmp_path / "pulumi", f"cat {tmp_path}/state.json")
    if dot:
        samples.script(tmp_path / "dot", dot)
    path = f"{tmp_path}:/bin" if dot else str(tmp_path)
    monkeypatch.setenv("PATH", path)
    with pytest.raises(SandboxError, match=said):
        draw(Stack("dev", {"PATH": f"{tmp_path}:/usr/bin:/bin"}), tmp_path / "no-folder/graph.svg")


def test_the_picture_is_what_graphviz_draws_of_the_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "state.json").write_text(json.dumps(STATE))
    samples.script(tmp_path / "pulumi", f"cat {tmp_path}/state.json")
    samples.script(tmp_path / "dot", 'echo "$@"; cat')
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.chdir(tmp_path)
    assert draw(Stack("dev", {"PATH": f"{tmp_path}:/usr/bin:/bin"}), None) == 0
    drawn = Path("graph-dev.svg").read_text()
    assert drawn == "-Tsvg\n" + picture(list(resources(STATE)), "stack dev")
