"""The process of IBM Cloud's stand-in, which serves IAM and every region's registry API."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from base import files, paths
from sandbox import addresses
from sandbox.cloud.core import token_keys
from sandbox.endpoints import regions
from sandbox.host.health import Endpoint
from sandbox.host.layout import Layout
from sandbox.host.supervisor import Command, Part
from sandbox.kubernetes import control_plane

CLUSTER_CRN = "crn:v1:bluemix:public:containers-kubernetes:jp-tok:a/sandbox:sandbox::"
"""What a trusted profile's link calls the sandbox's cluster."""


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


def introduce_cluster(layout: Layout) -> None:
    """Tell the stand-in, which reads it when it changes, whose ServiceAccounts trusted profiles can trust."""
    key = serialization.load_pem_public_key((layout.pki / "service-account.pub").read_bytes())
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise TypeError(key)
    jwk = ECAlgorithm.to_jwk(key, as_dict=True)
    cluster = {"crn": CLUSTER_CRN, "issuer": control_plane.ISSUER, "keys": [jwk]}
    files.write(_clusters(layout), json.dumps([cluster]))


def _clusters(layout: Layout) -> Path:
    return layout.root / "clusters.json"


def command(layout: Layout) -> Command:
    """Return how the stand-in is started, in this checkout and with this Python."""
    key, certificate = token_keys.ensure(regions.token_keys_folder(layout))
    return Command(
        [
            *(sys.executable, "-m", "sandbox.cloud", "--data", layout.root / "cloud", "--uds", layout.socket("cloud")),
            *(f"--region={region}={address}" for region, address in addresses.REGISTRY_ADDRESSES.items()),
            *(
                f"--alias={region}={addresses.shared(address)}"
                for region, address in addresses.REGISTRY_ADDRESSES.items()
            ),
            *(
                f"--registry={region}={regions.registry_socket(layout, region)}"
                for region in addresses.REGISTRY_ADDRESSES
            ),
            *(
                "--registry-events-secret",
                regions.events_secret(layout),
                "--advisories",
                layout.root / "advisories.json",
                "--clusters",
                _clusters(layout),
            ),
            *("--registry-token-key", key, "--registry-token-cert", certificate, "--console"),
        ],
        {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(layout.empty),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(paths.CHECKOUT),
            "PYTHONUNBUFFERED": "1",
            "SANDBOX_ADMIN_APIKEY": layout.deployer_key.read_text().strip(),
        },
    )
