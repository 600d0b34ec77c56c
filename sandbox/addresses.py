"""The sandbox's addresses: what Pulumi.dev.yaml names, and nothing that a user must choose."""

from __future__ import annotations

IAM_ADDRESS = "127.0.0.1:7080"
"""Stands in for iam.cloud.ibm.com."""

REGION = "jp-tok"
"""The registry's region that always runs; others run when they are asked for."""

REGISTRY_ADDRESSES = {
    REGION: "127.0.0.1:7001",
    "global": "127.0.0.1:7002",
    "au-syd": "127.0.0.1:7003",
    "br-sao": "127.0.0.1:7004",
    "ca-mon": "127.0.0.1:7005",
    "ca-tor": "127.0.0.1:7006",
    "eu-de": "127.0.0.1:7007",
    "eu-es": "127.0.0.1:7008",
    "eu-gb": "127.0.0.1:7009",
    "in-che": "127.0.0.1:7010",
    "in-mum": "127.0.0.1:7011",
    "jp-osa": "127.0.0.1:7012",
    "us-south": "127.0.0.1:7013",
}
"""One address a region, for registry, login, registry API and Vulnerability Advisor, as jp.icr.io is for jp-tok."""

HOST_OF_PODS = "198.19.77.1"
"""This machine as Pods see it, which it can reach itself: the host's end of their network."""


def shared(address: str) -> str:
    """Return what stands, over TLS, for an address on loopback where both Pods and this machine are to reach it."""
    return f"{HOST_OF_PODS}:{address.rpartition(':')[2]}"


KUBERNETES_ADDRESS = "127.0.0.1:7443"
"""The API server of the sandbox's one node."""

BASE_IMAGE = "sandbox/nginx:bookworm"
"""The image base that is made of Debian's packages: stands in for Docker Hub's nginx."""
