"""Import jobs over real files, the real index and the real extraction process."""

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kit.fakes import HashEmbedder, OpenGate
from kit.files import docx, paragraph, pdf
from local_rag.config.settings import Settings
from local_rag.core.errors import Conflict, Forbidden, InvalidInput, ModelError, NotFound
from local_rag.core.types import ImportItemState, ImportJob, JobState
from local_rag.documents.imports import ImportJobs, Watcher, check_updates
from local_rag.documents.imports.sources import Policy, path_of, uri_of
from local_rag.index import Store
from local_rag.index.search import Searcher

OLD = 1_600_000_000


class Gate:
    """A machine that can be made too hot."""

    def __init__(self) -> None:
        self.reason: str | None = None

    def may_import(self) -> tuple[bool, str | None]:
        return self.reason is None, self.reason


class Bench:
    """A folder with documents, an index, and jobs."""

    def __init__(self, root: Path, **imports: object) -> None:
        self.folder = root / "in"
        self.folder.mkdir()
        self.settings = Settings.model_validate(
            {
                "storage": {"data_dir": root / "data"},
                "imports": imports,
                "chunking": {"max_tokens": 40, "overlap_tokens": 4},
                "embedding": {"batch_size": 4},
            }
        )
        self.words = HashEmbedder()
        self.gate = Gate()
        self.store = Store(self.settings.storage.database)
        self.jobs = ImportJobs(self.store, lambda: self.words, self.settings, self.gate)

    def write(self, name: str, text: str | bytes, when: int = OLD) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        os.utime(path, (when, when))
        return path

    def run(self, *sources: str | Path, **more: object) -> ImportJob:
        job = self.jobs.submit([str(source) for source in sources or [self.folder]], **more)  # type: ignore[arg-type]
        return self.wait(job)

    def wait(self, job: ImportJob) -> ImportJob:
        done = self.jobs.wait(job.id, 60)
        assert done.state.finished, done
        return done

    def states(self, job: ImportJob) -> dict[str, str]:
        return {i.uri.rpartition("/")[2]: i.state.value for i in self.jobs.items(job.id)}

    def error(self, job: ImportJob) -> str:
        (item,) = self.jobs.items(job.id, state=ImportItemState.FAILED)
        return str(item.error)

    def changes(self, **more: object) -> dict[str, str]:
        found = check_updates(self.store, self.settings, **more)  # type: ignore[arg-type]
        return {c.uri.rpartition("/")[2]: c.kind for c in found if c.kind != "unchanged"}

    def uris(self, question: str) -> list[str]:
        found = Searcher(self.store, self.words).search(question)
        return [passage.uri.rpartition("/")[2] for passage in found]


def make(root: Path, **imports: object) -> Iterator[Bench]:
    bench = Bench(root, **imports)
    bench.jobs.start()
    yield bench
    assert bench.jobs.stop()
    report = bench.store.check("full")
    bench.store.close()
    assert report.ok, report.problems


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    yield from make(tmp_path)


# -- importing -------------------------------------------------------------------------------


def test_a_folder_with_every_kind(bench: Bench) -> None:
    bench.write("a.txt", "Plain words about gravel")
    bench.write("deep/er/b.md", "# Marked\nwords about granite")
    bench.write("c.html", "<title>Page</title><p>words about marble")
    bench.write("d.pdf", pdf(["words about slate", "and page two about shale"]))
    bench.write("e.docx", docx(paragraph("words about chalk")))
    bench.write("song.mp3", b"ID3")
    bench.write("old.doc", b"\xd0\xcf\x11\xe0")
    bench.write("broken.pdf", b"%PDF-1.4 broken")
    (bench.folder / "link.md").symlink_to(bench.folder / "a.txt")
    bench.write(".hidden.md", "# no")
    bench.write(".git/x.md", "# no")
    job = bench.run()
    assert (job.state, job.total, job.done, job.failed) == (JobState.DONE, 11, 5, 1)
    assert (job.skipped, job.unchanged) == (5, 0)
    reasons = {i.uri.rpartition("/")[2]: i.error for i in bench.jobs.items(job.id) if i.error}
    assert reasons == {
        ".hidden.md": "it is hidden",
        ".git": "it is hidden",
        "link.md": "it is a link, and imports.follow_symlinks is off",
        "song.mp3": "files of the kind .mp3 are not read",
        "old.doc": ".doc is not read; convert it: soffice --headless --convert-to docx",
        "broken.pdf": reasons["broken.pdf"],
    }
    assert "damaged" in str(reasons["broken.pdf"])
    for word, name in [
        ("gravel", "a.txt"),
        ("granite", "b.md"),
        ("marble", "c.html"),
        ("slate", "d.pdf"),
        ("chalk", "e.docx"),
    ]:
        assert bench.uris(word)[0] == name
    passage = Searcher(bench.store, bench.words).search("shale")[0]
    assert (passage.page, passage.title) == (2, "d.pdf")


