"""IBM's rules for single values. Pure: each takes a value and returns what was expected instead, or None.

Sources are IBM's docs and the SDK's own descriptions; where they state no limit, none is made up here.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from urllib.parse import urlsplit

from ibm_native.cloud.errors import ProviderError
from ibm_native.cloud.regions import region_problem

__all__ = [
    "action_when_leaked",
    "api_key",
    "days",
    "digest",
    "endpoint",
    "exempt_until",
    "expires_at",
    "finding",
    "iam_id",
    "images_per_repo",
    "is_resource_group_id",
    "max_issues",
    "megabytes",
    "name",
    "namespace_name",
    "plan",
    "region",
    "region_of_id",
    "registry_host",
    "repository",
    "resource_group",
    "role",
    "scan_action",
    "timeout_seconds",
]

SERVICE_ROLES = ("Reader", "Writer", "Manager")
PLATFORM_ROLES = ("Viewer", "Operator", "Editor", "Administrator")
PLANS = ("Free", "Standard")
SCAN_ACTIONS = ("fail", "warn", "pass")
LEAK_ACTIONS = ("none", "disable", "delete")

_NAMESPACE = re.compile(r"[a-z0-9][a-z0-9_-]{2,28}[a-z0-9]")
_REPOSITORY = re.compile(r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)+")
_ROLE_CRN = re.compile(r"crn:v1:[^:]*:[^:]*:[^:]+:[^:]*:[^:]*:[^:]*:(?:role|serviceRole|customRole):[^:]+")
_CUSTOM_ROLE = re.compile(r"[A-Z][A-Za-z0-9]{0,29}")
_EXEMPTION = re.compile(r"[A-Za-z]+-[\w.:-]+:\s+\S.*", re.DOTALL)
_UNTIL = re.compile(r"; until ([0-9-]+)$")
_HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]{1,5})?")

region = region_problem


def name(value: str) -> str | None:
    """Refuse a blank name; IAM states no other limit."""
    return None if value.strip() else "a name that isn't blank"


def namespace_name(value: str) -> str | None:
    """Refuse what the registry's docs forbid in a namespace's name."""
    if _NAMESPACE.fullmatch(value):
        return None
    return "4 to 30 characters: lowercase letters, digits, - and _, the first and the last a letter or a digit"


def repository(value: str) -> str | None:
    """Refuse anything but `namespace/name`, as the distribution specification spells repositories."""
    return (
        None if _REPOSITORY.fullmatch(value) else "namespace/name, such as my-namespace/my-image, with no host or tag"
    )


def digest(value: str) -> str | None:
    """Refuse anything but a SHA-256 digest."""
    return None if re.fullmatch(r"sha256:[0-9a-f]{64}", value) else "sha256: and 64 hexadecimal digits"


def registry_host(value: str) -> str | None:
    """Refuse a URL where a host is meant."""
    return None if _HOST.fullmatch(value) else "a host, such as jp.icr.io, without https:// and without a path"


def api_key(value: str) -> str | None:
    """Refuse what came along as a key was pasted: it would be handed on with the key."""
    return None if re.fullmatch(r"[^\s\"']+", value) else "an API key without blanks, line ends or quotes in it"


def iam_id(value: str) -> str | None:
    """Refuse a service ID's `ServiceId-...` where its IAM ID is meant."""
    if value.startswith("ServiceId-"):
        return f"the IAM ID, iam-{value}"
    return None if value.strip() and ":" not in value else "an IAM ID, such as iam-ServiceId-<uuid> (output iamId)"


def role(value: str) -> str | None:
    """Refuse what can be neither a role's name nor a role's CRN; the account alone knows its custom roles."""
    if _CUSTOM_ROLE.fullmatch(value) or _ROLE_CRN.fullmatch(value):
        return None
    return (
        f"one of {', '.join((*SERVICE_ROLES, *PLATFORM_ROLES))}, the name of a custom role as its CRN has it (letters "
        "and digits, the first a capital), or the CRN of a role"
    )


def action_when_leaked(value: str) -> str | None:
    """Refuse an action that IAM doesn't have."""
    return None if value in LEAK_ACTIONS else "one of " + ", ".join(LEAK_ACTIONS)


def expires_at(value: str) -> str | None:
    """Refuse a time that isn't spelt as IAM spells times: minutes, UTC, `+0000`."""
    expected = "a time in UTC as yyyy-MM-ddTHH:mm+0000, such as 2030-01-31T00:00+0000"
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}\+0000", value):
        return expected
    try:
        datetime.strptime(value, "%Y-%m-%dT%H:%M%z")
    except ValueError:
        return f"a day and a time that exist; {expected}"
    return None


def days(value: int) -> str | None:
    """Refuse no days at all, and more than anybody would remember."""
    return None if 1 <= value <= 3650 else "a whole number of days from 1 to 3650"


def resource_group(value: str) -> str | None:
    """Refuse a blank; anything else may be a resource group's name."""
    return None if value.strip() else "the name or the id of a resource group"


def is_resource_group_id(value: str) -> bool:
    """Tell a resource group's id from a name."""
    return re.fullmatch(r"[0-9a-f]{32}", value) is not None


def timeout_seconds(value: int) -> str | None:
    """Refuse no time at all, and more than Pulumi would wait."""
    return None if 1 <= value <= 3600 else "a whole number of seconds from 1 to 3600"


def endpoint(value: str) -> str | None:
    """Refuse anything but the origin of an HTTP service."""
    parts = urlsplit(value)
    if parts.scheme in {"http", "https"} and parts.hostname and parts.path in {"", "/"} and not parts.query:
        return None
    return "a URL with scheme and host only, such as https://iam.cloud.ibm.com"


def plan(value: str) -> str | None:
    """Refuse a plan that the registry doesn't have."""
    return None if value in PLANS else "one of " + ", ".join(PLANS)


def megabytes(value: int) -> str | None:
    """Refuse a limit below none."""
    return None if value >= -1 else "a whole number of MiB, or -1 for no limit"


def images_per_repo(value: int) -> str | None:
    """Refuse to keep nothing."""
    return None if value == -1 or value >= 1 else "a whole number from 1, or -1 for all"


def max_issues(value: int) -> str | None:
    """Refuse a number below none."""
    return None if value >= 0 else "a whole number from 0"


def finding(value: str) -> str | None:
    """Refuse an exemption without an id or a reason, or with an end that is no day."""
    if not _EXEMPTION.fullmatch(value):
        return "an id and a reason, such as `CVE-2024-1234: not reachable here; until 2030-01-31`"
    try:
        exempt_until(value)
    except ValueError:
        return "an end that is a day, such as `; until 2030-01-31`"
    return None


def exempt_until(value: str) -> date | None:
    """Return the last day on which an exemption holds; None if it has no end."""
    end = _UNTIL.search(value)
    return date.fromisoformat(end[1]) if end else None


def scan_action(value: str) -> str | None:
    """Refuse what a gate can't do."""
    return None if value in SCAN_ACTIONS else "one of " + ", ".join(SCAN_ACTIONS)


def region_of_id(value: str, what: str, spelling: str) -> str:
    """Return the region that an id is; raises ProviderError if it is none."""
    expected = region(value)
    if expected:
        raise ProviderError(f"read {what} {value!r}", "that is no id of one", f"An id is its {spelling}: {expected}.")
    return value
