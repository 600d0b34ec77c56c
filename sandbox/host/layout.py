"""Where each part of one sandbox keeps its files, and the names that tell this sandbox's things from all others'."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from string import Template

from base import files, paths

_TEMPLATES = Path(__file__).parent.parent / "templates"


@dataclass(frozen=True)
class Layout:
    """The sandbox's data folder.

    `root/run` holds what lives as long as the machine runs (sockets, pid files, containers' state) and is wiped by
    `down`; everything else stays until `reset`.
    """

    root: Path

    @property
    def tag(self) -> str:
        """Return eight characters that only this data folder has; part of the names of things outside of it."""
        return hashlib.sha256(str(self.root).encode()).hexdigest()[:8]

    @property
    def name(self) -> str:
        """Return the name of this sandbox's cgroup and Pod network."""
        return f"icr-sandbox-{self.tag}"

    @property
    def run(self) -> Path:
        """Return the folder of sockets, pid files and containers' state."""
        return self.root / "run"

    @property
    def boot_id(self) -> Path:
        """Return the file that says in which run of the machine `run` was made."""
        return self.run / "boot-id"

    @property
    def controllers(self) -> Path:
        """Return the file that says which cgroup controllers the machine handed down before."""
        return self.run / "controllers"

    @property
    def config(self) -> Path:
        """Return the folder of the parts' settings, written anew by each `up`."""
        return self.root / "config"

    @property
    def logs(self) -> Path:
        """Return the folder of the parts' logs."""
        return self.root / "logs"

    @property
    def pki(self) -> Path:
        """Return the folder of the cluster's keys and certificates."""
        return self.root / "pki"

    @property
    def empty(self) -> Path:
        """Return a folder that stays empty: HOME of the parts, so that no login of the user's is found there."""
        return self.root / "empty"

    @property
    def kubeconfig(self) -> Path:
        """Return the administrator's kubeconfig."""
        return self.root / "kubeconfig"

    @property
    def docker_host(self) -> Path:
        """Return the file that holds the Docker Engine's address, as DOCKER_HOST has it."""
        return self.root / "docker-host"

    @property
    def deployer_key(self) -> Path:
        """Return the file that holds the API key of the sandbox account's owner."""
        return self.root / "deployer.key"

    def socket(self, part: str) -> Path:
        """Return a part's unix socket."""
        return self.run / f"{part}.sock"

    def log(self, part: str) -> Path:
        """Return a part's log."""
        return self.logs / f"{part}.log"

    def make(self) -> None:
        """Make the folders that parts expect; only their owner may look inside."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o700)
        folders = (self.run, self.config, self.logs, self.pki, self.empty)
        for folder in (*folders, self.root / "docker-config", self.root / "pulumi"):
            folder.mkdir(exist_ok=True)

    def write_config(self, template: str, to: str | None = None, /, **values: str) -> Path:
        """Fill in the template of that name, write it to the settings' folder (`to` another name), return its path."""
        text = Template((_TEMPLATES / template).read_text()).substitute(values)
        path = self.config / (to or template)
        files.write(path, text)
        return path


def current() -> Layout:
    """Return the layout of the sandbox that this process's environment names."""
    return Layout(paths.home().absolute())
