"""From a user's installation to the package's, back, and undone."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient

from kit.command import invoke
from kit.faces import API, BEES, BREAD, LEASE, WordEmbedder, add, client_for, wait_for_job
from local_rag.config.settings import load_settings
from local_rag.run.migrate import copying
from local_rag.run.migrate.copying import counts
from local_rag.run.migrate.places import personal
from local_rag.run.service import Service

QUESTION = {"question": "When does the lease of the garden end?"}


class Machine:
    """A home directory and the directories of a package."""

    def __init__(self, root: Path) -> None:
        self.home = root / "home" / "alice"
        self.user_config = self.home / ".config" / "local-rag" / "config.yaml"
        self.user_config.parent.mkdir(parents=True)
        self.user_data = self.home / "rag-data"
        self.user_config.write_text(
            f"storage:\n  data_dir: {self.user_data}\nretrieval:\n  k: 9\n"
            "limits: {disk_stop_percent: 0, disk_resume_percent: 1}\n"
        )
        self.config = root / "etc" / "local-rag" / "config.yaml"
        self.config.parent.mkdir(parents=True)
        self.config.write_text("# of the package\nserver:\n  port: 8080\n")
        self.data = root / "var" / "lib" / "local-rag"
        self.data.mkdir(parents=True)

    def service(self, config: Path, data: Path) -> TestClient:
        settings = load_settings({"LOCAL_RAG__STORAGE__DATA_DIR": str(data)}, paths=[config])
        return client_for(Service(settings, load_embedder=WordEmbedder))

    def user(self) -> TestClient:
        return self.service(self.user_config, self.user_data)

    def package(self) -> TestClient:
        return self.service(self.config, self.data)

    def migrate(self, *options: object, code: int = 0) -> Any:
        found = invoke(
            *("migrate", "--system-config", self.config, "--system-data", self.data),
            *("--yes", "--json", *options),
        )
        assert found.code == code, found.err
        return found.json if code == 0 else found.err

    def to_package(self, *options: object, code: int = 0) -> Any:
        return self.migrate("--home", self.home, *options, code=code)

    def state(self, place: Path) -> dict[str, bytes]:
        """Return every file of a data directory that is not of a run, or of a migration."""
        return {
            str(path.relative_to(place)): path.read_bytes()
            for path in sorted(place.rglob("*"))
            if path.is_file()
            and not path.name.endswith((".lock", "-shm", "-wal"))
            and "migrations" not in path.relative_to(place).parts
        }


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    notes = machine.home / "notes"
    notes.mkdir()
    (notes / "lease.md").write_text(LEASE)
    (notes / "bread.txt").write_text(BREAD)
    with machine.user() as client:
        body = {"sources": [str(notes)]}
        wait_for_job(client, client.post(f"{API}/imports", json=body).json()["id"])
        add(client, "deep/bees.txt", BEES, **{"meta.author": "Ilse"})
        gone = add(client, "old.txt", "An old note about nothing.")
        assert client.delete(f"{API}/documents/{gone['id']}").status_code == 204
    (machine.user_data / "models").mkdir(exist_ok=True)
    (machine.user_data / "models" / "own.gguf").write_bytes(b"a model of one's own")
    return machine


def listed(client: TestClient) -> dict[str, tuple[str, ...]]:
    items = client.get(f"{API}/documents?deleted=true").json()["items"]
    return {item["title"]: tuple(item["sources"]) for item in items}


def changes(client: TestClient) -> list[tuple[str, str]]:
    items = client.get(f"{API}/updates").json()["items"]
    found = [(item["kind"], item["uri"].rpartition("/")[2]) for item in items]
    return [change for change in found if change[0] != "unchanged"]


def answers(client: TestClient) -> tuple[str, str]:
    found = client.post(f"{API}/query", json=QUESTION).json()
    return found["mode"], found["passages"][0]["text"]


def test_everything_arrives_and_the_source_stays(machine: Machine) -> None:
    before = machine.state(machine.user_data)
    with machine.user() as client:
        had, answered = listed(client), answers(client)
    said = machine.to_package()
    assert said["counts"]["documents"] == 4
    assert machine.state(machine.user_data).keys() == before.keys()
    for name, content in before.items():
        if name != "index.sqlite3":
            assert machine.state(machine.data)[name] == content, name
    with machine.package() as client:
        now = listed(client)
        assert now.keys() == had.keys()
        assert answers(client) == answered
        uploads = [uri for uris in now.values() for uri in uris if "bees" in uri]
        assert uploads == [(machine.data / "uploads" / "deep" / "bees.txt").as_uri()]
    with machine.user() as client:
        assert (listed(client), answers(client)) == (had, answered)


def test_nothing_looks_changed_afterwards(machine: Machine) -> None:
    machine.to_package()
    with machine.package() as client:
        assert changes(client) == []
        job = client.post(f"{API}/updates").json()
        done = wait_for_job(client, job["id"])
        assert (done["failed"], done["done"]) == (0, 0)
        again = add(client, "deep/bees.txt", BEES, **{"meta.author": "Ilse", "replace": "true"})
        assert again["uri"] == (machine.data / "uploads" / "deep" / "bees.txt").as_uri()
        assert len(listed(client)) == 4


def test_a_file_that_changed_before_is_still_seen_as_changed(machine: Machine) -> None:
    upload = machine.user_data / "uploads" / "deep" / "bees.txt"
    upload.write_text("Bees are wasps.")
    os.utime(upload, (1, 1))
    machine.to_package()
    with machine.package() as client:
        assert changes(client) == [("changed", "bees.txt")]


def test_settings_are_joined(machine: Machine) -> None:
    machine.to_package()
    values = yaml.safe_load(machine.config.read_text())
    assert values["retrieval"] == {"k": 9}
    assert values["server"] == {"port": 8080}
    assert values["storage"] == {"data_dir": str(machine.data)}


def test_undo_brings_the_package_back_to_what_it_was(machine: Machine) -> None:
    with machine.package() as client:
        add(client, "of-the-package.txt", "A note of the package about gravel.")
    before, config = machine.state(machine.data), machine.config.read_bytes()
    assert "--replace" in machine.to_package(code=1)
    assert machine.state(machine.data) == before
    machine.to_package("--replace")
    with machine.package() as client:
        add(client, "later.txt", "A note that was added later about marble.")
    undone = machine.migrate("--undo")
    assert machine.state(machine.data) == before
    assert machine.config.read_bytes() == config
    assert counts(Path(undone["kept"]) / "index.sqlite3")["documents"] == 5
    assert "undone already" in machine.migrate("--undo", code=1)


def test_and_back_to_the_user(machine: Machine) -> None:
    machine.to_package()
    with machine.package() as client:
        add(client, "later.txt", "A note that was added later about marble.")
        had = listed(client)
    assert "--replace" in machine.to_package("--back", code=1)
    machine.to_package("--back", "--replace")
    with machine.user() as client:
        assert listed(client).keys() == had.keys()
        assert changes(client) == []
    assert yaml.safe_load(machine.user_config.read_text())["storage"] == {
        "data_dir": str(machine.user_data)
    }
    assert (machine.user_data / "index.sqlite3").stat().st_uid == machine.home.stat().st_uid
    machine.migrate("--home", machine.home, "--back", "--undo")
    with machine.user() as client:
        assert len(listed(client)) == 4


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_arrives_belongs_to_the_service(machine: Machine) -> None:
    os.chown(machine.data, 1234, 1235)
    machine.to_package()
    for path in machine.data.rglob("*"):
        facts = path.lstat()
        if "migrations" in path.parts:
            # What an undo as root relies on is not the service's to change.
            assert facts.st_uid == 0, path
            continue
        assert (facts.st_uid, facts.st_gid) == (1234, 1235), path
    owner = machine.home.stat()
    for path in machine.user_data.rglob("*"):
        assert path.lstat().st_uid == owner.st_uid, path
    assert (machine.data / "index.sqlite3").stat().st_mode & 0o077 == 0


def test_a_running_service_is_left_alone(machine: Machine) -> None:
    with machine.user():
        assert "in use by another process" in machine.to_package(code=1)
    with machine.package():
        assert "systemctl stop local-rag" in machine.to_package(code=1)
    assert not (machine.data / "migrations").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "--home"),
        (("--back",), "--home"),
        (("--home", "/nonexistent/home"), "there is no directory"),
        (("--home", "/", "--data-dir", "/nonexistent/data"), "there is no index"),
    ],
)
def test_wrong_usage_is_told(machine: Machine, options: tuple[str, ...], said: str) -> None:
    found = invoke(
        *("migrate", "--system-config", machine.config, "--system-data", machine.data),
        *("--yes", *options),
    )
    assert found.code != 0
    assert said in found.err


def test_a_wrong_setting_is_refused_before_anything_moves(machine: Machine) -> None:
    machine.user_config.write_text(f"storage: {{data_dir: {machine.user_data}}}\nlmm: {{}}\n")
    before = machine.state(machine.data)
    assert "lmm" in machine.to_package(code=2)
    assert machine.state(machine.data) == before


def test_the_data_are_where_they_belong_when_nothing_names_them(tmp_path: Path) -> None:
    assert personal(tmp_path).data == tmp_path / ".local" / "share" / "local-rag"


def test_a_record_that_leads_elsewhere_is_not_followed(machine: Machine) -> None:
    said = machine.to_package()
    record = Path(said["journal"]) / "record.json"
    record.write_text(record.read_text().replace('"index.sqlite3"', '"../../../etc"'))
    assert "not the name of a file" in machine.migrate("--undo", code=1)


def broken_at(call: int, real: Callable[..., Any], end: Callable[[], None]) -> Callable[..., Any]:
    seen = 0

    def rename(self: Path, target: Path) -> Path:
        nonlocal seen
        seen += 1
        if seen == call:
            end()
        return real(self, target)

    return rename


def failing() -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("call", range(1, 6))
def test_a_failure_leaves_the_target_as_it_was(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    with machine.package() as client:
        add(client, "of-the-package.txt", "A note of the package about gravel.")
    before, config = machine.state(machine.data), machine.config.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", broken_at(call, Path.rename, failing))
        with pytest.raises(OSError, match="No space"):
            machine.to_package("--replace")
    assert machine.state(machine.data) == before
    assert machine.config.read_bytes() == config


@pytest.mark.parametrize("kind", ["content", "missing", "link"])
def test_a_copy_that_is_not_the_same_is_refused(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A disk that lies, or somebody who writes while it is copied; sizes may well be the same."""
    (machine.user_data / "uploads" / "link").symlink_to("deep/bees.txt")
    config, real = machine.config.read_bytes(), copying.copy_entries

    def copy(source: Any, folder: Path) -> None:
        real(source, folder)
        damaged = folder / "uploads" / ("link" if kind == "link" else "deep/bees.txt")
        content = damaged.read_bytes()
        damaged.unlink()
        if kind == "content":
            damaged.write_bytes(content[:-1] + b"?")
        elif kind == "link":
            damaged.write_bytes(content)

    monkeypatch.setattr(copying, "copy_entries", copy)
    said = machine.to_package(code=1)
    assert "is not the same" in said
    assert machine.state(machine.data) == {}
    assert machine.config.read_bytes() == config
    monkeypatch.undo()
    assert machine.to_package()["counts"]["documents"] == 4


@pytest.mark.parametrize("call", range(1, 6))
def test_after_a_kill_it_can_be_undone_and_done_again(machine: Machine, call: int) -> None:
    with machine.package() as client:
        add(client, "of-the-package.txt", "A note of the package about gravel.")
    before, config = machine.state(machine.data), machine.config.read_bytes()
    child = os.fork()
    if child == 0:
        Path.rename = broken_at(call, Path.rename, lambda: os._exit(9))  # type: ignore[method-assign,assignment]
        machine.to_package("--replace")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    machine.migrate("--undo")
    assert machine.state(machine.data) == before
    assert machine.config.read_bytes() == config
    machine.to_package("--replace")
    with machine.package() as client:
        assert len(listed(client)) == 4
