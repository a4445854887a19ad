"""Locks with hashes for the wheelhouse, made by uv from what a project asks for."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from debwright.host import process
from debwright.host.process import Completed
from debwright.init.ecosystems.python.dependencies import normalise
from debwright.model.errors import Evidence, MissingError, UsageError
from debwright.source.wheelhouse.lockfile import EMPTY, parse
from debwright.source.wheelhouse.resolve import UNREACHABLE, find_uv

HEADER = """\
# Made by debwright init: every distribution that the package carries, with the hashes of its files.
# `debwright init` keeps the versions that stand here as long as the project allows them; remove a
# line, or the file, to have the newest.
"""
SECONDS = 300
AUTHORS_LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml")
MAX_LOCK = 16 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Locked:
    """A lock in pip's format."""

    text: str
    built: tuple[str, ...] = ()
    """Distributions without a wheel, whose own code said what they need."""
    loosened: bool = False
    """The author's lock could not be kept to."""


def lock(
    requirements: Sequence[str],
    *,
    python: str,
    before: str = "",
    versions: Mapping[str, str] | None = None,
    limits: Sequence[str] = (),
) -> Locked:
    """Lock `requirements` for Python from `python` (as `3.11`) on, every architecture at once.

    `before` is the lock of last time, whose versions are kept where they still fit; `versions` are
    those of the author's own lock, `limits` are for what nobody has to ask for. Wheels are
    preferred, since only then no code of a stranger runs here. Raises UsageError when there is no
    solution, MissingError without uv or an index.
    """
    if not requirements:
        return Locked(text=f"{HEADER}{EMPTY}\n")
    exact = versions or {}
    attempts = [(exact, True), (exact, False)] if exact else []
    attempts += [({}, True), ({}, False)]
    failed: UsageError | None = None
    for pinned, wheels_only in attempts:
        try:
            held = (*limits, *(f"{name}=={version}" for name, version in pinned.items()))
            text = _compile(requirements, python, before, held, wheels_only=wheels_only)
        except UsageError as error:
            failed = failed or error
            continue
        parse(text, "what uv wrote")
        return Locked(
            text=HEADER + text,
            built=() if wheels_only else ("some",),
            loosened=bool(exact) and not pinned,
        )
    assert failed is not None
    raise failed


def _compile(
    requirements: Sequence[str],
    python: str,
    before: str,
    limits: Sequence[str],
    *,
    wheels_only: bool,
) -> str:
    with TemporaryDirectory(prefix="debwright-lock-") as name:
        place = Path(name)
        wanted, made = place / "requirements.in", place / "requirements.lock"
        wanted.write_text("".join(f"{line}\n" for line in requirements), encoding="utf-8")
        if before:
            made.write_text(before, encoding="utf-8")
        command: list[str | Path] = [
            find_uv(), "pip", "compile", "--quiet", "--universal", "--generate-hashes",
            "--no-header", "--no-python-downloads", f"--python-version={python}",
            "--output-file", made, wanted,
        ]  # fmt: skip
        if wheels_only:
            command.append("--no-build")
        if limits:
            constraints = place / "constraints.txt"
            constraints.write_text("".join(f"{line}\n" for line in limits), encoding="utf-8")
            command += ["--constraints", constraints]
        done = _run(command, place)
        if done.returncode != 0 and _unreachable(done):
            # What uv has seen before it still knows.
            known = _run([*command, "--offline"], place)
            done = known if known.returncode == 0 else done
        if done.returncode == 0:
            return made.read_text(encoding="utf-8")
    raise _explain(done, requirements)


def _run(command: Sequence[str | Path], place: Path) -> Completed:
    environment = {"UV_NO_PROGRESS": "1", "NO_COLOR": "1"}
    return process.run(command, cwd=place, timeout=SECONDS, check=False, env=environment)


def _unreachable(done: Completed) -> bool:
    return any(sign in (done.error or done.output) for sign in UNREACHABLE)


def _explain(done: Completed, requirements: Sequence[str]) -> UsageError | MissingError:
    said = done.error or done.output
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    evidence = [Evidence(text=line[:300]) for line in lines[:8]]
    if _unreachable(done):
        return MissingError(
            "the package index could not be read, which has what the package must carry",
            evidence=evidence,
            cause=f"needed are {', '.join(requirements[:8])}",
            fix="debwright init, when this machine reaches the index (UV_DEFAULT_INDEX names it)",
        )
    return UsageError(
        "no versions of the dependencies fit together",
        evidence=evidence,
        cause="uv found no solution; a name or a limit in the project is wrong, or a suite's "
        "Python is too old for it",
        fix="correct the dependencies, then run debwright init again",
    )


def refuse_others(text: str, hashes: Mapping[str, frozenset[str]]) -> None:
    """Raise UsageError where a lock has none of the files that the author has named by their hash.

    `hashes` are SHA-256 in hexadecimal, by names in the form that is compared.
    """
    for pin in parse(text, "what uv wrote"):
        named = hashes.get(pin.name, frozenset())
        if named and not named & pin.hashes:
            raise UsageError(
                f"the index has other files of {pin.name} {pin.version} than the project has named",
                evidence=[Evidence(text=f"--hash=sha256:{one}") for one in sorted(named)[:4]],
                cause="the files were replaced, or come from another index",
                fix=f"make the hashes again, when it is known why {pin.name} has changed",
            )


def authors_versions(directory: Path) -> tuple[dict[str, str], str | None]:
    """The versions in the author's own lock, and its name.

    A distribution that is there in several versions, for several Pythons, is left out.
    """
    for name in AUTHORS_LOCKS:
        path = directory / name
        if not path.is_file() or path.is_symlink() or path.stat().st_size > MAX_LOCK:
            continue
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError):
            continue
        found: dict[str, set[str]] = {}
        for item in data.get("package", data.get("packages", [])):
            named, version = item.get("name"), item.get("version")
            own = isinstance(item.get("source"), dict) and set(item["source"]) & {
                "editable", "virtual", "directory", "git", "path",
            }  # fmt: skip
            if isinstance(named, str) and isinstance(version, str) and not own:
                found.setdefault(normalise(named), set()).add(version)
        return {n: min(v) for n, v in found.items() if len(v) == 1}, name
    return {}, None


def direct_addresses(requirements: Iterable[str]) -> list[str]:
    """Requirements that name a file and not a version, which no lock with hashes can hold."""
    return [text for text in requirements if re.search(r"\s@\s|^[^;]*://", text)]
