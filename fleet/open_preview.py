"""The open preview: the real engine on an empty state, without any credential, cluster, account or network.

So it may run on a change of anybody's: what the program could read, and nothing more, is in its environment.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import yaml

from fleet.docker_socket import answering
from fleet.inventory import StackFile
from fleet.operations import Operations, policy_packs
from fleet.run import Run
from fleet.stack import Stack

PASSED = ("PATH", "LANG", "LC_ALL", "TMPDIR", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION")
"""What the engine gets of the caller's environment: how to find programs, and no way in anywhere."""
_LEFT_OUT = {".git", ".fleet", ".sandbox", "state"}
_SECRETS = ("encryptionsalt", "encryptedkey", "secretsprovider", "environment")
"""What a stack file says of how its secrets are read, and of environments that hold some."""


def open_preview(run: Run, stack: Stack) -> None:
    """Validate the stack's file, then tell what a first update would make, held against the policy pack."""
    Operations().validate(run, stack)
    if run.status == "failed":
        return
    with alone(run.stack, stack.environ, stack.log) as emptied:
        emptied.make()
        run.phase = "preview"
        emptied.preview(run.changes, policy_packs(run))
    run.status = "done"
    if run.stack.config.get("registryNamespaceMode") == "use":
        run.notes.append("the registry namespace that it uses counts as one to adopt: reading it takes a credential")


@contextmanager
def alone(file: StackFile, environ: Mapping[str, str], log: IO[str] | None) -> Generator[Stack]:
    """Yield the stack in a project of its own, removed at the end: no state, no secret, an empty home."""
    with tempfile.TemporaryDirectory(prefix="fleet-") as name, answering(Path(name, "docker.sock")) as engine:
        folder = Path(name)
        project, home, state = (folder / part for part in ("project", "home", "state"))
        for path in (project, home, state):
            path.mkdir()
        for path in file.folder.iterdir():
            if path.name not in _LEFT_OUT and not path.match("Pulumi.*.yaml"):
                (project / path.name).symlink_to(path)
        (project / f"Pulumi.{file.name}.yaml").write_text(yaml.safe_dump(_without_secrets(file)))
        alone_environ = {key: environ[key] for key in PASSED if key in environ} | {
            "DOCKER_HOST": engine,
            "HOME": str(home),
            "KUBECONFIG": str(home / "kubeconfig"),
            "PULUMI_HOME": str(_plugins_only(environ, home)),
            "PULUMI_BACKEND_URL": f"file://{state}",
            "PULUMI_CONFIG_PASSPHRASE": "nothing is kept",
            "PULUMI_SKIP_UPDATE_CHECK": "1",
        }
        yield Stack(file.name, alone_environ, project, log)


def _plugins_only(environ: Mapping[str, str], home: Path) -> Path:
    """Return a Pulumi home with the caller's plugins, and without the logins that lie beside them."""
    theirs = Path(environ.get("PULUMI_HOME") or Path(environ.get("HOME", os.devnull), ".pulumi"))
    made = home / ".pulumi"
    made.mkdir()
    for name in ("plugins", "bin"):
        if (theirs / name).is_dir():
            (made / name).symlink_to(theirs / name)
    return made


def _without_secrets(file: StackFile) -> dict[str, Any]:
    path = file.folder / f"Pulumi.{file.name}.yaml"
    content = cast("dict[str, dict[str, object]]", yaml.safe_load(path.read_text(encoding="utf-8-sig")) or {})
    config = {
        key: "adopt" if key.rpartition(":")[2] == "registryNamespaceMode" and value == "use" else value
        for key, value in (content.get("config") or {}).items()
        if not _is_secret(value)
    }
    return {key: value for key, value in content.items() if key not in _SECRETS} | {"config": config}


def _is_secret(value: object) -> bool:
    """Tell whether a secret is in a value, at any depth."""
    if isinstance(value, dict):
        items = cast("dict[str, object]", value)
        return "secure" in items or any(_is_secret(each) for each in items.values())
    return isinstance(value, list) and any(_is_secret(each) for each in cast("list[object]", value))
