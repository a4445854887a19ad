"""Host, Origin and token: the decisions, without a server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_rag.api.auth import AccessPolicy, host_name
from local_rag.config.settings import ServerSettings

TOKEN = "a-token-of-some-length"


def policy(token: str | None = None, **server: object) -> AccessPolicy:
    return AccessPolicy(ServerSettings(**server), token)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("localhost", "localhost"),
        ("LOCALHOST:8080", "localhost"),
        ("127.0.0.1:8080", "127.0.0.1"),
        ("[::1]:8080", "[::1]"),
        ("pi.local.", "pi.local"),
        ("a b", None),
        ("", None),
        ("host:port", None),
        ("host:1:2", None),
        ("user@host", None),
        ("host/path", None),
        ("host\r\nX: y", None),
    ],
)
def test_host_names_are_read_without_their_port(header: str, name: str | None) -> None:
    assert host_name(header) == name


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8080", "[::1]:80", "rag.localhost:1"])
def test_own_names_are_served(host: str) -> None:
    assert policy().host_allowed(host)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8080", "", "local"]
)
def test_rebound_names_are_refused(host: str) -> None:
    assert not policy().host_allowed(host)


def test_a_bare_address_cannot_be_rebound_so_it_is_served() -> None:
    server = ServerSettings(host="0.0.0.0", token=TOKEN)
    assert AccessPolicy(server, TOKEN).host_allowed("192.168.1.20:8080")


def test_a_configured_origin_is_a_host_too() -> None:
    found = policy(allowed_origins=("https://rag.home.example",))
    assert found.host_allowed("rag.home.example")
    assert found.origin_allowed("https://rag.home.example", "127.0.0.1:8080")
    assert not found.origin_allowed("http://rag.home.example", "127.0.0.1:8080")


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://127.0.0.1:8080", True),
        ("https://127.0.0.1:8080", True),
        ("http://127.0.0.1:3000", False),
        ("http://localhost:8080", False),
        ("http://evil.example", False),
        ("null", False),
        ("", False),
        ("file://", False),
        ("ftp://127.0.0.1:8080", False),
        ("http://127.0.0.1:8080@evil.example", False),
    ],
)
def test_only_our_own_page_may_call_us(origin: str, allowed: bool) -> None:
    assert policy().origin_allowed(origin, "127.0.0.1:8080") is allowed


@pytest.mark.parametrize(
    ("header", "valid"),
    [
        (f"Bearer {TOKEN}", True),
        (f"bearer {TOKEN}", True),
        (f"Bearer  {TOKEN} ", True),
        (TOKEN, False),
        (f"Basic {TOKEN}", False),
        (f"Bearer {TOKEN}x", False),
        (f"Bearer {TOKEN[:-1]}", False),
        ("Bearer ", False),
        ("", False),
        ("Bearer t\xf6ken", False),
    ],
)
def test_the_token_must_be_whole(header: str, valid: bool) -> None:
    assert policy(TOKEN).token_valid(header) is valid


def test_without_a_token_nobody_is_asked() -> None:
    assert policy().token_valid("")


@given(st.text(max_size=80))
def test_no_header_breaks_the_decisions(text: str) -> None:
    found = policy(TOKEN)
    assert found.host_allowed(text) in (True, False)
    assert found.token_valid(text) is (text.lower().startswith("bearer ") and TOKEN in text)


@given(st.from_regex(r"[a-z][a-z0-9-]{0,20}\.(com|org|example)", fullmatch=True))
def test_no_foreign_name_is_ever_ours(name: str) -> None:
    assert not policy().host_allowed(name)
    assert not policy().origin_allowed(f"http://{name}", "localhost:8080")
