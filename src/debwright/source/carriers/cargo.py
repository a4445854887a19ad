"""The crates that a Rust program is made of, put into its source package by `cargo vendor`."""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from pydantic import Field

from debwright.config import Config
from debwright.config import values as v
from debwright.config.section import Section
from debwright.host.process import Completed
from debwright.isolation.namespaces import Bind
from debwright.model.errors import DebwrightError, UsageError
from debwright.model.fix import Command
from debwright.source import vendoring
from debwright.source.carrier import Asked, Carrier
from debwright.source.make import project_files
from debwright.source.vendoring import DOWNLOADS, Reason, Tool, Vendoring

REGISTRY = "https://index.crates.io"
CONFIGURATION = ".debwright.toml"
"""In the component: how cargo finds the crates of it, as `cargo vendor` says. cargo passes over
names that begin with a dot."""
_CRATES_IO = '[source.crates-io]\nreplace-with = "vendored-sources"\n\n'
_VENDORED = '\n[source.vendored-sources]\ndirectory = "vendor"\n'
_UNREACHABLE = re.compile(
    r"[Cc]ould not resolve host|[Cc]ouldn't resolve host|failed to resolve|[Cc]onnection refused|"
    r"[Cc]onnection timed out|[Cc]ouldn't connect|[Ff]ailed to connect|timeout|status code|"
    r"HTTP response|got (?:4|5)\d\d|network failure|spurious network error|SSL"
)
_HASH = re.compile(r"checksum for .* changed|failed to verify the checksum|checksum .* mismatch")
_LOCK = re.compile(r"--locked was passed|lock file .* needs to be updated")
_OLD = re.compile(
    r"lock file version .* (?:requires|was found)|requires rustc|feature `edition2024` is required|"
    r"unknown edition|this version of Cargo is older|is required|rust-version"
)
_MISSING = re.compile(r"no matching package|failed to select a version|failed to get ")


class Cargo(Section, table="cargo", optional=True):
    """The crates of Cargo.lock become a part of the source package."""

    toolchain: v.PackageName = Field(
        "cargo", description="The package with the cargo that collects them, as cargo-web."
    )


class CargoCarrier(Carrier):
    """Crates, as Cargo.lock has them."""

    def asked(self, config: Config, source: Path) -> Asked:
        settings = config.given(Cargo)
        assert settings is not None
        if not (source / "Cargo.lock").is_file():
            raise UsageError(
                "there is no Cargo.lock, which says which crates are built",
                cause="each crate is checked against its hash there",
                fix=Command("cargo", "generate-lockfile"),
            )
        own = own_sources()
        tool = Tool(
            title="cargo vendor",
            package=settings.toolchain,
            command=[
                "sh",
                "-ec",
                _SCRIPT,
                "sh",
                *(["--respect-source-config"] if own.replaced else []),
            ],
            environment={
                "CARGO_HOME": f"{DOWNLOADS}/cargo",
                "CARGO_CONFIGURATION": own.text,
            },
            binds=own.binds,
            explain=lambda done: explain(done, own.place),
            finish=_finish,
        )
        return Vendoring(tool=tool, source=source, config=config, inputs=_inputs(settings, source))


CARRIER = CargoCarrier()

# A directory of its own for each run, since the person's settings are written there; what is
# downloaded is shared.
_SCRIPT = """\
home=$(mktemp -d)
mkdir -p "$CARGO_HOME/registry" "$CARGO_HOME/git"
ln -s "$CARGO_HOME/registry" "$CARGO_HOME/git" "$home"
printf '%s' "$CARGO_CONFIGURATION" > "$home/config.toml"
CARGO_HOME=$home cargo vendor --locked --versioned-dirs "$@" vendor
"""


