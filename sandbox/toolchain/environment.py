"""The environment in which plain `pulumi`, `kubectl` and `docker` work on the sandbox."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from base import paths
from sandbox.toolchain import launchers, plugins

_REMOVED = ("PULUMI_CONFIG_PASSPHRASE", "IBMCLOUD_API_KEY")
"""A user's own: the first would win over the file, the second must not be sent to the sandbox."""

_NO_PROXY = ("NO_PROXY", "no_proxy")
"""Programs read the one or the other."""


def shell_lines() -> list[str]:
    """Return lines for `eval`. The API key is read by the shell, so that its value is in no output of ours."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in _variables().items()]
    lines.append(f'export PATH={shlex.quote(str(launchers.FOLDER))}:"$PATH"')
    lines.append(f"unset {' '.join(_REMOVED)}")
    if _key().is_file():
        lines.append(f'export IBMCLOUD_API_KEY="$(cat {shlex.quote(str(_key()))})"')
    return lines


def process_environment() -> dict[str, str]:
    """Return this process's environment, made fit for a program that works on the sandbox."""
    environ = {name: value for name, value in os.environ.items() if name not in _REMOVED}
    environ |= _variables()
    environ["PATH"] = os.pathsep.join([str(launchers.FOLDER), *filter(None, [os.environ.get("PATH")])])
    if _key().is_file():
        environ["IBMCLOUD_API_KEY"] = _key().read_text().strip()
    return environ


def make_folders() -> None:
    """Make the folders that the environment names and that its users expect to exist."""
    for folder in (_state(), _docker_config()):
        folder.mkdir(parents=True, exist_ok=True)


def _variables() -> dict[str, str]:
    variables = {
        "PULUMI_HOME": str(plugins.HOME),
        "PULUMI_BACKEND_URL": f"file://{_state()}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(paths.CHECKOUT / "sandbox/dev.passphrase"),
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "KUBECONFIG": str(paths.home() / "kubeconfig"),
        "DOCKER_CONFIG": str(_docker_config()),
        **dict.fromkeys(_NO_PROXY, _reached_directly()),
    }
    engine = paths.home() / "docker-host"
    if engine.is_file():
        variables["DOCKER_HOST"] = engine.read_text().strip()
    if plugins.stand_ins_used():
        variables["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] = "true"
    return variables


def _reached_directly() -> str:
    """Return what no proxy is for: the user's own hosts, and the sandbox's, which are all on this machine."""
    given = [host.strip() for name in _NO_PROXY for host in os.environ.get(name, "").split(",")]
    return ",".join(dict.fromkeys([*filter(None, given), "127.0.0.1", "localhost"]))


def _key() -> Path:
    return paths.home() / "deployer.key"


def _state() -> Path:
    return paths.home() / "pulumi"


def _docker_config() -> Path:
    """Return a folder without any login, so that the user's own are neither used nor changed."""
    return paths.home() / "docker-config"
