"""What is wrong with a stack's settings, for a person: key, what was got, what was expected, the command; pure."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, cast, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from config.fields import EXPECTED, tidied

LOOKS_SECRET = re.compile(r"passwd|pass|pwd|secret|token", re.IGNORECASE)
"""Keys of which `pulumi config set` takes some values for secrets, and then asks for --secret or --plaintext."""


WORDS = {
    "dict_type": "a map from key to value",
    "model_type": "a map from key to value",
    "tuple_type": "a list",
    "missing": "a value",
}
"""What is expected, where pydantic would say it in words of its own."""


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
        lines.append(_one_line(f"  {problem.key}: got {got}, expected {problem.expected}"))
        for mend in problem.mends:
            of_stack = f" --stack {stack}" if stack and mend.startswith("pulumi config") else ""
            lines.append(f"    {mend}{of_stack}")
    return "\n".join(lines)


def _one_line(text: str) -> str:
    return re.sub(r"[\x00-\x1f]", lambda control: repr(control[0])[1:-1], text)


def of(
    error: ValidationError, model: type[BaseModel], given: Mapping[str, Any], secrets: Collection[str]
) -> list[Problem]:
    """Return each problem in `error`, raised by validating `given` against `model`; values of `secrets` stay unseen."""
    found = error.errors(include_url=False)
    places = {each["loc"]: each for each in reversed(found) if each["loc"][0] not in secrets or len(each["loc"]) == 1}
    return [_problem(each, model, given, secrets) for each in reversed(places.values())]


def _problem(
    details: ErrorDetails, model: type[BaseModel], given: Mapping[str, Any], secrets: Collection[str]
) -> Problem:
    # Pydantic's mark for a map's key is no part of where a value stands.
    place = tuple(step for step in details["loc"] if step != "[key]")
    kind, key = details["type"], str(place[0])
    got = "[secret]" if key in secrets else as_config(details["input"])
    if kind == "extra_forbidden":
        return _unknown_key(place, got, _fields(model, place[:-1]), is_secret=key in secrets)
    context = details.get("ctx", {})
    one_of = f"one of {context['expected']}" if kind == "literal_error" else None
    expected = details["msg"] if kind == EXPECTED else one_of or WORDS.get(kind) or _plain(details["msg"])
    if kind == "missing":
        return Problem(_path(place), None, expected, [_set(_path(place), "VALUE")])
    if "[key]" in details["loc"]:
        return Problem(_path(place), got, expected, _renames(model, given, place, got))
    if context.get("mend"):
        return Problem(_path(place), got, expected, [context["mend"].format(path=shlex.quote(_path(place)))])
    offered = context.get("value")
    value = _mended(model, given, place, got, str(one_of)) if offered is None else str(offered)
    if (not value and offered is None and kind != EXPECTED) or (len(place) > 1 and not value):
        return Problem(_path(place), got, expected, _by_hand(model, given, place, got))
    return Problem(_path(place), got, expected, [_set(_path(place), value)])


def _by_hand(model: type[BaseModel], given: Mapping[str, Any], place: Sequence[str | int], got: str) -> list[str]:
    """Return what mends a value that no guess mends: what it may have been meant for, or else an edit."""
    path, remove = _path(place), _set(_path(place), "")
    inside = next(iter(_fields(model, place)), "")
    if (
        inside
        and _can_be_typed(got)
        and inside not in _fields(model, place[:-1])
        and _is_legal(model, given, place, {inside: got})
    ):
        return [remove, _set(f"{path}.{inside}", got)]
    edit = f"in the stack file, write what is expected in place of the value of {path}"
    errors = _errors(model, _changed(given, place, None))
    return [edit] if tuple(place) in errors or tuple(place[:-1]) in errors else [edit, remove]


def _renames(model: type[BaseModel], given: Mapping[str, Any], place: Sequence[str | int], got: str) -> list[str]:
    """Return what gives a map's key a legal name."""
    for name in (*tidied(got), re.sub(r"\W", "_", got, flags=re.ASCII)):
        renamed = (*place[:-1], name)
        errors = _errors(model, _changed(_changed(given, place, None), renamed, {}))
        if name and not any(error[-1] == "[key]" and error[:-1] == renamed for error in errors):
            return [f"in the stack file, write {name} in place of {_path(place)}"]
    return [f"in the stack file, give {_path(place)} another name"]


def _fields(model: type[BaseModel], place: Sequence[str | int]) -> dict[str, FieldInfo]:
    """Return the keys that may stand at a place."""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    for step in place:
        inner = _models(fields[str(step)].annotation) if str(step) in fields else []
        if inner:
            fields = {field.alias or name: field for name, field in inner[0].model_fields.items()}
    return fields


