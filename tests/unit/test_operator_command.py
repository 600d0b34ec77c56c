"""`make operator` where the operator can't be had: one line says what is missing; the status is what was asked."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from commands import operator

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
    monkeypatch.setattr(operator, "MANIFEST", "http://127.0.0.1:9/install.yaml")
    monkeypatch.delenv("OPERATOR", raising=False)
    assert operator.run(words) == status
    said = capfd.readouterr().err
    assert len(said.splitlines()) == 1
    assert "http://127.0.0.1:9/install.yaml can't be had" in said
    assert "OPERATOR" in said


def test_an_image_by_path_needs_its_custom_resources_and_is_named(tmp_path: Path) -> None:
    image = archive(tmp_path / "image.tar", [{"RepoTags": ["docker.io/pulumi/pulumi-kubernetes-operator:v2.9.0"]}])
    with pytest.raises(operator.MissingError, match="OPERATOR_CRDS"):
        operator.find({"OPERATOR": str(image)})
    with pytest.raises(operator.MissingError, match="isn't there"):
        operator.find({"OPERATOR": str(image), "OPERATOR_CRDS": str(tmp_path / "none")})
    found = operator.find({"OPERATOR": str(image), "OPERATOR_CRDS": str(tmp_path)})
    assert "image: docker.io/pulumi/pulumi-kubernetes-operator:v2.9.0\n" in found.manifest
    with pytest.raises(operator.MissingError, match="no archive of an image"):
        operator.find({"OPERATOR": str(archive(tmp_path / "bad.tar", [])), "OPERATOR_CRDS": str(tmp_path)})