def test_a_folder_without_its_folders(bench: Bench) -> None:
    bench.write("a.txt", "one")
    bench.write("sub/b.txt", "two")
    job = bench.run(recursive=False)
    assert bench.states(job) == {"a.txt": "done", "sub": "skipped"}


def test_files_without_extension_are_read_when_they_are_text(bench: Bench) -> None:
    bench.write("README", "words about gravel")
    bench.write("core", b"\x7fELF\x00\x01")
    bench.write("empty.txt", "")
    job = bench.run()
    assert bench.states(job) == {"README": "done", "core": "skipped", "empty.txt": "skipped"}
    assert (job.state, job.total) == (JobState.DONE, 3)
    # The next look finds nothing to do, and does not count what is left out as new.
    assert [change.kind for change in bench.jobs.changes()] == ["unchanged"]


def test_importing_again_does_nothing(bench: Bench) -> None:
    for i in range(5):
        bench.write(f"{i}.md", f"# T{i}\nword{i}")
    bench.run()
    embedded = bench.words.embedded
    job = bench.run()
    assert (job.done, job.unchanged) == (0, 5)
    assert bench.words.embedded == embedded


def test_only_changed_chunks_are_embedded(bench: Bench) -> None:
    parts = [f"## P{i}\n" + f"part{i} has some words here. " * 6 for i in range(10)]
    bench.write("a.md", "# T\n" + "\n".join(parts))
    bench.run()
    embedded = bench.words.embedded
    parts[4] = "## P4\n" + "other words entirely. " * 6
    bench.write("a.md", "# T\n" + "\n".join(parts))
    assert bench.run().done == 1
    assert 0 < bench.words.embedded - embedded <= 3


def test_the_same_content_twice_is_embedded_once(bench: Bench) -> None:
    bench.write("a.md", "# T\nthe same words")
    bench.run()
    embedded = bench.words.embedded
    bench.write("copy.md", "# T\r\nthe same words\r\n")
    bench.run()
    assert bench.words.embedded == embedded
    (document,) = bench.store.documents.list()
    assert len(document.sources) == 2


def test_twins_in_one_batch_share_one_document(bench: Bench) -> None:
    for i in range(6):
        bench.write(f"{i}.md", "# T\nthe same words")
    assert bench.run().done == 6
    assert bench.store.documents.count() == 1
    assert len(bench.store.documents.list()[0].sources) == 6


def test_metadata_is_kept_and_a_change_of_it_noticed(bench: Bench) -> None:
    bench.write("a.md", "# T\nwords")
    bench.run(metadata={"owner": "ann"})
    assert bench.store.documents.list()[0].metadata["owner"] == "ann"
    assert bench.run().unchanged == 1
    assert bench.store.documents.list()[0].metadata["owner"] == "ann"
    assert bench.run(metadata={"owner": "bob"}).done == 1
    assert bench.store.documents.list()[0].metadata["owner"] == "bob"


def test_a_title_can_be_given(bench: Bench) -> None:
    path = bench.write("a.md", "# T\nwords")
    bench.run(path, metadata={"title": "My Title"})
    assert bench.store.documents.list()[0].title == "My Title"


@pytest.mark.parametrize(
    ("given", "kept"),
    [("Two\nlines\x1b[2J", "Two lines[2J"), (" \n", "T"), ("long " * 400, "long " * 59 + "long…")],
)
def test_a_given_title_is_one_short_line(bench: Bench, given: str, kept: str) -> None:
    bench.write("a.md", "# T\nwords")
    bench.run(metadata={"title": given})
    assert bench.store.documents.get(1).title == kept


