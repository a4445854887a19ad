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

pytestmark = pytest.mark.skipif(
    find_spec("sphinx") is None, reason="sphinx is not installed (requirements/dev.txt)"
)


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


def test_both_colours_can_be_chosen(site: Path) -> None:
    assert "theme-toggle" in (site / "docs/index.html").read_text(encoding="utf-8")


def test_the_diagrams_are_drawn(site: Path, tmp_path: Path) -> None:
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("chromium is not installed")
    pages = [p for p in site.rglob("*.html") if '<pre class="mermaid">' in p.read_text("utf-8")]
    assert pages
    for number, page in enumerate(pages):
        done = subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
             "--no-first-run", "--disable-background-networking", "--disable-component-update",
             "--disable-sync", f"--user-data-dir={tmp_path / str(number)}",
             "--allow-file-access-from-files", "--virtual-time-budget=20000", "--dump-dom",
             page.as_uri()],
            capture_output=True, text=True, check=True, timeout=240,
        )  # fmt: skip
        wanted = page.read_text("utf-8").count('<pre class="mermaid">')
        found = re.search(r'data-diagrams="([^"]*)"', done.stdout)
        assert found, f"{page.name}: no diagram was drawn"
        assert found[1] == str(wanted), page.name
        assert done.stdout.count('aria-roledescription="') >= wanted
