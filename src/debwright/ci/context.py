"""What workflows are written for: the repository, and the project whose packages they build."""

from dataclasses import dataclass
from pathlib import Path

from debwright.ci.installing import what_to_install
from debwright.ci.templates import Written, part
from debwright.ci.workflows import Workflows
from debwright.config import Config, LoadedConfig, load
from debwright.config.section import secret_variables
from debwright.host.git import NotARepository, git
from debwright.model.errors import DebwrightError, Evidence, UsageError
from debwright.model.fix import Command


@dataclass(frozen=True, kw_only=True)
class Context:
    """The settings of the workflows, and where everything is from the top of the repository."""

    settings: Workflows
    product: Config
    """The configuration whose packages are built."""
    top: str
    """Where the configuration of the workflows is."""
    project: str
    """The product's directory."""
    directory: Path
    """The top of the repository."""

    @property
    def source(self) -> str:
        return "debwright.toml" if self.top == "." else f"{self.top}/debwright.toml"

    @property
    def install(self) -> str:
        """What of debwright the jobs install. Raises UsageError, see `what_to_install`."""
        return what_to_install(self.settings.install, self.settings.requirements, self.directory)

    @property
    def at_top(self) -> Written:
        """The option of a command about the workflows, or about what they validate."""
        return _option(self.top)

    @property
    def in_project(self) -> Written:
        """The option of a command about the packages."""
        return _option(self.project)

    @property
    def stored(self) -> bool:
        """Whether jobs can bring the repository to where it is served, signed by the real key."""
        from debwright.repository.stores.base import StoreTable

        tables = self.product.given_below("repository").values()
        stored = any(isinstance(table, StoreTable) for table in tables)
        return stored and self.product.signing.key_of_jobs is not None

    @property
    def renewed(self) -> bool:
        """Whether jobs can, and have to, sign the repository again before its time is over.

        They get it from its store, and the key from a variable.
        """
        return self.stored and self.product.repository.valid_days > 0

    @property
    def secrets(self) -> list[str]:
        """The variables that a release's steps get, each from a secret of the same name."""
        named = secret_variables(self.product, fixed=False)
        return list(dict.fromkeys([*self.product.signing.secrets_of_jobs, *named]))

    @property
    def dist(self) -> str:
        return "dist" if self.project == "." else f"{self.project}/dist"


def top_of(directory: Path) -> Path:
    """The top of the git work tree; the directory itself when it is in none."""
    try:
        text = git(directory, "rev-parse", "--show-toplevel").output.rstrip("\n")
    except NotARepository:
        return directory.absolute().resolve()
    return Path(text)


def product_of(loaded: LoadedConfig) -> LoadedConfig:
    """The configuration whose packages the workflows build. Raises UsageError."""
    project = loaded.config.section(Workflows).project
    if project == ".":
        return loaded
    directory = loaded.resolve(project)
    found = load(directory)
    if found.path is None or found.path.parent != directory:
        raise UsageError(
            f"workflows.project names {project}, and there is no debwright.toml in it",
            fix=Command("debwright", "-C", directory, "init"),
        )
    return found


def context_of(loaded: LoadedConfig) -> tuple[Path, Context]:
    """The top of the repository, and the context. Raises UsageError."""
    product = product_of(loaded)
    top = top_of(loaded.directory)
    settings = loaded.config.section(Workflows)
    for name in settings.requirements:
        _must_be_there(top, name, "workflows.requirements")
    return top, Context(
        settings=settings,
        product=product.config,
        top=_below(loaded.directory, top),
        project=_below(product.directory, top),
        directory=top,
    )


def top_context_of(loaded: LoadedConfig) -> Context:
    """The context of the workflows that build the project `loaded`.

    The configuration of the workflows may be another one, at the top of the repository. Raises
    UsageError.
    """
    top = top_of(loaded.directory)
    if loaded.directory.resolve() != top and loaded.config.section(Workflows).project == ".":
        whole = load(top)
        project = whole.config.section(Workflows).project
        if whole.path is not None and (top / project).resolve() == loaded.directory.resolve():
            return context_of(whole)[1]
    return context_of(loaded)[1]


def _below(directory: Path, top: Path) -> str:
    path = directory.absolute().resolve()
    if not path.is_relative_to(top):
        raise DebwrightError(
            "the project is not in the repository of its workflows",
            evidence=[Evidence(text=str(path)), Evidence(text=str(top))],
        )
    text = str(path.relative_to(top))
    try:
        return part(text)
    except UsageError as error:
        raise UsageError(
            f"the directory {text!r} has characters that a workflow's command cannot hold",
            fix="rename it: letters, digits and any of ._/+- are fine",
        ) from error


def _option(directory: str) -> Written:
    return Written("" if directory == "." else f" -C {part(directory)}")


def _must_be_there(top: Path, name: str, key: str) -> None:
    if not (top / name).is_file():
        raise UsageError(
            f"{key} names {name}, which is not there",
            cause=f"it is looked for from the top of the repository, {top}",
            fix=Command("ls", top / name),
        )
