"""Entries and manifests: whatever is changed, written and read, they are a sorted set."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from debwright.model.errors import DebwrightError
from debwright.repository.entries import Changes, Entries, Lines, changes, package_of, sort_key
from debwright.repository.manifest import SuiteManifest, read_manifest, write_manifest
from debwright.repository.model import Entry


def entry(package: str, version: str = "1", phased: int | None = None) -> Entry:
    return Entry(
        kind="deb", path=f"pool/main/x/{package}/{package}_{version}_amd64.deb", size=1,
        sha256="0" * 64, component="main", source=package, package=package, version=version,
        architecture="amd64", phased=phased,
    )  # fmt: skip


def manifest(entries: Entries) -> SuiteManifest:
    return SuiteManifest(suite="bookworm", date=1, by_hash=(), entries=entries)


def check(entries: Entries, wanted: dict[str, Entry]) -> None:
    expected = sorted(wanted.values(), key=sort_key)
    assert list(entries) == expected
    assert len(entries) == len(expected)
    assert entries.packages == len({e.package for e in expected})
    for name in {e.package for e in expected} | {"a", "nobody", "zzz"}:
        assert entries.named(name) == [e for e in expected if e.package == name]
    for path in {e.path for e in expected} | {"pool/main/x/no/no_1_amd64.deb"}:
        assert entries.get(path) == wanted.get(path)


@pytest.mark.parametrize("seed", range(4))
def test_changes_upon_changes_written_now_and_then(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    entries, wanted = Entries(), dict[str, Entry]()
    for step in range(60):
        before, old = entries, dict(wanted)
        more = [
            entry(f"p{chance.randrange(12)}", str(chance.randrange(3)), chance.choice([None, 5]))
            for _ in range(chance.randrange(4))
        ]
        less = [e for e in wanted.values() if chance.random() < 0.2]
        entries = entries.changed(removed=less, added=more)
        wanted = {p: e for p, e in wanted.items() if e not in less} | {e.path: e for e in more}
        check(entries, wanted)
        found = changes(before, entries)
        assert set(found.added) == set(wanted.values()) - set(old.values())
        assert set(found.removed) == set(old.values()) - set(wanted.values())
        if step % 3 == 0:
            write_manifest(tmp_path / "m", manifest(entries), state=f"{step}")
            entries = read_manifest(tmp_path / "m").entries
            assert entries.state == f"{step}"
            check(entries, wanted)
            whole = SuiteManifest.model_validate_json((tmp_path / "m").read_bytes())
            check(whole.entries, wanted)


def test_a_manifest_is_json_and_one_of_old_is_read(tmp_path: Path) -> None:
    path = tmp_path / "bookworm.json"
    write_manifest(path, manifest(Entries.of([entry("b"), entry("a")])), state="x")
    data = json.loads(path.read_bytes())
    assert [e["package"] for e in data["entries"]] == ["a", "b"]
    old = {"suite": "bookworm", "date": 1, "by_hash": [], "entries": data["entries"][::-1]}
    path.write_text(json.dumps(old))
    read = read_manifest(path)
    assert [e.package for e in read.entries] == ["a", "b"]
    assert read.entries.state == ""
    assert not changes(read.entries, Entries.of([entry("a"), entry("b")]))


def test_who_reads_a_manifest_goes_on_though_it_is_written_again(tmp_path: Path) -> None:
    write_manifest(tmp_path / "m", manifest(Entries.of(entry(f"p{n}") for n in range(500))))
    read = read_manifest(tmp_path / "m").entries
    write_manifest(tmp_path / "m", manifest(Entries()))
    assert len(list(read)) == 500


@pytest.mark.parametrize(
    "text", ["", "{", '{"entries":[\n', '{"suite":"b","date":1,"by_hash":[],"entries":[\nx\n]}\n']
)
def test_what_is_no_manifest_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "m").write_text(text)
    with pytest.raises((ValueError, DebwrightError)):
        list(read_manifest(tmp_path / "m").entries)


def test_a_path_of_another_package_is_refused() -> None:
    wrong = entry("a").model_copy(update={"package": "b"})
    with pytest.raises(ValueError, match="no path of b"):
        Entries.of([wrong])
    data = {"suite": "b", "date": 1, "by_hash": [], "entries": [wrong.model_dump()]}
    with pytest.raises(ValidationError):
        SuiteManifest.model_validate(data)
    assert package_of("pool/main/g/greeter/greeter_1.0.orig.tar.gz") == "greeter"


def test_one_more_looks_at_few_lines(tmp_path: Path) -> None:
    """It would not scale otherwise: the number of looks is that of bisections."""
    write_manifest(tmp_path / "m", manifest(Entries.of(entry(f"p{n:05}") for n in range(5000))))
    entries = read_manifest(tmp_path / "m").entries
    more = entries.changed(added=[entry("p02500", "2")])
    assert len(list(more.parts())) <= 3
    assert len(entries.lines._keys) < 60
    assert changes(entries, more) == Changes(added=(entry("p02500", "2"),))


@given(st.lists(st.text(st.characters(codec="ascii", exclude_characters='"\n\\'), max_size=5)))
def test_every_line_is_found_by_its_key(names: list[str]) -> None:
    keys = sorted({(n.encode(), b"pool/" + n.encode()) for n in names})
    data = b",\n".join(b'{"path":"%s","package":"%s"}' % (path, name) for name, path in keys)
    lines = Lines(data=data, end=len(data))
    assert [lines.key(lines.place(key)) for key in keys] == keys
    assert lines.place((b"\x7f" * 9, b"")) == lines.end
