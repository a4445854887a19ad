"""Writing the files of the workflows, and comparing what is there with what should be."""

import difflib
from pathlib import Path

from debwright.ci.context import Context
from debwright.ci.provider import File, provider_named
from debwright.host.files import atomic_write
from debwright.model.errors import CheckError, Evidence, UsageError

SHOWN_LINES = 40
SIZE_LIMIT = 1024 * 1024


def wanted_files(context: Context) -> list[File]:
    """What `debwright workflows sync` writes."""
    return list(provider_named(context.settings.provider).files(context))


def sync(top: Path, context: Context) -> list[Path]:
    """Write what differs; returns it. Raises UsageError for a link where a file would be."""
    changed = []
    for file in wanted_files(context):
        path = top / file.path
        _refuse_links(top, file.path)
        mode = 0o755 if file.executable else 0o644
        if _read(path) == file.text and path.stat().st_mode & 0o777 == mode:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, file.text, mode=mode)
        changed.append(path)
    return changed


def check(top: Path, context: Context) -> int:
    """How many files there are, all as they are to be. Raises CheckError with the differences."""
    wanted = wanted_files(context)
    evidence: list[Evidence] = []
    for file in wanted:
        evidence += _differences(top / file.path, file)
    if evidence:
        more = len(evidence) - SHOWN_LINES
        raise CheckError(
            "the workflows are not what debwright.toml says",
            evidence=[
                *evidence[:SHOWN_LINES],
                *([Evidence(text=f"... and {more} more lines")] if more > 0 else []),
            ],
            cause="they were edited by hand, or the configuration or debwright has changed since",
            fix="debwright workflows sync, and commit what it writes",
        )
    return len(wanted)


def _differences(path: Path, file: File) -> list[Evidence]:
    found = _read(path)
    if found is None:
        return [Evidence(text="is not there", file=file.path)]
    if found != file.text:
        lines = difflib.unified_diff(
            found.splitlines(), file.text.splitlines(), "there", "wanted", lineterm="", n=1
        )
        return [Evidence(text=line, file=file.path) for line in list(lines)[2:]]
    if file.executable and not path.stat().st_mode & 0o100:
        return [Evidence(text="is not executable", file=file.path)]
    return []


def _read(path: Path) -> str | None:
    try:
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            return file.read(SIZE_LIMIT)
    except FileNotFoundError:
        return None


def _refuse_links(top: Path, name: str) -> None:
    parts = Path(name).parts
    for number in range(len(parts)):
        step = top / Path(*parts[: number + 1])
        if step.is_symlink():
            raise UsageError(
                f"{step.relative_to(top)} is a symbolic link",
                cause="workflows are written inside the repository only",
                fix=f"rm {step.relative_to(top)}",
            )
