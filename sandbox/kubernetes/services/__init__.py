"""Names and Services for Pods: a name server, and a proxy on each Service's address. A process of its own."""

from __future__ import annotations

import sys

from base import paths
from sandbox import addresses
from sandbox.host.health import silence
from sandbox.host.layout import Layout
from sandbox.host.supervisor import Command, Part
from sandbox.kubernetes import network

NAMES_PORT = 53
_ADDRESSES = ((network.GATEWAY, NAMES_PORT), (network.API_SERVICE, 443))


def part() -> Part:
    """Return it; healthy when names are answered and the Service `kubernetes` is taken."""
    shown = ", ".join(f"{host}:{port}" for host, port in _ADDRESSES)
    return Part("services", "names and Services of Pods", shown, _problem, usually=1)


def command(layout: Layout) -> Command:
    """Return how it is started, in this checkout and with this Python."""
    bridge = network.bridge(layout).name
    return Command(
        [sys.executable, "-m", "sandbox.kubernetes.services", addresses.KUBERNETES_ADDRESS, layout.pki, bridge],
        {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(layout.empty),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(paths.CHECKOUT),
            "PYTHONUNBUFFERED": "1",
        },
    )


def _problem() -> str | None:
    return next((problem for address in _ADDRESSES if (problem := silence(*address))), None)
