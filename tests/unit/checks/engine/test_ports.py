"""Which open ports are the declared ones, and what is told of the others."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from debwright.checks.engine.ports import covers, ports, reachable
from debwright.checks.engine.session import Session
from debwright.config import Service
from debwright.model.results import Severity


def session(*open_now: str, services: Sequence[Service] = (Service(unit="x"),)) -> Session:
    made: Any = SimpleNamespace(
        listening=lambda: set(open_now), ports_reported=set(), services=services,
        up={service.unit for service in services},
    )  # fmt: skip
    return cast(Session, made)


@pytest.mark.parametrize(
    ("declared", "port", "same"),
    [
        ("*:80/tcp", "0.0.0.0:80/tcp", True), ("*:80/tcp", "[::]:80/tcp", True),
        ("*:80/tcp", "127.0.0.1:80/tcp", False), ("*:80/tcp", "0.0.0.0:80/udp", False),
        ("[0:0::1]:53/udp", "[::1]:53/udp", True), ("127.0.0.1:8/tcp", "0.0.0.0:8/tcp", False),
    ],
)  # fmt: skip
def test_the_declared_address_is_meant(declared: str, port: str, same: bool) -> None:
    assert covers(declared, port) is same


def test_every_address_is_one_declaration() -> None:
    services = [Service(unit="x", ports=["*:80/tcp"])]
    assert ports(session("0.0.0.0:80/tcp", "[::]:80/tcp", services=services), "service") == []
    (closed,) = ports(session("127.0.0.1:80/tcp", services=services), "service")[:1]
    assert closed.code == "service/port-closed"


def test_a_port_is_told_of_once() -> None:
    services = [Service(unit="x", ports=["127.0.0.1:80/tcp"])]
    seen = session("127.0.0.1:80/tcp", "0.0.0.0:99/udp", services=services)
    assert [f.code for f in ports(seen, "service")] == ["service/port-undeclared"]
    assert ports(seen, "steady") == []


def test_one_service_may_open_what_another_declares() -> None:
    """Whose socket it is nobody says; what is closed is the matter of the one that declares it."""
    services = [
        Service(unit="a", ports=["127.0.0.1:80/tcp"]), Service(unit="b", ports=["*:443/tcp"]),
    ]  # fmt: skip
    assert ports(session("127.0.0.1:80/tcp", "[::]:443/tcp", services=services), "service") == []
    (closed,) = ports(session("127.0.0.1:80/tcp", services=services), "service")
    assert closed.message.startswith("b.service does not listen on *:443/tcp")


def test_without_a_declaration_it_is_information() -> None:
    (told,) = ports(session("127.0.0.1:1/tcp", "[::1]:1/tcp", "0.0.0.0:80/tcp"), "service")
    assert told.severity is Severity.INFO
    assert told.fix is not None
    assert 'ports = ["0.0.0.0:80/tcp"]' in told.fix
    assert reachable(["127.0.0.1:1/tcp", "10.0.0.1:1/tcp"]) == ["10.0.0.1:1/tcp"]
