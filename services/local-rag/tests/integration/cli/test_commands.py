"""Every command against a real service: what it does, prints and returns."""

import json
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from kit.command import Run, invoke
from kit.faces import LEASE, LiveServer, QuotingGenerator, make_service

QUESTION = "When does the lease of the garden end?"


def test_status_says_how_it_is(run: Run) -> None:
    run("list")
    done = run("status")
    assert done.code in (0, 4)
    for name in ("store", "llm", "embedding", "disk", "memory", "temperature"):
        assert name in done.out


def test_status_verbose_tells_more(run: Run, server: LiveServer) -> None:
    run("list")
    done = run("status", "--verbose")
    assert "max_upload_mb: 100" in done.out
    assert str(server.service.settings.storage.data_dir) in done.out
    assert "free_bytes" in done.out
    assert len(done.out) > len(run("status").out)


def test_status_verbose_tells_what_is_wrong_with_the_index(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "index.sqlite3").write_bytes(b"this is no database at all" * 100)
    with LiveServer(make_service(tmp_path)) as server:
        until_opened(server)
        done = invoke("--url", server.url, "status", "--verbose")
        assert done.code == 1
        assert "local-rag restore" in done.out
        assert done.err == ""
        done = invoke("--url", server.url, "status", "--verbose", "--json")
        assert done.json["status"] == "failed"


def until_opened(server: LiveServer) -> None:
    deadline = time.monotonic() + 20
    while server.service.engine.opening():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_status_as_json(run: Run) -> None:
    run("list")
    found = run("status", "--json").json
    assert found["status"] in ("ok", "degraded")
    assert run("status", "--verbose", "--json").json["system"]["max_upload_mb"] == 100


def test_import_list_show_query(run: Run, notes: Path) -> None:
    done = run("import", notes)
    assert done.code == 0, done.err
    assert "3 imported" in done.out
    listed = run("list")
    assert "lease" in listed.out
    number = run("list", "--filter", "lease", "--json").json["items"][0]["id"]
    shown = run("show", number)
    assert "Source" in shown.out
    assert "text/markdown" in shown.out
    assert run("show", number, "--text").out.strip() == LEASE
    answer = run("query", QUESTION)
    assert answer.code == 0
    assert "31 March 2031" in answer.out
    assert "lease.md" in answer.out


def test_import_again_changes_nothing(run: Run, notes: Path) -> None:
    run("import", notes)
    assert "3 unchanged" in run("import", notes).out


def test_import_without_subfolders(run: Run, notes: Path) -> None:
    assert "2 imported, 3 skipped." in run("import", "--no-recursive", notes).out


@pytest.mark.parametrize("way", ["--by-path", "--upload"])
def test_every_file_of_a_folder_is_counted(run: Run, notes: Path, way: str) -> None:
    (notes / "empty.md").write_text("")
    done = run("import", way, notes)
    assert done.code == 0
    assert done.out == "3 imported, 3 skipped.\n"
    assert f"skipped: it is hidden: {notes / '.hidden.txt'}" in done.err
    assert f"skipped: files of the kind .mp3 are not read: {notes / 'song.mp3'}" in done.err
    assert "empty.md holds no text" in done.err
    found = run("import", way, notes, "--json").json
    assert len(found["skipped"]) == 3
    assert {item["error"] for item in found["skipped"]} >= {"it is hidden"}
    if way == "--by-path":
        job = found["jobs"][0]["id"]
        assert len(run("imports", "show", "--skipped", job, "--json").json["items"]) == 3


def test_a_folder_of_nothing_that_is_read_fails_and_says_why(run: Run, tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "a.mp3").write_bytes(b"ID3")
    by_path = run("import", "--by-path", tmp_path / "music")
    assert (by_path.code, by_path.out) == (1, "0 imported, 1 skipped.\n")
    sent = run("import", "--upload", tmp_path / "music")
    assert sent.code == 1
    assert "1 skipped: files of the kind .mp3 are not read" in sent.err