def test_one_bad_file_costs_only_itself(bench: Bench) -> None:
    bench.write("good.md", "# Good\nwords")
    bench.write("bad.pdf", b"%PDF-1.4\nnonsense")
    bench.write("fake.docx", "hello")
    bench.write("binary.txt", b"\x00\x01" * 100)
    bench.write("empty.txt", "")
    job = bench.run()
    assert (job.state, job.done, job.failed, job.skipped) == (JobState.DONE, 1, 3, 1)
    errors = {i.uri.rpartition("/")[2]: str(i.error) for i in bench.jobs.items(job.id) if i.error}
    assert "damaged PDF" in errors["bad.pdf"]
    assert "not one" in errors["fake.docx"]
    assert "binary" in errors["binary.txt"]
    assert "no text" in errors["empty.txt"]


def test_a_job_of_nothing_but_failures_has_failed(bench: Bench) -> None:
    job = bench.run(bench.write("bad.pdf", "x"))
    assert job.state is JobState.FAILED
    assert "not one" in str(job.error)


def test_a_file_over_the_limit(tmp_path: Path) -> None:
    for bench in make(tmp_path, max_file_mb=1):
        job = bench.run(bench.write("big.txt", "word " * 300_000))
        assert "the limit is 1 MB" in bench.error(job)


@pytest.mark.parametrize(
    "name",
    [
        "a b.md",
        "ünï.md",
        "q?x#y.md",
        "100%.md",
        "it's.md",
        'quo"te.md',
        "new\nline.md",
        "$(touch pwned).md",
        "-rf.md",
        "漢字.md",
        "x" * 200 + ".md",
        "a;b&c|d.md",
    ],
)
def test_odd_file_names(bench: Bench, name: str) -> None:
    path = bench.write(name, "# T\nodd words")
    assert bench.run(path).done == 1
    (document,) = bench.store.documents.list()
    assert path_of(document.uri) == path
    assert bench.changes() == {}


def test_file_names_that_are_no_text(bench: Bench) -> None:
    raw = os.fsencode(bench.folder) + b"/b\xff\xfe.txt"
    Path(os.fsdecode(raw)).write_bytes(b"words inside")
    assert bench.run().done == 1
    (document,) = bench.store.documents.list()
    document.title.encode("utf-8")
    assert os.fsencode(path_of(document.uri)) == raw


# -- what may be read ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "kind", "says"),
    [
        ("relative.md", InvalidInput, "absolute"),
        ("../../etc/passwd", InvalidInput, "absolute"),
        ("/proc/no/such", Forbidden, "system"),
        ("/no/such/file", NotFound, "does not exist"),
        ("/etc/passwd/x", NotFound, "does not exist"),
        ("/proc/self/environ", Forbidden, "system"),
        ("/sys/kernel/uevent_helper", Forbidden, "system"),
        ("/dev/null", Forbidden, "system"),
        ("/tmp/../proc/self/environ", Forbidden, "system"),
        ("file:///proc/self/environ", Forbidden, "system"),
        ("file://elsewhere/etc/passwd", InvalidInput, "not a file"),
        ("ftp://example.org/x", InvalidInput, "neither a path"),
        ("http://user:pw@example.org/", InvalidInput, "password"),
        ("/tmp/a\x00b", InvalidInput, "absolute"),
        ("", InvalidInput, "absolute"),
    ],
)
def test_sources_that_are_refused(
    bench: Bench, source: str, kind: type[Exception], says: str
) -> None:
    with pytest.raises(kind, match=says):
        bench.jobs.submit([source])
    assert bench.jobs.list() == []


def test_the_index_itself_is_not_imported(bench: Bench) -> None:
    with pytest.raises(Forbidden):
        bench.jobs.submit([str(bench.store.path)])
    uploads = bench.settings.storage.uploads
    uploads.mkdir()
    (uploads / "u.md").write_text("# Upload\nwords")
    assert bench.run(uploads / "u.md").done == 1


