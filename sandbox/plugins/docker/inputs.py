"""An Image's inputs: what the official plugin fills in, what it refuses, and their shape for the build."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from posixpath import join, normpath
from typing import TypeAlias, cast

from sandbox.plugins.docker import context
from sandbox.plugins.serving import PluginError
from sandbox.plugins.values import Properties, Unknown, Value, contains_unknown

BUILDERS = ("BuilderV1", "BuilderBuildKit")
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}
_HOST = re.compile(r"[^/]*[.:][^/]*|localhost")
_DEFAULT_DOCKERFILE = "Dockerfile"
_DOCKER_HUB = "https://index.docker.io/v1/"
_HUB_NAMES = ("docker.io", "index.docker.io", "registry-1.docker.io")

Object: TypeAlias = dict[str, Value]


@dataclass(frozen=True)
class Login:
    """As whom to talk to a registry; `address` is its name as Docker's settings know it."""

    address: str
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Image:
    """An Image's inputs, all known: paths relative to the project or absolute."""

    name: str
    context: str
    dockerfile: str
    platform: str
    target: str
    arguments: Mapping[str, str]
    cache_from: tuple[str, ...]
    network: str
    add_hosts: tuple[str, ...]
    skip_push: bool
    registry_server: str
    login: Login | None
    """None means the login of Docker's own settings, if any."""

    @property
    def repository(self) -> str:
        """The image's name without its tag."""
        slash, colon = self.name.rfind("/"), self.name.rfind(":")
        return self.name[:colon] if colon > slash else self.name

    @property
    def dockerfile_in_context(self) -> str:
        """The Dockerfile's place as seen from the context."""
        return context.relative(self.dockerfile, self.context)


def host_platform() -> str:
    """Return the platform that an image is built for if nothing is said: Linux on this machine's processor."""
    machine = platform.machine()
    return f"linux/{_ARCHITECTURES.get(machine, machine)}"


def with_defaults(news: Properties) -> tuple[Properties, bool]:
    """Return the inputs as the official plugin's Check returns them, and whether the platform was filled in.

    Adds buildOnPreview, the build's context, Dockerfile and platform, and the context's digest. What is unknown yet
    stays so. Raises PluginError for a Dockerfile that isn't there and for a name that can't be pushed.
    """
    inputs = dict(news)
    inputs["buildOnPreview"] = inputs.get("buildOnPreview") is True
    if isinstance(inputs.get("build"), Unknown):
        return inputs, False
    build = _object(inputs.get("build"), "build")
    _check_builder(build.get("builderVersion"))
    place = build.get("context", ".")
    dockerfile = build.get("dockerfile", _beside(place))
    build |= {"context": place, "dockerfile": dockerfile}
    if isinstance(place, str) and isinstance(dockerfile, str):
        _check_dockerfile(place, dockerfile)
        build["contextDigest"] = context.digest(place, dockerfile)
    filled_in = "platform" not in build
    build.setdefault("platform", host_platform())
    inputs["build"] = build
    _check_names(inputs, build)
    return inputs, filled_in


def image(inputs: Properties) -> Image:
    """Return what to build from checked inputs; raises PluginError for one of a wrong kind."""
    build = _object(inputs.get("build"), "build")
    registry = _object(inputs.get("registry"), "registry")
    arguments = _object(build.get("args"), "build.args")
    return Image(
        name=_text(inputs, "imageName"),
        context=_text(build, "context") or ".",
        dockerfile=_text(build, "dockerfile") or _DEFAULT_DOCKERFILE,
        platform=_text(build, "platform"),
        target=_text(build, "target"),
        arguments={name: _text(arguments, name) for name in arguments},
        cache_from=tuple(each for each in cached_images(build) if isinstance(each, str)),
        network=_text(build, "network"),
        add_hosts=tuple(each for each in _list(build, "addHosts") if isinstance(each, str)),
        skip_push=inputs.get("skipPush") is True,
        registry_server=_text(registry, "server"),
        login=_login(registry, _text(inputs, "imageName")),
    )


def can_build(inputs: Properties) -> bool:
    """Tell whether enough is known for a build: the name, the build's context, Dockerfile and arguments."""
    build = inputs.get("build")
    return (
        isinstance(build, dict)
        and isinstance(inputs.get("imageName"), str)
        and not any(contains_unknown(build.get(each)) for each in ("dockerfile", "context", "args"))
    )


def cached_images(build: Object) -> list[Value]:
    """Return `build.cacheFrom.images`; raises PluginError if there is a cacheFrom without them."""
    cache = build.get("cacheFrom")
    if cache is None or isinstance(cache, Unknown):
        return []
    images = cache.get("images") if isinstance(cache, dict) else None
    if isinstance(images, Unknown):
        return []
    if not isinstance(images, list):
        raise PluginError("cacheFrom requires an `images` field that is a list of image names")
    return images


def _beside(place: Value) -> Value:
    return normpath(join(place, _DEFAULT_DOCKERFILE)) if isinstance(place, str) else Unknown()


def _object(value: Value, name: str) -> Object:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise PluginError(f"{name} must be an object, got {type(value).__name__}")
    return dict(value)


def _list(values: Object, name: str) -> list[Value]:
    found = values.get(name)
    return found if isinstance(found, list) else []


def _login(registry: Object, image_name: str) -> Login | None:
    username, password = _text(registry, "username"), _text(registry, "password")
    server = _text(registry, "server") or image_name.split("/", 1)[0]
    host = server.removeprefix("https://").removeprefix("http://").split("/", 1)[0]
    address = _DOCKER_HUB if host in _HUB_NAMES else host
    return Login(address, username, password) if username and password else None


def _text(values: Mapping[str, Value], name: str) -> str:
    value = values.get(name, "")
    if not isinstance(value, str):
        raise PluginError(f"{name} must be a string, got {type(value).__name__}")
    return value


def _check_builder(version: Value) -> None:
    if isinstance(version, str) and version not in BUILDERS:
        raise PluginError(f"invalid Docker Builder version {version!r}: expected one of {', '.join(BUILDERS)}")


def _check_dockerfile(place: str, dockerfile: str) -> None:
    if Path(dockerfile).is_file():
        return
    if Path(dockerfile).is_absolute():
        raise PluginError(f'no such Dockerfile: "{dockerfile}"')
    message = f'could not open dockerfile at relative path "{dockerfile}"'
    inside = normpath(join(place, dockerfile))
    if Path(inside).is_file():
        raise PluginError(f'{message}: the path counts from the project. Try setting `dockerfile` to "{inside}"')
    raise PluginError(f"{message}: no such file in {Path.cwd()}")


def _check_names(inputs: Properties, build: Object) -> None:
    cached = cached_images(build)
    server = cast("Object", inputs["registry"]).get("server") if isinstance(inputs.get("registry"), dict) else None
    if (inputs.get("skipPush") is True and not cached) or server:
        return
    for name in [inputs.get("imageName"), *cached]:
        if isinstance(name, str) and not _has_host(name):
            raise PluginError(
                f"repository name must be canonical: {name!r} names no registry. "
                f"Give it one (`docker.io/repository/image:tag` for Docker Hub), or set `registry.server`"
            )


def _has_host(name: str) -> bool:
    host, slash, _ = name.partition("/")
    return bool(slash) and _HOST.fullmatch(host) is not None
