"""From nothing, and from tools that are there, to a sandbox that is ready: `python -m bench start`.

What the first `make up` took was written down by itself (sandbox/toolchain/first_up.py). With the tools there the
sandbox is stopped and started again; what is in it stays, and its Pods come back.
"""

from __future__ import annotations

from collections.abc import Iterator

from base import paths
from bench.figures import Figure, figure, seconds
from sandbox import machine
from sandbox.toolchain import first_up

COLD_SECONDS, READY_SECONDS = 360, 30
ROUNDS = 3


def measure(quick: bool) -> Iterator[Figure | str]:
    """Tell what the first run took, then start the sandbox some times."""
    if took := first_up.read():
        yield figure("first `make up`, no tools yet", "s", took.seconds).held(
            most=COLD_SECONDS,
            reason=f"{took.processor / 60:.1f} minutes of processor time, most of them Go's compiler's: Kubernetes is "
            "built, and so is the Pulumi CLI where it can't be downloaded",
        )
        yield figure("first `make up`: processor time", "s", took.processor)
        yield from (figure(f"first `make up`: {part}", "s", value) for part, value in took.parts.items())
    else:
        yield f"Nothing is known of a first `make up`: {paths.cache()} was filled before it wrote down what it takes."
    yield figure("sandbox ready, tools there", "s", *(restarted() for _ in range(1 if quick else ROUNDS))).held(
        most=READY_SECONDS
    )


def restarted() -> float:
    """Stop the sandbox, and return the seconds from then until it is ready."""
    machine.down()
    return seconds(machine.up)
