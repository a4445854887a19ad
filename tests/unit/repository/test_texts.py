"""What users and apt read: settings, dates, .sources texts, records."""

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from debian.deb822 import Deb822
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import ValidationError

from debwright.model.errors import DebwrightError
from debwright.repository.describe import paragraphs
from debwright.repository.entries import Entries
from debwright.repository.manifest import SuiteManifest
from debwright.repository.model import Entry, RepositorySettings
from debwright.repository.promises import needed
from debwright.repository.release import now_seconds, release_date, release_time
from debwright.repository.sources import sources_text
from debwright.repository.verify.repository import verify_dates

KEY = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEabc\n=AbCd\n-----END PGP PUBLIC KEY BLOCK-----\n"


def settings(**changes: object) -> RepositorySettings:
    return RepositorySettings.model_validate({"origin": "Greeter", "label": "Greeter", **changes})


def entry(architecture: str, kind: str = "deb") -> Entry:
    return Entry.model_validate(
        {
            "kind": kind,
            "path": f"pool/main/g/greeter/greeter_1_{architecture}.deb",
            "size": 1,
            "sha256": "0" * 64,
            "component": "main",
            "source": "greeter",
            "package": "greeter",
            "version": "1",
            "architecture": architecture,
        }
    )


def manifest(date: int) -> SuiteManifest:
    return SuiteManifest(suite="bookworm", date=date, entries=Entries(), by_hash=())


def test_sources_with_an_inline_key_parse_as_deb822(tmp_path: Path) -> None:
    text = sources_text(settings(), tmp_path / "a b", "bookworm", key=KEY)
    fields = Deb822(text)
    assert fields["URIs"] == f"file:{tmp_path}/a%20b/"
    assert fields["Suites"] == "bookworm"
    assert fields["Components"] == "main"
    lines = fields["Signed-By"].splitlines()
    assert lines[1:3] == [" -----BEGIN PGP PUBLIC KEY BLOCK-----", " ."]
    assert all(line.startswith(" ") for line in lines[1:])
    assert "\n\n" not in text


def test_sources_with_a_url_and_a_key_path(tmp_path: Path) -> None:
    text = sources_text(
        settings(url="https://apt.example.org/greeter"),
        tmp_path,
        "trixie",
        key=Path("/usr/share/keyrings/greeter.gpg"),
        components=("main", "extra"),
        with_source=True,
    )
    assert text == (
        "Types: deb deb-src\n"
        "URIs: https://apt.example.org/greeter/\n"
        "Suites: trixie\n"
        "Components: main extra\n"
        "Signed-By: /usr/share/keyrings/greeter.gpg\n"
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "a\nSuite: evil"},
        {"label": " "},
        {"description": "a\x1b[2J"},
        {"component": "../x"},
        {"keep": 0},
        {"architectures": ["all"]},
        {"architectures": ["a b"]},
        {"unknown": 1},
    ],
)
def test_settings_that_would_break_an_index_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)


@pytest.mark.parametrize(
    ("origin", "name"), [("Greeter Project!", "greeter-project"), ("日本", "repository")]
)
def test_the_origin_gives_the_file_name(origin: str, name: str) -> None:
    assert settings(origin=origin).name == name


def test_architectures_of_a_suite() -> None:
    def architectures(entries: list[Entry], settings: RepositorySettings) -> list[str]:
        return list(needed(Entries.of(entries), settings).architectures)

    assert architectures([entry("arm64"), entry("all")], settings()) == ["arm64"]
    assert architectures([entry("all")], settings()) == ["all", "amd64", "arm64"]
    assert architectures([entry("amd64")], settings(architectures=["riscv64"])) == [
        "amd64",
        "riscv64",
    ]
    assert architectures([entry("source", "dsc")], settings()) == ["amd64", "arm64"]


