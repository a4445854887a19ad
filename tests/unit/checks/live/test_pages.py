"""Which pages a page leads to."""

from debwright.checks.live.pages import links, same_server

BASE = "http://127.0.0.1:8080/"


def test_links_of_a_page() -> None:
    body = (
        '<a href="/a">a</a><a rel="nofollow" href="/b">b</a><script src="x.js"></script>'
        '<link href="s.css"><img src=\'i.png\'><form action="/f"><a>none</a><p href="/p">'
    )
    assert links(body) == ["/a", "x.js", "s.css", "i.png"]
    assert links('{"status": "ok"}') == []
    assert links("<a href='/x") == []


def test_those_on_the_same_server_that_change_nothing() -> None:
    found = same_server(
        BASE, f"{BASE}docs/",
        ["x", "/y?page=1", "/y?page=2", "#top", "https://example.org/", "//example.org/z",
         "mailto:jo@example.org", "/logout", "/items/delete?id=1", "http://[", "/ä", "/a b"],
    )  # fmt: skip
    assert found == [f"{BASE}docs/x", f"{BASE}y?page=1", f"{BASE}docs/"]


def test_over_a_socket() -> None:
    base = "http+unix://%2Frun%2Fdemo.sock/"
    assert same_server(base, base, ["a", "/b/c"]) == [f"{base}a", f"{base}b/c"]