def test_allowed_paths(tmp_path: Path) -> None:
    inside = tmp_path / "in" / "ok"
    for bench in make(tmp_path, allowed_paths=[str(inside)]):
        good = bench.write("ok/a.md", "# A\nfine")
        bad = bench.write("no/b.md", "# B\nsecret")
        with pytest.raises(Forbidden, match="allowed_paths"):
            bench.jobs.submit([str(bad)])
        with pytest.raises(Forbidden):
            bench.jobs.submit([f"{inside}/../no/b.md"])
        (inside / "link.md").symlink_to(bad)
        with pytest.raises(Forbidden):
            bench.jobs.submit([str(inside / "link.md")])
        assert bench.run(good).done == 1


def test_links_in_folders_are_not_followed(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "secret.md").write_text("# S\nsecret")
    bench.write("a.md", "# A\nfine")
    (bench.folder / "link.md").symlink_to(tmp_path / "out" / "secret.md")
    (bench.folder / "linkdir").symlink_to(tmp_path / "out")
    assert bench.states(bench.run()) == {
        "a.md": "done",
        "link.md": "skipped",
        "linkdir": "skipped",
    }


def test_links_are_followed_when_wanted_and_loops_end(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "more.md").write_text("# M\nmore")
    for bench in make(tmp_path, follow_symlinks=True):
        bench.write("a.md", "# A\nfine")
        (bench.folder / "linkdir").symlink_to(tmp_path / "out")
        (bench.folder / "loop").symlink_to(bench.folder)
        (bench.folder / "proc").symlink_to("/proc/self")
        assert bench.states(bench.run()) == {
            "a.md": "done",
            "more.md": "done",
            "in": "skipped",
            "proc": "skipped",
        }


def test_pipes_are_not_waited_for(bench: Bench) -> None:
    bench.write("a.md", "# A\nfine")
    os.mkfifo(bench.folder / "pipe.md")
    assert bench.states(bench.run()) == {"a.md": "done", "pipe.md": "skipped"}
    with pytest.raises(InvalidInput, match="neither a file"):
        bench.jobs.submit([str(bench.folder / "pipe.md")])


def test_a_file_exchanged_after_submitting_is_judged_by_what_it_is(bench: Bench) -> None:
    path = bench.write("a.md", "# A\nfine")
    bench.gate.reason = "hot"
    job = bench.jobs.submit([str(path)])
    path.unlink()
    path.symlink_to("/proc/self/status")
    bench.gate.reason = None
    assert "system" in bench.error(bench.wait(job))


def test_private_urls_are_refused(bench: Bench) -> None:
    job = bench.run("http://127.0.0.1:1/x")
    assert "not a public address" in bench.error(job)


def test_nothing_to_import(bench: Bench) -> None:
    with pytest.raises(InvalidInput, match="nothing"):
        bench.jobs.submit([])
    with pytest.raises(InvalidInput, match="too many"):
        bench.jobs.submit(["/tmp"] * 10_001)


# -- updates ---------------------------------------------------------------------------------


def test_changes_are_listed_and_then_applied(bench: Bench) -> None:
    for name in ("same", "edit", "gone"):
        bench.write(f"{name}.md", f"# T\nwords of {name}")
    bench.run()
    assert bench.changes() == {}
    bench.write("edit.md", "# T\nedited words", OLD + 5)
    bench.write("sub/new.md", "# T\nbrand new words")
    (bench.folder / "gone.md").unlink()
    expected = {"edit.md": "changed", "new.md": "new", "gone.md": "missing"}
    assert bench.changes() == expected
    assert bench.changes() == expected
    job = bench.wait(bench.jobs.update())
    assert (job.kind, job.done) == ("update", 2)
    assert bench.changes() == {}
    assert sorted(d.uri.rpartition("/")[2] for d in bench.store.documents.list()) == [
        "edit.md",
        "new.md",
        "same.md",
    ]


def test_a_touched_file_is_unchanged(bench: Bench) -> None:
    bench.write("a.md", "# T\nwords")
    bench.run()
    bench.write("a.md", "# T\nwords", OLD + 100)
    assert bench.changes() == {}


def test_an_edit_right_after_the_import_is_seen(bench: Bench) -> None:
    path = bench.write("a.md", "# T\nword1", int(time.time()))
    bench.run()
    stamp = path.stat()
    path.write_text("# T\nword2")
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert bench.changes() == {"a.md": "changed"}


