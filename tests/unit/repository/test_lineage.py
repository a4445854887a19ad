from pathlib import Path

from debwright.repository.lineage import LONGEST, ancestors_after, comes_from, identity
from debwright.repository.model import PublicationRecord, RepositorySettings
from debwright.repository.store import publication_directory

SETTINGS = RepositorySettings(origin="Greeter", label="Greeter")


def record(number: int, name: str = "", *ancestors: str, made: str = "") -> PublicationRecord:
    return PublicationRecord(
        number=number, created=made or f"2024-01-0{number}", fingerprint="F", settings=SETTINGS,
        suites=(), repository="r", identity=name and name * 16, ancestors=ancestors,
    )  # fmt: skip


def test_numbers_decide_nothing() -> None:
    first = record(1, "1")
    ours = record(4, "4", "3" * 16, "2" * 16, "1" * 16)
    theirs = record(3, "a", "b" * 16, "1" * 16)
    assert comes_from(ours, first)
    assert comes_from(ours, ours)
    assert not comes_from(ours, theirs)
    assert not comes_from(theirs, ours)
    assert not comes_from(first.model_copy(update={"repository": "other"}), first)


def test_publications_of_old_are_known_by_their_time(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        directory = publication_directory(tmp_path, number)
        directory.mkdir(parents=True)
        (directory / "publication.json").write_text(record(number).model_dump_json())
    after = record(4, "4", *ancestors_after(tmp_path, record(3)))
    assert [comes_from(after, record(n)) for n in (1, 2, 3)] == [True, True, True]
    assert not comes_from(after, record(3, made="2024-02-02"))
    further = ancestors_after(tmp_path, after)
    assert further == ("4" * 16, *after.ancestors)
    assert identity(after) == "4" * 16


def test_what_a_record_names_has_an_end(tmp_path: Path) -> None:
    long = record(9, "9", *(str(n) for n in range(2 * LONGEST)))
    assert len(ancestors_after(tmp_path, long)) == LONGEST
    assert ancestors_after(tmp_path, None) == ()
