"""The fault matrix of `ibm-native`, one whole life for each call and each trouble: `python -m bench.provider_faults`.

Takes some minutes; the tests have the short form. Prints what was survived; exits 1 if anything was not.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from sandbox.cloud.testing import StandIn
from tests.provider.registry import Registry
from tests.provider.test_fault_matrix import DIGEST, TROUBLES, World, calls_of, survive


async def matrix(world: World) -> int:
    """Live every life; return how many went wrong."""
    calls, wrong = await calls_of(world), 0
    for trouble, effects in TROUBLES.items():
        lost = {call: told for call in calls if (told := await survive(world, [call], effects))}
        print(f"{trouble:<26}{len(calls) - len(lost)} of {len(calls)} survived", flush=True)
        for call, told in lost.items():
            print(f"  {' '.join(call)}: {told}", flush=True)
        wrong += len(lost)
    return wrong


def main() -> int:
    """Run the matrix on a cloud of its own."""
    with StandIn() as cloud, Registry(cloud.url) as registry, tempfile.TemporaryDirectory() as folder:
        registry.images.add(f"my-images/nginx@{DIGEST}")
        return 1 if asyncio.run(matrix(World(cloud, registry, Path(folder)))) else 0


if __name__ == "__main__":
    sys.exit(main())