def test_a_file_that_comes_back_is_found_again(bench: Bench) -> None:
    path = bench.write("a.md", "# T\nwords")
    bench.run()
    path.unlink()
    bench.wait(bench.jobs.update())
    assert bench.uris("words") == []
    embedded = bench.words.embedded
    bench.write("a.md", "# T\nwords")
    assert bench.changes() == {"a.md": "new"}
    bench.wait(bench.jobs.update())
    assert bench.words.embedded == embedded
    assert bench.uris("words") == ["a.md"]


def test_what_a_person_deleted_stays_deleted_until_asked_for(bench: Bench) -> None:
    path = bench.write("a.md", "# T\nwords")
    bench.run()
    bench.store.documents.delete(1)
    bench.write("a.md", "# T\nother words", OLD + 5)
    assert bench.changes() == {}
    bench.wait(bench.jobs.update())
    assert bench.store.documents.count() == 0
    assert bench.run(path).done == 1
    assert bench.uris("other") == ["a.md"]


def test_a_bad_file_is_not_tried_until_it_changes(bench: Bench) -> None:
    bench.write("good.md", "# T\nwords")
    bench.write("bad.pdf", "x")
    bench.run()
    assert bench.changes() == {}
    bench.write("bad.pdf", pdf(["now it is one"]), OLD + 9)
    assert bench.changes() == {"bad.pdf": "new"}
    assert bench.wait(bench.jobs.update()).done == 1


def test_a_bad_file_that_becomes_whole_while_it_is_read_is_tried_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = bench.write("slow.pdf", "the first half of a file that is being copied")
    read = Policy.read

    def copied_meanwhile(policy: Policy, which: Path) -> object:
        found = read(policy, which)
        bench.write("slow.pdf", pdf(["the copy is whole"]), OLD + 9)
        return found

    monkeypatch.setattr(Policy, "read", copied_meanwhile)
    assert bench.run().failed == 1
    monkeypatch.undo()
    assert path.read_bytes().startswith(b"%PDF")
    assert bench.changes() == {"slow.pdf": "new"}
    bench.wait(bench.jobs.update())
    assert bench.uris("copy whole") == ["slow.pdf"]


def test_a_copy_does_not_bring_back_what_a_person_deleted(bench: Bench) -> None:
    bench.write("a.md", "# T\nwords")
    bench.run()
    bench.store.documents.delete(1)
    copy = bench.write("copy.md", "# T\nwords")
    assert bench.changes() == {"copy.md": "new"}
    bench.wait(bench.jobs.update())
    assert bench.uris("words") == []
    assert bench.changes() == {}
    assert bench.run(copy).done == 1
    assert bench.uris("words") == ["a.md"]


def test_what_a_person_purged_stays_away_until_asked_for(bench: Bench) -> None:
    path = bench.write("a.md", "# T\nwords")
    bench.run()
    bench.store.documents.purge(1, keep_out=[uri_of(path)])
    assert bench.changes() == {}
    bench.write("a.md", "# T\nother words", OLD + 5)
    assert bench.changes() == {}
    bench.wait(bench.jobs.update())
    assert bench.store.documents.count(include_deleted=True) == 0
    assert bench.run(path).done == 1
    bench.write("a.md", "# T\nthird words", OLD + 9)
    assert bench.changes() == {"a.md": "changed"}


def test_a_file_that_was_too_fresh_is_not_read_at_every_look(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.write("a.md", "# T\nwords", int(time.time()))
    bench.run()
    bench.write("a.md", "# T\nwords", OLD)
    assert bench.changes() == {}
    monkeypatch.setattr(Policy, "read", lambda *_: pytest.fail("read again"))
    assert bench.changes() == {}


def test_uploads_that_a_backup_does_not_hold_are_not_missing(bench: Bench) -> None:
    uploads = bench.settings.storage.uploads
    uploads.mkdir(parents=True)
    (uploads / "a.md").write_text("# T\nwords")
    bench.run(uploads / "a.md")
    backup = bench.folder.parent / "backup"
    bench.store.backup(backup)
    (uploads / "a.md").unlink()
    bench.store.restore(backup)
    assert bench.changes() == {}
    bench.wait(bench.jobs.update())
    assert bench.uris("words") == ["a.md"]


def test_checking_needs_no_settings(bench: Bench) -> None:
    bench.write("a.md", "# T\nwords")
    bench.run()
    assert [change.kind for change in check_updates(bench.store)] == ["unchanged"]
    assert [change.kind for change in bench.jobs.changes()] == ["unchanged"]


# -- watching --------------------------------------------------------------------------------


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Bench]:
    yield from make(tmp_path, watch=[str(tmp_path / "in")], watch_interval_s=1)


