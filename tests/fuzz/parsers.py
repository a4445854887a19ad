"""What is fuzzed: a parser of foreign bytes a row, with what it may refuse its input by.

Everything else that it raises is a finding, as is more memory or time than one.py gives.
"""

import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from debwright.checks.engine.tests_control import ControlError, Package, read_tests
from debwright.config import load
from debwright.keys.gnupg.armor import dearmor
from debwright.keys.shares import read_share
from debwright.model.errors import DebwrightError
from debwright.observe.diagnose.diagnose import diagnose_text
from debwright.packages import elf
from debwright.packages.debs import members, read_deb
from debwright.packages.distributions import read_metadata
from debwright.repository.describe import paragraphs
from debwright.repository.incoming import read_control, read_dsc
from debwright.repository.model import PackageFile
from debwright.repository.release import listed_files
from debwright.repository.verify.sums import control_sums, read_sums
from debwright.source.carriers.npm.locks import READERS, read_tree
from debwright.source.wheelhouse import lockfile

SEEDS = Path(__file__).with_name("seeds")


@dataclass(frozen=True)
class Parser:
    """A parser, by the name of the directory with its seeds."""

    name: str
    run: Callable[[bytes], object]
    refuses: tuple[type[Exception], ...] = (DebwrightError,)

    def seeds(self) -> list[bytes]:
        """Inputs that are meant well, and those that were found."""
        return [path.read_bytes() for path in sorted((SEEDS / self.name).iterdir())]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _file(run: Callable[[Path], object], name: str) -> Callable[[bytes], object]:
    def with_file(data: bytes) -> None:
        with tempfile.TemporaryDirectory(prefix="debwright-fuzz-") as scratch:
            path = Path(scratch) / name
            path.write_bytes(data)
            run(path)

    return with_file


def _deb(path: Path) -> None:
    for read in (read_deb, read_control, lambda p: list(members(p))):
        try:
            read(path)
        except DebwrightError:
            pass


def _tests(data: bytes) -> None:
    there = Package(binaries=["a (= 1)"], build_depends=["b"], recommends=[])
    read_tests(_text(data), there, lambda _: True)


def _npm(lock: str) -> Callable[[bytes], object]:
    return lambda data: read_tree(lock, _text(data), {"name": "a", "dependencies": {"b": "1"}})


PARSERS = (
    Parser("deb", _file(_deb, "a.deb")),
    Parser("dsc", _file(lambda p: read_dsc(PackageFile(path=p, suite="bookworm"), {}), "a.dsc")),
    Parser("release", lambda data: (listed_files(data), control_sums(_text(data)))),
    Parser("index", _file(lambda p: list(paragraphs(p)), "Packages")),
    Parser("sums", _file(read_sums, "SHA256SUMS")),
    Parser("config", _file(load, "debwright.toml")),
    Parser("requirements", lambda data: lockfile.parse(_text(data), "requirements.lock")),
    *(Parser(name, _npm(name)) for name in READERS if name != "npm-shrinkwrap.json"),
    Parser("tests-control", _tests, (ControlError,)),
    Parser("log", lambda data: diagnose_text(_text(data))),
    Parser("elf", lambda data: elf.read(io.BytesIO(data))),
    Parser("metadata", lambda data: read_metadata(_text(data))),
    Parser("armor", lambda data: dearmor(data, "PUBLIC KEY BLOCK"), (DebwrightError, ValueError)),
    Parser("share", _file(read_share, "share.txt")),
)
