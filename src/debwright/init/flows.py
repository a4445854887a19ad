"""The workflows that `init` writes for a project that has none."""

from pathlib import Path
from tempfile import TemporaryDirectory

from debwright.ci.context import Context, top_of
from debwright.ci.provider import File
from debwright.ci.sync import wanted_files
from debwright.ci.workflows import Workflows
from debwright.config import load
from debwright.init.changes import Act, Change, read_text, refuse_links
from debwright.model.errors import DebwrightError

DIRECTORY = ".github/workflows"


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
    top = top_of(directory)
    if top != directory.absolute().resolve():
        note = f"no workflows were written: they are those of {top}, not of this project alone"
        return [], [note], decided
    there = any((directory / DIRECTORY).glob("*.y*ml"))
    if there and decided is None:
        note = "there are workflows already; `debwright workflows sync` adds debwright's own"
        return [], [note], None
    try:
        files = _files(config)
    except DebwrightError as error:
        return [], [f"no workflows were written: {error.in_one_line()}"], decided
    refuse_links(directory, [file.path for file in files])
    texts = {file.path: read_text(directory / file.path) for file in files}
    if any(text not in (None, file.text) for file, text in zip(files, texts.values(), strict=True)):
        note = "the workflows are not what debwright.toml says now: debwright workflows sync"
        return [], [note], True
    new = [file for file in files if texts[file.path] is None]
    return [_change(file) for file in new], [], True


def _files(config: str) -> list[File]:
    """What `workflows sync` would write for the text of a debwright.toml at the top."""
    with TemporaryDirectory(prefix="debwright-init-") as name:
        path = Path(name, "debwright.toml")
        path.write_text(config, encoding="utf-8", errors="surrogateescape")
        loaded = load(path).config
    context = Context(settings=loaded.section(Workflows), product=loaded, top=".", project=".")
    return wanted_files(context)


def _change(file: File) -> Change:
    return Change(
        path=file.path, act=Act.WROTE, before=None, after=file.text, executable=file.executable,
        why="workflows; --no-workflows leaves them out",
    )  # fmt: skip
