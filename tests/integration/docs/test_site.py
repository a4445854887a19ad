"""The site is built without a network, loads nothing from elsewhere, and draws its diagrams."""

import html.parser
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

TOP = Path(__file__).parents[3]

pytestmark = [
    pytest.mark.minutes(0.2),
    pytest.mark.skipif(
        find_spec("sphinx") is None, reason="sphinx is not installed (requirements/dev.txt)"
    ),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built in a network namespace of its own, with every warning an error."""
    work = tmp_path_factory.mktemp("site")
    argv = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
    done = subprocess.run(
        ["unshare", "--net", *argv, "-d", work / "trees", "-c", TOP / "docs", TOP, work / "html"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return work / "html"


class Loaded(html.parser.HTMLParser):
    """What a browser would fetch to show a page, and where its links lead."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.linked: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {k: v for k, v in attrs if v}
        for name in ("src", "srcset", "data", "poster"):
            if name in values:
                self.fetched.append(values[name])
        if tag == "link" and "href" in values and values.get("rel") not in ("canonical", "author"):
            self.fetched.append(values["href"])
        if tag == "a" and "href" in values:
            self.linked.append(values["href"])


def read(page: Path) -> Loaded:
    found = Loaded()
    found.feed(page.read_text(encoding="utf-8"))
    return found


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 40
    outside = {u for p in pages for u in read(p).fetched if urlsplit(u).netloc}
    assert outside == set()
    for sheet in site.rglob("*.css"):
        for address in re.findall(r"(?:@import\s+|url\()\s*['\"]?([^'\")]+)", sheet.read_text()):
            assert not urlsplit(address).netloc, f"{sheet}: {address}"


def test_every_file_a_page_needs_is_there(site: Path) -> None:
    missing = set()
    for page in site.rglob("*.html"):
        found = read(page)
        for address in (*found.fetched, *found.linked):
            parts = urlsplit(address)
            if parts.scheme or not parts.path:
                continue
            target = page.parent / unquote(parts.path)
            if not target.exists():
                missing.add(f"{page.relative_to(site)}: {address}")
    assert missing == set()


def test_it_can_be_searched(site: Path) -> None:
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    assert '"wheelhous' in index
    assert "docs/reference/configuration" in index


def dom(address: str, profile: Path, *more: str) -> str:
    """The document after its scripts have run."""
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("chromium is not installed")
    return subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
         "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", f"--user-data-dir={profile}", "--allow-file-access-from-files",
         "--virtual-time-budget=20000", *more, "--dump-dom", address],
        capture_output=True, text=True, check=True, timeout=240,
    ).stdout  # fmt: skip


def found_by(site: Path, words: str, profile: Path) -> list[str]:
    """What the search page lists for some words."""
    document = dom(f"{(site / 'search.html').as_uri()}?q={words}", profile)
    results = document.partition('id="search-results"')[2]
    assert "search-summary" in results, "the search has not ended"
    return re.findall(r'<li class="kind-[a-z]+"><a href="([^"#?]*)', results)


def test_a_reader_finds_a_page_by_a_word(site: Path, tmp_path: Path) -> None:
    assert "docs/wheelhouse.html" in found_by(site, "wheelhouse", tmp_path / "a")
    # A word no page can have: made here, in two parts.
    assert found_by(site, "wheelhouse+" + "qzxw" * 3, tmp_path / "a") == []


PROBE = """<!doctype html><title>none</title><iframe id=f></iframe><script>
f.src = "docs/architecture.html";
f.onload = () => setTimeout(() => {
  const style = f.contentWindow.getComputedStyle(f.contentDocument.body);
  document.title = style.backgroundColor + " on " + style.color;
}, 2000);
</script>"""


def test_light_and_dark_are_the_readers_choice(site: Path, tmp_path: Path) -> None:
    """Of the system, until the switch at the top of each page is used."""
    assert "theme-toggle" in (site / "docs/index.html").read_text(encoding="utf-8")
    (site / "probe.html").write_text(PROBE)
    try:
        light, dark = (
            brightness(dom((site / "probe.html").as_uri(), tmp_path / "a", *more))
            for more in ((), ("--force-dark-mode",))
        )
    finally:
        (site / "probe.html").unlink()
    assert light[0] > light[1], "dark letters on a light ground"
    assert dark[0] < dark[1], "and the other way round"


def brightness(document: str) -> tuple[int, int]:
    """Of the ground and of the letters, 0 to 765."""
    found = re.search(r"<title>rgb\((.*?)\) on rgb\((.*?)\)", document)
    assert found, document[:400]
    ground, letters = (sum(map(int, found[n].split(", "))) for n in (1, 2))
    return ground, letters


def test_the_diagrams_are_drawn(site: Path, tmp_path: Path) -> None:
    pages = [p for p in site.rglob("*.html") if '<pre class="mermaid">' in p.read_text("utf-8")]
    assert pages
    for page in pages:
        document = dom(page.as_uri(), tmp_path / "a")
        wanted = page.read_text("utf-8").count('<pre class="mermaid">')
        found = re.search(r'data-diagrams="([^"]*)"', document)
        assert found, f"{page.name}: no diagram was drawn"
        assert found[1] == str(wanted), page.name
        assert document.count('aria-roledescription="') >= wanted
