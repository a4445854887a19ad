"""Sockets that wait for others: those that are declared, on the addresses declared, and no more."""

import ipaddress
from collections.abc import Iterable

from debwright.checks.engine.session import Session
from debwright.config import Service
from debwright.config.values import Port
from debwright.model.codes import ERROR, INFO, Code, Codes
from debwright.model.results import Evidence, Finding

CODES = Codes(
    {
        "service/port-closed": Code(ERROR, "The service does not listen where it should."),
        "service/port-undeclared": Code(ERROR, "Something listens that is not declared."),
    }
)
NOT_DECLARED = Codes(
    {
        "service/ports-not-declared": Code(
            INFO, "Other machines can reach the service, and nothing declares its ports."
        )
    }
)


def codes(check: str) -> Codes:
    """What `ports` gives for `check`."""
    return CODES.under(check) | NOT_DECLARED


def ports(session: Session, service: Service, check: str) -> list[Finding]:
    """Findings on the ports that are open now and were not before installation.

    Where nothing is declared, what other machines could reach is a remark. What an earlier check of
    the session has reported is not reported again.
    """
    open_now = session.listening()
    new = open_now - session.ports_reported
    session.ports_reported |= open_now
    if not service.ports:
        return _not_declared(service, new)
    closed = [d for d in service.ports if not any(covers(d, port) for port in open_now)]
    extra = [p for p in sorted(new) if not any(covers(d, p) for d in service.ports)]
    return [
        *(_closed(service, port, open_now, check) for port in sorted(closed)),
        *(_undeclared(service, port, check) for port in extra),
    ]


def covers(declared: str, port: str) -> bool:
    """Whether an open `ADDRESS:PORT/PROTOCOL` is the declared one; `*` is every address."""
    wanted, found = Port.parse(declared), Port.parse(port)
    if (wanted.number, wanted.protocol) != (found.number, found.protocol):
        return False
    address = ipaddress.ip_address(found.address)
    if wanted.address == "*":
        return address.is_unspecified
    return address == ipaddress.ip_address(wanted.address)


def reachable(open_ports: Iterable[str]) -> list[str]:
    """Those that are not on a loopback address alone."""
    return sorted(
        p for p in open_ports if not ipaddress.ip_address(Port.parse(p).address).is_loopback
    )


def _not_declared(service: Service, new: set[str]) -> list[Finding]:
    if not (others := reachable(new)):
        return []
    return [
        NOT_DECLARED.found(
            "service/ports-not-declared",
            f"other machines can reach {', '.join(others)}, and [service] ports declares nothing",
            evidence=tuple(Evidence(text=f"listening: {port}") for port in others[:8]),
            fix=f"debwright.toml: [service] ports = {others}".replace("'", '"')
            + f", if {service.unit} is meant to be reached",
        )
    ]


def _closed(service: Service, port: str, open_now: set[str], check: str) -> Finding:
    return CODES.under(check).found(
        f"{check}/port-closed",
        f"{service.unit} does not listen on {port}, as declared",
        evidence=(Evidence(text=f"listening: {', '.join(sorted(open_now)) or 'nothing'}"),),
        fix="correct [service] ports in debwright.toml, or the service's configuration",
    )


def _undeclared(service: Service, port: str, check: str) -> Finding:
    return CODES.under(check).found(
        f"{check}/port-undeclared",
        f"something listens on {port}, which is not declared",
        evidence=(Evidence(text=f"declared: {', '.join(sorted(service.ports))}"),),
        fix="bind to 127.0.0.1 by default, or declare it: [service] ports",
    )
