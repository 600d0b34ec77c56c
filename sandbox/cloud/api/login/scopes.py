"""Scopes of Docker's token authentication: what a client asks for, and what the caller's policies leave of it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sandbox.cloud.errors.base import MalformedError

ACTIONS = {"pull": "image.pull", "push": "image.push", "delete": "image.delete"}
"""A scope's action -> the registry action, without `container-registry.`, that a policy must carry."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One wish: actions on one resource, such as pull and push on repository `namespace/name`."""

    kind: str
    name: str
    actions: tuple[str, ...]

    @property
    def namespace(self) -> str:
        """The registry namespace: the first part of a repository's name."""
        return self.name.partition("/")[0]


def parse(texts: Iterable[str]) -> list[Scope]:
    """Read scopes; one text may hold several, with blanks between them. The name may hold colons.

    Raises:
        MalformedError: one hasn't the form type:name:actions.

    """
    found: list[Scope] = []
    for text in " ".join(texts).split():
        kind, _, rest = text.partition(":")
        name, _, actions = rest.rpartition(":")
        if not kind or not name:
            raise MalformedError(f"The scope '{text}' hasn't the form type:name:actions.")
        found.append(Scope(kind, name, tuple(dict.fromkeys(actions.split(",")))))
    return found


def granted(scopes: Iterable[Scope], allows: Callable[[str, str], bool]) -> list[dict[str, object]]:
    """Return the token's access list: of each repository scope the actions that `allows(namespace, action)` allows.

    What IBM's registry doesn't offer, such as its catalog, is never granted.
    """
    access: list[dict[str, object]] = []
    for scope in scopes:
        wanted = ACTIONS if "*" in scope.actions else scope.actions
        actions = [
            action
            for action in wanted
            if scope.kind == "repository" and action in ACTIONS and allows(scope.namespace, ACTIONS[action])
        ]
        if actions:
            access.append({"type": scope.kind, "name": scope.name, "actions": actions})
    return access
