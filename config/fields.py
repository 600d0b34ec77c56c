"""What one setting may hold, as pydantic types: the rule for the check, and the words that tell a person; pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from ibm_native.cloud.regions import FORMER_NAMES, REGISTRY_HOSTS
from ibm_native.model import rules

EXPECTED = "expected"
"""Type of every error that these types raise: its message says what was expected, its context what mends it."""


@dataclass(frozen=True)
class Expected:
    """Says what was expected, in place of pydantic's words, whatever goes wrong inside the type that it annotates."""

    words: str

    def __get_pydantic_core_schema__(self, source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
        """Wrap the annotated type's own schema."""
        return core_schema.custom_error_schema(
            handler(source), custom_error_type=EXPECTED, custom_error_message=self.words
        )


def refusal(words: str, value: object = None, mend: str = "") -> PydanticCustomError:
    """Return the error that says `words` were expected; `value` mends it (None: the default), or the line `mend` does.

    `{path}` in the line is where the refused value stands.
    """
    return PydanticCustomError(EXPECTED, "{words}", {"words": words, "value": value, "mend": mend})


def _by(rule: Callable[[str], str | None]) -> AfterValidator:
    def check(value: str) -> str:
        expected = rule(value)
        if expected:
            raise refusal(expected)
        return value

    return AfterValidator(check)


def _region(value: str) -> str:
    expected = rules.region(value)
    if expected:
        near = get_close_matches(value, REGISTRY_HOSTS, n=1)
        raise refusal(expected, FORMER_NAMES.get(value) or next(iter(near), None))
    return value


def _host(value: str) -> str:
    expected = value and rules.registry_host(value)
    if expected:
        bare = urlsplit(value.strip()).netloc
        raise refusal(expected, "" if rules.registry_host(bare) else bare)
    return value


def _tag(value: str) -> str:
    if value == "latest":
        raise ValueError
    return value


def _in_the_namespace(value: str) -> str:
    host, slash, inside = value.partition("/")
    if slash and "." in host:
        raise refusal(
            "an image of the stack's registry namespace, without host and namespace", inside.rpartition("/")[2]
        )
    if value.endswith(":latest"):
        raise refusal("a tag other than latest, or a digest")
    return value


def _role(value: str) -> str:
    if value in PULL_ROLES:
        return value
    known = "; ".join(f"{role}, which {may}" for role, may in PULL_ROLES.items())
    near = TRANSLATED_ROLES.get(value) or next(iter(get_close_matches(value, PULL_ROLES, n=1)), None)
    if value in rules.PLATFORM_ROLES:
        raise refusal(f"a role of the registry ({value} is one of the platform, and lets nobody pull): {known}")
    raise refusal(f"a role of the registry by its English name, as its CRN has it: {known}", near)


def _boolean(value: object) -> object:
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


PULL_ROLES = {
    "Reader": "pulls",
    "Writer": "pulls, pushes and deletes images",
    "Manager": "does all that and removes the namespace",
}
"""Container Registry's service roles, and what each may (IBM's docs, "Defining IAM access policies")."""

TRANSLATED_ROLES = {"リーダー": "Reader", "ライター": "Writer", "マネージャー": "Manager"}
"""What a Japanese console shows; 管理者 isn't among them: it stands for Manager here and for Administrator there."""

SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"

Region = Annotated[str, AfterValidator(_region), Field(json_schema_extra={"enum": [*sorted(REGISTRY_HOSTS)]})]
Host = Annotated[str, AfterValidator(_host)]
RegistryNamespaceName = Annotated[str, _by(rules.namespace_name)]
NamespaceMode = Literal["create", "adopt", "use"]
ImageName = Annotated[
    str,
    Field(pattern=r"^[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$"),
    Expected("lowercase letters and digits, joined by '.', '_', '-' or '/' (the distribution specification's rule)"),
]
ImageTag = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$", json_schema_extra={"not": {"const": "latest"}}),
    AfterValidator(_tag),
    Expected("a tag of up to 128 characters other than 'latest'"),
]
NamespaceImage = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9]+([._/-]+[a-z0-9]+)*(@sha256:[0-9a-f]{64}|:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})$",
        json_schema_extra={"not": {"pattern": ":latest$"}},
    ),
    Expected("an image of the stack's registry namespace, name@sha256:<64 hex> or name:tag (a tag other than latest)"),
    AfterValidator(_in_the_namespace),
]
ImageReference = Annotated[str, Field(pattern=r"^\S*$"), Expected("an image reference without blanks, or nothing")]
Platform = Annotated[
    str,
    Field(pattern=r"^linux/(amd64|arm64|s390x|ppc64le)$"),
    Expected("linux/amd64, linux/arm64, linux/s390x or linux/ppc64le"),
]
IamName = Annotated[
    str, Field(pattern=r"^\S(.{0,253}\S)?$"), Expected("1 to 255 characters with no blank at either end")
]
PullRole = Annotated[str, AfterValidator(_role), Field(json_schema_extra={"enum": [*PULL_ROLES]})]
ObjectName = Annotated[
    str,
    Field(pattern=rf"^{SUBDOMAIN}(\.{SUBDOMAIN})*$", max_length=253),
    Expected(
        "at most 253 lowercase letters, digits, '-' and '.', with a letter or digit at both ends of each part "
        "(Kubernetes' rule for names)"
    ),
]
Label = Annotated[
    str,
    Field(pattern=rf"^{SUBDOMAIN}$", max_length=63),
    Expected("at most 63 lowercase letters, digits and '-', with a letter or digit at both ends (Kubernetes' rule)"),
]
Identifier = Annotated[str, Field(pattern=r"^\S*$"), Expected("an id without blanks, or nothing")]
Flag = Annotated[bool, Field(strict=True), BeforeValidator(_boolean), Expected("one of true, false")]
AccessSeconds = Annotated[int, Field(ge=1, le=600), Expected("a whole number of seconds from 1 to 600")]
PodSeconds = Annotated[int, Field(ge=5, le=3600), Expected("a whole number of seconds from 5 to 3600")]
Days = Annotated[int, Field(ge=0, le=3650), Expected("a whole number of days from 0 to 3650; 0 is never")]
Epoch = Annotated[int, Field(ge=1, le=10**6), Expected("a whole number from 1 on")]


def folder(info: ValidationInfo, path: str) -> Path:
    """Return where a path of the settings is: below the project's folder, which the validation's context names."""
    project: Path | None = info.context["project"] if info.context else None
    return Path(project or Path.cwd(), path)


def takes_base(dockerfile: Path) -> None:
    """Refuse a Dockerfile that has no build argument BASE, since one given to it would be lost without a word."""
    if not re.search(r"^\s*ARG\s+BASE\b", dockerfile.read_text(errors="replace"), re.MULTILINE | re.IGNORECASE):
        raise refusal(f"nothing, since {dockerfile} doesn't take it: it has no line `ARG BASE`", "")


def tidied(text: str) -> tuple[str, ...]:
    """Return what a person may have meant by `text`, likeliest first; the key's type tells which of it is legal."""
    bare = text.strip()
    low = bare.lower()
    joined = re.sub(r"[^a-z0-9.-]+", "-", low).strip("-.")
    return bare, low, joined, joined.replace(".", "-"), bare.rstrip("Bs"), f"linux/{low}", f"/{bare}"
