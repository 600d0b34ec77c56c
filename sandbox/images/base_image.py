"""An nginx image made of Debian's packages, for machines that can't reach Docker Hub."""

from __future__ import annotations

import hashlib
from typing import cast

import httpx

from base import progress
from base.errors import SandboxError
from sandbox import addresses
from sandbox.host.layout import Layout
from sandbox.images import debian_root, docker_engine
from sandbox.toolchain.debian import DebianTree

_PACKAGES = ("coreutils", "dash", "libc6", "nginx-light")
_LABEL = "icr-sandbox.base"
_WHAT = "base image (nginx from Debian's packages)"
# What their installation scripts, which don't run, would have made; and, as in Docker Hub's nginx, a folder of pages
# that is served on port 80, and logs on the container's own output. `status.d` is where scanners look for packages.
_FINISH = r"""
set -e
printf 'root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n' >"$1/etc/passwd"
printf 'root:x:0:\nwww-data:x:33:\n' >"$1/etc/group"
mkdir -p "$1/run" "$1/usr/share/nginx/html" "$1/var/log/nginx" "$1/var/lib/nginx" "$1/var/lib/dpkg/status.d"
ln -sf /dev/stdout "$1/var/log/nginx/access.log"
ln -sf /dev/stderr "$1/var/log/nginx/error.log"
printf 'server {\n  listen 80;\n  root /usr/share/nginx/html;\n}\n' >"$1/etc/nginx/conf.d/default.conf"
for package in "$1"/var/cache/apt/archives/*.deb; do
  name=$(dpkg-deb --field "$package" Package)
  dpkg-deb --field "$package" >"$1/var/lib/dpkg/status.d/$name"
done
rm -rf "$1/usr/share/doc" "$1/usr/share/man" "$1/usr/share/locale"
"""
_CHANGES = ('CMD ["nginx", "-g", "daemon off;"]', "EXPOSE 80")


def is_there(layout: Layout) -> bool:
    """Return True if the Docker Engine has the image as this version of the sandbox makes it."""
    try:
        with docker_engine.engine(layout).client() as client:
            answer = client.get(f"/images/{addresses.BASE_IMAGE}/json")
    except (httpx.HTTPError, OSError):
        return False
    if answer.status_code != 200:
        return False
    config = cast("dict[str, dict[str, dict[str, str] | None]]", answer.json())["Config"]
    return (config.get("Labels") or {}).get(_LABEL) == _key()


def ensure(layout: Layout, debian: DebianTree) -> None:
    """Give the Docker Engine the image, unless it has it."""
    if is_there(layout):
        return
    tar = debian_root.archive(_key(), _WHAT, _PACKAGES, _FINISH, debian)
    with progress.step(f"give the Docker Engine the {_WHAT}", usually=3):
        changes = [*_CHANGES, f"LABEL {_LABEL}={_key()}"]
        answer = debian_root.give(docker_engine.engine(layout), tar, addresses.BASE_IMAGE, changes)
    if not is_there(layout):
        raise SandboxError(
            f"The Docker Engine did not take the {_WHAT}: {answer[:300]}",
            f"look at {layout.log('docker')}, and run the command again",
        )


def _key() -> str:
    recipe = "\n".join((debian_root.SUITE, *_PACKAGES, _FINISH, *_CHANGES))
    return f"base-image-{debian_root.SUITE}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
