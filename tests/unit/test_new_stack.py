"""A new stack's file: names that collide with no other stack's, settings that are right, and refusals that help."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import yaml

from base.errors import SandboxError
from base.paths import CHECKOUT
from components.names import derived
from config import stack_files
from config.model import Settings
from fleet import new_stack

pytestmark = pytest.mark.unit

NAMES = set(new_stack.COLLIDING)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml"):
        (tmp_path / name).write_bytes((CHECKOUT / name).read_bytes())
    (tmp_path / "app").mkdir()
    (tmp_path / "app/Dockerfile").write_text("ARG BASE\nFROM $BASE\n")
    return tmp_path


def named(config: dict[str, Any]) -> set[tuple[str, Any]]:
    return {(key, config.get(key, default)) for key, default in defaults().items()}


def defaults() -> dict[str, Any]:
    fields = {field.alias or name: field.default for name, field in Settings.model_fields.items()}
    return {key: fields[key] for key in NAMES}


@pytest.mark.parametrize("real", [False, True])
def test_stacks_side_by_side_share_no_name(project: Path, real: bool) -> None:
    stacks = [{}, *(new_stack.new_config(project, name, "us-south", real=real) for name in ("staging", "s2", "a" * 40))]
    for one, other in itertools.combinations(stacks, 2):
        assert not named(one) & named(other)


@pytest.mark.parametrize("region", ["jp-tok", "us-south", "global"])
@pytest.mark.parametrize("name", ["s", "a" * 40])
@pytest.mark.parametrize("real", [False, True])
def test_what_is_written_is_right(project: Path, name: str, region: str, real: bool) -> None:
    new_stack.write(project, name, new_stack.new_config(project, name, region, real=real))
    assert stack_files.problem_of(project, name) is None


def test_only_a_sandboxs_stack_has_its_addresses(project: Path) -> None:
    assert "127.0.0.1" in str(new_stack.new_config(project, "s", "us-south"))
    real = new_stack.new_config(project, "s", "us-south", real=True)
    assert "127.0.0.1" not in str(real)
    assert "sandbox" not in str(real)


def test_a_registry_namespace_may_be_shared_and_is_then_only_used(project: Path) -> None:
    config = new_stack.new_config(project, "second", "jp-tok", share="dev")
    assert config["registryNamespace"] == "my-praivate-repo"
    assert config["registryNamespaceMode"] == "use"
    assert config["imageName"] != "nginx-custom", "both would push the same tag"
    new_stack.write(project, "second", config)
    assert stack_files.problem_of(project, "second") is None


@pytest.mark.parametrize(
    ("name", "region", "share", "said", "mend"),
    [
        ("", "us-south", "", "NAME: got ''", "NAME=staging REGION=us-south"),
        ("Prod", "us-south", "", "NAME: got 'Prod'", "NAME=staging"),
        ("a" * 41, "us-south", "", "1 to 40", "NAME=staging"),
        ("s", "us-suoth", "", "REGION: got 'us-suoth'", "make stack NAME=s REGION=us-south"),
        ("s", "eu-central", "", "REGION: got 'eu-central'", "make stack NAME=s REGION=eu-de"),
        ("dev", "jp-tok", "", "Pulumi.dev.yaml exists already", "another NAME"),
        ("s", "us-south", "dev", "stack dev is in jp-tok", "leave SHARE out"),
        ("s", "us-south", "nobody", "there is no Pulumi.nobody.yaml", "name one of: dev"),
    ],
)
def test_what_cant_be_is_refused_with_what_mends_it(
    project: Path, name: str, region: str, share: str, said: str, mend: str
) -> None:
    with pytest.raises(SandboxError) as caught:
        new_stack.new_config(project, name, region, share=share)
    assert said in caught.value.what
    assert mend in caught.value.remedy


def test_a_derived_name_keeps_its_length_and_tells_long_stacks_apart() -> None:
    one, other = (derived("my-praivate-repo", f"a-rather-long-name-{number}", 30) for number in (1, 2))
    assert one != other
    assert {len(one), len(other)} == {30}
    assert derived("ibmcr", "staging", 253) == "ibmcr-staging"


def test_the_command_writes_the_file_and_says_what_comes_next(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(new_stack, "CHECKOUT", project)
    assert new_stack.main(["--name", "staging", "--region", "us-south", "--share", ""]) == 0
    said = capsys.readouterr().out
    assert "Pulumi.staging.yaml is written" in said
    assert "sandbox up --region us-south" in said
    assert "make verify STACK=staging" in said
    written = yaml.safe_load((project / "Pulumi.staging.yaml").read_text())["config"]
    assert written["podName"] == "nginx-custom-staging"


def test_the_examples_of_real_stacks_differ_in_values_only() -> None:
    stacks = {path: yaml.safe_load(path.read_text()) for path in CHECKOUT.glob("Pulumi.??-*.yaml")}
    assert {path.name for path in stacks} == {
        f"Pulumi.{name}.yaml" for name in ("jp-tok", "us-south", "eu-de", "jp-osa")
    }
    for one, other in itertools.combinations((each["config"] for each in stacks.values()), 2):
        assert set(one) | NAMES == set(other) | NAMES
        assert not named(one) & named(other)
