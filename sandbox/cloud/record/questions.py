"""The questions: one for each answer in `core/unverified.py` that an account can be asked for without harm."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sandbox.cloud.record.account import Account, name, refused

Answers = Mapping[str, object]
"""By the constant's name in `unverified.py`, in that constant's form."""

_ABSENT_KEY = "/v1/apikeys/ApiKey-00000000-0000-4000-8000-000000000000"
_ABSENT_PROFILE = "Profile-00000000-0000-4000-8000-000000000000"
_ABSENT_NAMESPACE = "question-absent-0000"
_PAST = "2001-01-01T00:00+0000"


@dataclass(frozen=True)
class Question:
    """What is asked, for people, and how; `settles` names the constants that it answers."""

    what: str
    settles: tuple[str, ...]
    ask: Callable[[Account], Answers]


def _identity(status: int, said: Mapping[str, str]) -> tuple[int, tuple[str, str, str]]:
    return status, (said.get("code", ""), said.get("message_code", ""), said.get("message", ""))


def _coded(status: int, said: Mapping[str, str]) -> tuple[int, str, str]:
    return status, said.get("code", ""), said.get("message", "")


def _stale_identity(account: Account) -> Answers:
    place, made = account.service_id()
    body = {"name": made.json()["name"], "description": "changed"}
    account.call("PUT", place, body, If_Match=made.json()["entity_tag"])
    status, code = _identity(*refused(account.call("PUT", place, body, If_Match=made.json()["entity_tag"])))
    return {"STALE_IDENTITY_STATUS": status, "STALE_IDENTITY_CODE": code}


def _absent_key(account: Account) -> Answers:
    _, code = _identity(*refused(account.call("GET", _ABSENT_KEY)))
    return {"NOT_FOUND_CODE": code[:2]}


def _no_token(account: Account) -> Answers:
    _, code = _identity(*refused(account.call("GET", _ABSENT_KEY, Authorization="Bearer nonsense")))
    return {"UNAUTHENTICATED_CODE": code}


def _locked(account: Account) -> Answers:
    place, _ = account.service_id()
    account.call("POST", f"{place}/lock")
    status, code = _identity(*refused(account.call("DELETE", place)))
    account.call("DELETE", f"{place}/lock")
    return {"LOCKED_STATUS": status, "LOCKED_CODE": code}


def _past_expiry(account: Account) -> Answers:
    place, made = account.key()
    change = account.call("PUT", place, {"expires_at": _PAST}, If_Match=made.json()["entity_tag"])
    body = {"name": name(), "iam_id": made.json()["iam_id"], "expires_at": _PAST}
    answer = account.call("POST", "/v1/apikeys", body)
    return {"PAST_EXPIRY_IS_REFUSED": {"create": answer.status_code >= 400, "update": change.status_code >= 400}}


def _limits(account: Account) -> Answers:
    flags = "templates=true&idps=true&cr_links=true&cr_rules=true"
    found = account.call("GET", f"/v1/accounts/{account.id}/limits/identity?{flags}").json()
    names = {"TEMPLATES": "profile_templates", "IDENTITY_PROVIDERS": "idps"}
    names |= {"LINKS_PER_ACCOUNT": "cr_links", "RULES_PER_ACCOUNT": "cr_rules"}
    return {constant: found[each]["limit"] for constant, each in names.items() if each in found}


def _absent_profile(account: Account) -> Answers:
    absent = account.assume(account.token, _ABSENT_PROFILE)
    invalid = account.assume("nonsense", _ABSENT_PROFILE)
    return {
        "PROFILE_ABSENT": _granted(absent.status_code, absent.json()),
        "ASSUME_TOKEN_INVALID": _granted(invalid.status_code, invalid.json()),
    }


def _same_value(account: Account) -> Answers:
    value = secrets.token_urlsafe(33)
    account.key(apikey=value)
    _, owner = account.service_id()
    again = account.call("POST", "/v1/apikeys", {"name": name(), "iam_id": owner.json()["iam_id"], "apikey": value})
    status, code = _identity(*refused(again))
    return {"DUPLICATE_KEY_STATUS": status, "DUPLICATE_KEY_CODE": code}


def _disabled_key(account: Account) -> Answers:
    place, made = account.key()
    account.call("POST", f"{place}/disable")
    answer = account.grant(made.json()["apikey"])
    return {"KEY_NOT_USABLE": _granted(answer.status_code, answer.json())[1:]}


def _granted(status: int, body: Mapping[str, object]) -> tuple[int, str, str]:
    return status, str(body.get("errorCode", "")), str(body.get("errorMessage", ""))


def _stale_policy(account: Account) -> Answers:
    body = account.policy_body()
    place, made = account.make("/v2/policies", body)
    tag = made.headers["ETag"]
    account.call("PUT", place, {**body, "description": "changed"}, If_Match=tag)
    status, code, message = _coded(*refused(account.call("PUT", place, body, If_Match=tag)))
    return {"STALE_POLICY_STATUS": status, "STALE_POLICY_CODE": (code, message)}


def _deleted_policy(account: Account) -> Answers:
    place, _ = account.make("/v2/policies", account.policy_body())
    account.call("DELETE", place)
    return {"DELETED_POLICY_STATUS": account.call("DELETE", place).status_code}


def _bad_policy(account: Account) -> Answers:
    body = account.policy_body(region="nowhere")
    return {"BAD_POLICY_STATUS": account.call("POST", "/v2/policies", body).status_code}


def _former_region(account: Account) -> Answers:
    answer = account.call("POST", "/v2/policies", account.policy_body(region="ap-north"))
    if answer.status_code < 400:
        account.call("DELETE", f"/v2/policies/{answer.json()['id']}")
    return {"FORMER_REGIONS_ARE_TAKEN": answer.status_code < 400}


def _role_crn(account: Account) -> Answers:
    answer = account.call("GET", f"/v2/roles?account_id={account.id}&service_name=container-registry")
    crns = [str(role["crn"]) for role in answer.json()["service_roles"]]
    reader = next(crn for crn in crns if crn.endswith(":serviceRole:Reader"))
    return {"REGISTRY_ROLE_CRN_SERVICE": reader.split(":")[4]}


def _illegal_namespace(account: Account) -> Answers:
    status, code, _ = _coded(*refused(account.ask_registry("PUT", "/api/v1/namespaces/NO")))
    return {"NAMESPACE_NAME": (status, code)}


def _absent_namespace(account: Account) -> Answers:
    answer = account.ask_registry("DELETE", f"/api/v1/namespaces/{_ABSENT_NAMESPACE}")
    return {"NAMESPACE_ABSENT": _coded(*refused(answer))}


def _absent_exemption(account: Account) -> Answers:
    answer = account.ask_registry("GET", "/va/api/v4/exempt/image/issue/cve/CVE-2000-0001")
    return {"EXEMPTION_ABSENT": _coded(*refused(answer))}


def _another_account(account: Account) -> Answers:
    answer = account.ask_registry("GET", "/va/api/v4/report/account/status", Account="0" * 32)
    return {"ADVISOR_TAKES_ANOTHER_ACCOUNT": answer.status_code == 200}


def _missing_account(account: Account) -> Answers:
    return {"ACCOUNT_MISSING": _coded(*refused(account.ask_registry("GET", "/api/v1/namespaces", Account=None)))}


def _logins(account: Account) -> Answers:
    good = account.log_in("iamapikey", account.api_key)
    return {
        "ANONYMOUS_LOGIN": _coded(*refused(account.log_in("", ""))),
        "BAD_LOGIN": _coded(*refused(account.log_in("iamapikey", "nonsense"))),
        "DEPRECATED_LOGIN": _coded(*refused(account.log_in("token", "nonsense"))),
        "REGISTRY_TOKEN_SECONDS": good.json().get("expires_in") if good.status_code == 200 else None,
    }


QUESTIONS = (
    Question(
        "change a service ID with an old If-Match", ("STALE_IDENTITY_STATUS", "STALE_IDENTITY_CODE"), _stale_identity
    ),
    Question("read an API key that isn't there", ("NOT_FOUND_CODE",), _absent_key),
    Question("read an API key with a token that isn't one", ("UNAUTHENTICATED_CODE",), _no_token),
    Question("delete a locked service ID", ("LOCKED_STATUS", "LOCKED_CODE"), _locked),
    Question(
        "make an API key that expired in 2001, and let one expire then", ("PAST_EXPIRY_IS_REFUSED",), _past_expiry
    ),
    Question(
        "read the account's limits",
        ("TEMPLATES", "IDENTITY_PROVIDERS", "LINKS_PER_ACCOUNT", "RULES_PER_ACCOUNT"),
        _limits,
    ),
    Question("assume a trusted profile that isn't there", ("PROFILE_ABSENT", "ASSUME_TOKEN_INVALID"), _absent_profile),
    Question("make two API keys of one value", ("DUPLICATE_KEY_STATUS", "DUPLICATE_KEY_CODE"), _same_value),
    Question("get a token with a disabled API key", ("KEY_NOT_USABLE",), _disabled_key),
    Question("change a policy with an old If-Match", ("STALE_POLICY_STATUS", "STALE_POLICY_CODE"), _stale_policy),
    Question("delete a policy twice", ("DELETED_POLICY_STATUS",), _deleted_policy),
    Question("make a policy for a region that doesn't exist", ("BAD_POLICY_STATUS",), _bad_policy),
    Question("make a policy for a region's former name", ("FORMER_REGIONS_ARE_TAKEN",), _former_region),
    Question("list the registry's roles", ("REGISTRY_ROLE_CRN_SERVICE",), _role_crn),
    Question("make a registry namespace with an illegal name", ("NAMESPACE_NAME",), _illegal_namespace),
    Question("delete a registry namespace that isn't there", ("NAMESPACE_ABSENT",), _absent_namespace),
    Question("read an exemption that isn't there", ("EXEMPTION_ABSENT",), _absent_exemption),
    Question("ask the Advisor for another account's images", ("ADVISOR_TAKES_ANOTHER_ACCOUNT",), _another_account),
    Question("list registry namespaces without the Account header", ("ACCOUNT_MISSING",), _missing_account),
    Question(
        "log in at the registry: as nobody, with a wrong key, as `token`, rightly",
        ("ANONYMOUS_LOGIN", "BAD_LOGIN", "DEPRECATED_LOGIN", "REGISTRY_TOKEN_SECONDS"),
        _logins,
    ),
)

_FILLS = "takes more objects than an account should be filled with"
_ELSEWHERE = "takes a second account"
_BILLED = "takes a change of the account's plan or network settings"
_IMAGE = "takes a namespace with images"
_GROUPS = "takes groups of service IDs or of resources, which an account can't have removed again, or may not use"
_OWN_STATE = "takes a namespace, a role, a profile, a template or a policy of the account's own, or an answer over days"
NOT_ASKED = {
    **dict.fromkeys(
        ("LIMIT_STATUS", "LIMIT_CODE", "NAMESPACE_LIMIT", "SERVICE_ID_GROUPS", "GROUP_NOT_DELETABLE"), _FILLS
    ),
    **dict.fromkeys(("POLICY_PAGE_DEFAULT", "POLICY_PAGE_MAXIMUM"), _FILLS),
    **dict.fromkeys(("NAMESPACE_TAKEN", "FORBIDDEN_CODE"), _ELSEWHERE),
    **dict.fromkeys(("PLAN_CAN_GO_BACK_TO_FREE", "PLAN_GOES_UP_ONLY", "FREE_PLAN_LIMIT", "FREE_STORAGE_MIB"), _BILLED),
    **dict.fromkeys(("STORAGE_QUOTA", "TRAFFIC_QUOTA", "PRIVATE_ONLY"), _BILLED),
    **dict.fromkeys(
        (
            "IMAGE_ELSEWHERE",
            "LIST_INSPECTED",
            "TAG_IS_LIVE",
            "TRASH_ABSENT",
            "IMAGE_ABSENT",
            "UNSCANNED_STATUS",
            "ALL_EXEMPT_STATUS",
            "RETENTION_AGE_COLUMN",
        ),
        _IMAGE,
    ),
    **dict.fromkeys(("DEFAULT_GROUP_NAME", "GROUP_NAME_TAKEN", "GROUP_TAKEN", "SERVICE_ID_GROUP_PREFIX"), _GROUPS),
    **dict.fromkeys(
        ("RESOURCE_GROUP_ABSENT", "RESOURCE_GROUP_POLICY_NEEDS_NO_SERVICE", "RESOURCE_GROUP_SET"), _OWN_STATE
    ),
    **dict.fromkeys(
        ("TEMPLATE_VERSIONS", "CLAIM_RULES", "LINKS", "PROFILE_NAME_TAKEN", "PROFILE_NOT_ELIGIBLE"), _OWN_STATE
    ),
    **dict.fromkeys(
        (
            "ACCESS_GROUP_ABSENT",
            "ACCESS_GROUP_HAS_MEMBERS",
            "ACCESS_GROUP_MEMBER_ABSENT",
            "ACCESS_GROUP_MEMBER_UNKNOWN",
            "ACCESS_GROUP_NAME_TAKEN",
        ),
        "takes access groups, which give rights to who is in them",
    ),
    **dict.fromkeys(("BAD_REQUEST", "REFRESH_TOKEN_SECONDS", "ROLE_IN_USE", "V1_REPLACE_OF_V2"), _OWN_STATE),
}
"""The other open answers, by their constant's name: why no account is asked for them."""
