"""One case for each resource type that lies in the cloud: inputs to make one, and another value for each input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ibm_native.catalogue import lives
from ibm_native.model.inputs import Property
from tests.provider.engine import Resource

SERVICE_ID = "ibm-native:iam:ServiceId"
POLICY = "ibm-native:iam:AccessPolicy"
API_KEY = "ibm-native:iam:ApiKey"
NAMESPACE = "ibm-native:registry:Namespace"
RETENTION = "ibm-native:registry:RetentionPolicy"
QUOTA = "ibm-native:registry:Quota"
PLAN = "ibm-native:registry:Plan"


@dataclass(frozen=True)
class Case:
    """A resource type: inputs to make one (from a service ID), and another value for each input.

    `outside` are the inputs that the cloud holds, so that somebody else can change them. `hidden` are outputs that an
    import can't know.
    """

    token: str
    inputs: Callable[[Resource], dict[str, Any]]
    change: dict[str, Any]
    outputs: set[str]
    outside: set[str]
    secrets: set[str] = field(default_factory=set[str])
    hidden: set[str] = field(default_factory=set[str])
    needs_space: bool = False

    @property
    def in_place(self) -> dict[str, Any]:
        """Return the changes that don't replace; a policy's service and group would need some of their own.

        Nor those that alone are no change: a key that is there keeps its end.
        """
        quiet = {name for name in self.change if declared(self.token, name).prop.quiet}
        own = {name: each for name, each in self.change.items() if name not in {"service", "resourceGroup"} | quiet}
        return {name: each for name, each in own.items() if not declared(self.token, name).prop.replaces}


def declared(token: str, name: str) -> Property:
    """Return how an input is declared."""
    life = next(each for each in lives() if each.declaration.token == token)
    return next(each for each in life.declaration.inputs if each.wire == name)


SPACE = {"name": "my-images", "region": "jp-tok"}
CASES = [
    Case(
        SERVICE_ID,
        lambda _: {"name": "puller", "description": "Pulls images"},
        {"name": "puller-2", "description": None},
        {"name", "description", "iamId", "crn"},
        {"name", "description"},
    ),
    Case(
        API_KEY,
        lambda owner: {"name": "key", "iamId": owner.outputs["iamId"], "expiresAt": "2038-01-31T00:00+0000"},
        {
            "name": "key-2",
            "iamId": "iam-ServiceId-other",
            "description": "why",
            "expiresAt": None,
            "expiresAfterDays": 30,
            "actionWhenLeaked": "delete",
        },
        {"name", "iamId", "expiresAt", "actionWhenLeaked", "createdAt", "endsAt", "crn", "apiKey"},
        {"name", "description", "expiresAt", "actionWhenLeaked"},
        secrets={"apiKey"},
    ),
    Case(
        POLICY,
        lambda owner: {
            "iamId": owner.outputs["iamId"],
            "roles": ["Viewer", "Reader"],
            "region": "jp-tok",
            "namespace": "my-images",
        },
        {
            "iamId": "iam-ServiceId-other",
            "roles": ["Writer"],
            "region": "us-south",
            "namespace": "other-images",
            "resourceGroup": "a" * 32,
            "service": "kms",
            "description": "why",
        },
        {"iamId", "roles", "region", "namespace", "service", "lastModifiedAt"},
        {"roles", "region", "namespace", "description"},
    ),
    Case(
        NAMESPACE,
        lambda _: dict(SPACE),
        {
            "name": "other-images",
            "region": "us-south",
            "resourceGroup": "a" * 32,
            "adopt": True,
            "deleteAdopted": True,
        },
        {"name", "region", "adopt", "deleteAdopted", "crn", "adopted"},
        set(),
    ),
    Case(
        RETENTION,
        lambda _: {"namespace": "my-images", "region": "jp-tok", "imagesPerRepo": 5},
        {"namespace": "other-images", "region": "us-south", "imagesPerRepo": 7, "retainUntagged": True},
        {
            "namespace",
            "region",
            "imagesPerRepo",
            "retainUntagged",
            "previousImagesPerRepo",
            "previousRetainUntagged",
        },
        {"imagesPerRepo", "retainUntagged"},
        hidden={"previousImagesPerRepo", "previousRetainUntagged"},
        needs_space=True,
    ),
    Case(
        QUOTA,
        lambda _: {"region": "jp-tok", "storageMegabytes": 100, "trafficMegabytes": 1000},
        {"region": "us-south", "storageMegabytes": 200, "trafficMegabytes": 2000},
        {
            "region",
            "storageMegabytes",
            "trafficMegabytes",
            "previousStorageMegabytes",
            "previousTrafficMegabytes",
        },
        {"storageMegabytes", "trafficMegabytes"},
        hidden={"previousStorageMegabytes", "previousTrafficMegabytes"},
    ),
    Case(
        PLAN,
        lambda _: {"region": "jp-tok", "plan": "Free"},
        {"region": "us-south", "plan": "Standard"},
        {"region", "plan", "previousPlan"},
        {"plan"},
        hidden={"previousPlan"},
    ),
]
