"""A file more in one of the provider's folders is a resource more, everywhere: nothing else needs to be touched."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

import ibm_native
from ibm_native import registry
from ibm_native.reference import page
from tests.provider.engine import Engine
from tests.unit import graph

pytestmark = pytest.mark.provider

GREETING = "ibm-native:registry:Greeting"


@pytest.fixture(autouse=True)
def _added(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put the file into the folder of the registry's resources, for one test; it comes before the provider starts."""
    with monkeypatch.context() as folder:
        folder.setattr(registry, "__path__", [*registry.__path__, str(Path(__file__).parent / "added")])
        importlib.invalidate_caches()
        yield
    sys.modules.pop("ibm_native.registry.greeting", None)


async def test_it_is_served_with_its_checks_diffs_and_whole_life(engine: Engine) -> None:
    assert (await engine.check(GREETING, {"loud": "yes"}))[1].keys() == {"whom", "loud"}
    made = await engine.make(GREETING, {"whom": "world", "words": ["hello"]})
    assert (made.id, made.outputs["said"], made.inputs["loud"]) == ("world", "hello world", False)
    assert await engine.refresh(made) == made
    assert (await engine.diff(made, whom="moon", loud=True)).kinds == {"whom": "UPDATE_REPLACE", "loud": "UPDATE"}
    loud = await engine.update(made, loud=True)
    assert loud.outputs["said"] == "HELLO WORLD"
    assert (await engine.bring_in(GREETING, "world")) is not None
    await engine.delete(loud)
    assert await engine.refresh(loud) is None


async def test_it_is_in_the_schema_and_on_the_reference_page(engine: Engine) -> None:
    schema = json.loads((await engine.stub.GetSchema(provider_pb2.GetSchemaRequest())).schema)
    assert schema["resources"][GREETING]["requiredInputs"] == ["whom"]
    assert f"### `{GREETING}`\n\nA greeting.\n" in page()


def test_a_program_has_it_by_its_name() -> None:
    package: Any = ibm_native
    made = graph.run(lambda: package.Greeting("hello", whom="world", words=["hello"]))
    assert made[f"{GREETING} hello"].inputs == {"whom": "world", "words": ["hello"], "loud": False}
    with pytest.raises(AttributeError, match="ibm_native has no Greetign"):
        _ = package.Greetign
