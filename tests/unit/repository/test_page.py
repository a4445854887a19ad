"""index.html: complete, safe, and short."""

from html.parser import HTMLParser
from pathlib import Path

from debwright.repository.entries import Entries
from debwright.repository.model import Entry, RepositorySettings
from debwright.repository.page import LISTED, page

KEY = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEabc\n-----END PGP PUBLIC KEY BLOCK-----\n"


def entry(name: str, version: str = "1.0-1", architecture: str = "amd64") -> Entry:
    return Entry(
        kind="deb", path=f"pool/main/{name[0]}/{name}/{name}_{version}_{architecture}.deb", size=1,
        sha256="0" * 64, component="main", source=name, package=name, version=version,
        architecture=architecture,
    )  # fmt: skip


def made(entries: list[Entry], *, suite: str = "bookworm", **settings: object) -> str:
    chosen = RepositorySettings.model_validate(
        {"origin": "Greeter", "label": "Greeter packages", "url": "https://apt.example.org/g"}
        | settings
    )
    return page(
        chosen, Path("/srv/apt"), {suite: Entries.of(entries)}, "AB12" * 10, key=KEY, number=7
    )


class Reader(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag != "meta":
            self.open.append(tag)
        self.links += [v or "" for k, v in attrs if k in ("href", "src")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_it_says_what_a_user_needs_and_loads_nothing() -> None:
    text = made([entry("greeter"), entry("greeter", architecture="arm64")])
    reader = Reader(text)
    assert reader.open == []
    assert not {"script", "link", "img"} & set(reader.tags)
    assert all(not link.startswith(("http", "/")) for link in reader.links)
    assert "AB12 AB12" in text
    assert "https://apt.example.org/g/greeter-bookworm.sources" in text
    assert "sudo apt install greeter" in text
    assert "Suites: bookworm" in text
    assert "mDMEabc" in text
    assert "<td>1.0-1</td><td>amd64, arm64</td>" in text


def test_the_newest_version_is_named_as_dpkg_orders_them() -> None:
    text = made([entry("greeter", v) for v in ("1.9-1", "1.10-1", "1.10~rc1-1")])
    assert "<td>1.10-1</td>" in text
    assert "1.9-1" not in text


def test_nothing_in_it_can_be_markup() -> None:
    text = made([entry("greeter")], label="<script>alert(1)</script>", description='"><b>&')
    assert "<script>" not in text
    assert "&quot;&gt;&lt;b&gt;&amp;" in text
    assert Reader(text).open == []


def test_a_large_suite_is_not_listed_whole() -> None:
    text = made([entry(f"p{n:05}") for n in range(LISTED + 20)])
    assert text.count("<tr><td>") == LISTED
    assert "And 20 more" in text