def test_the_date_never_stands_still_and_never_goes_back() -> None:
    assert release_date(None, 1000) == 1000
    assert release_date(manifest(1000), 1000) == 1001
    assert release_date(manifest(2000), 1000) == 2001
    now = int(time.time())
    said: list[str] = []
    date = release_date(manifest(now), now, said.append)
    assert date == now + 1
    assert said == []
    assert time.time() >= date  # apt refuses a Release from the future: it was waited for


def test_a_date_of_the_future_does_not_make_later_ones_invalid() -> None:
    said: list[str] = []
    now = int(time.time())
    assert release_date(manifest(now + 86_400), now, said.append) == now
    assert "which has not come" in said[0]


@pytest.mark.parametrize("ahead", [3600, 86_400 * 400, 10**17, 10**25])
def test_a_source_date_epoch_that_has_not_come_is_refused(
    monkeypatch: pytest.MonkeyPatch, ahead: int
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(time.time()) + ahead))
    with pytest.raises(DebwrightError, match="which is in the future"):
        now_seconds()


def test_source_date_epoch_is_the_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1704067200")
    assert release_time(now_seconds()) == "Mon, 01 Jan 2024 00:00:00 UTC"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(DebwrightError, match="SOURCE_DATE_EPOCH"):
        now_seconds()


NAMES = st.sampled_from(["Package", "Version", "Filename", "SHA256", "Description"])
VALUES = st.from_regex(r"[!-~]([ -~]{0,20}[!-~])?", fullmatch=True)


@hypothesis_settings(deadline=None)  # it writes a file
@given(st.lists(st.dictionaries(NAMES, VALUES, min_size=1), max_size=5))
def test_paragraphs_reads_what_python_debian_reads(
    tmp_path_factory: pytest.TempPathFactory, given_paragraphs: list[dict[str, str]]
) -> None:
    index = tmp_path_factory.mktemp("index") / "Packages"
    stanzas = ["".join(f"{k}: {v}\n" for k, v in p.items()) + " more\n" for p in given_paragraphs]
    index.write_text("\n".join(stanzas))
    with index.open() as stream:
        wanted = [
            {k: v.splitlines()[0] for k, v in p.items()}
            for p in Deb822.iter_paragraphs(stream, use_apt_pkg=False)
        ]
    found = list(paragraphs(index))
    assert [fields for fields, _ in found] == wanted
    assert "".join(f"{stanza}\n" for stanza in stanzas).encode() == b"".join(t for _, t in found)


def test_a_field_given_twice_never_equals_a_manifest(tmp_path: Path) -> None:
    index = tmp_path / "Packages"
    index.write_text("Package: a\nFilename: pool/x\nFilename: pool/y\n")
    assert next(paragraphs(index))[0]["Filename"] not in ("pool/x", "pool/y")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"Date": "Mon, 01 Jan 2024 00:00:00 UTC"}, None),
        ({"Valid-Until": "Mon, 15 Jan 2024 00:00:00 UTC"}, None),
        ({"Valid-Until": "Sun, 07 Jan 2024 00:00:00 UTC"}, "repository/expired"),
        ({"Date": "Mon, 08 Jan 2024 00:00:05 UTC"}, None),
        ({"Date": "Mon, 08 Jan 2024 00:01:00 UTC"}, "repository/future"),
        ({"Valid-Until": "tomorrow"}, "repository/release"),
        (
            {
                "Date": "Mon, 18 Dec 2023 00:00:00 UTC",
                "Valid-Until": "Wed, 17 Jan 2024 00:00:00 UTC",
            },
            "repository/ending",
        ),
        (
            {
                "Date": "Wed, 20 Dec 2023 00:00:00 UTC",
                "Valid-Until": "Fri, 19 Jan 2024 00:00:00 UTC",
            },
            None,
        ),
        ({}, None),
    ],
)
def test_a_release_whose_time_is_over_or_has_not_come(
    fields: dict[str, str], code: str | None
) -> None:
    found = list(verify_dates("bookworm", fields, datetime(2024, 1, 8, tzinfo=UTC)))
    assert [f.code for f in found] == ([code] if code else [])
