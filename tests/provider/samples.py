"""Inputs to make one resource of each type that a delivery needs."""

from __future__ import annotations

from tests.provider.engine import Engine, Properties, Resource

SERVICE_ID = "ibm-native:iam:ServiceId"
POLICY = "ibm-native:iam:AccessPolicy"
API_KEY = "ibm-native:iam:ApiKey"
NAMESPACE = "ibm-native:registry:Namespace"


def inputs_of(token: str, owner: Resource) -> Properties:
    """Return inputs for a type; `owner` is the service ID that it is for."""
    policy = {"iamId": owner.outputs["iamId"], "roles": ["Reader"], "region": "jp-tok", "namespace": "my-images"}
    inputs: dict[str, Properties] = {
        SERVICE_ID: {"name": "puller"},
        API_KEY: {"name": "key", "iamId": owner.outputs["iamId"]},
        POLICY: policy,
        NAMESPACE: {"name": "my-images", "region": "jp-tok"},
    }
    return inputs[token]


async def owner_of(engine: Engine) -> Resource:
    """Make a service ID that owns the rest."""
    return await engine.make(SERVICE_ID, {"name": "owner"}, name="owner")
