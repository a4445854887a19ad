"""What is put together from pieces is what would be written at once, and costs what has changed."""
# ruff: noqa: PLR0917 - fixtures come by name

import gzip
import lzma
import random
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.kit.web import Web

from debwright.keys.signing.gpg import GpgSigner
from debwright.model.errors import DebwrightError
from debwright.repository import blocks, cache, diffs, indices
from debwright.repository.blocks import Packed
from debwright.repository.cache import Record
from debwright.repository.describe import describe
from debwright.repository.edits import Promotion, promote, remove, rollback
from debwright.repository.index_parts import split_contents, split_records
from debwright.repository.model import Entry, PackageFile, RepositorySettings
from debwright.repository.plan import load
from debwright.repository.publish import publish
from debwright.repository.stores.base import push_all
from debwright.repository.stores.directory import DirectoryStore
from debwright.repository.stores.restore import restore
from debwright.repository.tables import Layout
from debwright.repository.verify.repository import verify_repository

pytestmark = pytest.mark.integration

MakeDeb = Callable[..., Path]
Files = Callable[..., list[PackageFile]]


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many pieces with a dozen packages as there are with thousands."""
    monkeypatch.setattr(indices, "RECORDS", Layout(average=2, split=split_records))
    monkeypatch.setattr(indices, "CONTENTS", Layout(average=2, split=split_contents))


def contents(repo: Path) -> dict[str, bytes]:
    """Every index unpacked; the compressed ones must agree with the plain."""
    found = {}
    for path in sorted((repo / "dists").resolve().rglob("*")):
        name = path.relative_to((repo / "dists").resolve()).as_posix()
        if path.name in ("Packages", "Sources"):
            found[name] = path.read_bytes()
            assert gzip.decompress(path.with_name(f"{path.name}.gz").read_bytes()) == found[name]
            assert lzma.decompress(path.with_name(f"{path.name}.xz").read_bytes()) == found[name]
        elif path.name.startswith("Contents-"):
            found[name] = gzip.decompress(path.read_bytes())
    return found


def at_once(repo: Path, place: Path, signer: GpgSigner, settings: RepositorySettings) -> Path:
    """A repository of the packages that `repo` has now, made by one publication."""
    state = load(repo)
    assert state is not None
    packages = [
        PackageFile(path=repo / e.path, suite=suite, component=e.component)
        for suite, manifest in state.suites.items()
        for e in manifest.entries
    ]
    publish(place, packages, signer, settings)
    return place


def ways(
    repo: Path, debs: list[Path], files: Files, signer: GpgSigner, settings: RepositorySettings,
    chance: random.Random,
) -> Iterator[str]:  # fmt: skip
    """Changes one after the other, each of another kind."""
    for number in range(12):
        some = chance.sample(debs, 4)
        kind = ("add", "remove", "promote", "add", "rollback")[number % 5]
        if kind == "add":
            component = chance.choice(["main", "contrib"])
            publish(repo, files(*some, component=component), signer, settings)
        elif kind == "remove":
            names = {p.name.partition("_")[0] for p in some[:2]} | {"p0"}
            try:
                remove(repo, "bookworm", sorted(names), signer, settings)
            except DebwrightError:
                continue
        elif kind == "promote":
            promote(repo, [Promotion(source="bookworm", target="other")], signer, settings)
        else:
            rollback(repo, chance.randrange(1, number + 1), signer, settings)
        yield f"{number} {kind}"


@pytest.mark.usefixtures("small_pieces")
def test_many_changes_give_what_one_publication_gives(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files, source_package: Path, keyring: Path,
) -> None:  # fmt: skip
    debs = [
        make_deb(f"p{n}", f"1.{version}-1", "all" if n % 3 == 0 else "amd64")
        for n in range(8) for version in range(2)
    ]  # fmt: skip
    repo = tmp_path / "repo"
    kept = settings.model_copy(update={"keep": 30, "architectures": ("amd64", "arm64")})
    publish(repo, files(*debs[:9], source_package), signer, kept)
    for what in ways(repo, debs, files, signer, kept, random.Random(7)):
        fresh = at_once(repo, tmp_path / what, signer, kept)
        wanted, found = contents(fresh), contents(repo)
        for name, text in wanted.items():
            assert found[name] == text, f"{what}: {name}"
        for name in found.keys() - wanted.keys():
            assert not found[name], f"{what}: {name}"
        shutil.rmtree(fresh)
    assert verify_repository(repo, keyring) == []


@pytest.mark.usefixtures("small_pieces")
def test_one_more_package_packs_its_own_piece_alone(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    repo = tmp_path / "repo"
    publish(repo, files(*(make_deb(f"p{n}") for n in range(30))), signer, settings)
    packed: list[bytes] = []
    described: list[list[Entry]] = []

    def pack(text: bytes, *, xz: bool) -> Packed:
        packed.append(text)
        return blocks.pack(text, xz=xz)

    def seen(repo: Path, entries: Sequence[Entry]) -> dict[str, Record]:
        described.append(list(entries))
        return describe(repo, entries)

    monkeypatch.setattr(cache, "pack", pack)
    monkeypatch.setattr(indices, "describe", seen)
    publish(repo, files(make_deb("p151")), signer, settings)
    assert [[e.version for e in some] for some in described] == [["1.0-1"]]
    assert 2 <= len(packed) <= 4  # of Packages and of Contents
    assert sum(text.count(b"Package: ") for text in packed) < 20


def test_apt_fetches_patches_of_what_has_changed(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files, keyring: Path, make_apt: Callable[..., Any], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(diffs, "FROM_PACKAGES", 10)
    repo = tmp_path / "repo"
    debs = [
        make_deb(f"p{n}", fields=f"X-Words: {random.Random(n).randbytes(90).hex()}\n")
        for n in range(40)
    ]
    publish(repo, files(*debs), signer, settings)
    web = Web(repo)
    text = (repo / "greeter-bookworm.sources").read_text()
    apt = make_apt(re.sub(r"^URIs: .*$", f"URIs: {web.url}", text, flags=re.MULTILINE))
    apt.get("update")
    assert not any(".diff/" in path for path in web.fetched())
    publish(repo, files(make_deb("p7", "2.0-1")), signer, settings)
    apt.get("update")
    assert apt.versions("p7") == ["2.0-1", "1.0-1"]
    assert not any("/by-hash/" in p and ".diff/" not in p for p in web.fetched()), "no whole index"
    # Two more within a second, one of them takes a package away: apt merges the two patches, in the
    # order of their names.
    publish(repo, files(make_deb("another")), signer, settings)
    remove(repo, "bookworm", ["p3"], signer, settings)
    apt.get("update")
    fetched = web.fetched()
    assert len([p for p in fetched if p.endswith(".gz") and ".diff/" in p]) == 2
    assert not any("/by-hash/" in p and ".diff/" not in p for p in fetched), fetched
    assert apt.versions("another") == ["1.0-1"]
    assert apt.versions("p3") == []
    assert verify_repository(repo, keyring) == []
    # A store serves them, and gives them back.
    shelf = DirectoryStore(tmp_path / "served")
    push_all(repo, [shelf])
    assert verify_repository(tmp_path / "served", keyring) == []
    restore(tmp_path / "copy", shelf, keyring)
    publish(tmp_path / "copy", files(make_deb("p8", "2.0-1")), signer, settings)
    assert verify_repository(tmp_path / "copy", keyring) == []
    # Who has fetched it and never wrote any of it writes patches, too.
    copied = diffs.read(tmp_path / "copy/dists/bookworm/main/binary-amd64/Packages.diff/Index")
    assert copied is not None
    assert len(copied.patches) == 4
    names = [patch.name for patch in copied.patches]
    assert names == sorted(names)
    patch = next((repo / "dists/bookworm/main/binary-amd64/Packages.diff").glob("*.gz"))
    patch.write_bytes(patch.read_bytes()[:-1])
    assert [f.code for f in verify_repository(repo, keyring)] == ["repository/index"]
    web.server.shutdown()


@pytest.mark.parametrize("harm", ["none", "lost", "damaged", "pieces", "layouts"])
def test_without_its_memory_it_writes_the_same(
    harm: str, tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner,
    settings: RepositorySettings, files: Files, keyring: Path,
) -> None:  # fmt: skip
    import sqlite3
    from contextlib import closing

    repo = tmp_path / "repo"
    publish(repo, files(make_deb("greeter"), make_deb("other")), signer, settings)
    database = cache.directory(repo) / cache.NAME
    if harm == "lost":
        cache.remove(repo)
    elif harm == "damaged":
        data = bytearray(database.read_bytes())
        data[4096:] = random.Random(3).randbytes(len(data) - 4096)
        database.write_bytes(data)
    elif harm != "none":
        with closing(sqlite3.connect(database)) as opened, opened:
            if harm == "pieces":
                opened.execute("UPDATE piece SET text = x'00'")
            else:
                opened.execute("UPDATE layout SET pieces = x'5b5d'")
    publish(repo, files(make_deb("third")), signer, settings)
    assert contents(repo) == contents(at_once(repo, tmp_path / "fresh", signer, settings))
    assert verify_repository(repo, keyring) == []
