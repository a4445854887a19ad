"""Imports by path, their progress, and changes at the sources."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from kit.faces import API, BEES, BREAD, LEASE, HeldEmbedder, client_for, make_service, wait_for_job
from local_rag.documents.imports import ImportJobs


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    (folder / "deep").mkdir(parents=True)
    (folder / "lease.md").write_text(LEASE)
    (folder / "bread.txt").write_text(BREAD)
    (folder / "deep" / "bees.txt").write_text(BEES)
    return folder


def submit(client: TestClient, *sources: object, **more: object) -> dict[str, object]:
    body = {"sources": [str(source) for source in sources], **more}
    answer = client.post(f"{API}/imports", json=body)
    assert answer.status_code == 202, answer.text
    return wait_for_job(client, answer.json()["id"])


def test_a_folder_is_imported_with_its_folders(client: TestClient, notes: Path) -> None:
    job = submit(client, notes)
    assert (job["state"], job["done"], job["failed"]) == ("done", 3, 0)
    assert client.get(f"{API}/documents").json()["total"] == 3


def test_without_its_folders(client: TestClient, notes: Path) -> None:
    assert submit(client, notes, recursive=False)["done"] == 2


def test_what_has_not_changed_is_left_alone(client: TestClient, notes: Path) -> None:
    submit(client, notes)
    job = submit(client, notes)
    assert (job["done"], job["unchanged"]) == (0, 3)


def test_changes_are_listed_and_nothing_is_imported(client: TestClient, notes: Path) -> None:
    submit(client, notes)
    (notes / "lease.md").write_text(LEASE.replace("2031", "2035"))
    (notes / "bread.txt").unlink()
    (notes / "new.txt").write_text("A new note about tulips.")
    found = client.get(f"{API}/updates").json()["items"]
    kinds = {Path(item["uri"]).name: item["kind"] for item in found}
    assert kinds["lease.md"] == "changed"
    assert kinds["bread.txt"] == "missing"
    assert kinds["new.txt"] == "new"
    assert kinds.get("bees.txt", "unchanged") == "unchanged"
    assert client.get(f"{API}/documents").json()["total"] == 3


def test_what_was_purged_does_not_come_back_with_its_folder(
    client: TestClient, notes: Path
) -> None:
    submit(client, notes)
    for item in client.get(f"{API}/documents").json()["items"]:
        if item["uri"].endswith("/lease.md"):
            assert client.delete(f"{API}/documents/{item['id']}?purge=true").status_code == 204
    kinds = {item["kind"] for item in client.get(f"{API}/updates").json()["items"]}
    assert kinds == {"unchanged"}
    wait_for_job(client, client.post(f"{API}/updates").json()["id"])
    assert client.get(f"{API}/documents").json()["total"] == 2
    assert (notes / "lease.md").exists()
    assert submit(client, notes)["done"] == 1


def test_a_reset_that_was_refused_leaves_imports_working(
    tmp_path: Path, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = ImportJobs.stop
    monkeypatch.setattr(ImportJobs, "stop", lambda jobs: stop(jobs, 0.1))
    held = HeldEmbedder()
    with client_for(make_service(tmp_path, embedder=held)) as client:
        job = client.post(f"{API}/imports", json={"sources": [str(notes)]}).json()
        assert held.entered.wait(20)
        refused = client.post(f"{API}/system/reset", json={"confirm": "reset"})
        assert refused.status_code == 503
        assert "cancel" in refused.json()["details"]["hint"]
        held.go.set()
        assert wait_for_job(client, job["id"])["done"] == 3
        monkeypatch.undo()


def test_items_are_counted_whatever_their_state(tmp_path: Path, notes: Path) -> None:
    held = HeldEmbedder()
    with client_for(make_service(tmp_path, embedder=held)) as client:
        job = client.post(f"{API}/imports", json={"sources": [str(notes)]}).json()
        assert held.entered.wait(20)
        client.delete(f"{API}/imports/{job['id']}")
        page = client.get(f"{API}/imports/{job['id']}/items?state=cancelled&limit=1").json()
        assert len(page["items"]) == 1
        assert page["total"] == 3
        held.go.set()


def test_changes_are_imported_when_asked(client: TestClient, notes: Path) -> None:
    submit(client, notes)
    (notes / "lease.md").write_text(LEASE.replace("2031", "2035"))
    (notes / "bread.txt").unlink()
    (notes / "new.txt").write_text("A new note about tulips.")
    answer = client.post(f"{API}/updates")
    assert answer.status_code == 202
    assert wait_for_job(client, answer.json()["id"])["state"] == "done"
    titles = {Path(item["uri"]).name for item in client.get(f"{API}/documents").json()["items"]}
    assert titles == {"lease.md", "bees.txt", "new.txt"}
    kinds = {item["kind"] for item in client.get(f"{API}/updates").json()["items"]}
    assert kinds <= {"unchanged"}


@pytest.mark.parametrize("source", ["relative/path.txt", "~/notes", "../x", "ftp://example.org/x"])
def test_sources_that_are_neither_path_nor_address_are_refused(
    client: TestClient, source: str
) -> None:
    answer = client.post(f"{API}/imports", json={"sources": [source]})
    assert answer.status_code in (403, 404, 422), answer.text
    assert answer.json()["details"]["code"] in ("invalid-input", "not-found", "forbidden")


def test_a_path_that_is_not_there_is_named(client: TestClient, tmp_path: Path) -> None:
    answer = client.post(f"{API}/imports", json={"sources": [str(tmp_path / "none")]})
    assert answer.status_code == 404
    assert "none" in answer.json()["error"]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/x",
        "http://169.254.169.254/latest",
        "http://[::1]/",
        "http://10.0.0.1/",
        "http://localhost/",
    ],
)
def test_addresses_of_the_own_network_are_refused(client: TestClient, url: str) -> None:
    answer = client.post(f"{API}/imports", json={"sources": [url]})
    if answer.status_code == 202:
        job = wait_for_job(client, answer.json()["id"])
        items = client.get(f"{API}/imports/{job['id']}/items").json()["items"]
        assert [item["state"] for item in items] == ["failed"]
    else:
        assert answer.status_code == 403
    assert client.get(f"{API}/documents").json()["total"] == 0


def test_only_allowed_paths_are_read(tmp_path: Path, notes: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("The password is swordfish.")
    (notes / "link.txt").symlink_to(secret)
    service = make_service(tmp_path, imports={"allowed_paths": [str(notes)]})
    with client_for(service) as client:
        for source in (secret, notes / ".." / "secret.txt", notes / "link.txt", "/etc/hostname"):
            answer = client.post(f"{API}/imports", json={"sources": [str(source)]})
            if answer.status_code == 202:
                job = wait_for_job(client, answer.json()["id"])
                assert job["done"] == 0, source
            else:
                assert answer.status_code in (403, 404), source
        submit(client, notes)
        texts = [
            client.get(f"{API}/documents/{item['id']}/content").json()["text"]
            for item in client.get(f"{API}/documents").json()["items"]
        ]
        assert len(texts) == 3
        assert not any("swordfish" in text for text in texts)


def test_the_services_own_data_is_never_imported(client: TestClient, service: object) -> None:
    data = service.settings.storage.data_dir  # type: ignore[attr-defined]
    answer = client.post(f"{API}/imports", json={"sources": [str(data)]})
    if answer.status_code == 202:
        assert wait_for_job(client, answer.json()["id"])["done"] == 0
    else:
        assert answer.status_code == 403


def test_jobs_are_listed_newest_first(client: TestClient, notes: Path) -> None:
    first = submit(client, notes / "lease.md")
    second = submit(client, notes / "bread.txt")
    items = client.get(f"{API}/imports").json()["items"]
    assert [job["id"] for job in items] == [second["id"], first["id"]]
    assert [job["id"] for job in client.get(f"{API}/imports?limit=1&offset=1").json()["items"]] == [
        first["id"]
    ]


def test_items_tell_what_became_of_each_file(client: TestClient, notes: Path) -> None:
    (notes / "broken.pdf").write_bytes(b"%PDF-1.7 none")
    job = submit(client, notes)
    page = client.get(f"{API}/imports/{job['id']}/items").json()
    assert page["total"] == 4
    states = {Path(item["uri"]).name: item["state"] for item in page["items"]}
    assert states["broken.pdf"] == "failed"
    assert states["lease.md"] == "done"
    failed = client.get(f"{API}/imports/{job['id']}/items?state=failed").json()
    assert failed["total"] == 1
    assert failed["items"][0]["error"]


def test_a_job_can_be_cancelled_and_resumed(tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(150):
        (folder / f"{number:03}.txt").write_text(f"Note {number} about topic {number * 7}.")
    held = HeldEmbedder()
    with client_for(make_service(tmp_path, embedder=held)) as client:
        job = client.post(f"{API}/imports", json={"sources": [str(folder)]}).json()
        assert held.entered.wait(20)
        cancelled = client.delete(f"{API}/imports/{job['id']}")
        assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
        assert client.get(f"{API}/documents").json()["total"] == 0
        # At once, while the model still works on what was cancelled.
        assert client.post(f"{API}/imports/{job['id']}/resume").status_code == 202
        held.go.set()
        assert wait_for_job(client, job["id"])["state"] == "done"
        assert client.get(f"{API}/documents").json()["total"] == 150


def test_a_restart_loses_no_job(tmp_path: Path, notes: Path) -> None:
    with client_for(make_service(tmp_path)) as client:
        job = submit(client, notes)
    with client_for(make_service(tmp_path)) as client:
        assert client.get(f"{API}/imports/{job['id']}").json()["done"] == 3
        assert client.get(f"{API}/documents").json()["total"] == 3
