"""Time as the provider sees it: a clock, waits that a cancel cuts short, and the jitter between attempts."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import TypeVar

from ibm_native.cloud.errors import CancelledByUserError

_T = TypeVar("_T")


class Pace:
    """The only clock and the only sleep in the provider; tests give another one."""

    def __init__(self) -> None:
        self._over = asyncio.Event()

    def now(self) -> float:
        """Return seconds on a clock that never goes back."""
        return time.monotonic()

    def today(self) -> datetime:
        """Return the time by the calendar, in UTC."""
        return datetime.now(UTC)

    def cancel(self) -> None:
        """End every wait under way, and each later one, at once."""
        self._over.set()

    @property
    def cancelled(self) -> bool:
        """Tell whether the user cancelled."""
        return self._over.is_set()

    async def sleep(self, seconds: float, why: str) -> None:
        """Wait; raises CancelledByUserError naming `why` as soon as the user cancels."""
        try:
            await asyncio.wait_for(self._over.wait(), timeout=seconds)
        except TimeoutError:
            return
        raise CancelledByUserError(why)

    async def watch(self, work: Awaitable[_T], *, within: float, why: str) -> _T | None:
        """Return what `work` gives, or None if it takes longer; a cancel raises at once. Nothing is undone."""
        task, over = asyncio.ensure_future(work), asyncio.ensure_future(self._over.wait())
        try:
            await asyncio.wait({task, over}, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.cancel()
        if task.done():
            return task.result()
        task.cancel()
        if self.cancelled:
            raise CancelledByUserError(why)
        return None

    async def until(
        self, probe: Callable[[], Awaitable[_T | None]], *, within: float, why: str, shortest: float = 0.2
    ) -> _T | None:
        """Return the first answer of `probe` that isn't None, or None once `within` seconds have passed."""
        end = self.now() + within
        for delay in delays(shortest=shortest, longest=5.0):
            found = await probe()
            left = end - self.now()
            if found is not None or left <= 0:
                return found
            await self.sleep(min(delay, left), why)
        return None


def delays(*, shortest: float, longest: float) -> Iterator[float]:
    """Yield ever longer delays in seconds, each between half of its turn and the whole, so that callers spread out."""
    turn = shortest
    while True:
        yield turn * random.uniform(0.5, 1.0)  # noqa: S311  # spreads load, guards nothing
        turn = min(turn * 2, longest)
