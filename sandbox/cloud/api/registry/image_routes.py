"""The operations on images (/api/v1/images) and tags."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from sandbox.cloud.api.registry.scope import Reference, Scope, find, split
from sandbox.cloud.core import unverified
from sandbox.cloud.core.answers import answer
from sandbox.cloud.errors.base import ForbiddenError
from sandbox.cloud.errors.registry import RegistryError
from sandbox.cloud.registry.images import (
    KINDS,
    Image,
    Tag,
    copy_image,
    images_in,
    set_tag,
    tags_in,
    trash,
)
from sandbox.cloud.serving.call import Call
from sandbox.cloud.serving.routing import Routes

routes = Routes(RegistryError)

_PATH = "/api/v1/images"


@routes.on("GET", _PATH, settle=True)
def list_images(call: Call) -> Response:
    """List the tagged images of the namespaces that the caller may list; IBM's own public images: there are none."""
    scope = Scope.of(call)
    names = scope.names(*call.request.query_params.getlist("namespace"), action="image.list")
    repositories = {split(scope, text)[0] for text in call.request.query_params.getlist("repository")}
    if call.flag("includePrivate", default=True) is False:
        return answer([])
    lists, scanned = call.flag("includeManifestLists"), call.flag("vulnerabilities")
    tags = tags_in(call.session, scope.region, names)
    return answer(
        [
            _listed(image, scope.host, tags[image.repository, image.digest])
            | (_vulnerable(scope, image, tags[image.repository, image.digest][0]) if scanned else {})
            for image in images_in(call.session, scope.region, names)
            if (image.repository, image.digest) in tags
            and (lists or not image.is_list)
            and (not repositories or image.repository in repositories)
        ]
    )


class _Digests(msgspec.Struct):
    exclude_tagged: bool = False
    exclude_va: bool = False
    include_ibm: bool = False
    repositories: list[str] = []


@routes.on("POST", _PATH + "/digests", settle=True)
def list_digests(call: Call) -> Response:
    """List images by digest, with and without tags."""
    scope, wanted = Scope.of(call), call.json(_Digests)
    names = scope.names(action="image.list")
    repositories = {split(scope, text)[0] for text in wanted.repositories}
    tags = tags_in(call.session, scope.region, names)
    found: list[dict[str, object]] = []
    for image in images_in(call.session, scope.region, names):
        own = tags.get((image.repository, image.digest), [])
        if (own and wanted.exclude_tagged) or (repositories and image.repository not in repositories):
            continue
        found.append(
            {
                "id": image.digest,
                "created": _seconds(image),
                "manifestType": KINDS.get(image.media_type, image.media_type),
                "repoTags": {
                    f"{scope.host}/{image.repository}": {
                        tag: {} if wanted.exclude_va else _va(scope, image, tag) for tag in own
                    }
                },
                "size": image.size,
            }
        )
    return answer(found)


@routes.on("GET", _PATH + "/{image}/json", settle=True)
def inspect(call: Call) -> Response:
    """Describe an image as Docker does."""
    image = find(Scope.of(call), call.path("image"), "image.inspect")
    if image.is_list:
        raise RegistryError(*unverified.LIST_INSPECTED)
    config = msgspec.json.decode(image.config, type=_Config)
    shown = {
        "Architecture": config.architecture,
        "Author": config.author,
        "Comment": config.comment,
        "Config": config.config,
        "Container": config.container,
        "ContainerConfig": config.container_config,
        "Created": config.created,
        "DockerVersion": config.docker_version,
        "Id": image.config_digest,
        "ManifestType": image.media_type,
        "Os": config.os,
        "OsVersion": config.os_version,
        "Parent": "",
        "RootFS": {"Type": config.rootfs.type, "Layers": config.rootfs.diff_ids},
        "Size": image.size,
        "VirtualSize": image.size,
    }
    return answer({name: value for name, value in shown.items() if value is not None})


@routes.on("GET", _PATH + "/{image}/manifest", settle=True)
def manifest(call: Call) -> Response:
    """Return an image's manifest, byte for byte."""
    image = find(Scope.of(call), call.path("image"), "image.inspect")
    return Response(image.manifest, media_type=None, headers={"Content-Type": image.media_type})


