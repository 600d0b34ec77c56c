"""Stack files without an engine: what is right, what is wrong, and what follows from the model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from base.paths import CHECKOUT
from config import stack_files

pytestmark = pytest.mark.unit


def test_pulumi_yaml_describes_exactly_the_keys_that_are_read() -> None:
    written = yaml.safe_load((CHECKOUT / "Pulumi.yaml").read_text())["config"]
    assert written == stack_files.project_config(), "renew it: .venv/bin/python -m components.settings --write"


def test_the_page_says_of_each_key_what_the_model_says() -> None:
    written = (CHECKOUT / stack_files.PAGE).read_text()
    assert "| `retainImages` | `0` |" in written
    assert written == stack_files.page(written), "renew it: .venv/bin/python -m components.settings --write"


def test_the_schema_of_stack_files_is_current() -> None:
    written = json.loads((CHECKOUT / stack_files.SCHEMA_FILE).read_text())
    assert written == stack_files.stack_schema("icr-private-image"), (
        "renew it: .venv/bin/python -m components.settings --write"
    )


def test_every_stack_file_of_the_project_is_right() -> None:
    stacks = stack_files.stacks_of(CHECKOUT)
    assert "dev" in stacks
    assert [stack_files.problem_of(CHECKOUT, stack) for stack in stacks] == [None] * len(stacks)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Pulumi.yaml").write_bytes((CHECKOUT / "Pulumi.yaml").read_bytes())
    (tmp_path / "app").mkdir()
    (tmp_path / "app/Dockerfile").write_text("FROM scratch\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "config",
    [
        "",
        "config:",
        "config: {icr-private-image:keyEpoch: 2, icr-private-image:revokePrevious: true}",
        "config: {region: us-south, other:key: anything}",
        "config: {icr-private-image:pushApiKey: {secure: v1:abc}, icr-private-image:podName: {secure: v1:abc}}",
    ],
)
def test_a_stack_file_that_the_engine_takes_is_right(project: Path, config: str) -> None:
    (project / "Pulumi.x.yaml").write_text(config)
    assert stack_files.problem_of(project, "x") is None


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("config: {icr-private-image:keyEpoch: 0}", "pulumi config set keyEpoch 1 --stack x"),
        ("config: {regoin: us-south}", "the nearest is region"),
        ("config: {registryHost: us.icr.io}", "a host of the stack's region jp-tok"),
        (
            "config: {ibm-native:registryEndpoint: https://us.icr.io}",
            "one that the provider has an endpoint of: us-south",
        ),
        ("config: {icr-private-image:regoin: {secure: v1:abc}}", "regoin: got '[secret]'"),
        ("config: {region: {a: 1}}", "region: got '{\"a\": 1}'"),
        ("config: [1]", "expected a map from key to value"),
        ("config: {a: [}", "can't be read as YAML"),
    ],
)
def test_a_stack_file_that_is_wrong_is_told_as_by_the_program(project: Path, config: str, said: str) -> None:
    (project / "Pulumi.x.yaml").write_text(config)
    assert said in str(stack_files.problem_of(project, "x"))


@pytest.mark.parametrize("again", ["region: jp-tok", "icr-private-image:region: eu-de", "region: us-south"])
def test_a_key_that_is_there_twice_is_refused_with_both_lines(project: Path, again: str) -> None:
    file = project / "Pulumi.x.yaml"
    file.write_text(f"config:\n  region: us-south\n  other:region: a\n  {again}\n")
    second = again.rpartition(": ")[0]
    both = f"line 2 (region) and line 4 ({second})"
    said = str(stack_files.problem_of(project, "x"))
    assert f"  region: got '{both}', expected one line\n" in said
    assert f"delete line 2 (region) or line 4 ({second}) of Pulumi.x.yaml" in said
    assert said.count("got") == 1, "a namesake of another project is none"


@pytest.mark.parametrize(
    ("other", "refused"),
    [
        ("{registryNamespaceMode: use}", True),
        ("{icr-private-image:registryNamespace: another}", False),
        ("{region: us-south}", False),
        ("{ibm-native:registryEndpoint: http://127.0.0.1:7001}", False),
        ("[", False),
    ],
)
def test_no_policy_may_remove_images_that_another_stack_of_the_project_has(
    project: Path, other: str, refused: bool
) -> None:
    (project / "Pulumi.x.yaml").write_text("config: {retainImages: 5}")
    assert stack_files.problem_of(project, "x") is None
    (project / "Pulumi.other.yaml").write_text(f"config: {other}")
    said = str(stack_files.problem_of(project, "x"))
    assert ("retainImages: got '5', expected 0: stack other has images in the same namespace" in said) is refused
    assert ("pulumi config set retainImages 0 --stack x" in said) is refused


def test_the_command_checks_every_stack_file_and_says_which_are_right(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "Pulumi.good.yaml").write_text("config: {}")
    (project / "Pulumi.bad.yaml").write_text("config: {keyEpoch: no}")
    assert stack_files.main(["--all"]) == 1
    said = capsys.readouterr()
    assert "stack good's settings (Pulumi.good.yaml) are right" in said.out
    assert "stack bad's settings (Pulumi.bad.yaml) can't be used" in said.err
    assert stack_files.main(["good"]) == 0
    assert stack_files.main(["absent"]) == 1
    assert "there is no Pulumi.absent.yaml; stack files here: bad, good" in capsys.readouterr().err


def test_what_follows_from_the_model_is_written_by_one_command(project: Path) -> None:
    file = project / "Pulumi.yaml"
    file.write_text(file.read_text().replace("default: jp-tok", "default: us-south"))
    (project / "docs").mkdir()
    page = (CHECKOUT / stack_files.PAGE).read_text()
    (project / stack_files.PAGE).write_text(page.replace("`jp-tok`", "`us-south`"))
    assert stack_files.main(["--write"]) == 0
    assert (project / stack_files.PAGE).read_text() == page
    assert yaml.safe_load(file.read_text()) == yaml.safe_load((CHECKOUT / "Pulumi.yaml").read_text())
    assert (project / stack_files.SCHEMA_FILE).read_text() == (CHECKOUT / stack_files.SCHEMA_FILE).read_text()
