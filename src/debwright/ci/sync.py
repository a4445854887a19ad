"""All files of the workflows: what they are to be, writing them, and telling how they differ."""

import difflib
from dataclasses import dataclass
from importlib.resources import files as package_files
from pathlib import Path

from debwright import __version__
from debwright.ci import packages, release, validation
from debwright.ci.parts import Context
from debwright.ci.yaml import Commented, render
from debwright.host.files import atomic_write
from debwright.model.errors import CheckError, Evidence, UsageError

ACTION = ".github/actions/debwright"
SHOWN_LINES = 40
SIZE_LIMIT = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class File:
    """A file to be written; `path` is relative to the top of the repository."""

    path: str
    text: str
    executable: bool = False


def wanted_files(context: Context) -> list[File]:
    """What `debwright workflows sync` writes."""
    made = [m.workflow(context) for m in (packages, validation, release)]
    return [
        *(File(path=f".github/workflows/{w.file}", text=render(w.to_yaml())) for w in made),
        File(path=".github/zizmor.yml", text=render(_zizmor(context))),
        File(path=f"{ACTION}/action.yml", text=render(_action(context))),
        File(path=f"{ACTION}/setup.sh", text=_setup(context), executable=True),
    ]


def _action(context: Context) -> dict[str, object]:
    return {
        "name": Commented("Install debwright", above=context.header),
        "description": "Installs debwright for the steps that follow",
        "runs": {
            "using": "composite",
            "steps": [{"run": '"$GITHUB_ACTION_PATH/setup.sh"', "shell": "bash"}],
        },
    }


def _zizmor(context: Context) -> dict[str, object]:
    """The settings of zizmor, which looks for what is dangerous in workflows."""
    why = (
        "act, with which `debwright ci` runs the workflows, knows references to this repository\n"
        "as ./ only, not as $/ yet."
    )
    disable = {"disable": Commented(value=True, above=why)}
    return {"rules": Commented({"self-repository": disable}, above=context.header)}


def _setup(context: Context) -> str:
    settings = context.settings
    template = package_files("debwright.ci").joinpath("setup.sh").read_text("utf-8")
    install = settings.install or f"debwright=={__version__}"
    quoted = " ".join(f"'{name}'" for name in settings.requirements)
    values = {"HEADER": context.header, "INSTALL": install, "REQUIREMENTS": quoted}
    for name, value in values.items():
        template = template.replace(f"@{name}@", value)
    return template


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