def look(bench: Bench) -> ImportJob | None:
    job = Watcher(bench.store, bench.jobs, bench.settings).look()
    return bench.wait(job) if job else None


def test_watched_folders_are_followed(watched: Bench) -> None:
    path = watched.write("a.md", "# T\nwords")
    watched.write("b.md", "# T\nmore")
    job = look(watched)
    assert job is not None
    assert (job.kind, job.done) == ("watch", 2)
    assert look(watched) is None
    path.unlink()
    assert look(watched) is not None
    assert [d.uri.rpartition("/")[2] for d in watched.store.documents.list()] == ["b.md"]
    assert look(watched) is None


def test_a_watched_link_is_followed_as_its_folder(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "in")
    for linked in make(tmp_path, watch=[str(tmp_path / "x" / ".." / "link")], watch_interval_s=1):
        path = linked.write("a.md", "# T\nwords")
        linked.write("b.md", "# T\nmore")
        assert look(linked) is not None
        linked.write("b.md", "# T\nchanged", OLD + 5)
        path.unlink()
        job = look(linked)
        assert job is not None
        assert job.done == 1
        assert linked.uris("changed words") == ["b.md"]
        assert look(linked) is None


def test_a_disk_that_is_not_mounted_deletes_nothing(watched: Bench) -> None:
    path = watched.write("a.md", "# T\nwords")
    look(watched)
    path.unlink()
    assert look(watched) is None
    watched.folder.rmdir()
    assert look(watched) is None
    assert watched.store.documents.count() == 1


def test_the_watcher_looks_by_itself(watched: Bench) -> None:
    watched.write("a.md", "# T\nwords")
    watcher = Watcher(watched.store, watched.jobs, watched.settings)
    watcher.start()
    watcher.start()
    try:
        until(lambda: watched.store.documents.count() == 1)
        watched.write("b.md", "# T\nmore")
        until(lambda: watched.store.documents.count() == 2)
    finally:
        watcher.stop()


def test_the_watcher_survives_what_nobody_foresaw(
    watched: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: Watcher) -> None:
        raise OSError("Stale file handle")

    monkeypatch.setattr(Watcher, "look", broken)
    watcher = Watcher(watched.store, watched.jobs, watched.settings)
    watcher.start()
    try:
        until(lambda: "Stale file handle" in caplog.text)
        monkeypatch.undo()
        watched.write("a.md", "# T\nwords")
        until(lambda: watched.store.documents.count() == 1)
    finally:
        watcher.stop()


@contextmanager
def as_nobody() -> Iterator[None]:
    """Give up being root for a while, whom no permission holds up."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_a_folder_that_may_be_listed_but_not_entered_costs_nothing_else() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "closed" / "sub").mkdir(parents=True)
        (folder / "good.md").write_text("words")
        (folder / "closed").chmod(0o444)
        try:
            with as_nobody():
                found = list(Policy(Settings()).walk(folder, recursive=True))
        finally:
            (folder / "closed").chmod(0o755)
    errors = {item.uri.rpartition("/")[2]: item.error for item in found}
    assert errors["good.md"] is None
    assert "Permission denied" in str(errors["sub"])


def test_nothing_watched_starts_nothing(bench: Bench) -> None:
    watcher = Watcher(bench.store, bench.jobs, bench.settings)
    watcher.start()
    watcher.stop()
    assert bench.jobs.list() == []


# -- jobs ------------------------------------------------------------------------------------


def until(reached: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, "not reached in time"
        time.sleep(0.01)


class SlowModel(HashEmbedder):
    """A model that waits to be let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.entered = threading.Event()

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.entered.set()
        assert self.go.wait(30)
        return super().embed(texts)


