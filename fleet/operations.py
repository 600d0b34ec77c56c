"""What the fleet does with one stack: an operation is a function of its run and its stack, and raises if it fails."""

from __future__ import annotations

from base.errors import SandboxError
from config import stack_files
from fleet import guard
from fleet.locks import locks
from fleet.recovery import finish
from fleet.rotation import due, raised
from fleet.run import Run
from fleet.stack import Stack
from fleet.verify import verify as checks_of


def policy_packs(run: Run) -> list[str]:
    """Return the project's policy pack, if it has one."""
    pack = run.stack.folder / "policy"
    return [str(pack)] if pack.is_dir() else []


class Operations:
    """The operations, with what was chosen for all stacks at once."""

    def __init__(self, *, guarded: bool = True, unprotect: bool = False) -> None:
        self._guarded = guarded
        self._unprotect = unprotect

    def validate(self, run: Run, _: Stack) -> None:
        """Hold the stack's file against the settings' model."""
        problem = stack_files.problem_of(run.stack.folder, run.stack.name)
        if problem:
            run.changes.errors.append(problem)
        run.status = "failed" if problem else "unchanged"

    def preview(self, run: Run, stack: Stack) -> None:
        """Tell what an update would change, held against the policy pack."""
        self._prepare(run, stack, changes_state=False)
        run.phase = "preview"
        stack.preview(run.changes, policy_packs(run))
        run.status = "changes" if run.changes.total else "unchanged"

    def up(self, run: Run, stack: Stack) -> None:
        """Update the stack, after what a killed update has left."""
        self._prepare(run, stack)
        run.phase = "up"
        stack.up(run.changes)
        run.status = "done" if run.changes.total else "unchanged"

    def refresh(self, run: Run, stack: Stack) -> None:
        """Read what is there into the state."""
        self._prepare(run, stack)
        run.phase = "refresh"
        stack.refresh(run.changes)
        run.status = "done" if run.changes.total else "unchanged"

    def drift(self, run: Run, stack: Stack) -> None:
        """Tell what is otherwise than the state has it, and change nothing."""
        if not self._prepare(run, stack, changes_state=False, makes=False):
            run.status = "unchanged"
            run.notes.append(f"it has no state yet: .venv/bin/python -m fleet up {stack.name}   makes it")
            return
        run.phase = "drift"
        stack.drift(run.changes)
        run.status = "changes" if run.changes.total else "unchanged"
        if run.changes.total:
            mends = (f".venv/bin/python -m fleet {operation} {stack.name}" for operation in ("refresh", "up"))
            run.notes.append(f"To mend it: {' && '.join(mends)}")

    def rotate(self, run: Run, stack: Stack) -> None:
        """Raise the key's epoch in the stack's file, and update the stack: a key more, the one before the last gone."""
        self._prepare(run, stack)
        epoch, told = raised(stack)
        run.notes.append(told)
        run.phase = f"up to key epoch {epoch}"
        stack.up(run.changes)
        run.status = "done"
        run.notes.append(f"key epoch {epoch} is in Pulumi.{stack.name}.yaml: commit it")

    def due(self, run: Run, stack: Stack) -> None:
        """Raise the epoch in the stack's file where its key is older than `rotateAfterDays`; update nothing."""
        if not self._prepare(run, stack, changes_state=False, makes=False):
            run.status = "unchanged"
            return
        told = due(stack)
        run.notes += [told] if told else []
        run.status = "changes" if told else "unchanged"

    def verify(self, run: Run, stack: Stack) -> None:
        """Look whether the stack's Pods run and serve the right page, and a Pod without the Secret is refused."""
        run.phase = "verify"
        bad = [f"{check.what}: {check.seen}" for check in checks_of(stack) if not check.passed]
        run.changes.errors += bad
        run.status = "failed" if bad else "done"

    def destroy(self, run: Run, stack: Stack) -> None:
        """Remove all that the stack made; a protected one is left whole unless that was said in words."""
        if run.stack.is_protected and not self._unprotect:
            raise SandboxError(
                f"stack {stack.name} is protected (`protect` in Pulumi.{stack.name}.yaml): nothing was deleted",
                f".venv/bin/python -m fleet destroy {stack.name} --unprotect   if it is to go",
            )
        self._prepare(run, stack)
        if self._unprotect:
            stack.unprotect()
        run.phase = "destroy"
        stack.destroy(run.changes)
        run.status = "done" if run.changes.total else "unchanged"

    def unlock(self, run: Run, stack: Stack) -> None:
        """Release the stack from a run that has ended; one that still runs here keeps it."""
        held = locks(stack)
        run.notes += [f"was held by {lock}" for lock in held]
        if any(lock.is_here and not lock.is_left for lock in held):
            raise SandboxError(f"stack {stack.name} is in use", "wait for that process to end, or stop it with Ctrl-C")
        if held or not stack.backend().startswith("file://"):
            stack.cancel()
        run.status = "done" if held else "unchanged"

    def _prepare(self, run: Run, stack: Stack, *, changes_state: bool = True, makes: bool = True) -> bool:
        """Make the stack if it is new, hold account and cluster against its state, and finish what was killed.

        Returns whether it was there.
        """
        run.phase = "check"
        held = locks(stack) if changes_state else []
        running = [lock for lock in held if not lock.is_left]
        if running:
            raise SandboxError(
                f"stack {stack.name} is locked by {running[0]}",
                f"wait for it; if it has ended: .venv/bin/python -m fleet unlock {stack.name}",
            )
        if held:
            run.notes.append(f"went on after a run that was killed: {held[0]}")
            stack.cancel()
        state = stack.export_if_made()
        if state is None:
            if makes:
                stack.make()
            return False
        if self._guarded:
            guard.check(stack, state)
        if changes_state:
            finish(stack, state)
        return True
