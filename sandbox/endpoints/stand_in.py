"""The process of IBM Cloud's stand-in, which serves IAM and every region's registry API."""

from __future__ import annotations

import sys

from base import paths
from sandbox import addresses
from sandbox.cloud.core import token_keys
from sandbox.endpoints import regions
from sandbox.host.health import Endpoint
from sandbox.host.layout import Layout
from sandbox.host.supervisor import Command, Part


def part(layout: Layout) -> Part:
    """Return IBM Cloud's stand-in. It serves all regions, whichever run, so that one more needs no new start."""
    socket = layout.socket("cloud")
    endpoint = Endpoint("http://localhost", socket)
    return Part(
        "cloud",
        "IBM Cloud's stand-in",
        f"http://{addresses.IAM_ADDRESS}",
        lambda: endpoint.problem("/sandbox/health"),
        usually=1,
        socket=socket,
    )


def command(layout: Layout) -> Command:
    """Return how the stand-in is started, in this checkout and with this Python."""
    key, certificate = token_keys.ensure(regions.token_keys_folder(layout))
    return Command(
        [
            *(sys.executable, "-m", "sandbox.cloud", "--data", layout.root / "cloud", "--uds", layout.socket("cloud")),
            *(f"--region={region}={address}" for region, address in addresses.REGISTRY_ADDRESSES.items()),
            *(
                f"--registry={region}={regions.registry_socket(layout, region)}"
                for region in addresses.REGISTRY_ADDRESSES
            ),
            *(
                "--registry-events-secret",
                regions.events_secret(layout),
                "--advisories",
                layout.root / "advisories.json",
            ),
            *("--registry-token-key", key, "--registry-token-cert", certificate, "--console"),
        ],
        {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(layout.empty),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(paths.CHECKOUT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            "SANDBOX_ADMIN_APIKEY": layout.deployer_key.read_text().strip(),
        },
    )
