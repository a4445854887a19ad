"""Records in, records out; merged in any order and however often."""

import gzip
import random
import sqlite3
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kit.records import CROSS, failed, run, target

from debwright.model.errors import DebwrightError
from debwright.observe.metrics.exchange import export, merge_files, merge_lines
from debwright.observe.metrics.model import dump, parse, plain
from debwright.observe.metrics.store import Store


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    records = [run(n, target(), failed(CROSS)) for n in range(3)]
    with Store.open(tmp_path / "deep/er/runs.sqlite") as store:
        assert store.put(records).new == 3
        assert [parse(line) for line in store.documents()] == records
        assert store.rows("SELECT count(*) FROM stage") == [(9,)]
    with Store.open(tmp_path / "deep/er/runs.sqlite", create=False) as store:
        assert store.ids("run:") == ["run:000002", "run:000001", "run:000000"]
        assert store.put(records).known == 3


def test_the_newer_revision_counts(tmp_path: Path) -> None:
    old, new = run(1, failed(), revision=1), run(1, target(), target(CROSS), revision=2)
    for number, order in enumerate(([old, new], [new, old], [new, old, new])):
        with Store.open(tmp_path / f"{number}.sqlite") as store:
            for record in order:
                store.put([record])
            assert list(store.documents()) == [dump(new)]
            assert store.rows("SELECT target, result FROM build ORDER BY n") == [
                ("bookworm-amd64", "passed"), ("bookworm-arm64", "passed"),
            ]  # fmt: skip


@given(st.data())
def test_merging_is_idempotent_and_free_of_order(data: st.DataObject) -> None:
    changes = st.fixed_dictionaries({"revision": st.integers(0, 3), "seconds": st.integers(0, 3)})
    records = [
        run(number, **change)
        for number, change in data.draw(st.lists(st.tuples(st.integers(0, 3), changes), max_size=8))
    ]
    shuffled = data.draw(st.permutations(records + records))
    contents = []
    for order in (records, shuffled):
        with Store.open(Path(":memory:")) as store:
            for record in order:
                store.put([record])
            contents.append(list(store.documents()))
    assert contents[0] == contents[1]


def test_machines_come_together(tmp_path: Path) -> None:
    files = []
    for machine in range(3):
        with Store.open(tmp_path / f"{machine}.sqlite") as store:
            store.put([run(n) for n in range(machine, 9, 2)])
            path = tmp_path / f"out/{machine}.jsonl{'.gz' if machine == 1 else ''}"
            path.parent.mkdir(exist_ok=True)
            export(store, path)
            files.append(path)
    texts = []
    for seed in range(2):
        random.Random(seed).shuffle(files)
        with Store.open(tmp_path / f"all{seed}.sqlite") as store:
            assert not merge_files(store, files).refused
            merge_files(store, [tmp_path / "out"])
            texts.append(export(store, None)[0])
    assert texts[0] == texts[1]
    assert texts[0].count("\n") == 9


def test_lines_that_are_no_records_are_told_of(tmp_path: Path) -> None:
    good = dump(run(1)).encode()
    lines = [
        b"{}", b"\xff\xfe", b"[" * 5000, good, good.replace(b'"greeter"', b'"a\\u001b[31m"', 1),
        good.replace(b'"seconds":90.0', b'"seconds":1e999'), b'{"record":"run","id":7}', b"",
        b"x" * (1 << 20), good.replace(b"run:000001", b"run:000002"),
    ]  # fmt: skip
    path = tmp_path / "bad.jsonl"
    path.write_bytes(b"\n".join(lines))
    with Store.open(tmp_path / "runs.sqlite") as store:
        report = merge_files(store, [path])
        assert report.merged.new == 2
        assert report.refused_lines == 7
        assert {f.evidence[0].line for f in report.refused} == {1, 2, 3, 5, 6, 7, 9}
        cut = gzip.compress(good * 3)[:-20]
        (tmp_path / "cut.jsonl.gz").write_bytes(cut)
        assert merge_files(store, [tmp_path / "cut.jsonl.gz"]).refused
        assert merge_lines(store, [good], "branch").merged.known == 1


def test_a_time_is_the_same_on_every_machine_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line without a zone, and times that no clock has: one of them must not stop the others."""
    good = dump(run(1))
    assert '"started":"2026-03-01T13:00:00Z"' in good
    odd = ["0001-01-01T00:00:00", "9999-12-31T23:59:59-14:00", "1970-01-01T00:00:00Z"]
    lines = [good.replace("2026-03-01T13:00:00Z", at).encode() for at in odd]
    lines.append(good.replace("13:00:00Z", "13:00:00").encode())
    try:
        for zone in ("Asia/Tokyo", "America/Lima"):
            monkeypatch.setenv("TZ", zone)
            time.tzset()
            with Store.open(tmp_path / f"{zone[:3]}.sqlite") as store:
                assert merge_lines(store, lines, "branch").refused_lines == 3
                assert list(store.documents()) == [good]
                assert store.rows("SELECT started FROM run") == [(run(1).started.timestamp(),)]
    finally:
        monkeypatch.undo()
        time.tzset()


def test_what_is_no_store_is_said_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    path.write_text("not a database, but long enough to be looked at as one " * 100)
    with pytest.raises(DebwrightError, match="cannot be used") as caught:
        Store.open(path)
    assert "mv " in str(caught.value.fix)
    with pytest.raises(DebwrightError, match="no run has been remembered"):
        Store.open(tmp_path / "nothing.sqlite", create=False)
    newer = sqlite3.connect(tmp_path / "newer.sqlite")
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(DebwrightError, match="newer debwright"):
        Store.open(tmp_path / "newer.sqlite")


def test_a_failed_put_leaves_nothing(tmp_path: Path) -> None:
    with Store.open(tmp_path / "runs.sqlite") as store:
        store.db.execute("CREATE TRIGGER no BEFORE INSERT ON stage WHEN NEW.name = 'check' "
                         "BEGIN SELECT RAISE(ABORT, 'no'); END")  # fmt: skip
        with pytest.raises(DebwrightError):
            store.put([run(1)])
        assert store.rows("SELECT count(*) FROM record") == [(0,)]


@given(st.text(max_size=80), st.integers(2, 60))
def test_plain_text_is_one_that_a_record_takes(text: str, limit: int) -> None:
    made = plain(text, limit)
    assert len(made) <= limit
    assert run(1, package=made).package == made
