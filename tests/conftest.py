"""What every tier has in common: no test reads what the caller's shell was prepared for."""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from pathlib import Path

from sandbox.toolchain import launchers

PREPARED = {"KUBECONFIG", "STACK"}
PREFIXES = ("PULUMI_", "IBMCLOUD_", "IAM_IDENTITY_", "DOCKER_")


def forget_the_shell(environ: MutableMapping[str, str]) -> None:
    """Take out of `environ` what `make env`, or work on another stack, puts there; with IBM_LIVE=1 the key stays."""
    live = environ.get("IBM_LIVE") == "1"
    for name in [*environ]:
        if name in PREPARED or (name.startswith(PREFIXES) and not (live and name.startswith("IBMCLOUD_"))):
            del environ[name]
    folders = environ.get("PATH", "").split(os.pathsep)
    environ["PATH"] = os.pathsep.join(each for each in folders if Path(each) != launchers.FOLDER)


forget_the_shell(os.environ)
