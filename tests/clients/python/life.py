"""One whole life with IBM's SDKs for Python: of a service ID, its policy, its key and a registry namespace."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

import requests
from ibm_cloud_sdk_core import ApiException, BaseService
from ibm_cloud_sdk_core.authenticators import IAMAuthenticator
from ibm_container_registry.container_registry_v1 import ContainerRegistryV1
from ibm_container_registry.vulnerability_advisor_v4 import VulnerabilityAdvisorV4
from ibm_platform_services import IamIdentityV1, IamPolicyManagementV1, ResourceManagerV2

URL, KEY, ACCOUNT = (os.environ[f"CLOUD_{name}"] for name in ("URL", "API_KEY", "ACCOUNT"))
NAMESPACE = "client-life"
ROLE = "crn:v1:bluemix:public:iam::::serviceRole:"


def at(service: BaseService) -> Any:
    """Return a client with the stand-in's address, and nothing else that is not IBM's."""
    service.set_service_url(URL)
    return service


def registry(key: str) -> Any:
    """Return the registry's client of whoever has this key."""
    return at(ContainerRegistryV1(account=ACCOUNT, authenticator=IAMAuthenticator(key, url=URL)))


def expect(what: str, wanted: object, found: object) -> None:
    """End the program if something is not as IBM's clients expect it."""
    if wanted != found:
        sys.exit(f"{what}: expected {wanted}, got {found}")


def refused(what: str, status: int, code: str, call: Callable[[], object]) -> None:
    """Expect IBM's error."""
    try:
        call()
    except ApiException as error:
        text = error.http_response.text if error.http_response is not None else ""
        expect(what, (status, True), (error.status_code, code in text))
        expect(f"{what}, message", True, bool(error.message))
        return
    sys.exit(f"{what}: expected {status} {code}, and it was allowed")


def attributes(**values: str) -> list[dict[str, str]]:
    """Write attributes that are compared by equality."""
    return [{"key": key, "operator": "stringEquals", "value": value} for key, value in values.items()]


def policy(iam_id: str, role: str, **more: str) -> dict[str, Any]:
    """Write a policy on the registry."""
    resource = attributes(accountId=ACCOUNT, serviceName="container-registry", **more)
    return {
        "type": "access",
        "subject": {"attributes": attributes(iam_id=iam_id)},
        "control": {"grant": {"roles": [{"role_id": ROLE + role}]}},
        "resource": {"attributes": resource},
    }


def log_in(user: str, password: str) -> requests.Response:
    """Ask for a registry token as docker does."""
    query = {"service": "registry", "scope": f"repository:{NAMESPACE}/web:pull"}
    return requests.get(f"{URL}/oauth/token", params=query, auth=(user, password), timeout=60)


def meet_errors(owner: IAMAuthenticator, identity: Any, policies: Any, images: Any) -> None:
    """Read from every service, and meet an error of each."""
    advisor = at(VulnerabilityAdvisorV4(account=ACCOUNT, authenticator=owner))
    groups = at(ResourceManagerV2(authenticator=owner))
    expect("an account's report", [], advisor.account_status_query_path().get_result()["images"])
    expect("groups", 1, len(groups.list_resource_groups(account_id=ACCOUNT).get_result()["resources"]))
    refused("no service ID", 404, "BXNIM0404E", lambda: identity.get_service_id("nobody"))
    refused("no policy", 404, "policy_not_found", lambda: policies.get_v2_policy("nobody"))
    refused("no namespace", 404, "CRG0012E", lambda: images.delete_namespace("nobody"))
    refused("no group", 404, "not found", lambda: groups.get_resource_group("nobody"))
    refused("no exemption", 404, "BXNVA0010E", lambda: advisor.get_exemption_account("cve", "CVE-2024-0001"))
    refused("what is lacking", 501, "not_implemented", lambda: identity.get_mfa_report(ACCOUNT, "latest"))


def life() -> None:
    """Make everything, use it, meet each service's errors, and remove everything."""
    owner = IAMAuthenticator(KEY, url=URL)
    identity, policies = at(IamIdentityV1(authenticator=owner)), at(IamPolicyManagementV1(authenticator=owner))
    images = registry(KEY)
    refused("a key that isn't there", 400, "BXNIM0415E", lambda: registry("no key").list_namespaces())

    made = identity.create_service_id(account_id=ACCOUNT, name="puller").get_result()
    one, iam_id = made["id"], made["iam_id"]
    listed = identity.list_service_ids(account_id=ACCOUNT, name="puller").get_result()["serviceids"]
    expect("service IDs", [one], [each["id"] for each in listed])
    tag = identity.get_service_id(one).get_headers()["ETag"]
    changed = identity.update_service_id(one, if_match=tag, description="pulls").get_result()
    expect("description", "pulls", changed["description"])
    refused("a stale tag", 409, "conflict", lambda: identity.update_service_id(one, if_match=tag, name="x"))

    roles = policies.list_roles(account_id=ACCOUNT, service_name="container-registry").get_result()
    expect("Reader", True, f"{ROLE}Reader" in json.dumps(roles["service_roles"]))
    answer = policies.create_v2_policy(**policy(iam_id, "Reader"))
    grant, tag = answer.get_result()["id"], answer.get_headers()["ETag"]
    twin = policy(iam_id, "Reader")
    refused("a policy's twin", 409, "policy_conflict_error", lambda: policies.create_v2_policy(**twin))
    policies.replace_v2_policy(grant, tag, **policy(iam_id, "Reader", region="jp-tok"))
    expect("a policy's state", "active", policies.get_v2_policy(grant).get_result()["state"])
    held = policies.list_v2_policies(ACCOUNT, iam_id=iam_id).get_result()["policies"]
    expect("policies", [grant], [each["id"] for each in held])

    made = identity.create_api_key(name="pull", iam_id=iam_id).get_result()
    key, value = made["id"], made["apikey"]
    held = identity.list_api_keys(account_id=ACCOUNT, iam_id=iam_id).get_result()["apikeys"]
    expect("keys", [key], [each["id"] for each in held])
    for change in (identity.lock_api_key, identity.unlock_api_key, identity.disable_api_key, identity.enable_api_key):
        expect("a key's change", 204, change(key).get_status_code())
    tag = identity.get_api_key(key).get_headers()["ETag"]
    identity.update_api_key(key, if_match=tag, description="rotated")

    expect("a namespace", NAMESPACE, images.create_namespace(NAMESPACE).get_result()["namespace"])
    expect("namespaces", [NAMESPACE], images.list_namespaces().get_result())
    expect("details", NAMESPACE, images.list_namespace_details().get_result()[0]["name"])
    puller = registry(value)
    expect("images", [], puller.list_images().get_result())
    refused("a Reader's namespace", 403, "CRG0020E", lambda: puller.create_namespace("of-a-reader"))
    expect("a login", (200, True), ((found := log_in("iamapikey", value)).status_code, bool(found.json()["token"])))
    found = log_in("iamapikey", "no key")
    expect("a bad login", (400, "UNAUTHORIZED"), (found.status_code, found.json()["errors"][0]["code"]))

    meet_errors(owner, identity, policies, images)

    expect("a delete", 204, policies.delete_v2_policy(grant).get_status_code())
    refused("after its policy", 403, "CRG0020E", puller.list_images)
    expect("a delete", 204, identity.delete_api_key(key).get_status_code())
    refused("after its key", 400, "BXNIM0415E", lambda: registry(value).list_images())
    expect("a delete", 204, identity.delete_service_id(one).get_status_code())
    expect("a delete", 204, images.delete_namespace(NAMESPACE).get_status_code())


life()
