"""Rotation of a stack's pull keys: the epoch in the stack file goes up by one, and the stack is updated.

It is in one of these states, which stack file and state tell, and the same command goes on from each: `whole` (the key
of the stack file's epoch is in use), `raised` (the stack file is ahead: that epoch has no key yet), `made` (it has one,
but the last update ended before the cluster had it).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from base.errors import SandboxError
from base.progress import say
from fleet.stack import Stack, resources_of, said

State = Literal["whole", "raised", "made"]
MEANING = {
    "raised": "the stack file names the new epoch, and no key was made for it; the key from before is in use",
    "made": "the new key exists, and the cluster still has the key from before, which stays valid",
}


def rotate(stack: Stack) -> int:
    """Raise the epoch, or go on with a rotation that didn't finish; returns 0 once every pull uses the new key.

    Raises SandboxError that names the state in which it stopped, and the command that goes on.
    """
    from pulumi.automation import CommandError  # noqa: PLC0415 - half a second, which only who runs the CLI pays

    epoch, told = raised(stack)
    say(told)
    try:
        stack.up()
    except CommandError as error:
        stopped = state_of(stack.export(), stack.outputs(), epoch)
        if stopped == "whole":
            raise SandboxError(
                f"the new key of epoch {epoch} is in use, but the update didn't finish:\n  {said(error)}",
                f"pulumi up --stack {stack.name}",
            ) from None
        raise SandboxError(
            f"the rotation of stack {stack.name} stopped, {stopped}: {MEANING[stopped]}.\n  {said(error)}",
            f"make rotate STACK={stack.name}   goes on, once that is mended",
        ) from None
    say(f"epoch {epoch} is in use; the key of epoch {epoch - 1} stays valid until the next rotation or its end")
    return 0


def raised(stack: Stack) -> tuple[int, str]:
    """Raise the epoch in the stack's file, unless a rotation to it didn't finish; returns it, and what to tell.

    Raises SandboxError for a stack that has no key of its own.
    """
    epoch = int(stack.settings()["keyEpoch"])
    begun = state_of(stack.export(), stack.outputs(), epoch)
    if begun != "whole":
        return epoch, f"a rotation to epoch {epoch} didn't finish: {MEANING[begun]}; going on with it"
    # The CLI changes this one value, and leaves comments and order of the file as they are.
    stack.ask("config", "set", "keyEpoch", str(epoch + 1), "--plaintext", "--stack", stack.name)
    return epoch + 1, f"Pulumi.{stack.name}.yaml: keyEpoch is {epoch + 1} now"


def due(stack: Stack, now: datetime | None = None) -> str:
    """Raise the epoch in the stack's file if its key is older than the file allows; returns what to tell, if so.

    A rotation that was begun and didn't finish is no reason for the next; a stack without a key of its own has none.
    """
    settings, current = stack.settings(), stack.outputs().get("apiKeyId")
    longest, epoch = int(settings["rotateAfterDays"]), int(settings["keyEpoch"])
    state = stack.export()
    made = next((each["outputs"]["createdAt"] for each in resources_of(state) if each.get("id") == current), None)
    if not (longest and made) or state_of(state, stack.outputs(), epoch) != "whole":
        return ""
    age = ((now or datetime.now(UTC)) - datetime.fromisoformat(str(made))).days
    return f"its key is {age} days old, of {longest}; {raised(stack)[1]}" if age >= longest else ""


def state_of(exported: dict[str, object], outputs: dict[str, object], epoch: int) -> State:
    """Return how far the rotation to `epoch` is; raises SandboxError for a stack that has no key of its own."""
    keys = {
        each["urn"].rpartition("::")[2]: each["id"]
        for each in resources_of(exported)
        if each["type"] == "ibm-native:iam:ApiKey"
    }
    if not keys or not outputs.get("apiKeyId"):
        raise SandboxError(
            "the stack has no key of its own to rotate", "pulumi up   first; a given key is rotated where it is made"
        )
    of_epoch = {found for name, found in keys.items() if name.endswith(f"-key-{epoch}")}
    if not of_epoch:
        return "raised"
    return "whole" if outputs["apiKeyId"] in of_epoch else "made"
