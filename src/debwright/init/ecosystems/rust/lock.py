"""Cargo.lock: the crates that are built, in the versions that the author builds with."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from debwright.model.errors import Evidence, UsageError

FILE = "Cargo.lock"
MAX_BYTES = 8 << 20


@dataclass(frozen=True, kw_only=True)
class Lock:
    """What Cargo.lock says."""

    format: int
    """`version`; 2 is what files without one are."""
    crates: frozenset[str]
    """Names of the crates that come from elsewhere."""
    repositories: frozenset[str]
    """Addresses of git repositories among where they come from."""


def read_lock(directory: Path) -> Lock | None:
    """The lock of the project; None without one. Raises UsageError for one that is none."""
    path = directory / FILE
    if not path.is_file():
        return None
    try:
        with path.open("rb") as stream:
            data = tomllib.loads(stream.read(MAX_BYTES).decode("utf-8"))
        packages = [p for p in data.get("package", []) if isinstance(p, dict)]
        return Lock(
            format=int(data.get("version", 2)),
            crates=frozenset(str(p["name"]) for p in packages if "source" in p),
            repositories=frozenset(
                str(p["source"])[4:].partition("#")[0].partition("?")[0]
                for p in packages
                if str(p.get("source", "")).startswith("git+")
            ),
        )
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, ValueError, TypeError) as error:
        raise UsageError(
            f"{FILE} cannot be read",
            evidence=[Evidence(text=str(error), file=FILE)],
            fix="cargo generate-lockfile",
        ) from error
