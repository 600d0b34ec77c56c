"""What the cluster's name server answers, and where connections to Services go, from what the API server says."""

from __future__ import annotations

import pytest

from sandbox.kubernetes.services.catalog import Catalog, Object

pytestmark = pytest.mark.unit

PAGE = {"name": "http", "port": 8080, "targetPort": 80, "protocol": "TCP"}


def service(name: str, address: str, *ports: Object) -> Object:
    return {"metadata": {"name": name, "namespace": "web"}, "spec": {"clusterIP": address, "ports": list(ports)}}


def pods(name: str, *endpoints: Object, port: int = 80) -> Object:
    labels = {"kubernetes.io/service-name": name}
    return {
        "metadata": {"namespace": "web", "labels": labels},
        "addressType": "IPv4",
        "endpoints": list(endpoints),
        "ports": [{"name": "http", "port": port, "protocol": "TCP"}],
    }


def pod(address: str, host: str = "", *, ready: bool = True) -> Object:
    return {"addresses": [address], "conditions": {"ready": ready}, **({"hostname": host} if host else {})}


@pytest.fixture
def catalog() -> Catalog:
    made = Catalog("198.19.78.1", "127.0.0.1:7443")
    udp = {"name": "voice", "port": 9, "protocol": "UDP"}
    made.services = {"1": service("page", "198.19.78.9", PAGE, udp), "2": service("each", "None", PAGE)}
    endpoints = (pod("198.19.77.4", "one"), pod("198.19.77.5"), pod("198.19.77.6", ready=False))
    made.slices = {"3": pods("page", *endpoints), "4": pods("each", *endpoints)}
    return made


@pytest.mark.parametrize(
    ("name", "addresses"),
    [
        ("page.web.svc.cluster.local", ["198.19.78.9"]),
        ("each.web.svc.cluster.local", ["198.19.77.4", "198.19.77.5"]),
        ("one.each.web.svc.cluster.local", ["198.19.77.4"]),
        ("two.each.web.svc.cluster.local", None),
        ("page.other.svc.cluster.local", None),
        ("kubernetes.default.svc.cluster.local", ["198.19.78.1"]),
        ("iam.sandbox.internal", ["198.19.77.1"]),
        ("jp.icr.io", None),
        ("page", None),
    ],
)
def test_a_name_has_the_addresses_that_a_cluster_gives_it(
    catalog: Catalog, name: str, addresses: list[str] | None
) -> None:
    assert catalog.addresses(name) == addresses


def test_a_services_tcp_ports_lead_to_its_ready_pods_and_the_api_servers_to_loopback(catalog: Catalog) -> None:
    assert catalog.routes() == {
        ("198.19.78.1", 443): [("127.0.0.1", 7443)],
        ("198.19.78.9", 8080): [("198.19.77.4", 80), ("198.19.77.5", 80)],
    }


def test_a_service_without_pods_leads_nowhere(catalog: Catalog) -> None:
    catalog.slices.clear()
    assert catalog.routes()["198.19.78.9", 8080] == []
    assert catalog.addresses("each.web.svc.cluster.local") == []
