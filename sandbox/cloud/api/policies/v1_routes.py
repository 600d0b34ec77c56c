"""The operations on v1 policies: /v1/policies. Of policies that were made with v2 they show only that they exist."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from sandbox.cloud.api.policies import changes
from sandbox.cloud.api.policies.lists import respond_list
from sandbox.cloud.api.policies.showing import respond
from sandbox.cloud.api.policies.v1 import V1Body
from sandbox.cloud.core import unverified
from sandbox.cloud.errors.policies import PolicyError
from sandbox.cloud.iam.policies import ACTIVE
from sandbox.cloud.serving.call import Call
from sandbox.cloud.serving.routing import Routes

routes = Routes(PolicyError)

_PATH = "/v1/policies"
_ONE = _PATH + "/{id}"


class StateBody(msgspec.Struct):
    """The body of a restore."""

    state: str


@routes.on("POST", _PATH)
def create(call: Call) -> Response:
    """Create a policy; one for an access group, for a service, or with access tags gives nothing here."""
    return respond(call, changes.create(call, call.json(V1Body).policy(), 1), 201, 1)


@routes.on("GET", _PATH)
def list_all(call: Call) -> Response:
    """List the policies of an account."""
    return respond_list(call, 1)


@routes.on("GET", _ONE)
def get(call: Call) -> Response:
    """Return one policy; a deleted one too, with its state."""
    policy = changes.find(call)
    if not changes.may_read(call, policy.account_id):
        raise PolicyError.forbidden()
    return respond(call, policy, version=1)


@routes.on("PUT", _ONE)
def replace(call: Call) -> Response:
    """Replace a policy that was made with v1."""
    policy = changes.find_active(call, "update")
    if policy.version != 1:
        raise PolicyError(*unverified.V1_REPLACE_OF_V2)
    changes.replace(call, policy, call.json(V1Body).policy(), 1)
    return respond(call, policy, version=1)


@routes.on("PATCH", _ONE)
def restore(call: Call) -> Response:
    """Restore a deleted policy."""
    policy = changes.find(call)
    if call.json(StateBody).state != ACTIVE:
        raise PolicyError.malformed(f"state must be {ACTIVE}")
    changes.restore(call, policy)
    return respond(call, policy, version=1)


@routes.on("DELETE", _ONE)
def delete(call: Call) -> Response:
    """Delete a policy."""
    changes.delete(call, changes.find_active(call, "delete"))
    return Response(status_code=204)
