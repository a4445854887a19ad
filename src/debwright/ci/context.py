"""From a directory to what its workflows are written for."""

from pathlib import Path

from debwright.ci.parts import Context
from debwright.config import LoadedConfig, load
from debwright.host.git import NotARepository, git
from debwright.model.errors import DebwrightError, Evidence, UsageError
from debwright.model.fix import Command


def top_of(directory: Path) -> Path:
    """The top of the git work tree; the directory itself when it is in none."""
    try:
        text = git(directory, "rev-parse", "--show-toplevel").output.rstrip("\n")
    except NotARepository:
        return directory.absolute().resolve()
    return Path(text)


def product_of(loaded: LoadedConfig) -> LoadedConfig:
    """The configuration whose packages the workflows build. Raises UsageError."""
    project = loaded.config.workflows.project
    if project == ".":
        return loaded
    directory = loaded.resolve(project)
    found = load(directory)
    if found.path is None or found.path.parent != directory:
        raise UsageError(
            f"workflows.project names {project}, and there is no debwright.toml in it",
            fix=Command("debwright", "init", directory),
        )
    return found


def context_of(loaded: LoadedConfig) -> tuple[Path, Context]:
    """The top of the repository, and the context. Raises UsageError."""
    product = product_of(loaded)
    top = top_of(loaded.directory)
    settings = loaded.config.workflows
    for name in settings.requirements:
        _must_be_there(top, name, "workflows.requirements")
    return top, Context(
        settings=settings,
        product=product.config,
        top=_below(loaded.directory, top),
        project=_below(product.directory, top),
    )


def _below(directory: Path, top: Path) -> str:
    path = directory.absolute().resolve()
    if not path.is_relative_to(top):
        raise DebwrightError(
            "the project is not in the repository of its workflows",
            evidence=[Evidence(text=str(path)), Evidence(text=str(top))],
        )
    text = str(path.relative_to(top))
    if any(c not in _PLAIN for c in text):
        raise UsageError(
            f"the directory {text!r} has characters that a workflow's command cannot hold",
            fix="rename it: letters, digits and any of ._/+- are fine",
        )
    return text


_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/+-")


def _must_be_there(top: Path, name: str, key: str) -> None:
    if not (top / name).is_file():
        raise UsageError(
            f"{key} names {name}, which is not there",
            cause=f"it is looked for from the top of the repository, {top}",
            fix=Command("ls", top / name),
        )
