"""Waits until an object is ready or gone, telling the user what is going on; ends at the deadline or a cancel.

It asks again and again rather than watching: a dropped connection then costs nothing, and no wait outlives its time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Sequence
from typing import TypeAlias

from pulumi.runtime.proto import engine_pb2

from sandbox.plugins.kubernetes.cluster import ApiError, Cluster, CutOffError, UnreachableError
from sandbox.plugins.kubernetes.kinds import Kind
from sandbox.plugins.kubernetes.objects import Object, metadata, name_of, namespace_of
from sandbox.plugins.kubernetes.readiness import Readiness

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 0.5


Say: TypeAlias = Callable[[engine_pb2.LogSeverity.ValueType, str, str], None]
"""Passes a message about a resource, by its URN, on to the user."""


class Reporter:
    """What one operation tells the user about its resource: each status line once."""

    def __init__(self, urn: str, status: Say, log: Say) -> None:
        self._urn = urn
        self._status = status
        self._log = log
        self._said: set[str] = set()

    def info(self, message: str) -> None:
        """Show what is going on."""
        self._once(engine_pb2.INFO, message)

    def warn(self, message: str) -> None:
        """Show a trouble that may still pass."""
        self._once(engine_pb2.WARNING, message)

    def clear(self) -> None:
        """Take the last line away: the step is done."""
        self._status(engine_pb2.INFO, self._urn, "")

    def keep(self, severity: engine_pb2.LogSeverity.ValueType, message: str) -> None:
        """Add a line that stays among the run's diagnostics."""
        self._log(severity, self._urn, message)

    def _once(self, severity: engine_pb2.LogSeverity.ValueType, message: str) -> None:
        if message not in self._said:
            self._said.add(message)
            self._status(severity, self._urn, message)


class WaitError(Exception):
    """The wait ended too early; `live` is the object as last seen, `reasons` what kept it."""

    def __init__(self, message: str, live: Object, reasons: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.live = live
        self.reasons = reasons


class Waiter:
    """Waits on behalf of one operation."""

    def __init__(self, cluster: Cluster, reporter: Reporter, cancelled: threading.Event) -> None:
        self._cluster = cluster
        self._reporter = reporter
        self._cancelled = cancelled

    def until_ready(
        self, kind: Kind, look: Callable[[Object, Sequence[Object]], Readiness], live: Object, timeout: float
    ) -> Object:
        """Wait until `look` finds the object, with the Pods it selects, ready; return it as it is then.

        Raises `WaitError` after `timeout` seconds, or when the object vanishes meanwhile.
        """
        reasons: tuple[str, ...] = ()
        for _ in self._rounds(timeout):
            try:
                live = self._cluster.get(kind, namespace_of(live), name_of(live))
                pods = self._cluster.selected_pods(live)
            except CutOffError as error:
                raise _cut_off(error, live, reasons) from None
            except UnreachableError:
                continue
            except ApiError as error:
                if error.not_found:
                    raise WaitError(f"'{name_of(live)}' was deleted while it became ready", live) from None
                continue
            readiness = look(live, pods)
            for step in readiness.steps:
                self._reporter.info(step)
            if readiness.ready:
                return live
            reasons = readiness.reasons
            for each in (live, *pods):
                self._tell_warnings(each)
        raise self._ended(f"'{name_of(live)}' timed out waiting to be Ready", live, reasons)

    def until_deleted(self, kind: Kind, namespace: str, name: str, live: Object, timeout: float) -> None:
        """Wait until an object, or its namesake that `live` is, is gone; raises `WaitError` after `timeout` seconds."""
        for _ in self._rounds(timeout):
            try:
                found = self._cluster.get(kind, namespace, name)
            except CutOffError as error:
                raise _cut_off(error, live) from None
            except UnreachableError:
                continue
            except ApiError as error:
                if error.not_found:
                    return
                self._reporter.warn(f"unexpected error while checking cluster state: {error}")
                continue
            if metadata(live).get("uid") not in {None, metadata(found).get("uid")}:
                return
            live = found
            if kind.deletion_takes_time:
                self._reporter.info("Resource scheduled for deletion")
            self._tell_warnings(live)
        finalizers = ", ".join(metadata(live).get("finalizers") or [])
        self._reporter.keep(engine_pb2.WARNING, f"finalizers might be preventing deletion ({finalizers})")
        raise self._ended("timed out waiting for the condition", live, ())

    def pause(self, seconds: float) -> None:
        """Do nothing for a time; a cancel ends it."""
        self._cancelled.wait(seconds)

    def _rounds(self, timeout: float) -> Generator[None]:
        deadline = time.monotonic() + timeout
        pause = _FIRST_PAUSE
        while not self._cancelled.is_set():
            yield
            left = deadline - time.monotonic()
            if left <= 0:
                return
            self._cancelled.wait(min(pause, left))
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def _ended(self, late: str, live: Object, reasons: tuple[str, ...]) -> WaitError:
        cancelled = self._cancelled.is_set()
        return WaitError(
            f'Resource operation was cancelled for "{name_of(live)}"' if cancelled else late, live, reasons
        )

    def _tell_warnings(self, live: Object) -> None:
        try:
            events = self._cluster.warnings(namespace_of(live), str(metadata(live).get("uid", "")))
        except (ApiError, UnreachableError):
            return  # who may not read events still gets the resource
        for event in events:
            self._reporter.warn(f"{event.get('reason', '')}: {event.get('message', '')}")


def _cut_off(error: CutOffError, live: Object, reasons: tuple[str, ...] = ()) -> WaitError:
    return WaitError(f"'{name_of(live)}' can't be looked at any more: {error}", live, reasons)
