"""From a lock to the files of an index: uv reads the index, this chooses among what it has."""

import json
import shutil
import sys
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from debwright.config.wheelhouse import canonical
from debwright.host import process
from debwright.host.process import Completed
from debwright.model.codes import ERROR, Code, CodedError, Codes
from debwright.model.errors import BuildError, Evidence, MissingError
from debwright.roots.apt import MirrorError
from debwright.source.wheelhouse.interpreters import Interpreter
from debwright.source.wheelhouse.lockfile import LOCK_COMMAND, Lock, Pin

UNREACHABLE = (
    "error sending request", "dns error", "Could not connect", "Connection refused", "timed out",
    "Failed to fetch", "error trying to connect", "Request failed after", "tcp connect error",
)  # fmt: skip


class IndexUnreachable(MirrorError):
    """The package index, or a file of it, could not be read. Worth another attempt."""


CODES = Codes(
    {
        "wheelhouse/unresolved": Code(ERROR, "uv cannot find what the lock file names."),
        "wheelhouse/no-file": Code(ERROR, "The index has no file with a hash of the lock."),
        "wheelhouse/no-wheel": Code(ERROR, "A distribution has no wheel for the architecture."),
        "wheelhouse/address": Code(ERROR, "The index names an address that is not fetched."),
        "wheelhouse/hash": Code(ERROR, "A file is not the one that was locked."),
        "wheelhouse/too-large": Code(ERROR, "A file is larger than debwright fetches."),
        "wheelhouse/unreadable": Code(ERROR, "A wheel cannot be read."),
        "wheelhouse/wrong-machine": Code(ERROR, "A wheel holds a library for other machines."),
        "wheelhouse/build-tool": Code(ERROR, "A tool for compiling has no wheel for this machine."),
        "wheelhouse/build-requirement": Code(
            ERROR, "A distribution is compiled with what the target does not have."
        ),
    }
)


class WheelhouseError(CodedError, BuildError):
    """The wheelhouse cannot be made; `code` is the finding's."""

    codes = CODES


@dataclass(frozen=True, kw_only=True)
class Found:
    """A file that the index has."""

    name: str
    version: str
    file: str
    url: str
    sha256: str | None
    """None where the index does not say."""

    @property
    def is_wheel(self) -> bool:
        return self.file.endswith(".whl")


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """A file that is to be fetched, and for whom."""

    name: str
    version: str
    file: str
    url: str
    hashes: tuple[str, ...]
    """It must have one of these."""
    use: str
    """`run` or `build`."""
    interpreters: tuple[str, ...]

    @property
    def kind(self) -> str:
        return "wheel" if self.file.endswith(".whl") else "sdist"


def choose(
    lock: Lock,
    found: Iterable[Found],
    wanted: Sequence[Interpreter],
    *,
    use: str,
    compiled: frozenset[str] = frozenset(),
    exclude: frozenset[str] = frozenset(),
) -> tuple[Chosen, ...]:
    """The file of each pin for each interpreter: the best wheel, else the sdist.

    Distributions in `compiled` take the sdist even where there are wheels. Raises WheelhouseError
    for a pin that has neither.
    """
    by_pin: dict[tuple[str, str], list[Found]] = {}
    for item in found:
        by_pin.setdefault((item.name, item.version), []).append(item)
    chosen: dict[str, tuple[Found, Pin, list[str]]] = {}
    for interpreter in wanted:
        rank = {tag: place for place, tag in enumerate(interpreter.tags())}
        for pin in lock.pins:
            if pin.name in exclude or not pin.wanted(interpreter.environment()):
                continue
            files = [
                f
                for f in by_pin.get((pin.name, pin.version), ())
                if f.sha256 is None or f.sha256 in pin.hashes
            ]
            best = _best(files, rank, sdist_only=pin.name in compiled)
            if best is None:
                raise _none(lock, pin, interpreter, files, compiled)
            chosen.setdefault(best.file, (best, pin, []))[2].append(interpreter.name)
    return tuple(
        Chosen(
            name=f.name, version=f.version, file=f.file, url=f.url, use=use,
            hashes=tuple(sorted([f.sha256] if f.sha256 else pin.hashes)),
            interpreters=tuple(sorted(set(names))),
        )
        for _, (f, pin, names) in sorted(chosen.items())
    )  # fmt: skip


def _best(files: Sequence[Found], rank: dict[Any, int], *, sdist_only: bool) -> Found | None:
    ranked: list[tuple[int, tuple[Any, ...], str, Found]] = []
    for item in files if not sdist_only else ():
        if item.is_wheel:
            _, _, build, tags = parse_wheel_filename(item.file)
            places = [rank[tag] for tag in tags if tag in rank]
            if places:
                # The higher build number wins (PEP 427).
                ranked.append((min(places), tuple(-n for n in build[:1]), item.file, item))
    if ranked:
        return min(ranked, key=lambda r: r[:3])[3]
    sdists = [f for f in files if not f.is_wheel]
    return min(sdists, key=lambda f: (f.file.endswith(".zip"), f.file), default=None)


