"""The workflows that `init` writes for a project that has none."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from debwright.ci.context import Context, top_of
from debwright.ci.installing import installed_from
from debwright.ci.provider import File
from debwright.ci.sync import wanted_files
from debwright.ci.workflows import Workflows
from debwright.config import load
from debwright.init.changes import Act, Change, read_text, refuse_links
from debwright.init.model import Project
from debwright.model.errors import DebwrightError, UsageError

DIRECTORY = ".github/workflows"


def with_install(
    project: Project, directory: Path, wanted: bool | None, before: bool | None
) -> Project:
    """The project whose debwright.toml says what the jobs of its workflows install.

    Unchanged where none are written, or where nobody else can have the debwright that is running.
    """
    decided = before if wanted is None else wanted
    if decided is False or _against(directory, decided) is not None:
        return project
    try:
        install = installed_from()
    except UsageError:
        return project  # `workflows` says so
    return replace(project, settings={**project.settings, "workflows": {"install": install}})


def workflows(
    directory: Path, config: str, wanted: bool | None, before: bool | None
) -> tuple[list[Change], list[str], bool | None]:
    """The files for debwright.toml as it will be; notes; and whether workflows are wanted.

    `wanted` is what the person says now, `before` what holds since the last time. Files are only
    added: what is there already is written by `debwright workflows sync`, which says what it does.
    """
    decided = before if wanted is None else wanted
    if decided is False:
        return [], [], False
    note = _against(directory, decided)
    if note is not None:
        return [], [note], decided
    try:
        files = _files(directory, config)
    except DebwrightError as error:
        return [], [f"no workflows were written: {error.in_one_line()}"], decided
    refuse_links(directory, [file.path for file in files])
    texts = {file.path: read_text(directory / file.path) for file in files}
    if any(text not in (None, file.text) for file, text in zip(files, texts.values(), strict=True)):
        note = "the workflows are not what debwright.toml says now: debwright workflows sync"
        return [], [note], True
    new = [file for file in files if texts[file.path] is None]
    return [_change(file) for file in new], [], True


def _against(directory: Path, decided: bool | None) -> str | None:
    """Why no workflows are written into this directory."""
    top = top_of(directory)
    if top != directory.absolute().resolve():
        return f"no workflows were written: they are those of {top}, not of this project alone"
    if decided is None and any(not _ours(p) for p in (directory / DIRECTORY).glob("*.y*ml")):
        return "there are workflows already; `debwright workflows sync` adds debwright's own"
    return None


def _ours(path: Path) -> bool:
    """Whether `debwright workflows sync` wrote the file, as its first line says."""
    return (read_text(path) or "").startswith("# Written by `debwright workflows sync`")


def _files(directory: Path, config: str) -> list[File]:
    """What `workflows sync` would write for the text of a debwright.toml at the top."""
    with TemporaryDirectory(prefix="debwright-init-") as name:
        path = Path(name, "debwright.toml")
        path.write_text(config, encoding="utf-8", errors="surrogateescape")
        loaded = load(path).config
    context = Context(
        settings=loaded.section(Workflows), product=loaded, top=".", project=".",
        directory=directory,
    )  # fmt: skip
    return wanted_files(context)


def _change(file: File) -> Change:
    return Change(
        path=file.path, act=Act.WROTE, before=None, after=file.text, executable=file.executable,
        why="workflows; --no-workflows leaves them out",
    )  # fmt: skip
