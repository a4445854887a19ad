"""Finds, reads and checks a configuration."""

import hashlib
import json
import os
import re
import tomllib
import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from debwright import __version__
from debwright.config import rules
from debwright.config.declared import model_for
from debwright.config.locate import KeyPath, line_of, locate
from debwright.config.model import Config
from debwright.config.problems import dotted, from_validation
from debwright.config.renamed import OldName, Renamed, modern
from debwright.config.section import Problem, Section, is_single, secret_variables, section_in
from debwright.host.files import atomic_write, shown
from debwright.host.machine import host_arch
from debwright.host.process import withhold
from debwright.model.errors import ConfigError, Evidence
from debwright.model.fix import Command
from debwright.model.targets import nearest

FILE_NAME = "debwright.toml"
PYPROJECT = "pyproject.toml"
SIZE_LIMIT = 1024 * 1024
"""Bytes; a larger file is no configuration."""

_PYPROJECT_TABLE: KeyPath = ("tool", "debwright")
_LINE_SHOWN = 200
_DEPTH = 50
"""Tables and lists within each other; the configuration itself has five."""


@dataclass(frozen=True, kw_only=True)
class LoadedConfig:
    """A configuration and the file it was read from."""

    config: Config
    path: Path | None = None
    """None when no file was found and these are the defaults."""
    text: str = ""
    start: Path = Path()
    """The directory paths are relative to when there is no file."""

    @property
    def directory(self) -> Path:
        """The directory that paths in the configuration are relative to."""
        return self.path.parent if self.path else self.start

    def resolve(self, value: str) -> Path:
        """A path of the configuration as an absolute one; `~` is the user's home."""
        return (self.directory / Path(value).expanduser()).absolute()

    def inside(self, value: str, key: str) -> Path:
        """`resolve` of a file that is read into what is published, or written, for the project.

        Raises ConfigError where it is not in the project: the directory of the configuration, or
        the git work tree around it. Links are followed.
        """
        path = self.resolve(value).resolve()
        top = self.directory.resolve()
        top = next((p for p in (top, *top.parents) if (p / ".git").exists()), top)
        if not path.is_relative_to(top):
            raise ConfigError(
                f"{key} names {value}, which is not in the project",
                cause="a checked-out project says what is read and written in it, and nowhere else",
                fix=f"name a file below {top}",
            )
        return path


def load(path_or_dir: Path | None = None, *, host: str | None = None) -> LoadedConfig:
    """Read the configuration at `path_or_dir`, or the one that counts for a directory.

    A directory (default: the current one) is searched for debwright.toml, then for a
    pyproject.toml with [tool.debwright], then its parents up to the root of the git work tree.
    With neither, these are the defaults. `host` is the architecture to judge the strategy by,
    by default this machine's. The variables that it names for secrets are kept from commands from
    then on. Raises ConfigError with all problems of the file.
    """
    start = (path_or_dir or Path()).absolute()
    if _is_directory(start):
        found = _find(start)
        if found is None:
            config = Config()
            withhold(secret_variables(config))
            return LoadedConfig(config=config, start=start)
        path, text = found
    else:
        path, text = start, _read(start)
    config = _parse(path, text, host or host_arch())
    suites = {name: suite.seen_from(path.parent) for name, suite in config.suites.items()}
    config = config.model_copy(update={"suites": suites})
    withhold(secret_variables(config))
    return LoadedConfig(config=config, path=path, text=text, start=path.parent)


