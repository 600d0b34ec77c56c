"""What the provider has, found in the folders of its type tokens: a new resource or function is a new file there.

The plugin, the schema, the reference page and the Python SDK take everything from here.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import Any, cast

from ibm_native import iam, registry, resources
from ibm_native.model.declare import Resource
from ibm_native.model.function import Function
from ibm_native.model.inputs import Args
from ibm_native.model.lifecycle import LifeCycle


def lives() -> tuple[LifeCycle[Any], ...]:
    """Return the life cycle of each resource type, in the order of their files."""
    classes = [each for each in _names().values() if isinstance(each, type) and not inspect.isabstract(each)]
    return tuple(cast("LifeCycle[Any]", each()) for each in classes if issubclass(each, LifeCycle))


def functions() -> tuple[Function[Any, Any], ...]:
    """Return the functions, in the order of their files."""
    return tuple(cast("Function[Any, Any]", each) for each in _names().values() if isinstance(each, Function))


def of_a_program(name: str) -> object:
    """Return the resource class, args class or function of this name; raises AttributeError."""
    found = _names().get(name)
    if isinstance(found, Function) or (isinstance(found, type) and issubclass(found, Resource | Args)):
        return cast("object", found)
    message = f"ibm_native has no {name}"
    raise AttributeError(message)


def _names() -> dict[str, object]:
    """Return what the files in the folders declare, by name."""
    found: dict[str, object] = {}
    for folder in (iam, registry, resources):
        for file in pkgutil.iter_modules(folder.__path__, f"{folder.__name__}."):
            inside: dict[str, object] = vars(importlib.import_module(file.name))
            found |= {name: each for name, each in inside.items() if not name.startswith("_")}
    return found
