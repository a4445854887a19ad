"""Health, metrics, models, backup and restore, rebuild, reset, description."""

import hashlib
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from kit import gguf as make
from kit.faces import (
    API,
    BREAD,
    LEASE,
    WordEmbedder,
    add,
    client_for,
    make_service,
    settings_for,
    wait_for_job,
)
from local_rag.core.errors import ModelError
from local_rag.documents.uploads import UploadStore
from local_rag.run.service import Service


def component(health: dict[str, Any], name: str) -> dict[str, Any]:
    return next(part for part in health["components"] if part["name"] == name)


def settled(client: TestClient) -> dict[str, Any]:
    """Return the health once the service has begun."""
    client.get(f"{API}/documents")
    return client.get("/health").json()


def test_health_names_every_component(client: TestClient) -> None:
    health = settled(client)
    names = {part["name"] for part in health["components"]}
    assert {"llm", "store", "disk", "memory", "temperature"} <= names
    assert health["uptime_s"] >= 0
    assert component(health, "store")["state"] == "ok"
    for part in health["components"]:
        assert part["message"]


@pytest.mark.parametrize("path", ["/health", f"{API}/health"])
def test_health_answers_at_both_addresses(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 200


def test_without_a_language_model_health_is_degraded_and_says_what_to_do(tmp_path: Path) -> None:
    with client_for(make_service(tmp_path, generator=False)) as client:
        answer_health = settled(client)
        assert answer_health["status"] == "degraded"
        assert component(answer_health, "llm")["state"] != "ok"
        assert "models" in (component(answer_health, "llm")["hint"] or "")
        assert client.get("/health").status_code == 200


def test_a_damaged_index_is_503_and_names_the_way_back(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "index.sqlite3").write_bytes(b"this is no database at all" * 100)
    with client_for(make_service(tmp_path)) as client:
        answer = client.get(f"{API}/documents")
        assert answer.status_code == 500
        assert answer.json()["details"]["code"] == "store-corrupt"
        health = client.get("/health")
        assert health.status_code == 503
        assert component(health.json(), "store")["state"] == "failed"
        assert "restore" in component(health.json(), "store")["hint"]


def test_a_failed_language_model_says_why(tmp_path: Path) -> None:
    broken = ModelError("this processor has no AVX2", hint="use another build")
    service = make_service(tmp_path, generator=broken)
    with client_for(service) as client:
        add(client, "lease.txt", LEASE)
        answer = client.post(
            f"{API}/query", json={"question": "When does the lease of the garden end?"}
        ).json()
        assert answer["mode"] == "extracted"
        assert "AVX2" in answer["reason"]
        part = component(client.get("/health").json(), "llm")
        assert part["state"] in ("failed", "degraded")
        assert "AVX2" in part["message"]
        assert part["hint"] == "use another build"


@pytest.mark.parametrize("chosen", [False, True])
def test_a_truncated_model_is_named_before_anybody_asks(tmp_path: Path, chosen: bool) -> None:
    models = tmp_path / "models"
    models.mkdir()
    whole = make.write(models / "mine.gguf").read_bytes()
    if chosen:
        own = tmp_path / "data" / "models"
        own.mkdir(parents=True)
        (own / "selected.json").write_text('{"llm": "mine"}')
        make.write(models / "other.gguf")
    (models / "mine.gguf").write_bytes(whole[:-64])
    settings = settings_for(tmp_path, storage={"model_dirs": [str(models)]})
    with client_for(Service(settings, load_embedder=WordEmbedder)) as client:
        found = component(client.get("/health").json(), "llm")
        assert found["state"] == "degraded"
        assert "mine.gguf: the file is truncated" in found["message"]
        assert "local-rag models list" in found["hint"]
        add(client, "lease.txt", LEASE)
        answer = client.post(f"{API}/query", json={"question": "When does the lease end?"}).json()
        assert answer["mode"] == "extracted"
        assert "mine.gguf: the file is truncated" in answer["reason"]


def test_a_watched_folder_that_cannot_be_looked_into_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    service = make_service(tmp_path, imports={"watch": [str(folder)], "watch_interval_s": 1})
    with client_for(service) as client:
        found = until(client, "watch", "degraded")
        assert f"{folder} does not exist" in found["message"]
        assert "ls -ld" in found["hint"]
        folder.mkdir()
        assert str(folder) in until(client, "watch", "ok")["message"]


def until(client: TestClient, name: str, state: str) -> dict[str, Any]:
    deadline = time.monotonic() + 20
    while True:
        parts = {part["name"]: part for part in client.get("/health").json()["components"]}
        if name in parts and parts[name]["state"] == state:
            return parts[name]
        assert time.monotonic() < deadline, parts
        time.sleep(0.02)


def test_metrics_are_prometheus_text(client: TestClient) -> None:
    add(client, "lease.txt", LEASE)
    client.post(f"{API}/query", json={"question": "When does the lease of the garden end?"})
    for path in ("/metrics", f"{API}/metrics"):
        answer = client.get(path)
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        lines = [line for line in answer.text.splitlines() if line and not line.startswith("#")]
        for line in lines:
            name, value = line.rsplit(" ", 1)
            assert name.startswith(("local_rag_", "process_")), line
            float(value)
        assert any("documents" in line and line.endswith((" 1", " 1.0")) for line in lines)


def test_requests_are_counted_by_route_and_never_by_path(client: TestClient) -> None:
    for path in (f"{API}/documents/7", f"{API}/documents/8", "/secret-path", "/static/app.js"):
        client.get(path)
    client.request("BREW", "/secret-path")
    text = client.get("/metrics").text
    assert 'route="/documents/{document_id}",status="404"} 2.0' in text
    assert 'route="other",status="404"' in text
    assert 'route="/static",status="200"' in text
    assert "secret-path" not in text
    assert "BREW" not in text


def test_system_tells_clients_the_limits(client: TestClient, service: Service) -> None:
    add(client, "lease.txt", LEASE)
    info = client.get(f"{API}/system").json()
    assert info["max_upload_mb"] == 100
    assert info["documents"] == 1
    assert info["chunks"] == 1
    assert info["data_dir"] == str(service.settings.storage.data_dir)
    markdown = next(known for known in info["formats"] if known["name"] == "Markdown")
    assert ".md" in markdown["extensions"]
    assert "text/markdown" in markdown["media_types"]


def test_the_description_lists_every_route(client: TestClient) -> None:
    found = client.get(f"{API}/openapi.json").json()
    assert found["info"]["title"] == "local-rag"
    paths = found["paths"]
    for path in ("/documents", "/documents/{document_id}", "/documents/{document_id}/content",
                 "/imports", "/imports/{job_id}", "/imports/{job_id}/resume", "/updates", "/query",
                 "/models", "/system/reset", "/system/backup", "/system/reindex", "/health",
                 "/metrics"):  # fmt: skip
        assert API + path in paths, path
    for path, methods in paths.items():
        for method, operation in methods.items():
            assert operation.get("summary"), (method, path)
            assert "4XX" in operation["responses"], (method, path)


def test_a_backup_can_be_fetched_and_restored(client: TestClient) -> None:
    add(client, "lease.txt", LEASE)
    made = client.post(f"{API}/system/backup")
    assert made.status_code == 201
    name = made.json()["name"]
    assert [item["name"] for item in client.get(f"{API}/system/backups").json()["items"]] == [name]
    content = client.get(f"{API}/system/backups/{name}").content
    assert hashlib.sha256(content).hexdigest() == made.json()["sha256"]
    assert len(content) == made.json()["size"]

    add(client, "bread.txt", BREAD)
    answer = client.post(
        f"{API}/system/restore?confirm=restore",
        content=content,
        headers={"Content-Type": "application/octet-stream"},
    )
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"documents": 1}
    titles = [item["title"] for item in client.get(f"{API}/documents").json()["items"]]
    assert len(titles) == 1
    found = client.post(
        f"{API}/query", json={"question": "When does the lease of the garden end?"}
    ).json()
    assert found["mode"] == "generated"
    assert client.delete(f"{API}/system/backups/{name}").status_code == 204
    assert client.get(f"{API}/system/backups/{name}").status_code == 404


