"""Several machines publish to one store: nobody removes what another has published."""
# ruff: noqa: PLR0917 - fixtures come by name

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from debwright.keys.signing.gpg import GpgSigner
from debwright.model.errors import DebwrightError
from debwright.repository.model import PackageFile, RepositorySettings
from debwright.repository.plan import load
from debwright.repository.publish import publish
from debwright.repository.stores.base import push_all
from debwright.repository.stores.directory import DirectoryStore
from debwright.repository.stores.pages import PagesStore
from debwright.repository.stores.restore import restore
from debwright.repository.stores.tree import Tree
from debwright.repository.verify.repository import verify_repository

pytestmark = [pytest.mark.minutes(0.1), pytest.mark.integration]

MakeDeb = Callable[..., Path]
Files = Callable[..., list[PackageFile]]


def packages(repo: Path) -> set[str]:
    state = load(repo)
    assert state is not None
    return {e.package for m in state.suites.values() for e in m.entries}


def test_a_machine_that_is_behind_removes_nothing_however_high_its_number_is(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files, keyring: Path,
) -> None:  # fmt: skip
    laptop, ci, store = tmp_path / "laptop", tmp_path / "ci", DirectoryStore(tmp_path / "www")
    publish(laptop, files(make_deb("greeter")), signer, settings)
    push_all(laptop, [store])
    restore(ci, store, keyring)
    publish(ci, files(make_deb("greeter", "2.0-1")), signer, settings)
    assert push_all(ci, [store])[0].number == 2
    for name in ("mine", "mine-too"):
        publish(laptop, files(make_deb(name)), signer, settings)
        with pytest.raises(DebwrightError, match="which this copy was not made from"):
            push_all(laptop, [store])
    # Nor is what only this machine has lost by a pull that nobody has told so.
    with pytest.raises(DebwrightError, match="was made here and is not in") as caught:
        restore(laptop, store, keyring)
    assert "only here: mine-too 1.0-1 amd64" in caught.value.render()
    assert packages(laptop) == {"greeter", "mine", "mine-too"}
    assert restore(laptop, store, keyring, discard=True) == (2, True)
    assert packages(laptop) == {"greeter"}
    assert not list(laptop.glob("pool/**/mine*.deb"))
    assert verify_repository(laptop, keyring) == []
    assert publish(laptop, files(make_deb("mine")), signer, settings).number == 3
    assert push_all(laptop, [store])[0].number == 3
    assert restore(ci, store, keyring) == (3, True)
    assert packages(ci) == {"greeter", "mine"}


def test_a_push_that_another_overtakes_is_refused(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files, keyring: Path,
) -> None:  # fmt: skip
    one, two, place = tmp_path / "one", tmp_path / "two", tmp_path / "www"
    publish(one, files(make_deb("greeter")), signer, settings)
    push_all(one, [DirectoryStore(place)])
    restore(two, DirectoryStore(place), keyring)
    publish(one, files(make_deb("first")), signer, settings)
    publish(two, files(make_deb("second")), signer, settings)

    class Slow(DirectoryStore):
        """Another machine pushes between the look and the push."""

        def push(self, tree: Tree) -> int:
            push_all(two, [DirectoryStore(place)])
            return super().push(tree)

    with pytest.raises(DebwrightError, match=r"has published to .* while this one was sending"):
        push_all(one, [Slow(place)])
    assert restore(tmp_path / "fresh", DirectoryStore(place), keyring) == (2, True)
    assert packages(tmp_path / "fresh") == {"greeter", "second"}


def test_what_people_put_on_the_branch_of_pages_stays(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files, keyring: Path,
) -> None:  # fmt: skip
    bare, site, repo = tmp_path / "pages.git", tmp_path / "site", tmp_path / "repo"

    def git(*arguments: str) -> str:
        who = ["-c", "user.name=P", "-c", "user.email=p@example.org"]
        return subprocess.run(
            ["git", *who, "-C", str(site), *arguments], check=True, capture_output=True, text=True
        ).stdout

    subprocess.run(["git", "init", "-q", "--bare", str(bare)], check=True)
    subprocess.run(["git", "-C", str(bare), "config", "uploadpack.allowFilter", "true"], check=True)
    subprocess.run(["git", "init", "-q", "-b", "gh-pages", str(site)], check=True)
    (site / "docs").mkdir()
    (site / "docs" / "index.html").write_text("hello")
    git("add", "-A")
    git("commit", "-qm", "documents")
    git("push", "-q", str(bare), "gh-pages")
    publish(repo, files(make_deb("greeter")), signer, settings)
    push_all(repo, [PagesStore(f"file://{bare}", "gh-pages")])
    git("pull", "-q", "--no-rebase", "--allow-unrelated-histories", str(bare), "gh-pages")
    # GitHub writes this file when somebody gives the site a domain.
    (site / "CNAME").write_text("apt.example.org")
    git("add", "-A")
    git("commit", "-qm", "Create CNAME")
    git("push", "-q", str(bare), "gh-pages")
    publish(repo, files(make_deb("greeter", "2.0-1")), signer, settings)
    push_all(repo, [PagesStore(f"file://{bare}", "gh-pages")])
    git("fetch", "-q", str(bare), "gh-pages")
    names = git("ls-tree", "-r", "--name-only", "FETCH_HEAD").split()
    assert {"CNAME", "docs/index.html", "key.asc", ".nojekyll"} <= set(names)
    assert git("show", "FETCH_HEAD:CNAME") == "apt.example.org"
    copy = tmp_path / "copy"
    assert restore(copy, PagesStore(str(bare), "gh-pages"), keyring) == (2, True)
    assert not (copy / "publications/0002/docs").exists()
    # A page of theirs that would be lost is no place for a repository.
    git("checkout", "-q", "--orphan", "other")
    git("rm", "-rqf", ".")
    (site / "index.html").write_text("home")
    git("add", "-A")
    git("commit", "-qm", "home")
    git("push", "-q", str(bare), "other")
    with pytest.raises(DebwrightError, match="something else than a repository of debwright"):
        push_all(repo, [PagesStore(str(bare), "other")])
