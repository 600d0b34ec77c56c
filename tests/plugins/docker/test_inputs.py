"""What Check fills in and refuses, and what Diff makes of old and new inputs."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from sandbox.plugins.docker import diff, inputs
from sandbox.plugins.serving import PluginError
from sandbox.plugins.values import Properties, Secret, Unknown, Value
from tests.plugins.replay import as_json

pytestmark = pytest.mark.plugins

NAME = "jp.icr.io/space/image:1"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a project with a Dockerfile in its root and one in `app`, and go there."""
    for place in (tmp_path, tmp_path / "app"):
        place.mkdir(exist_ok=True)
        (place / "Dockerfile").write_text("FROM scratch\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def build(news: Properties) -> dict[str, Value]:
    checked, _ = inputs.with_defaults(news)
    return cast("dict[str, Value]", checked["build"])


def test_without_a_build_the_project_is_the_context() -> None:
    made = build({"imageName": NAME})
    assert (made["context"], made["dockerfile"], made["platform"]) == (".", "Dockerfile", inputs.host_platform())
    assert len(str(made["contextDigest"])) == 64


def test_a_platform_of_ones_own_is_kept_and_nothing_is_said() -> None:
    checked, filled_in = inputs.with_defaults({"imageName": NAME, "build": {"platform": "linux/s390x"}})
    assert cast("dict[str, Value]", checked["build"])["platform"] == "linux/s390x"
    assert not filled_in


@pytest.mark.parametrize("unknown", ["context", "dockerfile"])
def test_what_is_unknown_stays_so_and_has_no_digest_yet(unknown: str) -> None:
    made = build({"imageName": NAME, "build": {unknown: Unknown()}})
    assert made[unknown] == Unknown()
    assert "contextDigest" not in made


def test_an_unknown_build_is_left_alone() -> None:
    checked, _ = inputs.with_defaults({"imageName": Unknown(), "build": Unknown()})
    assert checked == {"imageName": Unknown(), "build": Unknown(), "buildOnPreview": False}


@pytest.mark.parametrize(
    ("news", "message"),
    [
        ({"build": {"context": "app", "dockerfile": "none"}}, 'at relative path "none": no such file in /'),
        ({"build": {"context": "app", "dockerfile": "./Dockerfile2"}}, r'"./Dockerfile2".* Try setting .*"app/Docker'),
        ({"build": {"dockerfile": "/none/Dockerfile"}}, 'no such Dockerfile: "/none/Dockerfile"'),
        ({"build": {"builderVersion": "BuilderV3"}}, "invalid Docker Builder version 'BuilderV3'"),
        ({"build": {"cacheFrom": {}}}, "cacheFrom requires an `images` field"),
        ({"build": "app"}, "build must be an object"),
        ({"imageName": "image:1"}, "repository name must be canonical: 'image:1'"),
        ({"imageName": "space/image:1"}, "repository name must be canonical"),
    ],
)
def test_what_cannot_work_is_refused_with_the_way_out(project: Path, news: Properties, message: str) -> None:
    (project / "app/Dockerfile2").write_text("FROM scratch\n")
    with pytest.raises(PluginError, match=message):
        inputs.with_defaults({"imageName": NAME, **news})


@pytest.mark.parametrize(
    "news",
    [
        {"imageName": "image:1", "skipPush": True},
        {"imageName": "image:1", "registry": {"server": "jp.icr.io"}},
        {"imageName": "localhost/image:1"},
        {"imageName": "127.0.0.1:7001/space/image:1"},
        {"imageName": Unknown()},
    ],
)
def test_a_name_with_a_registry_or_without_need_of_one_is_taken(news: Properties) -> None:
    inputs.with_defaults(news)


@pytest.mark.parametrize(
    ("name", "repository"),
    [
        ("127.0.0.1:7001/space/image:1", "127.0.0.1:7001/space/image"),
        ("127.0.0.1:7001/space/image", "127.0.0.1:7001/space/image"),
        ("image:1", "image"),
    ],
)
def test_the_repository_is_the_name_without_its_tag(name: str, repository: str) -> None:
    assert inputs.image({"imageName": name}).repository == repository


def test_a_build_needs_name_context_dockerfile_and_arguments() -> None:
    known: dict[str, Value] = {"context": "app", "args": {"BASE": "x"}}
    assert inputs.can_build({"imageName": NAME, "build": known})
    assert not inputs.can_build({"imageName": Unknown(), "build": known})
    assert not inputs.can_build({"imageName": NAME, "build": {**known, "args": {"BASE": Unknown()}}})


def changed(olds: Properties, news: Properties) -> object:
    return as_json(diff.changes(olds, news)).get("detailedDiff")


def test_each_changed_property_is_told_by_its_name() -> None:
    olds: Properties = {"imageName": "a", "build": {"args": {"A": "1"}}, "skipPush": True}
    news: Properties = {"imageName": "b", "build": {"args": {"A": "2"}}, "buildOnPreview": False}
    assert changed(olds, news) == {
        "imageName": {"kind": "UPDATE"},
        "build": {"kind": "UPDATE"},
        "skipPush": {"kind": "DELETE"},
        "buildOnPreview": {},  # ADD, protobuf's default
    }


def test_nothing_changed_is_no_diff() -> None:
    assert as_json(diff.changes({"a": "1"}, {"a": "1"})) == {"changes": "DIFF_NONE"}


@pytest.mark.parametrize(
    ("new", "counts"),
    [
        ({"server": "s", "username": "other", "password": "other"}, False),
        ({"server": "s", "username": "u", "password": Unknown()}, False),
        ({"server": "s", "username": "u"}, False),
        ({"server": "t", "username": "u", "password": "p"}, True),
        (Unknown(), False),
    ],
)
def test_of_the_registry_only_another_server_counts(new: Value, *, counts: bool) -> None:
    old: Value = {"server": "s", "username": "u", "password": "p"}
    assert changed({"registry": old}, {"registry": new}) == ({"registry": {"kind": "UPDATE"}} if counts else None)


def test_the_old_inputs_are_found_in_the_state_secret_or_not() -> None:
    news: Properties = {"imageName": NAME}
    assert diff.old_inputs({"__inputs": Secret(news), "repoDigest": "x"}) == news
    assert diff.old_inputs({"__inputs": news, "repoDigest": "x"}) == news


def test_a_password_shows_in_no_repr() -> None:
    image = inputs.image({"imageName": NAME, "registry": {"server": "s", "username": "u", "password": "s3cr3t"}})
    assert image.login
    assert image.login.password == "s3cr3t"
    assert "s3cr3t" not in repr(image)
    assert "s3cr3t" not in repr(Secret("s3cr3t"))