def test_cancel_and_resume(bench: Bench) -> None:
    slow = bench.words = SlowModel()
    for i in range(40):
        bench.write(f"{i:02}.md", f"# T{i}\n" + f"word{i} " * 60)
    job = bench.jobs.submit([str(bench.folder)])
    assert slow.entered.wait(20)
    assert bench.jobs.cancel(job.id).state is JobState.CANCELLED
    assert bench.jobs.cancel(job.id).state is JobState.CANCELLED
    # The model still has the documents of the cancelled run.
    assert bench.jobs.resume(job.id).state is JobState.QUEUED
    with pytest.raises(Conflict, match="queued"):
        bench.jobs.resume(job.id)
    slow.go.set()
    done = bench.wait(job)
    assert (done.state, done.done, done.total) == (JobState.DONE, 40, 40)
    with pytest.raises(Conflict, match="done"):
        bench.jobs.cancel(job.id)


def test_a_cancelled_run_that_ends_later_leaves_the_job_cancelled(bench: Bench) -> None:
    slow = bench.words = SlowModel()
    job = bench.jobs.submit([str(bench.write("a.md", "# A\nwords"))])
    other = bench.jobs.submit([str(bench.write("b.md", "# B\nwords"))])
    assert slow.entered.wait(20)
    bench.jobs.cancel(job.id)
    slow.go.set()
    assert bench.wait(other).state is JobState.DONE
    assert bench.jobs.get(job.id).state is JobState.CANCELLED


def test_a_pause_does_not_revive_a_cancelled_job(bench: Bench) -> None:
    slow = bench.words = SlowModel()
    job = bench.jobs.submit([str(bench.write("a.md", "# A\nwords"))])
    assert slow.entered.wait(20)
    bench.jobs.cancel(job.id)
    for reason in ("hot", None):
        # The run may have looked at the machine before the cancellation and note it after.
        bench.store.jobs.set_paused(job.id, reason)
        assert bench.jobs.get(job.id).state is JobState.CANCELLED
    slow.go.set()


def test_cancelling_a_queued_job(bench: Bench) -> None:
    slow = bench.words = SlowModel()
    first = bench.jobs.submit([str(bench.write("a.md", "# A\nwords"))])
    second = bench.jobs.submit([str(bench.write("b.md", "# B\nwords"))])
    assert slow.entered.wait(20)
    bench.jobs.cancel(second.id)
    slow.go.set()
    assert bench.wait(first).state is JobState.DONE
    assert bench.jobs.get(second.id).state is JobState.CANCELLED
    assert [job.id for job in bench.jobs.list()] == [second.id, first.id]
    assert bench.store.documents.count() == 1


def test_a_hot_machine_pauses_the_import(bench: Bench) -> None:
    bench.gate.reason = "4 % of the disk is free"
    job = bench.jobs.submit([str(bench.write("a.md", "# A\nwords"))])
    until(lambda: bench.jobs.get(job.id).state is JobState.PAUSED)
    assert bench.jobs.get(job.id).error == "4 % of the disk is free"
    bench.gate.reason = None
    done = bench.wait(job)
    assert (done.state, done.error) == (JobState.DONE, None)


def test_a_paused_job_can_be_cancelled(bench: Bench) -> None:
    bench.gate.reason = "hot"
    job = bench.jobs.submit([str(bench.write("a.md", "# A\nwords"))])
    until(lambda: bench.jobs.get(job.id).state is JobState.PAUSED)
    bench.jobs.cancel(job.id)
    time.sleep(0.1)
    assert bench.jobs.get(job.id).state is JobState.CANCELLED


def test_stopping_keeps_the_job_for_the_next_start(bench: Bench) -> None:
    slow = bench.words = SlowModel()
    for i in range(20):
        bench.write(f"{i}.md", f"# T{i}\n" + f"word{i} " * 30)
    job = bench.jobs.submit([str(bench.folder)])
    assert slow.entered.wait(20)
    threading.Timer(1.0, slow.go.set).start()
    assert bench.jobs.stop()
    assert not bench.jobs.get(job.id).state.finished
    again = ImportJobs(bench.store, lambda: bench.words, bench.settings, OpenGate())
    again.start()
    done = again.wait(job.id)
    assert again.stop()
    assert (done.state, done.done) == (JobState.DONE, 20)


