"""What a test does to the cloud that no user can: faults, delays, and the log of requests."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.cloud.controls.delays import Delays
from sandbox.cloud.controls.faults import Faults
from sandbox.cloud.controls.request_log import RequestLog


@dataclass(frozen=True, slots=True)
class Controls:
    """The controls of one cloud. They are in memory: a restart forgets them."""

    delays: Delays = field(default_factory=Delays)
    faults: Faults = field(default_factory=Faults)
    requests: RequestLog = field(default_factory=RequestLog)
