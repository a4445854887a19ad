"""Who may call, what they are told, and which headers go with it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from kit.faces import API, client_for, make_service
from local_rag.api.app import WEB

TOKEN = "correct-horse-battery"


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[TestClient]:
    with client_for(make_service(tmp_path, server={"token": TOKEN})) as client:
        yield client


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8080", "x y", ""])
def test_rebound_hosts_get_nothing(client: TestClient, host: str) -> None:
    for path in ("/", "/static/app.js", "/health", f"{API}/documents"):
        answer = client.get(path, headers={"Host": host})
        assert answer.status_code == 403, path
        assert answer.json()["details"]["code"] == "forbidden"


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:3000"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_foreign_pages_get_nothing(client: TestClient, origin: str, method: str) -> None:
    answer = client.request(method, f"{API}/documents", headers={"Origin": origin})
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


def test_our_own_page_may_call(client: TestClient) -> None:
    origin = {"Origin": "http://127.0.0.1:8080"}
    assert client.get(f"{API}/documents", headers=origin).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_links_from_other_sites_open_the_page_but_reach_no_data(
    client: TestClient, site: str
) -> None:
    cross = {"Sec-Fetch-Site": site}
    assert client.get("/", headers=cross).status_code == 200
    assert client.get(f"{API}/updates", headers=cross).status_code == 403
    assert client.post(f"{API}/updates", headers=cross).status_code == 403


def test_a_configured_origin_may_call_and_read(tmp_path: Path) -> None:
    origin = "https://rag.home.example"
    service = make_service(tmp_path, server={"allowed_origins": [origin]})
    with client_for(service) as client:
        answer = client.get(f"{API}/documents", headers={"Origin": origin})
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == origin
        preflight = client.options(
            f"{API}/query",
            headers={
                "Origin": origin,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "content-type,authorization",
            },
        )
        assert preflight.status_code == 200
        foreign = client.get(f"{API}/documents", headers={"Origin": "https://evil.example"})
        assert foreign.status_code == 403


def test_a_preflight_needs_no_token_but_shows_nothing(tmp_path: Path) -> None:
    origin = "https://rag.home.example"
    server = {"allowed_origins": [origin], "token": TOKEN}
    with client_for(make_service(tmp_path, server=server)) as client:
        headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}
        assert client.options(f"{API}/documents", headers=headers).status_code == 200
        assert client.get(f"{API}/documents", headers={"Origin": origin}).status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{API}/documents"),
        ("POST", f"{API}/documents"),
        ("DELETE", f"{API}/documents/1"),
        ("GET", f"{API}/documents/1/content"),
        ("POST", f"{API}/query"),
        ("GET", f"{API}/imports"),
        ("GET", f"{API}/models"),
        ("GET", f"{API}/system"),
        ("POST", f"{API}/system/reset"),
        ("GET", f"{API}/openapi.json"),
        ("GET", "/metrics"),
        ("GET", f"{API}/metrics"),
        ("POST", "/health"),
        ("GET", "/nothing"),
        ("GET", "//api/v1/documents"),
        ("GET", "/static/../api/v1/documents"),
    ],
)
def test_without_the_token_every_door_is_closed(
    guarded: TestClient, method: str, path: str
) -> None:
    answer = guarded.request(method, path)
    assert answer.status_code in (401, 404), path
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["details"]["code"] == "unauthorized"
    wrong = guarded.request(method, path, headers={"Authorization": "Bearer wrong"})
    assert wrong.status_code in (401, 404)


def test_the_token_opens(guarded: TestClient) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert guarded.get(f"{API}/documents", headers=headers).status_code == 200


def test_the_token_in_the_address_does_not_count(guarded: TestClient) -> None:
    # Addresses end up in logs and histories.
    assert guarded.get(f"{API}/documents?token={TOKEN}").status_code == 401


def test_the_page_and_health_are_open_but_say_little(guarded: TestClient) -> None:
    assert guarded.get("/").status_code == 200
    assert guarded.get("/static/app.js").status_code == 200
    answer = guarded.get("/health")
    assert answer.status_code in (200, 503)
    for part in answer.json()["components"]:
        assert part["message"] == ""
        assert part["details"] == {}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    told = guarded.get("/health", headers=headers).json()["components"]
    assert any(part["message"] for part in told)


def test_the_token_is_never_sent_back(guarded: TestClient) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    for path in (f"{API}/system", f"{API}/health", "/metrics", f"{API}/openapi.json", "/"):
        assert TOKEN not in guarded.get(path, headers=headers).text


@pytest.mark.parametrize(
    "path", ["/", "/static/app.js", f"{API}/documents", "/nothing", "/health", f"{API}/query"]
)
def test_every_answer_carries_the_security_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers


def test_data_stays_out_of_caches(client: TestClient) -> None:
    assert client.get(f"{API}/documents").headers["cache-control"] == "no-store"


def test_the_page_can_live_with_its_policy() -> None:
    """No inline script, style or handler, and nothing from elsewhere."""
    page = (WEB / "index.html").read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert not re.search(r"\s(style|on[a-z]+)=", page)
    assert "<style" not in page
    for file in WEB.iterdir():
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        text = text.replace("https://example.org/handbook.html", "")
        assert not re.search(r"https?://|//cdn|@import", text), file.name
        assert "innerHTML" not in text, file.name
        assert "eval(" not in text, file.name


def test_static_files_cannot_be_escaped(client: TestClient) -> None:
    for path in ("/static/../__init__.py", "/static/%2e%2e/__init__.py", "/static/..%2f..%2fapp.py",
                 "/static/%00", "/static/" + "a" * 5000):  # fmt: skip
        answer = client.get(path)
        assert answer.status_code in (404, 400), path
        assert "import" not in answer.text
