"""A branch that GitHub Pages serves.

Limits: docs.github.com, "GitHub Pages limits" and "About large files on GitHub".
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from debwright.config import LoadedConfig
from debwright.config import values as v
from debwright.github.place import git_access
from debwright.host.files import human_size
from debwright.host.git import git, git_argv
from debwright.host.process import CommandError, Completed, run
from debwright.model.errors import DebwrightError, Evidence, UsageError
from debwright.model.fix import Command
from debwright.repository.stores.base import FOREIGN, Store, StoreTable
from debwright.repository.stores.tree import RECORD, Item, Tree, is_ours, linked

NO_JEKYLL = ".nojekyll"
FILE_LIMIT = 100 * 1024**2
"""Bytes a file may have: git pushes to GitHub refuse larger ones."""
SITE_LIMIT = 1000**3
"""Bytes a published site may have."""
AUTHOR = {
    "GIT_AUTHOR_NAME": "debwright", "GIT_AUTHOR_EMAIL": "debwright@localhost",
    "GIT_COMMITTER_NAME": "debwright", "GIT_COMMITTER_EMAIL": "debwright@localhost",
}  # fmt: skip
AS_IT_IS = ("-c", "core.autocrlf=false", "-c", "core.attributesFile=/dev/null")
"""No setting of the user's changes line ends, or puts packages elsewhere, as Git LFS does."""
_GONE = ("couldn't find remote ref", "Remote branch", "not our ref")


def _refuse_odd(value: str) -> str:
    if value.startswith("-") or "::" in value.split("/", 1)[0]:
        raise v.refused(
            f"{v.quoted(value)} is not a remote",
            expected="a URL or path that git can push to, as https://github.com/owner/name.git",
        )
    return value


Branch = Annotated[
    str, v.matching(r"[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9_-]+)*", "the name of a branch")
]


class Pages(StoreTable, table="repository.pages", optional=True):
    """A branch that GitHub Pages serves."""

    pulled = 2

    remote: Annotated[v.Line, AfterValidator(_refuse_odd)] = Field(
        "origin",
        description="Where the branch is: a URL, a path, or the name of a git remote. On GitHub, "
        "GITHUB_TOKEN is used where it is set.",
    )
    branch: Branch = Field(
        "gh-pages",
        description="The branch. It is replaced by one commit, which keeps files that are not the "
        "repository's.",
    )

    def open(self, loaded: LoadedConfig) -> Store:
        return PagesStore(_address(loaded, self.remote), self.branch)


def _address(loaded: LoadedConfig, remote: str) -> str:
    """A URL or an absolute path; the name of a remote is looked up in the project's repository."""
    if "/" in remote or ":" in remote:
        return remote if ":" in remote else str(loaded.resolve(remote))
    try:
        found = git(loaded.directory, "config", "--get", f"remote.{remote}.url").output.strip()
    except DebwrightError as error:
        raise UsageError(
            f"git has no remote {remote}",
            cause="repository.pages.remote names one of the project's git repository",
            fix='[repository.pages] remote = "https://github.com/owner/name.git"',
        ) from error
    relative = ":" not in found and not Path(found).is_absolute()
    return str(loaded.directory / found) if relative else found


