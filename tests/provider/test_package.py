"""The provider as a distribution: what it says about itself is the schema's, and the plugin starts by its name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from base.paths import CHECKOUT
from ibm_native.catalogue import functions, lives
from ibm_native.schema import schema
from sandbox.cloud.testing import StandIn
from tests import packages
from tests.provider.engine import Secret
from tests.provider.test_process import plugin_process

pytestmark = pytest.mark.provider

SOURCE = CHECKOUT / "ibm_native"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packages.wheel(SOURCE, tmp_path_factory.mktemp("package") / "wheel")


@pytest.fixture(scope="module")
def environment(wheel: Path) -> packages.Environment:
    return packages.Environment(wheel.parents[1] / "environment", wheel)


def test_the_source_distribution_makes_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    source = packages.source_distribution(SOURCE, tmp_path / "source")
    assert packages.wheel(source, tmp_path / "wheel").read_bytes() == wheel.read_bytes()


def test_the_distribution_and_the_schema_say_the_same(environment: packages.Environment) -> None:
    said = json.loads(schema([each.declaration for each in lives()], functions()))
    about = environment.installed.metadata
    assert (about["Name"], about["Version"]) == (f"pulumi-{said['name']}", said["version"])
    assert about["License-Expression"] == said["license"]
    assert about["Project-URL"] == f"Repository, {said['repository']}"
    assert about["Author-email"].startswith(f"{said['publisher']} <")
    assert {"homepage", "pluginDownloadURL", "language"} <= set(said)
    assert canonicalize_name(said["language"]["python"]["packageName"]) != about["Name"], "pip takes one for the other"
    logo = said["logoUrl"].removeprefix(f"{said['repository']}/raw/main/")
    assert CHECKOUT.joinpath(logo).is_file()
    assert environment.installed.read_text("licenses/LICENSE") == CHECKOUT.joinpath("LICENSE").read_text()


async def test_the_command_is_a_plugin(environment: packages.Environment, cloud: StandIn, tmp_path: Path) -> None:
    command = str(environment.programs / "pulumi-resource-ibm-native")
    async with plugin_process(command, cwd=tmp_path) as (_, engine):
        settings = {"apiKey": Secret(cloud.api_key), "iamEndpoint": cloud.url, "registryEndpoint": cloud.url}
        assert await engine.configure(**settings, region="jp-tok") == {}
        made = await engine.make("ibm-native:registry:Namespace", {"name": "my-images", "region": "jp-tok"})
        await engine.delete(made)


def test_a_program_that_is_checked_by_types_finds_them(environment: packages.Environment) -> None:
    files = {str(each) for each in environment.installed.files or []}
    assert "ibm_native/py.typed" in files
    assert not {each for each in files if each.split("/")[0] not in ("ibm_native", "..") and ".dist-info" not in each}
