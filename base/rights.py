"""Root's rights: the one line that gets them, and what root then gives back to the user whose checkout this is."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from base.errors import SandboxError
from base.paths import CHECKOUT, cache, home

KEPT = (
    "PATH",
    "HOME",
    "XDG_CACHE_HOME",
    "XDG_STATE_HOME",
    "ICR_SANDBOX_CACHE",
    "ICR_SANDBOX_HOME",
    "ICR_SANDBOX_REGIONS",
    "DOCKER_HOST",
    "GOPROXY",
    "PIP_INDEX_URL",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)
"""What `sudo` drops and the commands need: where Go is, where the data is to be, and how to get outside."""


_USED = (
    "kubeconfig",
    "pki/ca.crt",
    "pki/admin.crt",
    "pki/admin.key",
    "deployer.key",
    "docker-host",
    "run/docker.sock",
    "run/boot-id",
)
"""Files of the data folder that `pulumi`, `kubectl` and `docker` use after `make env`."""


def require_root(command: str) -> None:
    """Raise SandboxError, naming the line that runs `command` with root's rights, unless it may go on.

    It may not as root by a `sudo` that hides this user's own programs and home: the data would be out of their reach.
    """
    if os.geteuid() != 0:
        raise SandboxError(
            "The sandbox runs a Kubernetes node, and that takes root's rights (mounts, cgroups, network interfaces).",
            _as_root(command),
        )
    user = os.environ.get("SUDO_UID", "0")
    if user != "0" and user == str(CHECKOUT.stat().st_uid) and Path.home().stat().st_uid == 0:
        raise SandboxError(
            f"sudo gave root's home instead of yours, and {os.environ['SUDO_USER']} couldn't use what would be in it.",
            _as_root(command),
        )


def _as_root(command: str) -> str:
    if shutil.which("sudo") is None:
        return f"su --preserve-environment --command '{command}'"
    kept = " ".join(f'"{name}=${name}"' for name in KEPT if name in ("PATH", "HOME") or os.environ.get(name))
    return f"sudo env {kept} {command}"


def hand_over() -> None:
    """Give what root made to the checkout's owner: in the checkout, among the tools, and what `make env` names.

    Nothing happens where root owns the checkout, or isn't who runs this. With a home that isn't the owner's, only what
    is in the checkout changes hands.
    """
    owner = CHECKOUT.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        return
    own, data, trees, named = Path.home(), home().absolute(), [CHECKOUT], list[Path]()
    if own.stat().st_uid == owner.st_uid:
        trees += [cache(), data / "pulumi", data / "docker-config", own / ".cache/go-build", own / "go", own / ".kube"]
        named += [folder for folder in (*data.parents, *cache().absolute().parents) if own in folder.parents]
        named += [data / name for name in ("", *_USED)]
    for path in named:
        if path.exists() and path.stat().st_uid == 0:
            os.chown(path, owner.st_uid, owner.st_gid)
    # The rest of the data folder stays root's: its parts run there, with file systems mounted in it.
    choice = ["-path", str(data), "-prune", "-o", "-user", "0"]
    change = ["-exec", "chown", "--no-dereference", f"{owner.st_uid}:{owner.st_gid}", "{}", "+"]
    subprocess.run(["find", *(str(path) for path in trees if path.exists()), *choice, *change], check=False)
