"""What is wrong with a stack's settings, for a person: key, what was got, what was expected, the command; pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from components.fields import EXPECTED, tidied

LOOKS_SECRET = re.compile(r"passwd|pass|pwd|secret|token", re.IGNORECASE)
"""Keys of which `pulumi config set` takes some values for secrets, and then asks for --secret or --plaintext."""


class SettingsError(Exception):
    """Everything that is wrong with a stack's settings: key, got, expected, and the command that mends it."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: `got` is None where nothing was given; each of `mends` alone, or all in order, helps."""

    key: str
    got: str | None
    expected: str
    mends: Sequence[str]


def report(found: Iterable[Problem], stack: str | None) -> str:
    """Return the report; its commands act on `stack`, or on the selected one if that is None."""
    where = f"stack {stack}'s settings (Pulumi.{stack}.yaml)" if stack else "the stack's settings"
    lines = [f"{where} can't be used:"]
    for problem in found:
        got = "none" if problem.got is None else repr(problem.got)
        lines.append(f"  {problem.key}: got {got}, expected {problem.expected}")
        for mend in problem.mends:
            of_stack = f" --stack {stack}" if stack and mend.startswith("pulumi config") else ""
            lines.append(f"    {mend}{of_stack}")
    return "\n".join(lines)


def of(error: ValidationError, model: type[BaseModel], secrets: Collection[str]) -> list[Problem]:
    """Return each problem in `error`, which validating against `model` raised; values of `secrets` stay unseen."""
    return [_problem(each, model, secrets) for each in error.errors(include_url=False)]


def _problem(details: ErrorDetails, model: type[BaseModel], secrets: Collection[str]) -> Problem:
    key = str(details["loc"][0])
    got = "[secret]" if key in secrets else as_config(details["input"])
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    if key not in fields:
        return _unknown_key(key, got, fields, is_secret=key in secrets)
    path = _path(details["loc"])
    expected = details["msg"] if details["type"] == EXPECTED else _first_lower(details["msg"])
    offered = details.get("ctx", {}).get("value")
    value = _mended(model, key, got) if offered is None else str(offered)
    return Problem(path, got, expected, [_set(path, value)])


def _unknown_key(key: str, got: str, fields: Collection[str], *, is_secret: bool) -> Problem:
    near = get_close_matches(key, fields, n=1, cutoff=0.5)
    remove = f"pulumi config rm {shlex.quote(key)}"
    if not near:
        return Problem(key, got, "a key of this project, as Pulumi.yaml has them; this is none", [remove])
    rename = f"pulumi config set --secret {near[0]}" if is_secret else _set(near[0], got)
    return Problem(
        key, got, f"a key of this project, as Pulumi.yaml has them; the nearest is {near[0]}", [rename, remove]
    )


def _mended(model: type[BaseModel], key: str, got: str) -> str:
    """Return the first guess at what was meant that is legal for the key; its default, if none is."""
    default = next(as_config(field.default) for field in model.model_fields.values() if field.alias == key)
    return next((guess for guess in tidied(got) if guess and _is_legal(model, key, guess)), default)


def _is_legal(model: type[BaseModel], key: str, value: str) -> bool:
    try:
        model.model_validate({key: value})
    except ValidationError as error:
        return key not in {each["loc"][0] for each in error.errors(include_url=False)}
    return True


def _set(path: str, value: str) -> str:
    if not value:
        return f"pulumi config rm {path}"
    words = ["pulumi", "config", "set"]
    if re.search(r"[.\[]", path):
        words.append("--path")
    if LOOKS_SECRET.search(path):
        words.append("--plaintext")
    return shlex.join([*words, path, value])


def _path(steps: Iterable[str | int]) -> str:
    """Return where a value stands, as `pulumi config set --path` takes it."""
    first, *rest = steps
    return str(first) + "".join(
        f".{step}"
        if re.fullmatch(r"[A-Za-z_][\w-]*", str(step))
        else f"[{step!r}]"
        if isinstance(step, int)
        else f'["{step}"]'
        for step in rest
    )


def as_config(value: object) -> str:
    """Return a value as the engine hands it to a program."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _first_lower(text: str) -> str:
    return text[:1].lower() + text[1:]
