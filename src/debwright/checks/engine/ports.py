"""Sockets that wait for others: those that are declared, on the addresses declared, and no more."""

import ipaddress
from collections.abc import Iterable, Sequence

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


def ports(session: Session, check: str) -> list[Finding]:
    """Findings on the ports that are open now and were not before installation.

    Where nothing is declared, what other machines could reach is a remark. What an earlier check of
    the session has reported is not reported again. Whose socket it is the system does not say: what
    one service declares, any of them may open.
    """
    open_now = session.listening()
    new = open_now - session.ports_reported
    session.ports_reported |= open_now
    declared = [(service, port) for service in session.services for port in service.ports]
    if not declared:
        return _not_declared(session.services, new)
    allowed = sorted({port for _, port in declared})
    up = session.up
    closed = [
        (service, port) for service, port in sorted(declared, key=lambda pair: pair[1])
        if service.unit in up and not any(covers(port, there) for there in open_now)
    ]  # fmt: skip
    extra = [p for p in sorted(new) if not any(covers(d, p) for d in allowed)]
    return [
        *(_closed(service, port, open_now, check) for service, port in closed),
        *(_undeclared(port, allowed, check) for port in extra),
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


def _not_declared(services: Sequence[Service], new: set[str]) -> list[Finding]:
    if not (others := reachable(new)):
        return []
    return [
        NOT_DECLARED.found(
            "service/ports-not-declared",
            f"other machines can reach {', '.join(others)}, and [service] ports declares nothing",
            evidence=tuple(Evidence(text=f"listening: {port}") for port in others[:8]),
            fix=f"debwright.toml: [service] ports = {others}".replace("'", '"')
            + f", if {' or '.join(s.unit for s in services)} is meant to be reached",
        )
    ]


def _closed(service: Service, port: str, open_now: set[str], check: str) -> Finding:
    return CODES.under(check).found(
        f"{check}/port-closed",
        f"{service.unit} does not listen on {port}, as declared",
        evidence=(Evidence(text=f"listening: {', '.join(sorted(open_now)) or 'nothing'}"),),
        fix="correct [service] ports in debwright.toml, or the service's configuration",
    )


def _undeclared(port: str, declared: Sequence[str], check: str) -> Finding:
    return CODES.under(check).found(
        f"{check}/port-undeclared",
        f"something listens on {port}, which is not declared",
        evidence=(Evidence(text=f"declared: {', '.join(declared)}"),),
        fix="bind to 127.0.0.1 by default, or declare it: [service] ports",
    )