class Sources:
    """What the person who runs debwright has configured for cargo, as far as sources go."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        sources = table.get("source")
        self.sources: dict[str, Any] = sources if isinstance(sources, dict) else {}

    @property
    def replaced(self) -> bool:
        return any("replace-with" in s for s in self.sources.values() if isinstance(s, dict))

    @property
    def text(self) -> str:
        """[source] alone: nothing else of it concerns what is fetched, and tokens are not ours."""
        lines = []
        for name, source in self.sources.items():
            if not isinstance(source, dict):
                continue
            lines.append(f"[source.{_quoted(name)}]")
            lines += [
                f"{key} = {_quoted(value)}"
                for key, value in source.items()
                if isinstance(value, str)
            ]
        return "\n".join(lines) + "\n"

    @property
    def binds(self) -> tuple[Bind, ...]:
        return tuple(Bind(source=path, target=str(path)) for path in self._directories())

    def _directories(self) -> Iterator[Path]:
        for source in self.sources.values():
            if not isinstance(source, dict):
                continue
            for key in ("directory", "local-registry", "registry"):
                said = str(source.get(key) or "")
                address = urlparse(said.removeprefix("sparse+"))
                path = Path(unquote(address.path) if address.scheme == "file" else said)
                if path.is_absolute() and path.is_dir():
                    yield path

    @property
    def place(self) -> str:
        """Where crates of crates.io come from, for messages."""
        name, seen = "crates-io", set[str]()
        while name not in seen and isinstance(source := self.sources.get(name), dict):
            seen.add(name)
            name = str(source.get("replace-with") or name)
            if "replace-with" not in source:
                return str(
                    source.get("directory")
                    or source.get("local-registry")
                    or source.get("registry")
                    or name
                )
        return REGISTRY


def own_sources() -> Sources:
    """config.toml of CARGO_HOME (the Cargo book, "Configuration"); empty without one."""
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    for name in ("config.toml", "config"):
        try:
            return Sources(tomllib.loads((home / name).read_text(encoding="utf-8")))
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
            continue
    return Sources({})


def _quoted(text: str) -> str:
    """`text` as a basic string of TOML."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in escaped) + '"'


def _inputs(settings: Cargo, source: Path) -> Mapping[str, object]:
    """What decides which crates are taken: the lock, and every manifest."""
    names = [
        n for n in project_files(source) if n.rpartition("/")[2] in ("Cargo.toml", "Cargo.lock")
    ]
    files = {
        n: (source / n).read_text(errors="replace") for n in names if not n.startswith("vendor/")
    }
    return {"toolchain": settings.toolchain, "files": files}


def _finish(tree: Path, done: Completed) -> int:
    """Keep what cargo says of how the directory is used, with its path as it was asked for."""
    vendor = tree / "vendor"
    text = re.sub(r'^directory = ".*"$', 'directory = "vendor"', done.output, flags=re.M)
    if "[source.crates-io]" not in text:
        # It need not say it of crates that came from a replacement of crates.io.
        text = f"{_CRATES_IO}{text}"
    if "[source.vendored-sources]" not in text:
        text += _VENDORED
    (vendor / CONFIGURATION).write_text(text, encoding="utf-8")
    return sum(path.is_dir() for path in vendor.iterdir())


def explain(done: Completed, place: str) -> DebwrightError:
    """What a failure of `cargo vendor` means; `place` is where it asked."""
    return vendoring.explain("cargo vendor", done, _reasons(place), noise="Vendoring ")


def _reasons(place: str) -> tuple[Reason, ...]:
    return (
        Reason(
            said=_HASH,
            code="vendor/hash",
            what="a crate is not the one that Cargo.lock names",
            cause=f"what {place} serves has another hash than the lock",
            fix="cargo update",
        ),
        Reason(
            said=_LOCK,
            code="vendor/lock",
            what="Cargo.lock does not fit Cargo.toml",
            cause="it was not brought up to date",
            fix=Command("cargo", "update", "--workspace"),
        ),
        Reason(
            said=_OLD,
            unless=_UNREACHABLE,
            code="vendor/too-old",
            what="the cargo of this root is older than the project needs",
            cause="Cargo.lock or a Cargo.toml is of a newer Cargo",
            fix='[cargo] toolchain = "cargo-web" in debwright.toml, or targets of a newer suite',
        ),
        Reason(
            said=re.compile(f"{_UNREACHABLE.pattern}|{_MISSING.pattern}"),
            what=f"the crates of Cargo.lock could not be fetched from {place}",
            cause="this machine does not reach it, or it does not have them; a build has no "
            "network, so that crates are fetched before, and once",
            fix="replace crates-io by a mirror in ~/.cargo/config.toml ([source.crates-io] "
            "replace-with); or, where it can be reached: cargo vendor && debwright init",
        ),
    )
