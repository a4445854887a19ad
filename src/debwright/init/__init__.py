"""`debwright init`: debwright.toml and debian/ for a project as its author has it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from debwright.host.files import atomic_write
from debwright.model.errors import Evidence, UsageError

__all__ = ["Scaffolded", "scaffold"]


@dataclass(frozen=True, kw_only=True)
class Scaffolded:
    """`created` are the files written; `notes` say what a person should look at."""

    created: list[Path]
    notes: list[str]


def scaffold(directory: Path, *, force: bool = False) -> Scaffolded:
    """Write debwright.toml and debian/ into the project in `directory`.

    Nothing is written unless all can be: a file that is there is replaced only with `force`, and
    debian/changelog not even then, because it holds a history that cannot be made again. Raises
    UsageError for a project that cannot be packaged, for files in the way, and for a symbolic
    link where a file would be written.
    """
    from debwright.init.ecosystem import recognise
    from debwright.init.render import render

    files, notes = render(recognise(directory).read(directory))
    targets = {directory / file.path: file for file in files}
    _refuse_links(directory, targets)
    there = [path for path in targets if path.exists()]
    if there and not force:
        raise UsageError(
            "there are packaging files already",
            evidence=[Evidence(text=str(p.relative_to(directory))) for p in there],
            fix="debwright init --force replaces them",
        )
    created = []
    for path, file in targets.items():
        if path.name == "changelog" and path.exists():
            notes.append("debian/changelog was kept as it is")
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, file.text, 0o755 if file.executable else 0o644)
        created.append(path)
    return Scaffolded(created=created, notes=notes)


def _refuse_links(directory: Path, targets: Iterable[Path]) -> None:
    for path in targets:
        relative = path.relative_to(directory)
        steps = [directory / Path(*relative.parts[: n + 1]) for n in range(len(relative.parts))]
        for step in steps:
            if step.is_symlink():
                raise UsageError(
                    f"{step.relative_to(directory)} is a symbolic link",
                    cause="init writes inside the project's directory only",
                    fix=f"rm {step.relative_to(directory)}",
                )
        if path.is_dir() or any(s.exists() and not s.is_dir() for s in steps[:-1]):
            raise UsageError(f"{relative} cannot be written: something else is in its place")
