"""The operations on v2 policies: /v2/policies."""

from __future__ import annotations

from starlette.responses import Response

from sandbox.cloud.api.policies import changes
from sandbox.cloud.api.policies.lists import respond_list
from sandbox.cloud.api.policies.showing import respond
from sandbox.cloud.errors.policies import PolicyError
from sandbox.cloud.iam.policy_body import PolicyBody
from sandbox.cloud.serving.call import Call
from sandbox.cloud.serving.routing import Routes

routes = Routes(PolicyError)

_PATH = "/v2/policies"
_ONE = _PATH + "/{id}"


@routes.on("POST", _PATH)
def create(call: Call) -> Response:
    """Create a policy; one for an access group or with access tags gives nothing here."""
    return respond(call, changes.create(call, call.json(PolicyBody), 2), 201)


@routes.on("GET", _PATH)
def list_all(call: Call) -> Response:
    """List the policies of an account, those made with v1 too."""
    return respond_list(call, 2)


@routes.on("GET", _ONE)
def get(call: Call) -> Response:
    """Return one policy; a deleted one too, with its state."""
    policy = changes.find(call)
    if not changes.may_read(call, policy.account_id):
        raise PolicyError.forbidden()
    return respond(call, policy)


@routes.on("PUT", _ONE)
def replace(call: Call) -> Response:
    """Replace a policy; one that was made with v1 is a v2 policy afterwards."""
    policy = changes.find_active(call, "update")
    changes.replace(call, policy, call.json(PolicyBody), 2)
    return respond(call, policy)


@routes.on("DELETE", _ONE)
def delete(call: Call) -> Response:
    """Delete a policy."""
    changes.delete(call, changes.find_active(call, "delete"))
    return Response(status_code=204)
