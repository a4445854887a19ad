"""Percentages rise when their time has come, and only those of the version that is meant."""

import pytest

from debwright.model.errors import UsageError
from debwright.repository.cache import Record
from debwright.repository.entries import Entries
from debwright.repository.index_parts import record_text, split_records
from debwright.repository.model import Entry
from debwright.repository.phases import Phasing, Wanted, begin, phased, raised, told

HOUR = 3600


def entry(package: str, version: str = "1", source: str = "greeter", kind: str = "deb") -> Entry:
    name = f"{package}_{version}_amd64.deb" if kind == "deb" else f"{source}_{version}.dsc"
    return Entry.model_validate(
        {
            "kind": kind, "path": f"pool/main/g/{source}/{name}", "size": 1, "sha256": "0" * 64,
            "component": "main", "source": source, "version": version, "architecture": "amd64",
            "package": package if kind == "deb" else source,
        }
    )  # fmt: skip


SUITE = Entries.of(
    [
        entry("greeter", "1"), entry("greeter", "2"), entry("greeter-data", "2"),
        entry("greeter", "2", kind="dsc"), entry("other", "2", source="other"),
    ]
)  # fmt: skip


def percents(entries: Entries) -> dict[str, int]:
    return {f"{e.package} {e.version}": e.phased for e in entries if e.phased is not None}


def test_the_newest_version_of_all_packages_of_a_source_is_phased() -> None:
    wanted = Wanted(suite="s", source="greeter", percents=(5, 20, 100), every=HOUR)
    entries, left = begin(SUITE, wanted, (), 1000)
    assert percents(entries) == {"greeter 2": 5, "greeter-data 2": 5}
    assert raised(entries, left, 1000) == (entries, left)
    later, still = raised(entries, left, 1000 + HOUR)
    assert percents(later) == {"greeter 2": 20, "greeter-data 2": 20}
    assert still == left
    end, nothing = raised(later, still, 1000 + 2 * HOUR)
    assert percents(end) == {}
    assert nothing == ()
    assert list(end) == list(SUITE)
    # Whoever comes late gets what is due by then.
    assert percents(raised(entries, left, 1000 + 9 * HOUR)[0]) == {}


def test_a_person_takes_the_place_of_the_schedule() -> None:
    scheduled, left = begin(
        SUITE, Wanted(suite="s", source="greeter", percents=(5, 20), every=HOUR), (), 1000
    )
    stopped, nothing = begin(scheduled, Wanted(suite="s", source="greeter", percents=(0,)), left, 1)
    assert percents(stopped) == {"greeter 2": 0, "greeter-data 2": 0}
    assert nothing == ()
    everyone, _ = begin(stopped, Wanted(suite="s", source="greeter", percents=(100,)), (), 2)
    assert list(everyone) == list(SUITE)
    other, both = begin(
        scheduled, Wanted(suite="s", source="other", percents=(1, 2), every=HOUR), left, 1000
    )
    assert percents(other) == {"greeter 2": 5, "greeter-data 2": 5, "other 2": 1}
    assert {p.source for p in both} == {"greeter", "other"}


def test_a_version_that_is_gone_is_forgotten() -> None:
    phasing = Phasing(source="greeter", version="2", packages=("greeter",), steps=((9, 5),))
    assert raised(Entries.of([entry("greeter", "1")]), [phasing], 5)[1] == ()


@pytest.mark.parametrize(("source", "version"), [("no", None), ("greeter", "7")])
def test_what_is_not_there_is_said(source: str, version: str | None) -> None:
    with pytest.raises(UsageError, match=source):
        begin(SUITE, Wanted(suite="s", source=source, version=version, percents=(5,)), (), 1)


def test_the_index_has_the_field_once() -> None:
    text = (
        b"Package: greeter\nPhased-Update-Percentage: 90\nFilename: pool/g\nDescription: x\n y\n\n"
    )
    (own,) = phased([entry("greeter")], 10)
    made = record_text(own, Record(text=text))
    assert made.endswith(b" y\nPhased-Update-Percentage: 10\n\n")
    assert made.count(b"Phased") == 1
    assert split_records(made + made)[1][1] == made
    assert record_text(entry("greeter"), Record(text=text)) == text


def test_what_is_to_come_in_words() -> None:
    phasing = Phasing(source="g", version="2", packages=("g",), steps=((0, 5), (86400, 100)))
    assert told({"bookworm": [phasing], "trixie": []}) == [
        "bookworm: g 2 gets 5 % from 1970-01-01 00:00 UTC, 100 % from 1970-01-02 00:00 UTC"
    ]
