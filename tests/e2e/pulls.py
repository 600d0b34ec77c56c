"""Pulls of one image by the node, as its kubelet asks for them, and the check of their history."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from tests.e2e.beside import Beside
from tests.e2e.canaries import CANARIES
from tests.e2e.project import Project

_SERVICE = "/runtime.v1.ImageService/"
_SECONDS = 60.0
_READS = 5


@dataclass(frozen=True)
class Pull:
    """One pull: when it began and ended (seconds of one clock), with which key, and what the node said if it failed."""

    began: float
    ended: float
    key: str = field(repr=False)
    problem: str | None = None


@dataclass(frozen=True)
class Revocation:
    """When a key began to be taken away, and when that was done."""

    began: float
    done: float


def violations(pulls: Sequence[Pull], revoked: Mapping[str, Revocation], delay: float) -> list[str]:
    """Return what a history has that may not be: a good key that fails, or one revoked `delay` seconds ago that pulls.

    In between, while a revocation spreads, both may happen.
    """
    found: list[str] = []
    for number, pull in enumerate(pulls):
        gone = revoked.get(pull.key)
        if pull.problem and (gone is None or pull.ended < gone.began):
            found.append(f"pull {number} failed with a key that nobody revoked: {pull.problem}")
        if not pull.problem and gone and pull.began > gone.done + delay:
            late = pull.began - gone.done
            found.append(f"pull {number} succeeded with a key that was revoked {late:.1f} s before")
    return found


class Node:
    """The node's container runtime, over the interface that the kubelet uses (CRI v1, k8s.io/cri-api's api.proto)."""

    def __init__(self, socket: Path) -> None:
        self._channel = grpc.insecure_channel(f"unix://{socket}")

    def close(self) -> None:
        """End the connection."""
        self._channel.close()

    def pull(self, image: str, key: str) -> Pull:
        """Pull an image that the node doesn't have; it is removed first."""
        spec = _field(1, _field(1, image.encode()))
        began = time.monotonic()
        try:
            self._call("RemoveImage", spec)
            began = time.monotonic()
            self._call("PullImage", spec + _field(2, _field(1, b"iamapikey") + _field(2, key.encode())))
        except grpc.RpcError as error:
            return Pull(began, time.monotonic(), key, str(error.details() if isinstance(error, grpc.Call) else error))
        return Pull(began, time.monotonic(), key)

    def _call(self, method: str, message: bytes) -> None:
        call = self._channel.unary_unary(_SERVICE + method, request_serializer=bytes, response_deserializer=bytes)
        call(message, timeout=_SECONDS)


def _field(number: int, content: bytes) -> bytes:
    """Return a field of protobuf's wire format that holds bytes."""
    length, size = len(content), b""
    while length > 127:
        size += bytes([length & 127 | 128])
        length >>= 7
    return bytes([number << 3 | 2]) + size + bytes([length]) + content


def key_in_the_cluster(project: Project) -> str:
    """Return the API key's value as the pull Secret holds it; a busy API server is asked again."""
    words = ("get", "secret", f"ibmcr-{project.suffix}", "-o", "json")
    ran = project.kubectl(*words)
    for _ in range(_READS):
        ran = ran if ran.status == 0 else project.kubectl(*words)
    secret = json.loads(ran.text)
    document = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))
    value = str(next(iter(document["auths"].values()))["password"])
    CANARIES.add(value)
    return value


class Pulling(Beside):
    """Lets the node pull one image over and over meanwhile, each time with the key that the Secret then holds."""

    def __init__(self, project: Project, node: Node, image: str) -> None:
        super().__init__()
        self.pulls: list[Pull] = []
        self._project, self._node, self._image = project, node, image

    def again(self) -> None:
        """Pull once more."""
        self.pulls.append(self._node.pull(self._image, key_in_the_cluster(self._project)))

    def until(self, count: int) -> None:
        """Wait until so many pulls were made, or the node stopped to pull."""
        while len(self.pulls) < count and self.thread.is_alive():
            self.thread.join(0.2)


def rotated(project: Project, epoch: int) -> Revocation:
    """Rotate to an epoch; return when the key of the epoch before the last one was taken away."""
    began = time.monotonic()
    project.configure(keyEpoch=str(epoch))
    project.up()
    return Revocation(began, time.monotonic())