def test_a_stop_that_took_too_long_is_no_end(bench: Bench) -> None:
    slow = bench.words = SlowModel()
    bench.write("a.md", "# T\nwords")
    bench.write("b.md", "# T\nmore")
    job = bench.jobs.submit([str(bench.folder)])
    assert slow.entered.wait(20)
    assert not bench.jobs.stop(0.1)
    bench.jobs.start()
    slow.go.set()
    assert bench.wait(job).done == 2
    bench.write("c.md", "# T\nlate")
    assert bench.run().done == 1
    assert [thread.name for thread in threading.enumerate()].count("imports") == 1


def test_without_a_model_the_job_says_so_and_can_be_resumed(bench: Bench) -> None:
    def no_model() -> HashEmbedder:
        raise ModelError("no embedding model", hint="local-rag models list")

    jobs = ImportJobs(bench.store, no_model, bench.settings, OpenGate())
    jobs.start()
    job = jobs.wait(jobs.submit([str(bench.write("a.md", "# A\nwords"))]).id)
    assert jobs.stop()
    assert job.state is JobState.FAILED
    assert job.error == "no embedding model (local-rag models list)"
    bench.jobs.resume(job.id)
    assert bench.wait(job).done == 1


def test_a_model_that_breaks_ends_the_job_not_the_thread(bench: Bench) -> None:
    class Broken(HashEmbedder):
        def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
            raise ZeroDivisionError("oops")

    good = bench.words
    bench.words = Broken()
    job = bench.run(bench.write("a.md", "# A\nwords"))
    assert job.state is JobState.FAILED
    assert "oops" in str(job.error)
    bench.words = good
    bench.jobs.resume(job.id)
    assert bench.wait(job).state is JobState.DONE


def test_another_model_is_refused_until_reindexed(bench: Bench) -> None:
    bench.write("a.md", "# A\nwords")
    bench.write("b.md", "# B\nother things")
    bench.run()
    bench.store.documents.delete(2)
    bench.words = HashEmbedder(32, "other@1")
    job = bench.run(bench.write("c.md", "# C\nmore"))
    assert job.state is JobState.FAILED
    assert "reindex" in str(job.error)
    done = bench.wait(bench.jobs.reindex())
    assert (done.kind, done.done) == ("reindex", 2)
    assert bench.uris("words") == ["a.md"]
    assert bench.store.meta.embedder_id == "other@1"
    bench.jobs.resume(job.id)
    assert bench.wait(job).done == 1


def test_reindexing_with_the_same_model_embeds_nothing_twice(bench: Bench) -> None:
    bench.write("a.md", "# A\nwords")
    bench.run()
    embedded = bench.words.embedded
    assert bench.wait(bench.jobs.reindex()).done == 1
    assert bench.words.embedded == embedded


def test_two_reindexes_at_once_are_refused(bench: Bench) -> None:
    bench.gate.reason = "hot"
    first = bench.jobs.reindex()
    with pytest.raises(Conflict, match="under way"):
        bench.jobs.reindex()
    bench.gate.reason = None
    bench.wait(first)


def test_jobs_that_are_not_there(bench: Bench) -> None:
    for call in (bench.jobs.get, bench.jobs.cancel, bench.jobs.resume, bench.jobs.items):
        with pytest.raises(NotFound):
            call("nope")


def test_items_in_pages(bench: Bench) -> None:
    for i in range(7):
        bench.write(f"{i}.md", f"# T{i}\nword{i}")
    job = bench.run()
    assert len(bench.jobs.items(job.id, limit=3)) == 3
    assert len(bench.jobs.items(job.id, limit=3, offset=6)) == 1
    assert bench.jobs.items(job.id, state=ImportItemState.FAILED) == []
    assert bench.store.jobs.count_items(job.id) == 7
    assert bench.store.jobs.count_items(job.id, state=ImportItemState.DONE) == 7
    assert all(item.document_id for item in bench.jobs.items(job.id))


def test_uris_and_paths_are_inverse(tmp_path: Path) -> None:
    for name in ("a b", "ü", "q?#%", "x\ny"):
        assert path_of(uri_of(tmp_path / name)) == tmp_path / name
