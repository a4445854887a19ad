"""What must outlive a change of version: the service's data, and the service itself."""

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from debwright.checks.engine import health, watch
from debwright.checks.engine.packaged import others
from debwright.checks.engine.session import Session
from debwright.model.codes import ERROR, WARNING, Code, Codes
from debwright.model.results import Evidence, Finding
from debwright.packages.debs import Deb
from debwright.systems.ownership import declared

PLACE = "/mnt/debwright/previous"
MARKER = "debwright-marker"


CODES = (
    health.CODES.under("upgrade") | watch.DEAD.under("upgrade")
    | Codes({"upgrade/data-lost": Code(ERROR, "A file among the service's data did not survive.")})
)  # fmt: skip
"""What is found of the service and its data; a check declares it as `CODES.under(name)`."""
NOT_RESTARTED = Codes(
    {"upgrade/not-restarted": Code(WARNING, "The service still runs the release of before.")}
)


def install_files(
    session: Session, debs: Sequence[Deb], *options: str, also: Sequence[Path] = ()
) -> None:
    """Bring package files into the system and let its apt install them, with what they need."""
    paths = []
    for file in (*(d.path for d in debs), *also):
        path = f"{PLACE}/{file.name}"
        session.system.push(file, path)
        paths.append(path)
    session.apt(["install", *options, *paths], "installing the previous release")


def unpack_again(session: Session, debs: Sequence[Deb]) -> None:
    """Install package files over what is there, as dpkg does for apt, which takes longer."""
    paths = [f"{PLACE}/{deb.path.name}" for deb in debs]
    for deb, path in zip(debs, paths, strict=True):
        session.system.push(deb.path, path)
    session.unpack_again(paths)


def mark_data(session: Session) -> dict[str, str]:
    """Put a file into each directory of the services' data; path to content."""
    markers: dict[str, str] = {}
    for directory in sorted(homes_of(session) | _state_made(session)):
        _mark(session, directory, markers)
    return markers


def homes_of(session: Session) -> frozenset[str]:
    """The directories that the units of the listed services declare."""
    units = session.units([service.unit for service in session.services])
    return frozenset(path for unit in units.values() for path in declared(unit))


def _state_made(session: Session) -> set[str]:
    """Directories below /var/lib that came with the package, whoever has made them."""
    parents = {p.split("/")[3] for p in session.created() if p.startswith("/var/lib/")}
    known = {"apt", "dpkg", "systemd", "ucf", "pam", "dbus", "python", "private"}
    return {f"/var/lib/{name}" for name in parents - known}


_MARK = 'd=$1; [ -d "$d" ] || exit 1; printf %s "$3" > "$d/$2"; chown --reference="$d" "$d/$2"'


def _mark(session: Session, directory: str, markers: dict[str, str]) -> None:
    """Put a file among the service's data, owned as the directory is."""
    if not directory.startswith("/var/lib/") or directory == "/var/lib/private":
        return
    text = secrets.token_hex(8)
    done = session.system.run(
        ["sh", "-c", _MARK, "sh", directory, MARKER, text],
        check=False, timeout=session.patience(30),
    )  # fmt: skip
    if done.returncode == 0:
        markers[f"{directory}/{MARKER}"] = text


def lost_data(
    session: Session, markers: Mapping[str, str], check: str, after: str
) -> list[Finding]:
    """A finding for each file among the data that is gone or another now."""
    found = []
    for path, text in markers.items():
        done = session.system.run(["cat", "--", path], check=False, timeout=session.patience(30))
        if done.returncode == 0 and done.output == text:
            continue
        said = " ".join(done.tail(1)) or "its content is another"
        found.append(
            CODES.under(check).found(
                f"{check}/data-lost",
                f"a file among the service's data in {path.rsplit('/', 1)[0]} did not survive "
                f"{after}",
                evidence=(Evidence(file=path, text=said),),
                fix="remove data in postrm at `purge` only, and migrate it in place",
            )
        )
    return found


def main_pids(session: Session) -> dict[str, str]:
    """Unit to main process, of the listed services that are of the packages."""
    mine = [s.unit for s in session.services if not others(session, s.unit)]
    units = session.units(mine)
    return {name: pid for name, u in units.items() if (pid := u.get("MainPID", "0")) != "0"}


def services_after(
    session: Session, pids: Mapping[str, str], check: str, after: str
) -> list[Finding]:
    """A finding for each service that is not healthy; `pids` must not be their processes still."""
    problems = health.wait_all(session, session.services)
    found = [health.as_found_by(check, f"after {after}", problem) for problem in problems]
    found += watch.dead(session, check, f"after {after}, ")
    now = session.units(list(pids))
    return found + [
        NOT_RESTARTED.under(check).found(
            f"{check}/not-restarted",
            f"{unit} still runs the previous release after {after}",
            evidence=(Evidence(text=f"MainPID={pid} before and after"),),
            fix="do not pass --no-restart-on-upgrade or --no-restart-after-upgrade to "
            "dh_installsystemd",
        )
        for unit, pid in pids.items()
        if unit in session.up and now.get(unit, {}).get("MainPID") == pid
    ]