def test_import_as_json(run: Run, notes: Path) -> None:
    found = run("import", notes, "--json").json
    assert found["jobs"][0]["state"] == "done"
    assert found["failures"] == []


def test_import_of_a_relative_path(run: Run, notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(notes)
    assert run("import", "lease.md").code == 0
    assert run("import", "./deep").code == 0


def test_import_with_metadata(run: Run, notes: Path) -> None:
    run("import", notes / "lease.md", "--meta", "project=garden", "--meta", "note=a=b")
    item = run("list", "--json").json["items"][0]
    assert item["metadata"]["project"] == "garden"
    assert item["metadata"]["note"] == "a=b"


def test_wrong_metadata_is_wrong_usage(run: Run, notes: Path) -> None:
    done = run("import", notes, "--meta", "nothing")
    assert done.code == 2
    assert "KEY=VALUE" in done.err


def test_import_of_nothing_that_is_there(run: Run, tmp_path: Path) -> None:
    done = run("import", tmp_path / "none")
    assert done.code == 2
    assert "does not exist" in done.err


def test_a_failure_among_others_is_four(run: Run, notes: Path) -> None:
    (notes / "broken.pdf").write_bytes(b"%PDF-1.7 none")
    done = run("import", notes)
    assert done.code == 4
    assert "1 failed" in done.out
    assert "broken.pdf" in done.err


def test_only_failures_are_one(run: Run, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7 none")
    done = run("import", broken)
    assert done.code == 1
    assert "broken.pdf" in done.err


def test_files_are_sent_when_asked(run: Run, notes: Path, server: LiveServer) -> None:
    done = run("import", "--upload", notes)
    assert done.code == 0, done.err
    assert "3 imported" in done.out
    uris = [item["uri"] for item in run("list", "--json").json["items"]]
    assert all("/data/uploads/" in uri for uri in uris)


def test_a_sent_file_replaces_its_former_self(run: Run, notes: Path) -> None:
    run("import", "--upload", notes / "lease.md")
    (notes / "lease.md").write_text(LEASE.replace("2031", "2040"))
    run("import", "--upload", notes / "lease.md")
    items = run("list", "--json").json["items"]
    assert len(items) == 1
    assert "2040" in run("show", items[0]["id"], "--text").out


def test_what_the_service_may_not_read_is_sent(tmp_path: Path, notes: Path) -> None:

    allowed = tmp_path / "allowed"
    allowed.mkdir()
    service = make_service(tmp_path, imports={"allowed_paths": [str(allowed)]})
    with LiveServer(service) as server:
        done = invoke("--url", server.url, "import", notes)
        assert done.code == 0, done.err
        assert "sent" in done.err
        assert "3 imported" in done.out
        refused = invoke("--url", server.url, "import", "--by-path", notes)
        assert refused.code == 1
        assert "allowed_paths" in refused.err


def test_sending_leaves_hidden_files_and_links_alone(run: Run, notes: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("swordfish")
    (notes / "link.txt").symlink_to(secret)
    run("import", "--upload", notes)
    names = {Path(item["uri"]).name for item in run("list", "--json").json["items"]}
    assert names == {"lease.md", "bread.txt", "bees.txt"}


def test_many_files_are_sent_in_batches(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(90):
        (folder / f"{number}.txt").write_text(f"Note {number} about subject {number * 3}.")
    found = run("import", "--upload", folder, "--json").json
    assert len(found["jobs"]) == 3
    assert sum(job["done"] for job in found["jobs"]) == 90


def test_a_file_over_the_limit_is_not_sent(tmp_path: Path) -> None:

    big = tmp_path / "big.txt"
    big.write_bytes(b"x" * 1_100_000)
    with LiveServer(make_service(tmp_path, server={"max_upload_mb": 1})) as server:
        done = invoke("--url", server.url, "import", "--upload", big)
        assert done.code == 1
        assert "limit of 1.0 MB" in done.err


def test_batches_stay_below_the_limit_of_the_service(tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.txt").write_text(f"word{number} " * 100_000)
    with LiveServer(make_service(tmp_path, server={"max_upload_mb": 1})) as server:
        done = invoke("--url", server.url, "import", "--upload", folder, "--json")
        assert done.code == 0, done.err
        assert sum(job["done"] for job in done.json["jobs"]) == 3


@pytest.mark.parametrize("way", ["--upload", "--by-path"])
def test_names_that_are_no_text_are_imported(run: Run, tmp_path: Path, way: str) -> None:
    names = [b"caf\xe9.txt", b"caf\xe8.txt"]
    for number, name in enumerate(names):
        (tmp_path / os.fsdecode(name)).write_text(f"Note {number} about coffee.")
    for name in names:
        done = run("import", way, tmp_path / os.fsdecode(name))
        assert done.code == 0, done.err
    assert len(run("list", "--json").json["items"]) == 2


def test_the_same_kinds_are_sent_and_read(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "kinds"
    folder.mkdir()
    for kind in ("csv", "org", "adoc", "mdown"):
        (folder / f"a.{kind}").write_text(f"Something about {kind}, and more.")
    assert run("import", "--upload", folder, "--json").json["jobs"][0]["done"] == 4


def test_nothing_to_import_in_a_folder(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = run("import", "--upload", tmp_path / "empty")
    assert done.code == 1
    assert ".docx" in done.err


def test_no_wait_names_the_job(run: Run, notes: Path) -> None:
    done = run("import", "--no-wait", notes)
    assert done.code == 0
    job = run("imports", "list", "--json").json["items"][0]["id"]
    assert job in done.out


def test_imports_can_be_listed_and_shown(run: Run, notes: Path) -> None:
    (notes / "broken.pdf").write_bytes(b"%PDF-1.7 none")
    run("import", notes)
    assert "notes" in run("imports", "list").out
    job = run("imports", "list", "--json").json["items"][0]["id"]
    assert "lease.md" in run("imports", "show", job).out
    failed = run("imports", "show", job, "--failed", "--json").json["items"]
    assert [Path(item["uri"]).name for item in failed] == ["broken.pdf"]


def test_a_resumed_import_tries_again(run: Run, notes: Path) -> None:
    broken = notes / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7 none")
    run("import", notes)
    job = run("imports", "list", "--json").json["items"][0]["id"]
    broken.unlink()
    assert run("imports", "resume", job).code in (1, 4)
    done = run("imports", "cancel", job)
    assert done.code == 1
    assert "already" in done.err


def test_delete_undelete_purge(run: Run, notes: Path) -> None:
    run("import", notes / "lease.md")
    number = run("list", "--json").json["items"][0]["id"]
    assert run("delete", number).code == 0
    assert run("list").out.strip() == "No documents."
    assert len(run("list", "--deleted", "--json").json["items"]) == 1
    assert run("undelete", number).code == 0
    assert len(run("list", "--json").json["items"]) == 1
    assert run("delete", number, "--purge", "--yes").code == 0
    assert run("show", number).code == 1


def test_purge_asks_and_without_a_person_refuses(run: Run, notes: Path) -> None:
    run("import", notes / "lease.md")
    number = run("list", "--json").json["items"][0]["id"]
    done = run("delete", number, "--purge")
    assert done.code == 2
    assert "--yes" in done.err
    assert len(run("list", "--json").json["items"]) == 1


def test_one_wrong_number_does_not_keep_the_others(run: Run, notes: Path) -> None:
    run("import", notes / "lease.md")
    number = run("list", "--json").json["items"][0]["id"]
    done = run("delete", 999, number, "--json")
    assert done.code == 4
    assert [item["result"] for item in done.json["items"]] == ["failed", "deleted"]


def test_list_can_be_cut(run: Run, notes: Path) -> None:
    run("import", notes)
    assert len(run("list", "--limit", 2, "--json").json["items"]) == 2
    assert "2 of 3" in run("list", "--limit", 2).out
    assert "No document matches" in run("list", "--filter", "zzz").out


def test_query_ways(run: Run, notes: Path) -> None:
    run("import", notes)
    assert run("query", "--json", QUESTION).json["mode"] == "generated"
    assert "2031" in run("query", "--no-stream", QUESTION).out
    assert run("query", "--passages", "--json", QUESTION).json["mode"] == "retrieval-only"
    assert "2031" in run("query", *QUESTION.split()).out
    assert "2031" in run("query", "-", stdin=QUESTION).out
    assert "2031" in run("query", stdin=QUESTION + "\n").out
    found = run("query", "-k", 1, "--json", QUESTION).json
    assert len(found["passages"]) == 1


def test_a_question_that_is_no_text_is_asked_as_far_as_it_is(run: Run, notes: Path) -> None:
    run("import", notes)
    assert run("query", "When does the lease end \udce9?").code == 0
    assert run("query", "-", stdin=b"When does the lease end \xe9?").code == 0


def test_no_question_is_wrong_usage(run: Run) -> None:
    assert run("query", stdin="  \n").code == 2


def test_what_is_not_there(run: Run, notes: Path) -> None:
    run("import", notes)
    done = run("query", "zebra quantum xylophone")
    assert done.code == 0
    assert "not in your documents" in done.out.lower()


def test_without_a_language_model_passages_are_shown(tmp_path: Path, notes: Path) -> None:

    with LiveServer(make_service(tmp_path, generator=False)) as server:
        invoke("--url", server.url, "import", notes)
        done = invoke("--url", server.url, "query", QUESTION)
        assert done.code == 0
        assert "“The lease of the garden ends on 31 March 2031." in done.out
        assert "31 March 2031" in done.out


def test_hostile_text_does_not_reach_the_terminal(
    run: Run, tmp_path: Path, generator: QuotingGenerator
) -> None:
    note = tmp_path / "note.txt"
    note.write_text(LEASE + " \x1b]0;owned\x07\x1b[2J [bold]x[/bold]")
    generator.pieces = ["It \x1b[31m", "ends [1]."]
    run("import", note)
    for done in (run("query", QUESTION), run("query", "--no-stream", QUESTION),
                 run("show", 1, "--text"), run("list")):  # fmt: skip
        assert "\x1b" not in done.out
        assert "\x07" not in done.out


def test_changes_are_listed_and_imported(run: Run, notes: Path) -> None:
    run("import", notes)
    assert "Nothing changed" in run("check-updates").out
    (notes / "lease.md").write_text(LEASE.replace("2031", "2035"))
    (notes / "bread.txt").unlink()
    (notes / "new.txt").write_text("A note about tulips.")
    shown = run("check-updates").out
    for word in ("changed", "missing", "new", "3 of"):
        assert word in shown
    kinds = {item["kind"] for item in run("check-updates", "--json").json["items"]}
    assert kinds == {"changed", "missing", "new"}
    assert run("update").code == 0
    assert "Nothing changed" in run("check-updates").out
    names = {Path(item["uri"]).name for item in run("list", "--json").json["items"]}
    assert names == {"lease.md", "bees.txt", "new.txt"}


def test_backup_and_restore(run: Run, notes: Path, tmp_path: Path, server: LiveServer) -> None:
    run("import", notes / "lease.md")
    target = tmp_path / "copy.sqlite3"
    done = run("backup", target)
    assert done.code == 0, done.err
    assert target.stat().st_mode & 0o077 == 0
    with sqlite3.connect(target) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    left = server.service.settings.storage.data_dir / "backups"
    assert list(left.iterdir()) == []
    run("import", notes)
    assert run("restore", target).code == 2
    done = run("restore", target, "--yes")
    assert done.code == 0, done.err
    assert "Restored 1 document." in done.out
    assert len(run("list", "--json").json["items"]) == 1


def test_backup_does_not_overwrite(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "copy.sqlite3"
    target.write_text("mine")
    assert run("backup", target).code == 2
    assert target.read_text() == "mine"
    assert run("backup", target, "--force").code == 0
    assert target.read_bytes().startswith(b"SQLite format 3")


def test_a_damaged_backup_does_not_replace_a_good_one(
    run: Run, notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("import", notes / "lease.md")
    target = tmp_path / "copy.sqlite3"
    assert run("backup", target).code == 0
    good = target.read_bytes()

    received = httpx.Response.iter_bytes

    def flip(response: httpx.Response, size: int | None = None) -> Iterator[bytes]:
        whole = bytearray(b"".join(received(response, size)))
        if size is not None:  # only downloads are taken in blocks
            whole[len(whole) // 2] ^= 1
        yield bytes(whole)

    monkeypatch.setattr(httpx.Response, "iter_bytes", flip)
    done = run("backup", target, "--force")
    assert done.code == 1
    assert "damaged on its way" in done.err
    assert target.read_bytes() == good
    assert [p.name for p in tmp_path.glob("*copy*")] == ["copy.sqlite3"]


def test_backup_into_nowhere(run: Run, tmp_path: Path) -> None:
    assert run("backup", tmp_path / "none" / "copy").code == 2


def test_backup_into_a_closed_folder(run: Run) -> None:
    """The kernel's own, where root may not write either."""
    done = run("backup", "/sys/kernel/copy")
    assert done.code == 1
    assert "/sys/kernel" in done.err


def test_restore_of_something_else(run: Run, notes: Path, tmp_path: Path) -> None:
    run("import", notes / "lease.md")
    other = tmp_path / "other"
    other.write_text("this is no backup")
    done = run("restore", other, "--yes")
    assert done.code == 1
    assert "this file is no backup of an index" in done.err
    assert "nothing was changed" in done.err
    assert len(run("list", "--json").json["items"]) == 1


def test_reindex_embeds_everything_again(run: Run, notes: Path) -> None:
    run("import", notes)
    assert run("reindex").code == 2
    done = run("reindex", "--yes")
    assert done.code == 0, done.err
    assert "2031" in run("query", QUESTION).out


def test_reset_needs_agreement(run: Run, notes: Path) -> None:
    run("import", notes)
    assert run("reset").code == 2
    assert len(run("list", "--json").json["items"]) == 3
    assert "Removed 3" in run("reset", "--yes").out
    assert run("list").out.strip() == "No documents."


def test_models_without_any(run: Run) -> None:
    assert "No models" in run("models", "list").out
    assert run("models", "verify").code == 0
    done = run("models", "use", "llm", "none")
    assert done.code == 1
    assert "none" in done.err
    assert run("models", "use", "other", "none").code == 2


def test_a_broken_model_is_found_out(tmp_path: Path) -> None:

    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "broken.gguf").write_bytes(b"GGUF" + b"\x00" * 50)
    service = make_service(tmp_path, storage={"model_dirs": [str(folder)]})
    with LiveServer(service) as server:
        listed = invoke("--url", server.url, "models", "list").out
        assert "broken" in listed
        assert "GGUF version 0" in " ".join(listed.split())
        done = invoke("--url", server.url, "models", "verify", "broken")
        assert done.code == 1
        assert "broken" in done.out
        used = invoke("--url", server.url, "models", "use", "llm", "broken")
        assert used.code == 1


def test_pull_needs_a_checksum_and_a_server(run: Run) -> None:
    assert run("models", "pull", "http://127.0.0.1:9/x.gguf").code == 2
    wrong = run("models", "pull", "http://127.0.0.1:9/x.gguf", "--sha256", "abc")
    assert wrong.code == 1
    assert "sha256" in wrong.err


def test_errors_as_json(run: Run) -> None:
    done = run("show", 999, "--json")
    assert done.code == 1
    body = json.loads(done.err)
    assert body["details"]["code"] == "not-found"
    assert done.out == ""


def test_the_log_has_no_questions(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="local_rag")
    run("query", "very secret question")
    assert "very secret" not in caplog.text
