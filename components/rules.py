"""What each setting may be: one rule a key, each with the words that tell a person what is expected; pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from components import regions


def _matching(pattern: str, expected: str) -> Callable[[str], str]:
    def rule(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(expected)
        return value

    return rule


def _one_of(choices: Mapping[str, object] | tuple[str, ...]) -> Callable[[str], str]:
    def rule(value: str) -> str:
        if value not in choices:
            raise ValueError("one of " + ", ".join(choices))
        return value

    return rule


def _seconds(low: int, high: int) -> Callable[[str], str]:
    return _whole_number(low, high, f"a whole number of seconds from {low} to {high}")


def _whole_number(low: int, high: int, expected: str) -> Callable[[str], str]:
    def rule(value: str) -> str:
        if not re.fullmatch(r"\d{1,9}", value) or not low <= int(value) <= high:
            raise ValueError(expected)
        return value

    return rule


_kubernetes_name = _matching(
    r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?",
    "at most 63 lowercase letters, digits and '-', with a letter or digit at both ends (Kubernetes' rule for names)",
)
_iam_name = _matching(r"\S(.{0,253}\S)?", "1 to 255 characters with no blank at either end")

RULES: dict[str, Callable[[str], str]] = {
    "region": _one_of(regions.REGISTRY_HOSTS),
    "registryHost": _matching(
        r"([A-Za-z0-9.-]+(:\d{1,5})?)?", "a host name, with a port if needed, without scheme or path"
    ),
    "registryNamespace": _matching(regions.NAMESPACE_PATTERN, regions.NAMESPACE_RULE),
    "imageName": _matching(
        r"[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*",
        "lowercase letters and digits, joined by '.', '_', '-' or '/' (the distribution specification's rule)",
    ),
    "imageTag": _matching(
        r"(?!latest$)[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", "a tag of up to 128 characters other than 'latest'"
    ),
    "imageContext": _matching(r".+", "a folder with a Dockerfile, relative to the project"),
    "imageBase": _matching(r"\S*", "an image reference without blanks, or nothing"),
    "platform": _matching(
        r"linux/(amd64|arm64|s390x|ppc64le)", "linux/amd64, linux/arm64, linux/s390x or linux/ppc64le"
    ),
    "serviceIdName": _iam_name,
    "apiKeyName": _iam_name,
    "keyEpoch": _whole_number(1, 10**6, "a whole number from 1 on"),
    "revokePrevious": _one_of(("true", "false")),
    "pullSecretName": _kubernetes_name,
    "serviceAccountName": _kubernetes_name,
    "podName": _kubernetes_name,
    "kubernetesNamespace": _kubernetes_name,
    "kubernetesContext": _matching(r".*", "the name of a context in the kubeconfig, or nothing"),
    "clusterIdentifier": _matching(r"\S*", "an id without blanks, or nothing"),
    "accessTimeoutSeconds": _seconds(1, 600),
    "podTimeoutSeconds": _seconds(5, 3600),
}
"""Config key to its rule: returns the text it was given, or raises ValueError with what was expected."""