def effective_json(config: Config) -> str:
    """The whole configuration, defaults included, as JSON that is the same for equal ones."""
    whole = _whole(config, type(config).whole())
    return json.dumps(whole, sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def write_effective(config: Config, directory: Path) -> None:
    """Write effective-config.json, unless the one that is there says the same.

    Knowing the defaults of every declared table takes the import of most of debwright, for which
    a run in which nothing has changed has no time: .effective-config says what it was made from.
    """
    made_from = hashlib.sha256(f"{__version__}\n{config.model_dump_json()}".encode()).hexdigest()
    target, stamp = directory / "effective-config.json", directory / ".effective-config"
    try:
        if target.exists() and stamp.read_text() == made_from:
            return
    except (OSError, UnicodeDecodeError):
        pass  # it is written again
    atomic_write(target, effective_json(config))
    atomic_write(stamp, made_from)


def _whole(table: Section, model: type[Section]) -> dict[str, Any]:
    """The table with what `model` has beyond it, which is what it says by default."""
    data = table.model_dump(mode="json")
    for name, field in model.model_fields.items():
        kind = section_in(field.annotation)
        if kind is None or not is_single(field.annotation):
            continue
        value = getattr(table, name, field.default)
        data[name] = _whole(value, kind) if isinstance(value, Section) else None
    return data


def validate_check_names(config: Config | LoadedConfig, known: Collection[str]) -> None:
    """Raise ConfigError for names below [checks] that are not in `known`.

    Given the LoadedConfig, the error shows the lines.
    """
    loaded = config if isinstance(config, LoadedConfig) else LoadedConfig(config=config)
    names = sorted(known)
    problems = []
    for name in loaded.config.checks:
        if name not in known:
            close = nearest(name, names, cutoff=0.5)
            problems.append(
                Problem(
                    path=("checks", name),
                    what=f"unknown check `{name}`",
                    expected=f"checks: {', '.join(names)}",
                    fix=f"write `{close}`" if close else f"remove `{name}`",
                )
            )
    if problems:
        raise _error(loaded.path, loaded.text, problems)


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False  # reading it will say why


def _find(start: Path) -> tuple[Path, str] | None:
    for directory in _search_path(start):
        if os.path.lexists(path := directory / FILE_NAME):
            return path, _read(path)
        if os.path.lexists(path := directory / PYPROJECT):
            text = _read(path)
            if _section(_toml(path, text), _PYPROJECT_TABLE) is not None:
                return path, text
    return None


def _search_path(start: Path) -> Sequence[Path]:
    """`start` and its parents up to the git root; `start` alone when it is in no work tree.

    Without that end the search would reach directories that others may write to, as /tmp.
    """
    seen: list[Path] = []
    for directory in (start, *start.parents):
        seen.append(directory)
        if os.path.lexists(directory / ".git"):
            return seen
    return [start]


def _read(path: Path) -> str:
    name = shown(path)
    try:
        if not path.is_file():
            raise ConfigError(
                f"{name} is not a file" if path.exists() else f"there is no {name}",
                cause=f"a configuration is a file, {FILE_NAME} or {PYPROJECT}, or the directory "
                "that holds it",
                fix=Command("debwright", "init"),
            )
        with path.open("rb") as file:
            data = file.read(SIZE_LIMIT + 1)
    except OSError as error:
        raise ConfigError(
            f"{name} cannot be read: {error.strerror}",
            cause="the file's or a directory's permissions",
            fix=Command("ls", "-ld", name),
        ) from error
    if len(data) > SIZE_LIMIT:
        raise ConfigError(
            f"{name} is larger than {SIZE_LIMIT // 1024} KiB",
            cause="a configuration is a short text; is this the right file?",
            fix=Command("ls", "-l", name),
        )
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        text = data.split(b"\n")[line - 1].decode("utf-8", "backslashreplace")
        raise ConfigError(
            f"{name} is not UTF-8",
            evidence=[Evidence(text=text[:_LINE_SHOWN], file=name, line=line)],
            cause="TOML is always UTF-8; the file was saved in another encoding",
            fix=f"iconv -f latin1 -t utf-8 {name}",
        ) from error


def _toml(path: Path, text: str) -> dict[str, Any]:
    too_deep = ConfigError(
        f"{shown(path)} is nested too deeply",
        cause="lists or tables within each other, hundreds deep",
        fix="remove them",
    )
    try:
        document = tomllib.loads(text)
    except RecursionError as error:
        raise too_deep from error
    except ValueError as error:  # TOMLDecodeError, and numbers of thousands of digits
        place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", str(error))
        message = str(error)[: place.start()] if place else str(error)
        lines = _lines(text)
        number = int(place[1]) if place and place[1] else None
        if place and not number:
            number = max(len(lines), 1)
        raise ConfigError(
            f"{shown(path)} is not valid TOML: {message}",
            evidence=[_evidence(path, lines, number)],
            cause="expected: `key = value`, `[table]` or a comment, as in the TOML grammar; texts "
            "stand in quotes, and no key is written twice",
            fix=f"correct line {number}" if number else "correct the file",
        ) from error
    # tomllib itself is not stopped by `a.a.a.a = 1`; what copies and checks the tables would be.
    if _is_deep(document):
        raise too_deep
    return document


def _is_deep(document: Any) -> bool:
    level: list[Any] = [document]
    for _ in range(_DEPTH):
        inner = (v.values() if isinstance(v, dict) else v for v in level)
        level = [v for values in inner for v in values if isinstance(v, dict | list)]
        if not level:
            return False
    return True


def _section(document: Mapping[str, Any], keys: KeyPath) -> Any:
    value: Any = document
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _parse(path: Path, text: str, host: str) -> Config:
    document: Any = _toml(path, text)
    prefix: KeyPath = ()
    if path.name == PYPROJECT:
        prefix = _PYPROJECT_TABLE
        document = _section(document, prefix)
        if not isinstance(document, dict):
            raise ConfigError(
                f"{shown(path)} has no table [tool.debwright]",
                cause="a pyproject.toml may hold the configuration in that table only",
                fix=Command("debwright", "init"),
            )
    document, renamed, problems = modern(document, model_for(document, Config))
    model = model_for(document, Config)
    config = None
    try:
        config = model.model_validate(document)
    except ValidationError as error:
        problems += from_validation(error, model, document)
    refused = {problem.path for problem in problems}
    for problem in rules.check(document, model, host):
        if problem.path not in refused:
            refused.add(problem.path)
            problems.append(problem)
    if problems or config is None:
        raise _error(path, text, [_as_written(p, renamed) for p in problems], prefix)
    if renamed:
        positions = locate(text)
        for name in renamed:
            line = line_of(positions, (*prefix, *name.path))
            warnings.warn(
                f"{shown(path)}:{line}: `{dotted(name.path)}` works, and is called "
                f"`{name.now}` now",
                OldName,
                stacklevel=2,
            )
    return config


def _as_written(problem: Problem, renamed: Sequence[Renamed]) -> Problem:
    """The problem at the place where the file has the key, under its old name."""
    for name in renamed:
        if problem.path[: len(name.new)] == name.new:
            return replace(problem, path=(*name.path, *problem.path[len(name.new) :]))
    return problem


def _error(
    path: Path | None, text: str, problems: Sequence[Problem], prefix: KeyPath = ()
) -> ConfigError:
    """One error of all problems, in the order of the file."""
    if not prefix and path is not None and path.name == PYPROJECT:
        prefix = _PYPROJECT_TABLE
    positions = locate(text)
    placed = sorted(
        ((line_of(positions, (*prefix, *p.path)), p) for p in problems), key=lambda x: x[0] or 0
    )
    lines = _lines(text)
    name = shown(path) if path else "the configuration"
    if len(placed) == 1:
        line, problem = placed[0]
        return ConfigError(
            f"{name}: {problem.what}",
            evidence=[_evidence(path, lines, line, problem.path)],
            cause=problem.expected,
            fix=problem.fix,
        )
    return ConfigError(
        f"{name} has {len(placed)} problems",
        evidence=[_evidence(path, lines, line, p.path, p.what) for line, p in placed],
        cause=_listed((line, p.expected) for line, p in placed),
        fix=_listed((line, p.fix) for line, p in placed),
    )


def _listed(items: Iterable[tuple[int | None, str]]) -> str:
    return "\n    ".join(
        f"line {line}: {text}" if line else text for line, text in dict.fromkeys(items)
    )


def _lines(text: str) -> list[str]:
    """Lines as TOML counts them; str.splitlines knows several more ends of a line."""
    return text.removesuffix("\n").split("\n")


def _evidence(
    path: Path | None,
    lines: Sequence[str],
    line: int | None,
    key: KeyPath = (),
    what: str | None = None,
) -> Evidence:
    text = lines[line - 1].strip() if line and line <= len(lines) else dotted(key)
    # A password in a URL is in the file; it need not be in a log as well.
    text = re.sub(r"://[^/@\s\"']+@", "://***@", text)
    if len(text) > _LINE_SHOWN:
        text = text[:_LINE_SHOWN] + "..."
    return Evidence(
        text=f"{text}   <- {what}" if what else text,
        file=shown(path) if path else None,
        line=line,
    )
