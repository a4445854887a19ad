"""Pages as they are on the web: what is on every page of a site is not a part of each document."""

import pytest

from local_rag.core.types import Extracted
from local_rag.documents.formats import Source, extract
from local_rag.text.chunking import join_sections

COOKIES = (
    '<div id="cookie-banner"><p>We use cookies to make this site better. By going on you accept '
    "our policy and those of our 148 partners, who value your privacy as much as we do.</p>"
    "<button>Accept all</button></div>"
)
NAVIGATION = (
    '<nav aria-label="Main"><ul><li><a href="/">Home</a></li><li><a href="/news">Newsroom</a>'
    '</li><li><a href="/jobs">Careers</a></li></ul></nav>'
)
FOOTER = '<footer><p>Copyright 2031 Example</p><a href="/imprint">Imprint</a></footer>'
PROSE = (
    "The lease of the garden ends in March. Notice must be given in writing three months before, "
    "and the keys are returned to the office, which is open on weekdays from nine to noon. "
)

ARTICLE = f"""<!DOCTYPE html><html lang="en"><head><title>The lease - Example</title></head><body>
<header class="top"><a href="/">Example</a><p>Slogan of the house</p>{NAVIGATION}</header>
{COOKIES}
<main><nav class="breadcrumbs"><a href="/">Start</a> / <a href="/garden">Garden</a></nav>
<article><header><h1>The lease</h1><p>By Ann, 3 March</p></header>
<p>{PROSE}</p><h2>Keys</h2><p>There are <a href="/k">two keys</a>, one for the gate.</p>
<blockquote>Leave it as you found it.<footer>The founders</footer></blockquote>
<aside class="note">Mind the frost.</aside></article></main>
<aside><h2>Most read</h2><ul><li><a href="/1">Ten tulips you will love</a></li></ul></aside>
{FOOTER}</body></html>"""

MANUAL = f"""<!DOCTYPE html><html><head><title>pump(1)</title></head><body>
<div class="wrapper with-sidebar"><div class="docs-sidebar"><ul><li><a href="a">Installing</a></li>
<li><a href="b">Upgrading</a></li></ul></div>
<div class="body"><h1>pump</h1><p>{PROSE}</p><h2>Usage</h2><pre><code>pump --speed 3 \\
    --dry-run
</code></pre><h2>Options</h2><table><thead><tr><th>Option</th><th>Meaning</th></tr></thead><tbody>
<tr><td>--speed</td><td>Turns a second</td></tr></tbody></table><h3>Exit codes</h3>
<dl><dt>3</dt><dd>The well is dry</dd></dl>
<h2>See also</h2><ul><li><a href="c">well(1)</a></li><li><a href="d">tap(1)</a></li></ul></div>
</div>
<div role="contentinfo">Built with a generator</div></body></html>"""

SOUP = f"""<html><head><title>Bees</title></head><body><table><tr><td><a href=/>Home</a><br>
<a href=/h>Honey</a><br><a href=/s>Shop</a></td></tr><tr><td><font size=5>Bees in winter</font>
<p>{PROSE}<p>Read <a href=w>what wax is</a> first.<p>{PROSE}</td></tr></table>
<p><a href=/i>Imprint</a> | <a href=/p>Privacy</a></body></html>"""

LIST = f"""<html><head><title>Links</title></head><body>{NAVIGATION}<h1>Garden links</h1>
<p>All of these were read.</p><ul>{
    "".join(f'<li><a href="/{n}">A page about vegetable number {n}</a></li>' for n in range(60))
}</ul>{FOOTER}</body></html>"""


def read(page: str) -> Extracted:
    return extract(Source(data=page.encode(), name="page.html"))


def text_of(page: str) -> str:
    return join_sections(read(page).sections)


def headings(page: str) -> list[str | None]:
    return [section.heading for section in read(page).sections]


def test_an_article_is_read_without_what_surrounds_it() -> None:
    text = text_of(ARTICLE)
    for kept in ("By Ann", "three months", "two keys", "The founders", "Mind the frost"):
        assert kept in text
    for around in ("cookies", "Accept", "Newsroom", "Slogan", "Start", "Most read", "tulips",
                   "Copyright", "Imprint"):  # fmt: skip
        assert around not in text
    assert headings(ARTICLE) == ["The lease", "The lease > Keys"]
    assert read(ARTICLE).title == "The lease - Example"


def test_a_manual_keeps_code_tables_lists_and_headings() -> None:
    text = text_of(MANUAL)
    assert "pump --speed 3 \\\n    --dry-run" in text
    for kept in ("Option", "Turns a second", "The well is dry", "well(1)", "tap(1)"):
        assert kept in text
    for around in ("Installing", "Upgrading", "generator"):
        assert around not in text
    assert headings(MANUAL) == [
        "pump", "pump > Usage", "pump > Options", "pump > Options > Exit codes", "pump > See also",
    ]  # fmt: skip


def test_a_page_without_any_markup_for_it_loses_the_links_at_its_ends() -> None:
    text = text_of(SOUP)
    assert text.startswith("Bees in winter")
    assert "what wax is" in text
    assert text.count("three months") == 2
    for around in ("Shop", "Imprint", "Privacy"):
        assert around not in text


def test_a_page_that_is_a_list_of_links_keeps_them_all() -> None:
    text = text_of(LIST)
    assert all(f"vegetable number {n}" in text for n in range(60))
    assert "Careers" not in text
    assert headings(LIST) == ["Garden links"]


@pytest.mark.parametrize(
    "page",
    [
        f"<nav><p>{PROSE}",  # never closed
        f"<body><div class=sidebar><p>{PROSE}</div>",  # it is called a sidebar, and is the page
        f"<main></main><div><p>{PROSE}</div>",  # the content is not where it is said to be
        f"<footer><article><p>{PROSE}</article></footer>",
        "<nav><a href=/>One</a></nav><p>Short.",
    ],
)
def test_too_little_left_means_that_all_is_kept(page: str) -> None:
    assert ("three months" in text_of(page)) or ("Short." in text_of(page))


def test_a_list_that_is_introduced_stays_at_the_end() -> None:
    links = "".join(f"<li><a href=/{n}>Book {n}</a>" for n in range(5))
    assert "Book 4" in text_of(f"<p>{PROSE}<p>{PROSE}<p>Further reading:<ul>{links}</ul>")
    assert "Book 4" in text_of(f"<p>{PROSE}<p>{PROSE}<h2>Reading</h2><ul>{links}</ul>")
    assert "Book 4" not in text_of(f"<p>{PROSE}<p>{PROSE}<ul>{links}</ul>")


def test_the_heading_of_a_page_may_stand_in_its_header() -> None:
    page = (
        "<body><header><a href=/>Logo</a><h1>Handbook</h1></header><main><h2>Keys</h2>"
        f"<p>{PROSE}</main>"
    )
    assert headings(page) == ["Handbook > Keys"]
    assert "Logo" not in text_of(page)


def test_many_links_take_no_longer_than_their_length() -> None:
    page = "<a href=/>Link</a><br>" * 100_000 + f"<p>{PROSE * 8_000}"
    assert text_of(page).startswith("The lease")
