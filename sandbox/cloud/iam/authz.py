"""Whether policies allow an action on a resource. Pure: no store, no HTTP.

IBM's rules: nothing is allowed by default, each policy adds access, and a policy covers a resource when every one of
its attributes is matched by the resource's own. So a policy on one namespace does not cover an action on the account.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from sandbox.cloud.iam import roles


@dataclass(frozen=True, slots=True)
class Condition:
    """One resource attribute of a policy."""

    key: str
    operator: str
    values: tuple[str, ...]
    """One value, or several for the AnyOf operators; `true` or `false` for stringExists."""

    def holds(self, value: str | None) -> bool:
        """Tell whether a resource with this value, or without any, is covered."""
        if self.operator == "stringExists":
            return (value is not None) == (self.values == ("true",))
        if value is None:
            return False
        if self.operator in ("stringMatch", "stringMatchAnyOf"):
            return any(_wildcard(pattern).fullmatch(value) for pattern in self.values)
        return value in self.values


@dataclass(frozen=True, slots=True)
class Grant:
    """What one active policy gives: roles on the resources that meet all conditions."""

    policy_id: str
    role_crns: tuple[str, ...]
    conditions: tuple[Condition, ...]
    custom_actions: frozenset[str] = frozenset()
    """The actions of those of the roles that the account made for itself."""
    rule: Callable[[Mapping[str, str]], bool] | None = None
    """The policy's rule, at the time of the call."""

    def covers(self, target: Mapping[str, str]) -> bool:
        """Tell whether the resource is within this policy's scope."""
        if not all(condition.holds(target.get(condition.key)) for condition in self.conditions):
            return False
        return self.rule is None or self.rule(target)

    def gives(self, action: str, service: str) -> bool:
        """Tell whether one of the roles carries the action of this service."""
        return action in self.custom_actions or any(action in roles.actions(crn, service) for crn in self.role_crns)


def registry_target(
    account_id: str, region: str, namespace: str | None = None, resource_group_id: str | None = None
) -> dict[str, str]:
    """Describe a namespace, or the account's registry in that region, by the attributes that policies name."""
    target = {
        "accountId": account_id,
        "serviceName": roles.REGISTRY,
        "serviceType": "service",
        **({"geography": "global"} if region == "global" else {"region": region}),
    }
    if namespace is not None:
        target |= {"resourceType": "namespace", "resource": namespace}
    if resource_group_id is not None:
        target["resourceGroupId"] = resource_group_id
    return target


def platform_target(account_id: str, service: str, **attributes: str) -> dict[str, str]:
    """Describe a resource of an account management service, such as IAM Identity."""
    return {"accountId": account_id, "serviceName": service, "serviceType": "platform_service", **attributes}


def allowing(grants: Iterable[Grant], action: str, target: Mapping[str, str]) -> Grant | None:
    """Return the first grant that allows the action on the resource, or None: access is refused."""
    service = target.get("serviceName", "")
    return next((grant for grant in grants if grant.covers(target) and grant.gives(action, service)), None)


@lru_cache(maxsize=1024)
def _wildcard(pattern: str) -> re.Pattern[str]:
    """Translate IBM's wildcards: `*` for any text, `?` for one character."""
    return re.compile("".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern), re.DOTALL)
