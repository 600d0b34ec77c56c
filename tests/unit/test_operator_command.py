"""`make operator` where the operator can't be had: one line says what is missing; the status is what was asked."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from commands import operator, operator_install
from commands.operator_install import MissingError

pytestmark = pytest.mark.unit


def archive(path: Path, listed: object) -> Path:
    with tarfile.open(path, "w") as tar:
        entry = tarfile.TarInfo("manifest.json")
        content = json.dumps(listed).encode()
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return path


@pytest.mark.parametrize(("words", "status"), [([], 1), (["--if-available"], 0)])
def test_what_is_missing_is_one_line_and_0_only_if_asked(
    words: list[str], status: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(operator_install, "MANIFEST", "http://127.0.0.1:9/install.yaml")
    monkeypatch.delenv("OPERATOR", raising=False)
    assert operator.run(words) == status
    said = capfd.readouterr().err
    assert len(said.splitlines()) == 1
    assert "http://127.0.0.1:9/install.yaml can't be had" in said
    assert "OPERATOR" in said


def test_an_image_by_path_needs_its_custom_resources_and_is_named(tmp_path: Path) -> None:
    image = archive(tmp_path / "image.tar", [{"RepoTags": ["docker.io/pulumi/pulumi-kubernetes-operator:v2.9.0"]}])
    given = {"OPERATOR": str(image), "OPERATOR_CRDS": str(tmp_path)}
    with operator_install.found(given) as found:
        assert found.image == "docker.io/pulumi/pulumi-kubernetes-operator:v2.9.0"
        assert found.archive == image
    for changed, message in (
        ({"OPERATOR_CRDS": ""}, "OPERATOR_CRDS"),
        ({"OPERATOR_CRDS": str(tmp_path / "none")}, "isn't there"),
        ({"OPERATOR": str(archive(tmp_path / "bad.tar", []))}, "no archive of an image"),
    ):
        with pytest.raises(MissingError, match=message), operator_install.found(given | changed):
            pass
