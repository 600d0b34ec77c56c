"""IAM's roles: the actions that each carries, and their names by language.

Sources: IBM's docs on IAM roles and actions (Container Registry, IAM Identity Service), and the registry's page on IAM.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from sandbox.cloud.core import unverified
from sandbox.cloud.iam.services import OTHERS

REGISTRY = "container-registry"
IDENTITY = "iam-identity"
ACCESS_MANAGEMENT = "iam-access-management"
RESOURCE_GROUPS = "resource-controller"
GROUPS = "iam-groups"
ANY_SERVICE = "alliamserviceroles"
"""The name under which Terraform asks for the roles of a policy that names no service."""

IAM_GROUP = "IAM"
"""The service group of IAM's own services, under which their roles can be listed at once."""

PLATFORM_SERVICES = frozenset({IDENTITY, ACCESS_MANAGEMENT, RESOURCE_GROUPS, GROUPS})

SERVICE_ROLES = ("Reader", "Writer", "Manager")
PLATFORM_ROLES = ("Viewer", "Operator", "Editor", "Administrator")

SERVICE_ID_CREATOR = "ServiceIdCreator"
USER_KEY_CREATOR = "UserApiKeyCreator"
IDENTITY_ROLES = (SERVICE_ID_CREATOR, USER_KEY_CREATOR)
"""Service roles of IAM Identity: who may create what an account's identity settings restrict."""

READ_SETTINGS = "iam-identity.account.get"
CHANGE_SETTINGS = "iam-identity.account.update"
READ_POLICY = "iam.policy.read"
READ_GROUP = "resource-controller.group.retrieve"
CREATE_GROUP = "resource-controller.group.create"
CREATE_ROLE, UPDATE_ROLE, DELETE_ROLE = (
    f"{ACCESS_MANAGEMENT}.customRole.{verb}" for verb in ("create", "update", "delete")
)

_R, _RW, _RWM, _WM, _RM, _M = (
    {"Reader"}, {"Reader", "Writer"}, {"Reader", "Writer", "Manager"},
    {"Writer", "Manager"}, {"Reader", "Manager"}, {"Manager"},
)  # fmt: skip

_REGISTRY_ACTIONS: dict[str, set[str]] = {
    "image.pull": _RWM,
    "quota.get": _RWM,
    "auth.get": _RWM,
    "settings.get": _RWM,
    "image.push": _WM,
    "image.delete": _WM,
    "retention.set": _WM,
    "image.list": _RM,
    "image.inspect": _RM,
    "image.vulnerabilities": _RM,
    "namespace.list": _RM,
    "retention.get": _RM,
    "retention.list": _RM,
    "retention.analyze": _RM,
    "exemption.list": _RM,
    "namespace.create": _M,
    "namespace.delete": _M,
    "quota.set": _M,
    "plan.get": _M,
    "plan.set": _M,
    "auth.set": _M,
    "settings.set": _M,
    "exemption.manager": _M,
}
"""Action, without `container-registry.` -> the service roles that carry it. A Writer can neither list nor inspect."""

_REGISTRY_EXTRAS = frozenset({"global-search-tagging.resource.read", "cbr.rule.read", READ_POLICY})
"""What all three service roles of the registry carry beside its own actions."""

_ALL, _CHANGE, _CREATE = (
    {"Viewer", "Editor", "Operator", "Administrator"}, {"Editor", "Operator", "Administrator"},
    {"Operator", "Administrator"},
)  # fmt: skip

_IDENTITY_ACTIONS: dict[str, set[str]] = {
    "serviceid.get": _ALL,
    "serviceid.create": _CREATE,
    "serviceid.update": _CHANGE,
    "serviceid.delete": _CREATE,
    "apikey.get": _CHANGE,
    "apikey.list": _CHANGE,
    "apikey.create": _CREATE,
    "apikey.update": _CHANGE,
    "apikey.delete": _CREATE,
    "apikey.manage": {"Administrator"},
    "profile.get": _ALL,
    "profile.create": _CREATE,
    "profile.update": _CHANGE,
    "profile.delete": _CREATE,
    "account.get": _ALL,
    "account.update": {"Administrator"},
}
"""Action, without `iam-identity.` -> the platform roles that carry it."""

_SERVICE_ROLE = re.compile(r"crn:v1:bluemix:public:([a-z0-9-]+)::::serviceRole:\w+")
_MANAGE_POLICIES = frozenset({"iam.policy.create", "iam.policy.update", "iam.policy.delete"})


def crn(role: str, service: str = "iam") -> str:
    """Return a role's CRN; `service` is the part between `public:` and the role for a service role."""
    if role in PLATFORM_ROLES:
        return f"crn:v1:bluemix:public:iam::::role:{role}"
    if role in IDENTITY_ROLES:
        return f"crn:v1:bluemix:public:{IDENTITY}::::serviceRole:{role}"
    return f"crn:v1:bluemix:public:{service}::::serviceRole:{role}"


@lru_cache(maxsize=256)
def parse(role_crn: str) -> str | None:
    """Return the role's name, or None for a CRN that is no role of IAM or the registry."""
    prefix, _, role = role_crn.rpartition(":")
    if prefix == "crn:v1:bluemix:public:iam::::role" and role in PLATFORM_ROLES:
        return role
    if role in IDENTITY_ROLES and prefix == f"crn:v1:bluemix:public:{IDENTITY}::::serviceRole":
        return role
    services = ("iam", REGISTRY)
    if role in SERVICE_ROLES and prefix in {f"crn:v1:bluemix:public:{name}::::serviceRole" for name in services}:
        return role
    return None