def _models(annotation: Any) -> list[type[BaseModel]]:  # noqa: ANN401  # whatever a field's type may be
    """Return the models inside a type: those of a map's values too."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for each in get_args(annotation) for found in _models(each)]


def _unknown_key(place: Sequence[str | int], got: str, fields: Collection[str], *, is_secret: bool) -> Problem:
    key, path = str(place[-1]), _path(place)
    near = get_close_matches(key, fields, n=1, cutoff=0.5)
    remove = _set(path, "")
    if not near:
        known = "as Pulumi.yaml has them" if len(place) == 1 else f"one of {', '.join(fields)}"
        return Problem(path, got, f"a key of this project, {known}; this is none", [remove])
    renamed = _path([*place[:-1], near[0]])
    rename = f"pulumi config set --secret {renamed}" if is_secret else _set(renamed, got)
    if not _can_be_typed(got) and not is_secret:
        rename = f"in the stack file, write {near[0]} in place of {key}"
    return Problem(
        path, got, f"a key of this project, as Pulumi.yaml has them; the nearest is {near[0]}", [rename, remove]
    )


def _mended(model: type[BaseModel], given: Mapping[str, Any], place: Sequence[str | int], got: str, one_of: str) -> str:
    """Return the first guess at what was meant that is legal there; the default, if none is; nothing without one."""
    words = {word.lower(): word for word in re.findall("'([^']*)'", one_of)}
    near = [words[word] for word in get_close_matches(got.lower(), words, n=1)]
    typed = tidied(got) if _can_be_typed(got) else ()
    guesses = [*near, *typed, _default(_fields(model, place[:-1]).get(str(place[-1])))]
    return next((guess for guess in guesses if guess and _is_legal(model, given, place, guess)), "")


def _can_be_typed(got: str) -> bool:
    """Tell whether a value may stand in a command: no map, no list, no line end."""
    return got.isprintable() and not got.startswith(("{", "["))


def _default(field: FieldInfo | None) -> str:
    simple = field is not None and isinstance(field.default, str | int)
    return as_config(field.default) if field is not None and simple else ""


def _is_legal(model: type[BaseModel], given: Mapping[str, Any], place: Sequence[str | int], value: object) -> bool:
    return not any(error[: len(place)] == tuple(place) for error in _errors(model, _changed(given, place, value)))


def _errors(model: type[BaseModel], given: object) -> list[tuple[str | int, ...]]:
    """Return where config is wrong."""
    try:
        model.model_validate(given)
    except ValidationError as error:
        return [each["loc"] for each in error.errors(include_url=False)]
    return []


def _changed(given: Any, place: Sequence[str | int], value: object) -> Any:  # noqa: ANN401  # config of any shape
    """Return config with `value` at a place, or without what is there if that is None."""
    if not place:
        return value
    step, *rest = place
    if isinstance(given, str):
        given = json.loads(given)
    if isinstance(given, list):
        items = cast("list[Any]", given)
        return [_changed(each, rest, value) if index == step else each for index, each in enumerate(items)]
    fields = cast("Mapping[str | int, Any]", given)
    if value is None and not rest:
        return {key: each for key, each in fields.items() if key != step}
    return {**fields, step: _changed(fields.get(step, {}), rest, value)}


def _set(path: str, value: str) -> str:
    if not value:
        return shlex.join(["pulumi", "config", "rm", *(["--path"] if re.search(r"[.\[]", path) else []), path])
    words = ["pulumi", "config", "set"]
    if re.search(r"[.\[]", path):
        words.append("--path")
    if LOOKS_SECRET.search(path):
        words.append("--plaintext")
    return shlex.join([*words, path, value])


def _path(steps: Iterable[str | int]) -> str:
    """Return where a value stands, as `pulumi config set --path` takes it."""
    return "".join(_step(step) for step in steps).removeprefix(".")


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return (
        f".{step}" if re.fullmatch(r"[A-Za-z_][\w-]*", step, re.ASCII) else f"[{json.dumps(step, ensure_ascii=False)}]"
    )


def as_config(value: object) -> str:
    """Return a value as the engine hands it to a program."""
    if isinstance(value, dict | list):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else "null" if value is None else str(value)


def _plain(text: str) -> str:
    """Return pydantic's words without those that say that something was expected."""
    text = text.removeprefix("Input should be ")
    return text[:1].lower() + text[1:]
