"""Which files of a project that is not built go where: what its units start, and what is known by
its name."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from debwright.init import unitfile
from debwright.init.ecosystems.files.prebuilt import Program
from debwright.init.model import PROGRAM, Unit

Entry = Mapping[str, Any]
"""As [package] files has it."""
SCRIPTS = ("", ".sh", ".bash", ".py", ".pl", ".rb", ".lua", ".awk")
FOLDERS = ("", "bin", "sbin", "scripts", "src", "usr/bin")
BINARIES = re.compile(r"/(?:usr/(?:local/)?)?s?bin/([^/\s]+)|/opt/(?:[^\s]*/)?([^/\s]+)")
PATH = re.compile(r"(?<![\w.])(/(?:etc|usr/share|usr/lib)/[\w./@%+-]+)")
MANUAL = re.compile(r"[\w.+-]+\.([1-8])")
INTERPRETERS = {
    "bash": None, "sh": None, "dash": None, "awk": None, "perl": "perl:any",
    "python3": "python3:any", "python": "python3:any", "ruby": "ruby:any", "lua": "lua5.4",
    "node": "nodejs", "zsh": "zsh",
    "fish": "fish", "php": "php-cli", "tclsh": "tcl", "gawk": "gawk",
}  # fmt: skip
"""What runs a script, and Debian's package of it; None is there everywhere."""


@dataclass(kw_only=True)
class Guessed:
    entries: list[Entry] = field(default_factory=list)
    commands: dict[str, str] = field(default_factory=dict)
    """Names of commands, and their paths in the package."""
    unknown: list[str] = field(default_factory=list)
    """Paths that units start and that the project does not have."""


def guess(
    files: Iterable[str], units: Iterable[Unit], texts: Mapping[str, str],
    prebuilt: Iterable[Program], package: str,
) -> Guessed:  # fmt: skip
    """`texts` are the units' own; `files` the project's, from its top."""
    there, built = set(files), {program.name: program for program in prebuilt}
    made = Guessed()
    for unit in units:
        for path in _started(texts[unit.name]):
            _program(path, there, built, made)
        for path in dict.fromkeys(PATH.findall(texts[unit.name])):
            _setting(path, there, made, package)
    if not made.commands:
        for path in sorted(there):
            _tool(path, made)
        for program in built.values():
            _add_program(program.name, f"/usr/bin/{program.name}", program, made)
    for path in sorted(there):
        match = MANUAL.fullmatch(PurePosixPath(path).name)
        if match and len(PurePosixPath(path).parts) <= 2:
            made.entries.append({"src": path, "dst": f"/usr/share/man/man{match[1]}/"})
    return made


def _started(text: str) -> Iterator[str]:
    """The programs that a unit's Exec lines start."""
    for setting in unitfile.settings(text):
        if setting.section == "Service" and setting.key.startswith("Exec"):
            words = unitfile.split(setting.value.lstrip("@-:+!"))
            # A script may be given to its interpreter.
            for word in words[:2]:
                if word.startswith("/"):
                    yield word


def _program(path: str, there: set[str], built: Mapping[str, Program], made: Guessed) -> None:
    match = BINARIES.fullmatch(path)
    name = next((g for g in match.groups() if g), "") if match else PurePosixPath(path).name
    if not PROGRAM.fullmatch(name) or name in made.commands or name in INTERPRETERS:
        return
    stem = PurePosixPath(name).stem if PurePosixPath(name).suffix in SCRIPTS else name
    # What units start from /usr/local or /opt is the package's in /usr/bin.
    vendor = path.startswith(("/usr/local/", "/opt/", "/srv/", "/home/", "/root/"))
    target = f"/usr/bin/{stem}" if vendor else path
    if stem in built:
        _add_program(name, target, built[stem], made)
        return
    for folder in FOLDERS:
        for suffix in SCRIPTS:
            source = str(PurePosixPath(folder, f"{stem}{suffix}"))
            if source in there:
                made.entries.append({"src": source, "dst": target, "mode": "0755"})
                made.commands[name] = target
                return
    if not path.startswith(("/bin/", "/usr/bin/", "/usr/sbin/", "/sbin/")):
        made.unknown.append(path)


def _add_program(name: str, target: str, program: Program, made: Guessed) -> None:
    sources = dict(program.files)
    source = next(iter(sources.values())) if len(sources) == 1 else sources
    made.entries.append({"src": source, "dst": target, "mode": "0755"})
    made.commands[name] = target


def _setting(path: str, there: set[str], made: Guessed, package: str) -> None:
    """A file that a unit names below /etc or /usr, which the project has under that name."""
    if any(entry["dst"] == path for entry in made.entries):
        return
    name = PurePosixPath(path).name
    wanted = (name, f"{name}.example", f"{name}.sample", f"{name}.default", f"{package}.default")
    exact = "/etc/default/" in path
    candidates = [
        source for source in sorted(there)
        if PurePosixPath(source).name in (wanted if exact else wanted[:3])
        and not source.endswith((".service", ".timer", ".socket"))
    ]  # fmt: skip
    taken = {str(entry["src"]) for entry in made.entries}
    free = [c for c in candidates if c not in taken and not (exact and c == package)]
    if free:
        kind = {"type": "config"} if path.startswith("/etc/") else {}
        made.entries.append({"src": free[0], "dst": path, **kind})


def _tool(path: str, made: Guessed) -> None:
    """A script for people: at the top or in bin/, by its ending or the directory."""
    parts = PurePosixPath(path)
    inside = parts.parent.name in ("bin", "sbin") and len(parts.parts) == 2
    script = len(parts.parts) == 1 and parts.suffix in (".sh", ".bash", ".pl", ".py")
    helper = parts.stem in ("install", "build", "test", "run", "setup", "configure", "release")
    if not (inside or script) or helper or not PROGRAM.fullmatch(parts.stem):
        return
    name = parts.stem if parts.suffix in SCRIPTS else parts.name
    made.entries.append({"src": path, "dst": f"/usr/bin/{name}", "mode": "0755"})
    made.commands[name] = f"/usr/bin/{name}"


def depends(directory: Path, entries: Iterable[Entry]) -> list[str]:
    """Debian's packages of the interpreters that scripts name."""
    found = []
    for entry in entries:
        source = entry.get("src")
        if not isinstance(source, str) or not (directory / source).is_file():
            continue
        with (directory / source).open("rb") as file:
            line = file.readline(200).decode("utf-8", "replace")
        if line.startswith("#!"):
            words = line[2:].split()
            name = PurePosixPath(words[0]).name if words else ""
            if name == "env" and len(words) > 1:
                name = next((w for w in words[1:] if not w.startswith("-")), "")
            if package := INTERPRETERS.get(name):
                found.append(package)
    return sorted(set(found))
