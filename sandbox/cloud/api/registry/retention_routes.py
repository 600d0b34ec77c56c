"""The operations on retention policies (/api/v1/retentions)."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from sandbox.cloud.api.registry.scope import Scope
from sandbox.cloud.core.answers import answer
from sandbox.cloud.errors.registry import RegistryError
from sandbox.cloud.registry.retention import ALL, Retention, run, surplus
from sandbox.cloud.serving.call import Call
from sandbox.cloud.serving.routing import Routes

routes = Routes(RegistryError)

_PATH = "/api/v1/retentions"


class _Policy(msgspec.Struct):
    namespace: str
    images_per_repo: int = ALL
    retain_untagged: bool = False
    deletion_threshold_days: int = 0


@routes.on("GET", _PATH)
def list_policies(call: Call) -> Response:
    """List the policies: namespace -> policy."""
    scope = Scope.of(call)
    names = scope.names(action="retention.list")
    found = (call.session.get(Retention, scope.region, name) for name in names)
    return answer({policy.namespace: _shown(policy) for policy in found if policy})


@routes.on("GET", _PATH + "/{namespace}")
def get_policy(call: Call) -> Response:
    """Return a namespace's policy; without one, the policy that keeps everything."""
    scope, name = Scope.of(call), call.path("namespace")
    scope.authorize(name, "retention.get")
    found = call.session.get(Retention, scope.region, name)
    return answer(_shown(found or _row(scope, _Policy(name, ALL, retain_untagged=True), call.now)))


@routes.on("POST", _PATH, settle=True)
def set_policy(call: Call) -> Response:
    """Replace a namespace's policy, and run it. One that keeps everything is no policy."""
    scope, wanted = Scope.of(call), _read(call)
    scope.authorize(wanted.namespace, "retention.set")
    call.session.forget(Retention, region=scope.region, namespace=wanted.namespace)
    if wanted.images_per_repo != ALL or not wanted.retain_untagged:
        policy = _row(scope, wanted, call.now)
        call.session.add(policy)
        run(call.session, policy, call.now, call.world.keeper.agenda)
    return Response(status_code=201)


@routes.on("POST", _PATH + "/analyze", settle=True)
def analyze(call: Call) -> Response:
    """Return what a policy would remove: repository -> digests."""
    scope, wanted = Scope.of(call), _read(call)
    scope.authorize(wanted.namespace, "retention.analyze")
    found: dict[str, list[str]] = {}
    for image in surplus(call.session, _row(scope, wanted, call.now), call.now):
        found.setdefault(f"{scope.host}/{image.repository}", []).append(image.digest)
    return answer(found)


def _read(call: Call) -> _Policy:
    wanted = call.json(_Policy)
    if wanted.images_per_repo < ALL:
        raise RegistryError.malformed("images_per_repo is a number of images, or -1 for all.")
    if wanted.deletion_threshold_days < 0:
        raise RegistryError.malformed("deletion_threshold_days is a number of days, or 0 for none.")
    return wanted


def _row(scope: Scope, wanted: _Policy, now: int) -> Retention:
    return Retention(
        region=scope.region,
        namespace=wanted.namespace,
        images_per_repo=wanted.images_per_repo,
        retain_untagged=wanted.retain_untagged,
        runs_at=now,
        deletion_threshold_days=wanted.deletion_threshold_days,
    )


def _shown(policy: Retention) -> dict[str, object]:
    days = policy.deletion_threshold_days
    return {
        "namespace": policy.namespace,
        "images_per_repo": policy.images_per_repo,
        "retain_untagged": policy.retain_untagged,
        **({"deletion_threshold_days": days} if days else {}),
    }