def _none(
    lock: Lock,
    pin: Pin,
    interpreter: Interpreter,
    files: Sequence[Found],
    compiled: frozenset[str],
) -> WheelhouseError:
    glibc = ".".join(map(str, interpreter.glibc))
    have = sorted(f.file for f in files)
    if not files:
        return WheelhouseError(
            f"the index has no file of {pin.name} {pin.version} with a hash of the lock",
            code="wheelhouse/no-file", evidence=[lock.evidence(pin)],
            cause="the files were replaced or removed, or the lock was made from another index",
            fix=f"{LOCK_COMMAND} --upgrade-package {pin.name} pyproject.toml -o {lock.name}",
        )  # fmt: skip
    shown = [Evidence(text=name) for name in have[:8]]
    if pin.name in compiled:
        cause = f"it is to be compiled ([wheelhouse.compile.{pin.name}]), and it has no sdist"
    else:
        cause = (
            f"no wheel suits {interpreter} with a C library of {glibc}, and there is no sdist to "
            f"compile"
        )
    return WheelhouseError(
        f"{pin.name} {pin.version} has no wheel for {interpreter}",
        code="wheelhouse/no-wheel", evidence=[lock.evidence(pin), *shown], cause=cause,
        fix=f"lock another version of {pin.name}, or leave the target out",
    )  # fmt: skip


def ask_index(
    lock: Lock,
    *,
    python: str,
    index: str | None,
    scratch: Path,
    uv: Path | None = None,
    offline: bool = False,
) -> tuple[Found, ...]:
    """All files an index has of the pins of `lock`, from `python` (as `3.9`) on.

    uv is told that no distribution has dependencies: it then never runs the code of an sdist to
    learn of them. `offline` asks uv's own cache alone. Raises IndexUnreachable, MissingError
    without uv, or WheelhouseError.
    """
    if not lock.pins:
        return ()
    (scratch / "uv.toml").write_text(_uv_settings(lock), encoding="utf-8")
    copy = scratch / "requirements.txt"
    copy.write_text(lock.text, encoding="utf-8")
    answer = scratch / "pylock.toml"
    command = [
        str(uv or find_uv()), "pip", "compile", "--quiet", "--universal", "--no-deps",
        "--no-header", "--no-annotate", "--no-python-downloads", f"--python-version={python}",
        "--format=pylock.toml", f"--output-file={answer}", str(copy),
    ]  # fmt: skip
    if index is not None:
        command.append(f"--default-index={index}")
    if offline:
        command.append("--offline")
    done = process.run(
        command, cwd=scratch, timeout=600, check=False,
        env={"UV_HTTP_RETRIES": "0", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"},
    )  # fmt: skip
    if done.returncode != 0:
        raise _explain(done, lock)
    return tuple(read_answer(answer.read_text(encoding="utf-8")))


def find_uv() -> Path:
    """The uv of debwright's own environment, else that of PATH. Raises MissingError."""
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.is_file() else shutil.which("uv")
    if found is None:
        raise MissingError(
            "uv is not installed, which reads the package index for a wheelhouse",
            fix="python3 -m pip install uv",
        )
    return Path(found)


def _uv_settings(lock: Lock) -> str:
    tables = [
        "[[dependency-metadata]]\n"
        f"name = {json.dumps(pin.name)}\nversion = {json.dumps(pin.version)}\nrequires-dist = []\n"
        for pin in {(p.name, p.version): p for p in lock.pins}.values()
    ]
    return "\n".join(tables)


def read_answer(text: str) -> list[Found]:
    """The files named in a pylock.toml (PEP 751); those no rule of PyPA can read are left out."""
    found = []
    for package in tomllib.loads(text).get("packages", []):
        try:
            name, version = canonical(str(package["name"])), str(Version(package["version"]))
        except (KeyError, InvalidVersion):
            continue
        sdist = package.get("sdist")
        for entry in [*package.get("wheels", []), *([sdist] if sdist else [])]:
            url = entry.get("url") or Path(entry["path"]).absolute().as_uri()
            file = PurePosixPath(unquote(urlsplit(url).path)).name
            if file and _readable(file):
                found.append(
                    Found(
                        name=name, version=version, file=file, url=url,
                        sha256=entry.get("hashes", {}).get("sha256"),
                    )
                )  # fmt: skip
    return found


def _readable(file: str) -> bool:
    if not file.endswith(".whl"):
        return file.endswith((".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tgz"))
    try:
        parse_wheel_filename(file)
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return False
    return True


def _explain(done: Completed, lock: Lock) -> Exception:
    said = [line for line in (done.error or done.output).splitlines() if line.strip()]
    evidence = [Evidence(text=line.strip()[:300]) for line in said[:8]]
    if any(sign in line for sign in UNREACHABLE for line in said):
        return IndexUnreachable(
            "the package index could not be read", evidence=evidence,
            cause="the index is down or out of reach, or a proxy stands between",
            fix="try again later, or name another index: [wheelhouse] index",
        )  # fmt: skip
    return WheelhouseError(
        f"uv cannot find what {lock.name} names", code="wheelhouse/unresolved", evidence=evidence,
        cause="a version is not on the index, or does not work with the Python of a suite",
        fix=f"{LOCK_COMMAND} pyproject.toml -o {lock.name}",
    )  # fmt: skip


def to_json(chosen: Sequence[Chosen]) -> str:
    return json.dumps([asdict(c) for c in chosen], indent=1)


def from_json(text: str) -> tuple[Chosen, ...]:
    """What to_json wrote. Raises ValueError, TypeError or KeyError."""
    return tuple(
        Chosen(
            name=item["name"], version=item["version"], file=item["file"], url=item["url"],
            hashes=tuple(item["hashes"]), use=item["use"],
            interpreters=tuple(item["interpreters"]),
        )
        for item in json.loads(text)
    )  # fmt: skip
