"""The registry's events (its `notifications`): what they hint at is looked at, and what was pulled counts as traffic.

Events are authenticated by a secret that only the registry and the stand-in know. Each counts once, however often it
comes: its id is kept for a day.
"""

from __future__ import annotations

import hmac

import msgspec
from starlette.responses import Response

from sandbox.cloud.errors.registry import RegistryError
from sandbox.cloud.registry.images import KINDS, find_image
from sandbox.cloud.registry.namespaces import Namespace
from sandbox.cloud.registry.tasks import LOOK, Task
from sandbox.cloud.registry.traffic import SeenEvent, Traffic, month_of
from sandbox.cloud.registry.upstream import ACTOR
from sandbox.cloud.serving.call import Call
from sandbox.cloud.serving.routing import Routes

PATH = "/sandbox/registry-events"

routes = Routes(RegistryError)

_KEPT = 24 * 3600 * 1000


class _Target(msgspec.Struct, rename="camel"):
    repository: str = ""
    digest: str | None = None
    tag: str | None = None
    size: int = 0
    media_type: str = ""


class _Request(msgspec.Struct):
    method: str = ""
    host: str = ""


class _Actor(msgspec.Struct):
    name: str = ""


class _Source(msgspec.Struct, rename={"instance_id": "instanceID"}):
    instance_id: str = ""


class _Event(msgspec.Struct):
    id: str
    action: str
    target: _Target
    request: _Request = msgspec.field(default_factory=_Request)
    actor: _Actor = msgspec.field(default_factory=_Actor)
    source: _Source = msgspec.field(default_factory=_Source)


class _Envelope(msgspec.Struct):
    events: list[_Event]


@routes.on("POST", PATH, public=True)
def receive(call: Call) -> Response:
    """Take a registry's events. The region is the one that the Host header means."""
    region = _authenticated(call)
    for event in call.json(_Envelope).events:
        call.world.keeper.seen(region, event.source.instance_id)
        if event.actor.name != ACTOR and _is_new(call, event):
            _take(call, region, event)
    return Response(status_code=200)


@routes.on("POST", "/sandbox/registry-reconcile", public=True, settle=True)
def reconcile(call: Call) -> Response:
    """Look at everything that the region's registry holds, whatever its events have told."""
    call.world.keeper.reconcile(_authenticated(call))
    return Response(status_code=200)


def _authenticated(call: Call) -> str:
    """Return the region that the Host header means, if the caller knows the secret."""
    secret = call.world.keeper.events_secret
    given = call.request.headers.get("authorization", "")
    if not secret or not hmac.compare_digest(given.encode(), f"Bearer {secret}".encode()):
        raise RegistryError.unauthenticated()
    return call.world.regions.of_host(call.request.headers.get("host", ""))


def _is_new(call: Call, event: _Event) -> bool:
    if call.session.get(SeenEvent, event.id) is not None:
        return False
    call.session.forget(SeenEvent, "at < ?", call.now - _KEPT)
    call.session.add(SeenEvent(id=event.id, at=call.now))
    return True


def _take(call: Call, region: str, event: _Event) -> None:
    if event.action == "pull" and event.request.method == "GET":
        _count(call, region, event)
    target = event.target
    known = _is_known(call, region, target)
    # Most events are about blobs. Only a delete doesn't say so; no image has a blob's digest, nor a tag.
    if event.action == "delete":
        hints = known or target.tag is not None
    else:
        hints = target.media_type in KINDS and (event.action == "push" or not known)
    if not hints:
        return
    call.world.keeper.agenda.add(
        call.session,
        Task(region=region, kind=LOOK, repository=target.repository, digest=target.digest, tag=target.tag),
    )


def _is_known(call: Call, region: str, target: _Target) -> bool:
    return find_image(call.session, region, target.repository, target.digest or "") is not None


def _count(call: Call, region: str, event: _Event) -> None:
    """Charge a pull to the account that owns the namespace; pulls by a private name are free."""
    namespace = call.session.get(Namespace, region, event.target.repository.partition("/")[0])
    if namespace is None or event.request.host.startswith("private."):
        return
    key = (region, namespace.account_id, month_of(call.now))
    found = call.session.get(Traffic, *key)
    if found is None:
        found = Traffic(region=region, account_id=namespace.account_id, month=key[2], pulled_bytes=0)
        call.session.add(found)
    found.pulled_bytes += event.target.size
