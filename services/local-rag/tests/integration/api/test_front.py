"""What answers while the interface is still being imported."""

import asyncio
from pathlib import Path

import httpx
import pytest

from kit.faces import API, client_for, make_service
from local_rag.api.app import create_app
from local_rag.api.front import Front

TOKEN = "0123456789abcdef0123"


def ask(
    front: Front,
    path: str,
    *,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    patience_s: float = 30,
) -> httpx.Response:
    """Ask a front that has nothing behind it; TimeoutError means that it waits."""

    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(app=front)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await asyncio.wait_for(client.request(method, path, headers=headers), patience_s)

    return asyncio.run(run())


@pytest.mark.parametrize("path", ["/health", f"{API}/health"])
def test_health_is_answered_while_nothing_is_loaded(tmp_path: Path, path: str) -> None:
    answer = ask(Front(make_service(tmp_path)), path)
    assert answer.status_code == 200
    body = answer.json()
    states = {part["name"]: part["state"] for part in body["components"]}
    assert body["status"] == "degraded"
    assert states["store"] == "degraded"
    assert {"llm", "embedding", "disk", "memory", "temperature"} <= set(states)


def test_its_answer_has_the_form_and_the_headers_of_the_later_one(tmp_path: Path) -> None:
    service = make_service(tmp_path)
    early = ask(Front(service), "/health")
    with client_for(service) as client:
        late = client.get("/health")
    assert early.json().keys() == late.json().keys()
    assert [p["name"] for p in early.json()["components"]] == [
        p["name"] for p in late.json()["components"]
    ]
    kept = {name: value for name, value in early.headers.items() if name != "content-length"}
    assert kept.items() <= dict(late.headers).items()


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/"), ("GET", f"{API}/documents"), ("POST", "/health")]
)
def test_everything_else_waits(tmp_path: Path, method: str, path: str) -> None:
    with pytest.raises(asyncio.TimeoutError):
        ask(Front(make_service(tmp_path)), path, method=method, patience_s=0.2)


def test_what_waited_is_answered_once_the_interface_is_there(tmp_path: Path) -> None:
    service = make_service(tmp_path)

    async def run() -> httpx.Response:
        front = Front(service)
        transport = httpx.ASGITransport(app=front)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            waiting = asyncio.create_task(client.get(f"{API}/openapi.json"))
            await asyncio.sleep(0.05)
            assert not waiting.done()
            front.become(create_app(service, manage=False))
            return await asyncio.wait_for(waiting, 30)

    answer = asyncio.run(run())
    assert answer.status_code == 200
    assert f"{API}/query" in answer.json()["paths"]


def test_foreign_names_are_refused_already(tmp_path: Path) -> None:
    answer = ask(Front(make_service(tmp_path)), "/health", headers={"Host": "evil.example"})
    assert answer.status_code == 403
    assert set(answer.json()) == {"error", "details", "timestamp"}


def test_without_the_token_no_details_are_told(tmp_path: Path) -> None:
    front = Front(make_service(tmp_path, server={"token": TOKEN}))
    bare = ask(front, "/health").json()["components"]
    assert all(part["message"] == "" and part["details"] == {} for part in bare)
    known = ask(front, "/health", headers={"Authorization": f"Bearer {TOKEN}"})
    assert any(part["message"] for part in known.json()["components"])


def test_pages_of_other_origins_wait_for_their_headers(tmp_path: Path) -> None:
    origin = "https://rag.home.example"
    front = Front(make_service(tmp_path, server={"allowed_origins": [origin]}))
    assert ask(front, "/health").status_code == 200
    with pytest.raises(asyncio.TimeoutError):
        ask(front, "/health", headers={"Origin": origin}, patience_s=0.2)


def test_the_metrics_know_the_route(tmp_path: Path) -> None:
    service = make_service(tmp_path)
    ask(Front(service), f"{API}/health")
    lines = [line for line in service.metrics().splitlines() if "requests_total{" in line]
    assert any('"/health"' in line and '"200"' in line for line in lines), lines


def test_stopping_what_never_started_takes_no_time(tmp_path: Path) -> None:
    service = make_service(tmp_path)
    service.prepare()
    service.stop()
    assert service.engine.opening()
