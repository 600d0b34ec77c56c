"""containerd, which runs containers for Kubernetes and Debian's Docker Engine; and the image that starts a Pod."""

from __future__ import annotations

import hashlib
import io
import json
import os
import socket
import tarfile
from pathlib import Path

from base.errors import SandboxError
from sandbox.host.layout import Layout
from sandbox.host.supervisor import Command, Part
from sandbox.kubernetes import network
from sandbox.toolchain import children, system
from sandbox.toolchain.debian import DebianTree

PAUSE_IMAGE = "docker.io/sandbox/pause:1"
_NAMESPACE = "k8s.io"
_LIMIT = "10m"
"""How long its client may take for one image: where containerd ends meanwhile, it tries again for ever."""
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


def part(layout: Layout) -> Part:
    """Return containerd; what it has started goes on when it is restarted."""
    address = layout.socket("containerd")
    return Part(
        "containerd",
        "containerd (runs containers)",
        f"unix://{address}",
        lambda: _problem(address),
        usually=1,
        socket=address,
        keeps_children=True,
    )


def command(layout: Layout, debian: DebianTree) -> Command:
    """Write containerd's settings and return how it is started."""
    cni = layout.write_config(
        "pods.conflist",
        name=layout.name,
        bridge=network.bridge(layout).name,
        run=str(layout.run),
        subnet=str(network.SUBNET),
        gateway=network.GATEWAY,
    )
    folder = layout.config / "cni"
    folder.mkdir(exist_ok=True)
    cni.replace(folder / cni.name)
    settings = layout.write_config(
        "containerd.toml",
        store=str(store(layout)),
        run=str(layout.run),
        config=str(layout.config),
        socket=str(layout.socket("containerd")),
        pause_image=PAUSE_IMAGE,
        runc=str(debian.binary("runc")),
        cni_plugins=str(debian.path("usr/lib/cni")),
    )
    return Command(
        [debian.binary("containerd"), "--config", settings], environ(layout, debian) | proxies() | trust(layout)
    )


def store(layout: Layout) -> Path:
    """Return the folder of the node's images."""
    return layout.root / "containerd"


def environ(layout: Layout, debian: DebianTree) -> dict[str, str]:
    """Return the environment of parts that come from Debian's packages: nothing of the user's but the search path."""
    system = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return debian.environ({"PATH": system, "HOME": str(layout.empty), "LANG": "C.UTF-8"})


def proxies() -> dict[str, str]:
    """Return the user's proxy settings, for the parts that pull what the user names."""
    return {name: value for name in _PROXIES if (value := os.environ.get(name))}


def trust(layout: Layout) -> dict[str, str]:
    """Return what lets a part trust the registries at the address that Pods share, beside whom this machine trusts."""
    return {"SSL_CERT_FILE": str(layout.pki / "ca.crt")}


def ensure_pause_image(layout: Layout, debian: DebianTree) -> None:
    """Give containerd the image of a Pod's first process: catatonit, which does nothing but reap what others leave."""
    if PAUSE_IMAGE in _images(layout, debian, "list", "--quiet", f"name=={PAUSE_IMAGE}").split():
        return
    archive = layout.run / "pause.tar"
    archive.write_bytes(_archive(debian.binary("catatonit")))
    give_image(layout, debian, archive)
    archive.unlink()


def give_image(layout: Layout, debian: DebianTree, archive: Path) -> None:
    """Give the node the images of an archive, as `docker save` writes it; raises SandboxError if it takes none."""
    _images(layout, debian, "import", archive)


def name_image(layout: Layout, debian: DebianTree, image: str, name: str) -> None:
    """Give one of the node's images a second name; one of Docker Hub's may come without its host."""
    host, slash, _ = name.partition("/")
    full = name if slash and ("." in host or ":" in host) else f"docker.io/{name}"
    _images(layout, debian, "tag", "--force", image, full)


def _images(layout: Layout, debian: DebianTree, *words: str | Path) -> str:
    ctr = [debian.binary("ctr"), "--address", layout.socket("containerd"), "--namespace", _NAMESPACE]
    done = children.run([*ctr, "--timeout", _LIMIT, "images", *words], environ(layout, debian))
    if done.status:
        raise SandboxError(
            f"containerd did not take {words[-1]}: {done.reason()}",
            f"look at {layout.log('containerd')}, and run the command again",
        )
    return done.stdout


def _problem(address: Path) -> str | None:
    # It opens its socket when all of its plugins are loaded; whether Pods can run is asked of the kubelet.
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(str(address))
        except OSError as error:
            return f"{address} does not answer ({error.strerror})"
    return None


def _archive(program: Path) -> bytes:
    """Return a Docker image archive that holds one statically linked program."""
    layer = _tar({"pause": program.read_bytes()}, mode=0o755)
    digest = hashlib.sha256(layer).hexdigest()
    config = json.dumps(
        {
            "architecture": system.machine().go,
            "os": "linux",
            "config": {"Entrypoint": ["/pause", "-P"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
            "history": [{"created": "1970-01-01T00:00:00Z"}],
        }
    ).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = json.dumps([{"Config": name, "RepoTags": [PAUSE_IMAGE], "Layers": ["layer.tar"]}]).encode()
    return _tar({name: config, "layer.tar": layer, "manifest.json": manifest})


def _tar(files: dict[str, bytes], mode: int = 0o644) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
