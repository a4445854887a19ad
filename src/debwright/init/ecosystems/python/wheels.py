"""What a lock's distributions are for the targets: wheels of any machine, of one, or sdists."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from debwright.init.ecosystems.python.dependencies import normalise
from debwright.init.ecosystems.python.libraries import libraries
from debwright.roots.cache import Cache, default_cache
from debwright.source.wheelhouse.fetch import fetch_all
from debwright.source.wheelhouse.interpreters import Interpreter
from debwright.source.wheelhouse.lockfile import Lock, parse
from debwright.source.wheelhouse.metadata import about_sdist
from debwright.source.wheelhouse.prepare import HOME
from debwright.source.wheelhouse.resolve import Chosen, IndexUnreachable, ask_index, choose


@dataclass(frozen=True, kw_only=True)
class Need:
    """What carrying a lock's distributions asks of the package and of its build."""

    platform: bool
    """Some are made for one architecture."""
    sdists: tuple[str, ...] = ()
    """Those without a wheel for some target, as `name 1.0`."""
    build_requirements: tuple[str, ...] = ()
    """What the sdists are built with."""
    libraries: tuple[str, ...] = ()
    """Debian's packages that they are compiled against."""

    @property
    def compiled(self) -> bool:
        return bool(self.sdists)


def look(text: str, name: str, pythons: Sequence[Interpreter]) -> Need:
    """Ask the index for the files of the lock `text`. Raises WheelhouseError, IndexUnreachable."""
    lock = Lock(path=Path(name), name=name, text=text, pins=parse(text, name))
    oldest = min((i.python for i in pythons), key=lambda p: int(p.partition(".")[2]))
    with TemporaryDirectory(prefix="debwright-wheels-") as scratch:
        ask = partial(ask_index, lock, python=oldest, index=None, scratch=Path(scratch))
        try:
            found = ask()
        except IndexUnreachable:
            found = ask(offline=True)
    chosen = choose(lock, found, pythons, use="run")
    sdists = [c for c in chosen if c.kind == "sdist"]
    return Need(
        platform=any(c.kind == "wheel" and not c.file.endswith("-any.whl") for c in chosen),
        sdists=tuple(f"{c.name} {c.version}" for c in sdists),
        build_requirements=_build_requirements(sdists),
        libraries=libraries(normalise(c.name) for c in sdists),
    )


def _build_requirements(sdists: Sequence[Chosen]) -> tuple[str, ...]:
    """build-system.requires of what has to be compiled; the build will want these sdists, too."""
    if not sdists:
        return ()
    store = Cache(default_cache()).root / HOME / "files"
    wanted = {
        str(requirement)
        for item in fetch_all(sdists, store)
        for requirement in about_sdist(item.path).requires
    }
    if any(text.startswith("setuptools") for text in wanted):
        wanted.add("wheel")  # for versions before 70.1, which ask for it by themselves
    return tuple(sorted(wanted))
