"""Fixtures of the tests on a real Kubernetes API server: one server for all of them, a namespace for each."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from sandbox.plugins.kubernetes.plugin import KubernetesPlugin
from sandbox.plugins.serving import Engine
from sandbox.toolchain.kubernetes import PROGRAM
from tests.plugins import replay
from tests.plugins.kubernetes.api_server import ApiServer, running
from tests.plugins.kubernetes.resources import Stack

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """Run the API server that the sandbox's own Kubernetes has, built if need be."""
    with running(PROGRAM.ensure(), tmp_path_factory.mktemp("kubernetes")) as server:
        yield server


@pytest.fixture
def servicer() -> Iterator[KubernetesPlugin]:
    """Make the stand-in's own object, for tests that reach into it: cancelling, for one."""
    servicer = KubernetesPlugin(None)
    yield servicer
    servicer.close()


@pytest.fixture
def stack(api_server: ApiServer, servicer: KubernetesPlugin) -> Iterator[Stack]:
    """Run the stand-in on the real server, with a namespace and a ServiceAccount of its own for the test's objects."""
    namespace = f"test-{next(_numbers)}"
    api_server.post("namespaces", {"metadata": {"name": namespace}})
    api_server.post(f"namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "puller"}})

    def make(engine: Engine) -> KubernetesPlugin:
        servicer.engine = engine
        return servicer

    with replay.serving(make) as plugin:
        stack = Stack(plugin, api_server, namespace)
        stack.configure(enableSecretMutable="true")
        yield stack