def foreign_database(path: Path) -> bytes:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE documents (id)")
    return path.read_bytes()


def test_what_is_no_backup_changes_nothing(client: TestClient, tmp_path: Path) -> None:
    item = add(client, "lease.txt", LEASE)
    backup = client.post(f"{API}/system/backup").json()
    whole = client.get(f"{API}/system/backups/{backup['name']}").content
    for content in (b"", b"nothing", whole[: len(whole) // 2], foreign_database(tmp_path / "f")):
        answer = client.post(
            f"{API}/system/restore?confirm=restore",
            content=content,
            headers={"Content-Type": "application/octet-stream"},
        )
        assert answer.status_code == 422
        assert answer.json()["details"]["code"] == "bad-backup"
        assert "local-rag backup" in answer.json()["details"]["hint"]
        assert set(answer.json()) == {"error", "details", "timestamp"}
        assert client.get(f"{API}/documents/{item['id']}").status_code == 200


def test_restore_needs_its_word_and_its_type(client: TestClient) -> None:
    octets = {"Content-Type": "application/octet-stream"}
    path = f"{API}/system/restore"
    assert client.post(path, content=b"x", headers=octets).status_code == 422
    assert client.post(f"{path}?confirm=yes", content=b"x", headers=octets).status_code == 422
    text = {"Content-Type": "text/plain"}
    assert client.post(f"{path}?confirm=restore", content=b"x", headers=text).status_code == 422


@pytest.mark.parametrize(
    "name", ["%2e%2e%2findex.sqlite3", "..%2Findex.sqlite3", "a%00b", "index.sqlite3"]
)
def test_backups_are_fetched_from_their_directory_only(client: TestClient, name: str) -> None:
    for method in ("GET", "DELETE"):
        answer = client.request(method, f"{API}/system/backups/{name}")
        assert answer.status_code in (404, 405, 422), name
    assert client.get(f"{API}/documents").status_code == 200


def test_reset_removes_everything(client: TestClient, service: Service) -> None:
    add(client, "lease.txt", LEASE)
    add(client, "bread.txt", BREAD)
    answer = client.post(f"{API}/system/reset", json={"confirm": "reset"})
    assert answer.json() == {"documents": 2}
    assert client.get(f"{API}/documents?deleted=true").json()["total"] == 0
    files = [path for path in service.settings.storage.uploads.rglob("*") if path.is_file()]
    assert files == []
    add(client, "lease.txt", LEASE)
    assert client.get(f"{API}/documents").json()["total"] == 1


def test_another_embedding_model_is_refused_until_the_index_is_rebuilt(tmp_path: Path) -> None:
    with client_for(make_service(tmp_path)) as client:
        add(client, "lease.txt", LEASE)
    other = make_service(tmp_path, embedder=WordEmbedder("words@2"))
    question = {"question": "When does the lease of the garden end?"}
    with client_for(other) as client:
        answer = client.post(f"{API}/query", json=question)
        assert answer.status_code == 409
        assert answer.json()["details"]["code"] == "model-mismatch"
        assert "reindex" in answer.json()["details"]["hint"]
        assert client.get(f"{API}/documents").json()["total"] == 1
        assert "reindex" in client.get("/health").text
        job = client.post(f"{API}/system/reindex")
        assert job.status_code == 202
        assert wait_for_job(client, job.json()["id"])["state"] == "done"
        assert client.post(f"{API}/query", json=question).json()["mode"] == "generated"
        assert "reindex" not in str(component(client.get("/health").json(), "store"))


def test_requests_and_imported_documents_are_counted(tmp_path: Path) -> None:
    with client_for(make_service(tmp_path)) as client:
        add(client, "lease.txt", LEASE)
        client.get(f"{API}/documents/99")
        text = client.get("/metrics").text
    missed = 'local_rag_http_requests_total{method="GET",route="/documents/{document_id}"'
    assert f'{missed},status="404"}} 1.0' in text
    assert 'local_rag_import_items_total{state="done"} 1.0' in text


def test_an_embedding_model_made_for_another_index_leaves_the_rest_working(tmp_path: Path) -> None:
    with client_for(make_service(tmp_path)) as client:
        add(client, "lease.txt", LEASE)
    with client_for(make_service(tmp_path, embedder=WordEmbedder("words@2"))) as client:
        assert client.post(f"{API}/query", json={"question": "lease?"}).status_code == 409
        health = client.get("/health")
        assert health.status_code == 200
        assert health.json()["status"] == "degraded"
        assert "reindex" in component(health.json(), "embedding")["hint"]


def test_models_are_listed(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "broken.gguf").write_bytes(b"GGUF but not really")
    service = make_service(tmp_path, storage={"model_dirs": [str(folder)]})
    with client_for(service) as client:
        answer = client.get(f"{API}/models")
        assert answer.status_code == 200
        for model in answer.json()["items"]:
            assert {"name", "kind", "path", "size", "active"} <= set(model)


@pytest.mark.parametrize("name", ["none", "../../etc/passwd", "/etc/passwd"])
def test_models_that_are_not_there(client: TestClient, name: str) -> None:
    for path, body in (
        ("/models/verify", {"name": name}),
        ("/models/use", {"kind": "llm", "name": name}),
    ):
        answer = client.post(API + path, json=body)
        assert answer.status_code in (403, 404, 422), answer.text


def test_a_pull_that_fails_says_why(client: TestClient, service: Service) -> None:
    body = {"url": "http://127.0.0.1:1/model.gguf", "sha256": "0" * 64}
    answer = client.post(f"{API}/models/pull", json=body)
    if answer.status_code == 202:
        pull = answer.json()
        deadline = time.monotonic() + 20
        while pull["state"] == "running":
            assert time.monotonic() < deadline
            time.sleep(0.05)
            pull = client.get(f"{API}/models/pulls/{pull['id']}").json()
        assert pull["state"] == "failed"
        assert pull["error"]
    else:
        assert answer.status_code in (403, 422)
    models = service.settings.storage.data_dir / "models"
    assert not models.exists() or list(models.glob("*.gguf")) == []


def test_the_page_is_served(client: TestClient) -> None:
    answer = client.get("/")
    assert answer.headers["content-type"].startswith("text/html")
    assert "Ask your documents" in answer.text
    for name in ("app.js", "base.css", "app.css", "icon.svg"):
        assert client.get(f"/static/{name}").status_code == 200
    assert client.get("/favicon.ico").headers["content-type"].startswith("image/svg")


def damage(tmp_path: Path) -> Path:
    index = tmp_path / "data" / "index.sqlite3"
    index.write_bytes(b"this is no database at all" * 100)
    return index


def test_a_backup_mends_a_damaged_index_and_the_damaged_one_is_kept(tmp_path: Path) -> None:
    with client_for(make_service(tmp_path)) as client:
        add(client, "lease.txt", LEASE)
        name = client.post(f"{API}/system/backup").json()["name"]
        whole = client.get(f"{API}/system/backups/{name}").content
    index = damage(tmp_path)
    with client_for(make_service(tmp_path)) as client:
        assert client.get(f"{API}/documents").status_code == 500
        octets = {"Content-Type": "application/octet-stream"}
        path = f"{API}/system/restore?confirm=restore"
        assert client.post(path, content=b"nothing", headers=octets).status_code == 422
        assert index.read_bytes().startswith(b"this is no")
        answer = client.post(path, content=whole, headers=octets)
        assert answer.json() == {"documents": 1}
        assert client.get("/health").status_code == 200
        add(client, "bread.txt", BREAD)
        assert client.get(f"{API}/documents").json()["total"] == 2
    kept = list(index.parent.glob("index.sqlite3.damaged-*"))
    assert len(kept) == 1
    assert kept[0].read_bytes().startswith(b"this is no")


def test_a_reset_begins_anew_after_damage(tmp_path: Path) -> None:
    with client_for(make_service(tmp_path)) as client:
        add(client, "lease.txt", LEASE)
    index = damage(tmp_path)
    with client_for(make_service(tmp_path)) as client:
        assert client.get(f"{API}/documents").status_code == 500
        assert client.post(f"{API}/system/reset", json={"confirm": "reset"}).status_code == 200
        add(client, "bread.txt", BREAD)
        assert client.get(f"{API}/documents").json()["total"] == 1
    assert list(index.parent.glob("index.sqlite3.damaged-*"))


def test_what_broke_off_is_cleared_away_at_the_start(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "uploads" / ".incoming").mkdir(parents=True)
    half = data / "uploads" / ".incoming" / ".part-x"
    orphan = data / "uploads" / "folder" / "nobody.txt"
    orphan.parent.mkdir()
    (data / "backups").mkdir()
    copies = (data / ".index.sqlite3.x", data / "backups" / ".local-rag-1.sqlite3.x")
    left = [half, orphan, data / ".restore-x", *copies]
    for path in left:
        path.write_text("left behind")
    with client_for(make_service(tmp_path)) as client:
        add(client, "lease.txt", LEASE)
    with client_for(make_service(tmp_path)) as client:
        assert client.get(f"{API}/documents").json()["total"] == 1
        assert (data / "uploads" / "lease.txt").exists()
    assert not any(path.exists() for path in left)


def test_an_upload_that_cannot_be_removed_does_not_close_the_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orphan = tmp_path / "data" / "uploads" / "nobody.txt"
    orphan.parent.mkdir(parents=True)
    orphan.write_text("left behind")

    def refuse(*_: object) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(UploadStore, "remove", refuse)
    with client_for(make_service(tmp_path)) as client:
        assert client.get(f"{API}/documents").status_code == 200


def test_an_unforeseen_error_at_the_start_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = make_service(tmp_path)

    def crash(*_: object) -> None:
        raise OSError(5, "Input/output error")

    service.engine.on_open = crash
    with client_for(service) as client:
        answer = client.get(f"{API}/documents")
        assert answer.status_code == 500
        assert "Input/output error" in answer.json()["error"]
        found = component(client.get("/health").json(), "store")
        assert found["state"] == "failed"
        assert "Input/output error" in found["message"]
        assert "journalctl" in found["hint"]


def test_a_second_service_clears_nothing_of_the_first(tmp_path: Path) -> None:
    with client_for(make_service(tmp_path)) as client:
        add(client, "lease.txt", LEASE)
        arriving = tmp_path / "data" / "uploads" / ".incoming" / ".part-y"
        arriving.write_text("half of it")
        make_service(tmp_path).prepare()
        assert arriving.exists()
    make_service(tmp_path).prepare()
    assert not arriving.exists()
