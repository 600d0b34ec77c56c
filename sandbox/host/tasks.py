"""Runs steps that depend on each other, as many at once as their dependencies allow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from graphlib import TopologicalSorter


@dataclass(frozen=True)
class Task:
    """A step: what it does, and the names of the steps that must be done before."""

    do: Callable[[], None]
    after: tuple[str, ...] = ()


def run(tasks: Mapping[str, Task], cancel: Callable[[], None], *, workers: int = 12) -> None:
    """Run all tasks; when one fails, `cancel` is called, and the error is raised when all that run have ended.

    `cancel` makes running tasks end soon. It is called for Ctrl-C too.
    """
    graph = TopologicalSorter({name: task.after for name, task in tasks.items()})
    graph.prepare()
    running: dict[Future[None], str] = {}
    first_error: BaseException | None = None
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="sandbox") as pool:
        try:
            while graph.is_active() and first_error is None:
                for name in graph.get_ready():
                    running[pool.submit(tasks[name].do)] = name
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    graph.done(running.pop(future))
                    first_error = first_error or future.exception()
        except BaseException:
            cancel()
            raise
        if first_error is not None:
            cancel()
    if first_error is not None:
        raise first_error
