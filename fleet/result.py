"""What `fleet COMMAND --json` prints, as a model: it may come from a run of anybody's, and is data, not trusted."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, NonNegativeInt, ValidationError

from base.errors import SandboxError
from fleet.run import Status

Kind = Literal["create", "update", "replace", "delete"]


class _Property(BaseModel):
    path: str
    old: str | None
    new: str | None


class _Resource(BaseModel):
    operation: Kind
    type: str
    name: str
    properties: list[_Property]


class _Stack(BaseModel):
    stack: str
    region: str
    status: Status
    changes: dict[Kind, NonNegativeInt]
    resources: list[_Resource]
    errors: list[str]
    notes: list[str] = Field(default_factory=list[str])


class _Finding(BaseModel):
    what: str
    since: str
    mend: str
    stack: str


class _Result(BaseModel):
    operation: str
    stacks: list[_Stack]
    findings: list[_Finding] = Field(default_factory=list[_Finding])
    errors: list[str] = Field(default_factory=list[str])


def read(paths: Iterable[Path]) -> dict[str, Any]:
    """Return the results in files as one; raises SandboxError for what isn't one."""
    stacks: list[dict[str, Any]] = []
    findings: list[dict[str, Any]] = []
    errors: list[str] = []
    operation = "preview"
    for path in paths:
        try:
            result = _Result.model_validate_json(path.read_bytes())
        except OSError as error:
            raise SandboxError(
                f"{path}: {error.strerror}", ".venv/bin/python -m fleet preview --all --json > FILE"
            ) from None
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(each) for each in first["loc"])
            raise SandboxError(
                f"{path} is no result of the fleet: {where}: {first['msg']}",
                ".venv/bin/python -m fleet preview --all --json > FILE",
            ) from None
        operation = result.operation
        stacks += [stack.model_dump() for stack in result.stacks]
        findings += [finding.model_dump() for finding in result.findings]
        errors += result.errors
    return {"operation": operation, "stacks": stacks, "findings": findings, "errors": errors}