class PagesStore:
    """The one commit of a branch. The history would keep every package for ever, so there is none.

    What is not of the repository stays: a CNAME that GitHub has written, a site of documents.
    The push replaces just the commit that was looked at, and no other that came meanwhile.
    """

    def __init__(self, remote: str, branch: str) -> None:
        self._remote, self._branch = remote, branch
        self._seen: str | None = None
        """The commit whose record was read: it is that one which a push replaces."""

    @property
    def name(self) -> str:
        return f"branch {self._branch} of {self._remote}"

    def record(self) -> bytes | None:
        with tempfile.TemporaryDirectory(prefix="debwright-pages-") as work:
            git = Path(work)
            self._seen = self._get(git)
            if self._seen is None:
                return None
            names = [name for name, _ in self._top(git)]
            if RECORD in names:
                return self._git(git, "cat-file", "blob", f"FETCH_HEAD:{RECORD}").output.encode()
            # What is not ours stays; what has one of our names would be lost.
            return FOREIGN if any(is_ours(name) for name in names) else None

    def push(self, tree: Tree) -> int:
        check_limits(tree)
        with tempfile.TemporaryDirectory(prefix="debwright-pages-") as work, linked(tree) as site:
            git = Path(work)
            before = self._get(git)
            # Without it, Jekyll would leave out what begins with a dot or an underscore.
            (site / NO_JEKYLL).touch()
            self._git(git, "--work-tree", str(site), "add", "--all", "--force", ".", cwd=site)
            ours = self._git(git, "write-tree").output.strip()
            found = self._with_others(git, ours) if before is not None else ours
            message = f"Publication {tree.record.number}: {tree.record.what}"
            commit = self._git(git, "commit-tree", found, "-m", message, env=AUTHOR).output.strip()
            name = f"refs/heads/{self._branch}"
            lease = f"--force-with-lease={name}:{self._seen or ''}"
            self._git(git, "push", "--quiet", lease, "--", self._remote, f"{commit}:{name}")
        return len(tree.items)

    def _with_others(self, git: Path, ours: str) -> str:
        """The tree `ours` with what people have put on the branch: a CNAME, a site of documents."""
        lines = [line for _, line in self._top(git, ours)]
        names = {name for name, _ in self._top(git, ours)}
        lines += [line for name, line in self._top(git) if name not in names and not is_ours(name)]
        # Their files were not fetched: git needs no more than the names it has of them.
        made = self._git(git, "mktree", "-z", "--missing", stdin="".join(f"{i}\0" for i in lines))
        return made.output.strip()

    def _top(self, git: Path, tree: str = "FETCH_HEAD") -> list[tuple[str, str]]:
        """Names at the top of a tree, each with its line as git-ls-tree(1) gives it."""
        lines = self._git(git, "ls-tree", "-z", tree).output.split("\0")
        return [(line.partition("\t")[2], line) for line in lines if line]

    def fetch(self, target: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="debwright-pages-") as work:
            git = Path(work)
            if self._get(git, whole=True) is None:
                raise DebwrightError(
                    f"there is no {self.name}", fix=Command("debwright", "repo", "push")
                )
            ours = [name for name, _ in self._top(git) if is_ours(name)]
            self._git(git, "--work-tree", str(target), "checkout", "--quiet", "FETCH_HEAD", "--",
                      *(f":(top,literal){name}" for name in ours), cwd=target)  # fmt: skip

    def _get(self, git: Path, *, whole: bool = False) -> str | None:
        """Fetch the branch's commit; its id, or None when there is no such branch.

        Unless it is wanted `whole`, without the files: their names are enough to know what need not
        be sent again, and git gets the one that is read.
        """
        self._git(git, "init", "--quiet", "--bare", ".")
        self._git(git, "config", "remote.origin.url", self._remote)
        part = [] if whole else ["--filter=blob:none"]
        done = self._git(git, "fetch", "--quiet", "--depth=1", "--no-tags", *part, "--", "origin",
                         f"refs/heads/{self._branch}", check=False)  # fmt: skip
        if done.returncode == 0:
            return self._git(git, "rev-parse", "FETCH_HEAD").output.strip()
        if any(text in done.error for text in _GONE):
            return None
        raise self._refused(CommandError(done))

    def _git(
        self, git: Path, *arguments: str, cwd: Path | None = None,
        env: Mapping[str, str] | None = None, check: bool = True, stdin: str | None = None,
    ) -> Completed:  # fmt: skip
        argv = git_argv("--git-dir", str(git), *AS_IT_IS, *arguments)
        environment = {**_environment(self._remote), **(env or {})}
        try:
            return run(argv, cwd=cwd or git, env=environment, check=check, stdin=stdin)
        except CommandError as error:
            raise self._refused(error) from error

    def _refused(self, error: CommandError) -> DebwrightError:
        stale = "stale info" in error.done.error
        return DebwrightError(
            f"git could not work on the {self.name}",
            evidence=error.evidence,
            cause="somebody else has pushed meanwhile"
            if stale
            else "the address is wrong, or "
            "this user (or GITHUB_TOKEN, which needs contents: write) may not push there",
            fix="debwright repo pull, then publish again"
            if stale
            else Command("git", "ls-remote", self._remote),
        )


def check_limits(tree: Tree) -> None:
    """Raise DebwrightError for what GitHub would refuse, before anything is sent."""
    large = [item for item in tree.items if item.size > FILE_LIMIT]
    if large:
        raise DebwrightError(
            f"{len(large)} files are too large for GitHub Pages, which takes 100 MiB a file",
            evidence=[Evidence(text=f"{human_size(i.size)}  {i.path}") for i in large[:10]],
            cause=_cause(large),
            fix=_fix(large),
        )
    if tree.size > SITE_LIMIT:
        largest = sorted(tree.items, key=lambda i: -i.size)[:5]
        raise DebwrightError(
            f"the repository has {human_size(tree.size)}, and GitHub Pages takes 1 GB",
            evidence=[Evidence(text=f"{human_size(i.size)}  {i.path}") for i in largest],
            cause="versions of packages add up; those of earlier publications count, too",
            fix="[repository] keep = 2, publications = 2, sources = false; or another store: "
            "[repository.s3], [repository.rsync]",
        )


def _is_source(item: Item) -> bool:
    return not item.path.endswith(".deb")


def _cause(large: list[Item]) -> str:
    if all(_is_source(item) for item in large):
        return "they belong to source packages, which can be left to the GitHub release"
    return "packages of this size need another host"


def _fix(large: list[Item]) -> str:
    other = "another store: [repository.s3] or [repository.rsync]"
    if all(_is_source(item) for item in large):
        return f"[repository] sources = false and publications = 1, then publish again; or {other}"
    return other


def _environment(remote: str) -> dict[str, str]:
    """git asks nobody anything; on GitHub it gets the token, by its environment alone."""
    own = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1"}
    return own | git_access(remote)