@lru_cache(maxsize=256)
def actions(role_crn: str, service: str) -> frozenset[str]:
    """Return the actions that the role with this CRN carries on a service; none for an unknown one."""
    role = parse(role_crn)
    if role is None:
        return frozenset()
    if role in PLATFORM_ROLES:
        return _platform_actions(role, service)
    if role == SERVICE_ID_CREATOR:
        return frozenset({f"{IDENTITY}.serviceid.create"} if service == IDENTITY else ())
    if service in OTHERS:
        return _carried(role, service)
    if service == REGISTRY and role in SERVICE_ROLES:
        own = {f"{REGISTRY}.{action}" for action, carriers in _REGISTRY_ACTIONS.items() if role in carriers}
        return _REGISTRY_EXTRAS | own
    return frozenset()


def _carried(role: str, service: str) -> frozenset[str]:
    return frozenset(action for action, carriers in OTHERS[service].actions.items() if role in carriers)


def _platform_actions(role: str, service: str) -> frozenset[str]:
    found = {READ_POLICY}
    if service in OTHERS:
        found |= _carried(role, service)
    if role == "Administrator":
        found |= _MANAGE_POLICIES
    if service == IDENTITY:
        found |= {f"{IDENTITY}.{action}" for action, carriers in _IDENTITY_ACTIONS.items() if role in carriers}
    if service == RESOURCE_GROUPS:
        found |= {READ_GROUP, CREATE_GROUP} if role in ("Editor", "Administrator") else {READ_GROUP}
    if service == ACCESS_MANAGEMENT and role == "Administrator":
        found |= {CREATE_ROLE, UPDATE_ROLE, DELETE_ROLE}
    return frozenset(found)


def is_known(service: str) -> bool:
    """Tell whether the stand-in knows the roles of a service."""
    return service in PLATFORM_SERVICES | {REGISTRY, ANY_SERVICE} or service in OTHERS


def service_roles(service: str) -> tuple[str, ...]:
    """Return the names of a service's own roles."""
    if service == IDENTITY:
        return IDENTITY_ROLES
    if service in OTHERS:
        return OTHERS[service].roles
    return SERVICE_ROLES if service in (REGISTRY, ANY_SERVICE) else ()


def is_elsewhere(role_crn: str) -> bool:
    """Tell whether a CRN has the form of a role of a service whose own roles the stand-in lacks."""
    match = _SERVICE_ROLE.fullmatch(role_crn)
    return match is not None and match[1] not in (*PLATFORM_SERVICES, REGISTRY, "iam")


def actions_of(service: str) -> frozenset[str]:
    """Return all actions of a known service, of which custom roles are made."""
    names = (*PLATFORM_ROLES, *service_roles(service))
    return frozenset(action for name in names for action in actions(crn(name), service))


@dataclass(frozen=True, slots=True)
class _Names:
    display: str
    description: str


_ENGLISH = {
    "Reader": _Names("Reader", "Can perform read-only actions within a service."),
    "Writer": _Names("Writer", "Can do what a reader can, and create and edit resources of the service."),
    "Manager": _Names("Manager", "Can do what a writer can, and complete privileged actions of the service."),
    SERVICE_ID_CREATOR: _Names("Service ID creator", "Can create service IDs where the account restricts it."),
    USER_KEY_CREATOR: _Names("User API key creator", "Can create their own API keys where the account restricts it."),
    "Viewer": _Names("Viewer", "Can view instances, but not change them."),
    "Operator": _Names("Operator", "Can perform the platform actions that configure and operate instances."),
    "Editor": _Names("Editor", "Can perform all platform actions, except managing the account and access."),
    "Administrator": _Names("Administrator", "Can perform all platform actions, also assigning access to others."),
}
_JAPANESE = {
    "Reader": _Names("リーダー", "リーダーは、サービス内で読み取り専用のアクションを実行できます。"),
    "Writer": _Names("ライター", "ライターは、サービスのリソースを作成および編集できます。"),
    "Manager": _Names("管理者", "管理者は、サービスで定義された特権アクションを実行できます。"),
    "Viewer": _Names("ビューアー", "ビューアーは、インスタンスを表示できますが、変更はできません。"),
    "Operator": _Names("オペレーター", "オペレーターは、インスタンスの操作に必要なアクションを実行できます。"),
    "Editor": _Names("エディター", "エディターは、アクセス権限の割り当て以外のアクションを実行できます。"),
    "Administrator": _Names("管理者", "管理者は、アクセス権限の割り当てを含むすべてのアクションを実行できます。"),
}
_LANGUAGES = {"ja": _JAPANESE}
"""Only names that matter: in Japanese a Manager and an Administrator read alike, so a name is no key."""


def describe(role: str, service: str, language: str) -> dict[str, object]:
    """Return a role as /v2/roles shows it; `language` is an Accept-Language value, English where none fits."""
    names = (_ENGLISH | _LANGUAGES.get(language.partition(",")[0].partition("-")[0].strip().lower(), {}))[role]
    shown = crn(role, unverified.REGISTRY_ROLE_CRN_SERVICE if service == REGISTRY else "iam")
    return {
        "display_name": names.display,
        "description": names.description,
        "actions": sorted(actions(shown, service)),
        "crn": shown,
    }
