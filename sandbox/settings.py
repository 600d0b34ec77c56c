"""The sandbox's addresses: what Pulumi.dev.yaml names, and nothing that a user must choose."""

from __future__ import annotations

IAM_ADDRESS = "127.0.0.1:7080"
"""Stands in for iam.cloud.ibm.com."""

REGISTRY_ADDRESSES = {"jp-tok": "127.0.0.1:7001"}
"""One address a region, for registry, login, registry API and Vulnerability Advisor, as jp.icr.io is for jp-tok."""

KUBERNETES_ADDRESS = "127.0.0.1:7443"
"""The API server of the sandbox's one node."""

BASE_IMAGE = "sandbox/nginx:bookworm"
"""The image base that is made of Debian's packages: stands in for Docker Hub's nginx."""
