"""One stack of this project, and the one way to run the engine on it, in the environment that its owner chose."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import yaml

from base.errors import SandboxError
from base.paths import CHECKOUT
from fleet import inventory
from fleet.inventory import StackFile

if TYPE_CHECKING:
    from pulumi.automation import EngineEvent

    from fleet.engine import Engine, Quiet

SANDBOX_STACK = "dev"

OnEvent = Callable[["EngineEvent"], None]


@dataclass(frozen=True)
class Stack:
    """One stack of the project in `folder`; `environ` is what the CLI and its plugins see.

    What the CLI prints in an operation goes to `log`, or is shown if there is none. An operation that fails raises
    pulumi.automation's CommandError (its subclass ConcurrentUpdateError if another run holds the stack); a question
    that can't be answered raises SandboxError with the CLI's own words.
    """

    name: str
    environ: Mapping[str, str] = field(repr=False)
    folder: Path = CHECKOUT
    log: IO[str] | None = field(default=None, repr=False)
    given: StackFile | None = field(default=None, repr=False)
    """Its file, where that was read already."""

    @classmethod
    def of(cls, file: StackFile, log: IO[str] | None = None) -> Stack:
        """Return the stack of a file, in the environment that the file chooses."""
        return cls(file.name, file.environ(), file.folder, log, file)

    @cached_property
    def file(self) -> StackFile:
        """What its file has; empty for a stack that has none here."""
        return self.given or inventory.read(self.folder, self.name)

    @cached_property
    def engine(self) -> Engine:
        """Return what runs the CLI; raises SandboxError if there is none."""
        from fleet.engine import Engine  # noqa: PLC0415 - half a second, which only who runs the CLI pays

        return Engine(self.environ, shown=self.log is None, log=self.log)

    @cached_property
    def _stack(self) -> Quiet:
        from fleet.engine import Quiet  # noqa: PLC0415 - as above

        return Quiet(self.name, self.folder, self.engine)

    def up(self, on_event: OnEvent | None = None) -> None:
        """Update the stack, without a preview first."""
        self._stack.up(on_event=on_event, show_secrets=False, color=self._color)

    def preview(self, on_event: OnEvent | None = None, policy_packs: Sequence[str] = ()) -> None:
        """Tell `on_event` what an update would change."""
        self._stack.preview(on_event=on_event, policy_packs=[*policy_packs], color=self._color)

    def refresh(self, on_event: OnEvent | None = None) -> None:
        """Read what is there into the state; what a killed update was about to make is dropped from it."""
        self._stack.refresh(on_event=on_event, show_secrets=False, clear_pending_creates=True, color=self._color)

    def drift(self, on_event: OnEvent | None = None) -> None:
        """Tell `on_event` what a refresh would change in the state."""
        self._stack.preview_refresh(on_event=on_event, show_secrets=False, color=self._color)

    def destroy(self, on_event: OnEvent | None = None) -> None:
        """Remove all that the stack made; the stack itself stays."""
        self._stack.destroy(on_event=on_event, show_secrets=False, color=self._color)

    def unprotect(self) -> None:
        """Let every resource of the stack be deleted."""
        self.ask("state", "unprotect", "--all", "--yes", "--stack", self.name)

    def cancel(self) -> None:
        """Release the stack from a run that holds it, which must have ended."""
        self.ask("cancel", "--yes", "--stack", self.name)

    @property
    def _color(self) -> str:
        return "auto" if self.log is None else "never"

    def read(self, *arguments: str) -> object:
        """Return the JSON that the CLI prints; raises SandboxError with its own words if it fails."""
        return json.loads(self.ask(*arguments))

    def ask(self, *arguments: str, given: str = "") -> str:
        """Return what the CLI prints; raises SandboxError with its own words if it fails."""
        from pulumi.automation import CommandError  # noqa: PLC0415 - as above

        try:
            return self.engine.run([*arguments], str(self.folder), {}, given=given).stdout
        except CommandError as error:
            raise SandboxError(
                f"`pulumi {' '.join(arguments)}` failed for stack {self.name}:\n  {said(error)}",
                f"pulumi stack ls   shows the stacks; stack {SANDBOX_STACK} is made by: make up",
            ) from None

    @cached_property
    def project(self) -> str:
        """Return the project's name, which the config keys carry in front."""
        return str(yaml.safe_load((self.folder / "Pulumi.yaml").read_text())["name"])

    def outputs(self) -> dict[str, object]:
        """Return the stack's outputs, as the CLI shows them to anyone: secrets hidden."""
        return cast("dict[str, object]", self.read("stack", "output", "--json", "--stack", self.name))

    def settings(self) -> dict[str, str]:
        """Return the project's config by key, with Pulumi.yaml's default for one that isn't set; no secret's value."""
        config = cast("dict[str, dict[str, str]]", self.read("config", "--json", "--stack", self.name))
        names = {name: name.removeprefix(f"{self.project}:") for name in config}
        return {key: config[name].get("value", "") for name, key in names.items() if key != name}

    def ensure(self) -> None:
        """Make the stack if it isn't there; raises SandboxError if the CLI can't."""
        self.ask("stack", "select", "--create", self.name)

    def make(self) -> None:
        """Make the stack, and leave selected what is; raises SandboxError if it is there or the CLI can't."""
        self.ask("stack", "init", self.name, "--no-select")

    def export(self) -> dict[str, object]:
        """Return the stack's state as the CLI exports it: secrets encrypted."""
        return cast("dict[str, object]", self.read("stack", "export", "--stack", self.name))

    def export_if_made(self) -> dict[str, object] | None:
        """Return the state as exported; None for a stack that was never made."""
        try:
            return self.export()
        except SandboxError as error:
            if "no stack named" in error.what:
                return None
            raise

    def replace_state(self, state: Mapping[str, object]) -> None:
        """Put an exported state, changed, in place of the stack's; the CLI drops its pending operations."""
        self.ask("stack", "import", "--stack", self.name, given=json.dumps(state))

    def backend(self) -> str:
        """Return the URL of where the stack's state is."""
        known = self.environ.get("PULUMI_BACKEND_URL")
        return known or cast("dict[str, str]", self.read("whoami", "--verbose", "--json"))["url"]


def resources_of(state: Mapping[str, object]) -> list[dict[str, Any]]:
    """Return the resources of an exported state; a stack that was never updated has none."""
    deployment = cast("dict[str, Any]", state.get("deployment") or {})
    return cast("list[dict[str, Any]]", deployment.get("resources") or [])


def has_objects(state: Mapping[str, object]) -> bool:
    """Tell whether a stack has anything in a cluster."""
    return any(str(each["type"]).startswith("kubernetes:") for each in resources_of(state))


def said(error: Exception) -> str:
    """Return the CLI's own words in an error of pulumi.automation, which has its output and exit status around them."""
    _, _, rest = str(error).partition(" stdout: ")
    stdout, _, stderr = rest.partition("\n stderr: ")
    return stderr.strip() or stdout.strip() or str(error).strip()
