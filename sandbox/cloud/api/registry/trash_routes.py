"""The trash (/api/v1/trash): what was deleted within the last 30 days, and how it comes back."""

from __future__ import annotations

from starlette.responses import Response

from sandbox.cloud.api.registry.scope import Reference, Scope
from sandbox.cloud.core import unverified
from sandbox.cloud.core.answers import answer
from sandbox.cloud.errors.registry import RegistryError
from sandbox.cloud.registry.images import Image, Tag, set_tag, trashed_in
from sandbox.cloud.serving.call import Call
from sandbox.cloud.serving.routing import Routes

routes = Routes(RegistryError)

_PATH = "/api/v1/trash"


@routes.on("GET", _PATH, settle=True)
def list_trash(call: Call) -> Response:
    """List what can be restored: digest -> the days left, and the tags that it had."""
    scope = Scope.of(call)
    names = scope.names(*call.request.query_params.getlist("namespace"), action="image.delete")
    return answer(
        {
            f"{scope.host}/{image.repository}@{image.digest}": {
                "daysUntilExpiry": image.expires_in(call.now),
                "tags": [f"{scope.host}/{image.repository}:{tag}" for tag in image.trashed_tags],
            }
            for image in trashed_in(call.session, scope.region, names, call.now)
        }
    )


@routes.on("POST", _PATH + "/{image}/restore", settle=True)
def restore(call: Call) -> Response:
    """Restore an image under one of its tags."""
    scope = Scope.of(call)
    wanted = Reference.parse(scope, call.path("image"))
    if wanted.digest is not None:
        _restore(call, _by_digest(scope, wanted), [])
        return answer({})
    tag = wanted.tag or ""
    found = [image for image in _in_trash(scope, wanted) if tag in image.trashed_tags]
    if not found:
        raise RegistryError(*unverified.TRASH_ABSENT)
    if call.session.get(Tag, scope.region, wanted.repository, tag) is not None:
        raise RegistryError(*unverified.TAG_IS_LIVE)
    # Two images may have had the tag at different times: the one that was deleted last comes back.
    _restore(call, max(found, key=lambda image: image.deleted_at or 0), [tag])
    return answer({})


@routes.on("POST", _PATH + "/{image}/restoretags", settle=True)
def restore_tags(call: Call) -> Response:
    """Restore a digest with all its tags, except those that name another image by now."""
    scope = Scope.of(call)
    wanted = Reference.parse(scope, call.path("image"))
    if wanted.digest is None:
        raise RegistryError.malformed("A digest is needed, such as namespace/repository@sha256:...")
    image = _by_digest(scope, wanted)
    taken = {tag for tag in image.trashed_tags if call.session.get(Tag, scope.region, image.repository, tag)}
    free = [tag for tag in image.trashed_tags if tag not in taken]
    _restore(call, image, free)
    place = f"{scope.host}/{image.repository}"
    return answer(
        {
            "successful": [f"{place}:{tag}" for tag in free],
            "unsuccessful": [f"{place}:{tag}" for tag in sorted(taken)],
        }
    )


def _in_trash(scope: Scope, wanted: Reference) -> list[Image]:
    scope.authorize(wanted.namespace, "image.push")
    found = trashed_in(scope.call.session, scope.region, [wanted.namespace], scope.call.now)
    return [image for image in found if image.repository == wanted.repository]


def _by_digest(scope: Scope, wanted: Reference) -> Image:
    found = [image for image in _in_trash(scope, wanted) if image.digest == wanted.digest]
    if not found:
        raise RegistryError(*unverified.TRASH_ABSENT)
    return found[0]


def _restore(call: Call, image: Image, tags: list[str]) -> None:
    image.deleted_at = None
    image.trashed_tags = []
    for tag in tags:
        set_tag(call.session, image.region, image.repository, tag, image.digest)
    for tag in tags or [None]:
        call.world.keeper.agenda.put(call.session, image, tag)
