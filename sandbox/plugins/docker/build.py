"""Builds an image with the Docker Engine's BuildKit, by Docker's own client: only that speaks BuildKit's protocol.

The client is the user's if it has buildx, else the one of the sandbox's Debian packages, which has BuildKit built in.
The registry's login reaches it as a settings file that lies in memory: never on disk, in arguments or the environment.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from sandbox.plugins.docker.inputs import Image
from sandbox.plugins.docker.stream import until_cancelled
from sandbox.plugins.processes import Child, temporary_folder
from sandbox.plugins.serving import PluginError

Show = Callable[[str], None]
"""Takes a line for the user; an empty one is nothing to show."""

_LINE = re.compile(r"#(?P<step>\d+) (?:(?P<seconds>\d+\.\d+) )?(?P<text>.*)")
"""A line of BuildKit's plain progress: a step's number, for a step's own output its time, and the text."""
_SHOWN_OUTPUT = 40
"""Lines of a failing step's output that are told."""
_NEWER_FORMS = re.compile(r"dockerfile parse error|in substitution|unsupported modifier", re.IGNORECASE)


def build(host: str, image: Image, show: Show, cancelled: threading.Event) -> str:
    """Build `image` under its name in the engine at `host`; return the image's local id, `sha256:...`.

    `show` gets each line of BuildKit's as it comes. Raises PluginError with BuildKit's own words and what a failing
    step wrote, and soon after `cancelled` is set.
    """
    client, environ, plugins = _client()
    progress = _Progress()
    with _settings(image, plugins) as settings:
        answer = settings / "image-id"
        arguments, values = _arguments(image, environ)
        environ |= values | {"DOCKER_BUILDKIT": "1", "DOCKER_CONFIG": str(settings), "DOCKER_HOST": host}
        # Whatever builder the user chose for buildx, the image is wanted in the engine, as one plain manifest.
        environ |= {"BUILDX_BUILDER": "default", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
        command = [client, "build", "--progress=plain", f"--iidfile={answer}", *arguments]
        child = Child(command, ".", environ)
        try:
            for line in until_cancelled(child.lines, cancelled):
                show(progress.read(line.rstrip()))
        finally:
            child.end()
        if status := child.status():
            raise PluginError(progress.failure() or f"{client} build ended with exit status {status}")
        return answer.read_text()


class _Progress:
    """What BuildKit has said so far."""

    def __init__(self) -> None:
        self._titles: dict[str, str] = {}
        self._outputs: dict[str, list[str]] = {}
        self._failing: str | None = None
        self._last = ""

    def read(self, line: str) -> str:
        """Take a line in; return what the user sees of it."""
        match = _LINE.match(line)
        if match is None:
            # Around the summary of a failure, whose parts are known from the steps themselves.
            if line and not line.startswith(("-----", " > ", "#")):
                self._last = line
            return ""
        step, text = match["step"], match["text"]
        title = self._titles.setdefault(step, text)
        if text.startswith("ERROR"):
            self._failing = step
        elif match["seconds"] and text:
            self._outputs.setdefault(step, []).append(text)
        return "" if text.startswith("sha256:") else text or title

    def failure(self) -> str:
        """Return what went wrong: BuildKit's reason, the step, and the end of what that wrote."""
        reason = self._last.removeprefix("ERROR: ")
        if _NEWER_FORMS.search(reason):
            reason += " (a form of a newer Dockerfile needs a newer Docker Engine, which reads them)"
        if self._failing is None:
            return reason
        output = self._outputs.get(self._failing, [])[-_SHOWN_OUTPUT:]
        return "\n".join([f"{reason} (at {self._titles[self._failing]})", *output])


def _client() -> tuple[str, dict[str, str], list[str]]:
    """Return a docker client that can use BuildKit, its environment and the folders of plugins that it doesn't know.

    Raises PluginError if there is none.
    """
    users = shutil.which("docker")
    if users and _has_buildkit(users):
        # The build has a DOCKER_CONFIG of its own, where the client wouldn't find what the user has added to his.
        own = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker", "cli-plugins")
        return users, dict(os.environ), [str(own)] if own.is_dir() else []
    from sandbox.toolchain import debian  # noqa: PLC0415 - half a second that only a build should wait for

    if tree := debian.find():
        return str(tree.binary("docker")), tree.environ(), [str(tree.docker_plugins)]
    raise PluginError(
        "no docker client on this machine can build with BuildKit: install Docker's buildx "
        "(package docker-buildx-plugin), or run `make up` in this project's checkout, which gets a client"
    )


def _has_buildkit(client: str) -> bool:
    """Tell whether a client has buildx, or is of those before 23, which have BuildKit's own client in them."""
    if subprocess.run([client, "buildx", "version"], capture_output=True, check=False).returncode == 0:
        return True
    said = subprocess.run([client, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"version (\d+)\.", said)
    return found is not None and 18 < int(found[1]) < 23


def _arguments(image: Image, environ: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Return the client's arguments, and the build arguments that it takes from its environment.

    A build argument whose name the client itself reads, such as PATH, is handed over as an argument.
    """
    options = {"file": image.dockerfile, "tag": image.name, "platform": image.platform, "target": image.target}
    options["network"] = image.network
    arguments = [f"--{name}={value}" for name, value in options.items() if value]
    arguments += [f"--cache-from={each}" for each in image.cache_from]
    arguments += [f"--add-host={each}" for each in image.add_hosts]
    own = {name for name in image.arguments if name in environ or name.startswith(("DOCKER_", "BUILDX_"))}
    arguments += [f"--build-arg={name}={image.arguments[name]}" for name in sorted(own)]
    others = {name: value for name, value in image.arguments.items() if name not in own}
    return [*arguments, *(f"--build-arg={name}" for name in sorted(others)), "--", image.context], others


@contextmanager
def _settings(image: Image, plugins: list[str]) -> Generator[Path]:
    """Yield a folder for DOCKER_CONFIG: the user's own settings, the image's login before theirs, and plugins."""
    users = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    with temporary_folder("docker-build-") as name, os.fdopen(os.memfd_create("login"), "w") as file:
        folder = Path(name)
        for each in users.iterdir() if users.is_dir() else ():
            if each.name != "config.json":
                (folder / each.name).symlink_to(each.resolve())
        json.dump(_with_plugins(_with_login(_read(users / "config.json"), image), plugins), file)
        file.flush()
        (folder / "config.json").symlink_to(f"/proc/{os.getpid()}/fd/{file.fileno()}")
        yield folder


def _with_login(settings: dict[str, object], image: Image) -> dict[str, object]:
    login = image.login
    if login is None:
        return settings
    auth = base64.b64encode(f"{login.username}:{login.password}".encode()).decode()
    auths = cast("dict[str, object]", settings.get("auths") or {})
    helpers = cast("dict[str, object]", settings.get("credHelpers") or {})
    # An empty helper's name: this registry's login is in the file, whatever keeps the user's others.
    return {
        **settings,
        "auths": {**auths, login.address: {"auth": auth}},
        "credHelpers": {**helpers, login.address: ""},
    }


def _with_plugins(settings: dict[str, object], plugins: list[str]) -> dict[str, object]:
    there = cast("list[str] | None", settings.get("cliPluginsExtraDirs")) or []
    return {**settings, "cliPluginsExtraDirs": [*there, *plugins]} if plugins else settings


def _read(file: Path) -> dict[str, object]:
    try:
        content = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise PluginError(f"Docker's settings, {file}, can't be read ({type(error).__name__})") from None
    return cast("dict[str, object]", content) if isinstance(content, dict) else {}