@routes.on("POST", _PATH + "/tags", settle=True)
def tag(call: Call) -> Response:
    """Give an image one more tag, in its repository or in another one of the same region."""
    scope = Scope.of(call)
    source, target = call.query("fromimage"), call.query("toimage")
    if not source or not target:
        raise RegistryError.malformed("fromimage and toimage are both needed.")
    image = find(scope, source, "image.pull")
    wanted = Reference.parse(scope, target)
    if wanted.tag is None or wanted.digest:
        raise RegistryError.malformed(f"'{target}' is no tag, such as namespace/repository:tag.")
    scope.authorize(wanted.namespace, "image.push")
    agenda, elsewhere = call.world.keeper.agenda, wanted.repository != image.repository
    held = copy_image(call.session, image, wanted.repository, call.now) if elsewhere else [image]
    for part in held[:-1]:
        agenda.put(call.session, part, source=image.repository)
    set_tag(call.session, scope.region, wanted.repository, wanted.tag, image.digest)
    agenda.put(call.session, held[-1], wanted.tag, source=image.repository if elsewhere else None)
    return Response(status_code=201)


@routes.on("DELETE", _PATH + "/{image}", settle=True)
def delete(call: Call) -> Response:
    """Move an image with all its tags to the trash."""
    image = find(Scope.of(call), call.path("image"), "image.delete")
    _trash(call, image)
    return answer({"Untagged": call.path("image")})


@routes.on("POST", _PATH + "/bulkdelete", settle=True)
def bulk_delete(call: Call) -> Response:
    """Move several images to the trash; those that can't be are named, with the reason."""
    scope, done, failed = Scope.of(call), list[str](), dict[str, object]()
    for name in call.json(list[str]):
        try:
            if not Reference.parse(scope, name).digest:
                raise RegistryError.malformed(f"'{name}' names no digest.")
            _trash(call, find(scope, name, "image.delete"))
            done.append(name)
        except RegistryError as error:
            failed[name] = {"code": error.code, "message": error.message}
        except ForbiddenError:
            refusal = RegistryError.forbidden()
            failed[name] = {"code": refusal.code, "message": refusal.message}
    return answer({"success": done, "error": failed})


@routes.on("DELETE", "/api/v1/tags/{image}", settle=True)
def untag(call: Call) -> Response:
    """Take one tag off an image, which stays."""
    scope, name = Scope.of(call), call.path("image")
    wanted = Reference.parse(scope, name)
    scope.authorize(wanted.namespace, "image.delete")
    found = call.session.get(Tag, scope.region, wanted.repository, wanted.tag or "")
    if found is None or wanted.digest:
        raise RegistryError(*unverified.IMAGE_ABSENT)
    call.world.keeper.agenda.untag(call.session, found)
    call.session.delete(found)
    return answer({"Untagged": name})


def _trash(call: Call, image: Image) -> None:
    trash(call.session, image, call.now)
    call.world.keeper.agenda.remove(call.session, image)


class _RootFs(msgspec.Struct):
    type: str = "layers"
    diff_ids: list[str] = []


class _Config(msgspec.Struct, rename={"os_version": "os.version"}):
    """An image's configuration, by Docker's and OCI's image specifications."""

    architecture: str | None = None
    author: str | None = None
    comment: str | None = None
    config: dict[str, object] | None = None
    container: str | None = None
    container_config: dict[str, object] | None = None
    created: str | None = None
    docker_version: str | None = None
    os: str | None = None
    os_version: str | None = None
    rootfs: _RootFs = msgspec.field(default_factory=_RootFs)


def _vulnerable(scope: Scope, image: Image, tag: str) -> dict[str, object]:
    """Return what Vulnerability Advisor says, in a list's words."""
    return {name[0].upper() + name[1:]: value for name, value in _va(scope, image, tag).items()}


def _va(scope: Scope, image: Image, tag: str) -> dict[str, object]:
    """Return what Vulnerability Advisor says, in a digest list's words."""
    report = scope.report(image, tag)
    return {
        "vulnerable": report.status,
        "vulnerabilityCount": len(report.findings),
        "configurationIssueCount": 0,
        "issueCount": len(report.findings),
        "exemptIssueCount": report.exempt_count,
    }


def _listed(image: Image, host: str, tags: list[str]) -> dict[str, object]:
    repository = f"{host}/{image.repository}"
    digest = f"{repository}@{image.digest}"
    names = [f"{repository}:{tag}" for tag in tags]
    return {
        "Id": image.config_digest,
        "ParentId": "",
        "DigestTags": {digest: names},
        "RepoTags": names,
        "RepoDigests": [digest],
        "Created": _seconds(image),
        "Size": image.size,
        "VirtualSize": image.size,
        "Labels": _labels(image),
        "Vulnerable": "",
        "VulnerabilityCount": 0,
        "ConfigurationIssueCount": 0,
        "IssueCount": 0,
        "ExemptIssueCount": 0,
        "ManifestType": image.media_type,
    }


def _labels(image: Image) -> object:
    return (msgspec.json.decode(image.config, type=_Config).config or {}).get("Labels") or {}


def _seconds(image: Image) -> int:
    """Return the build date in seconds since 1970; 0 where the image names none."""
    return (image.built_at or 0) // 1000
