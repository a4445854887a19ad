"""Which models there are and which is used."""

import hashlib
import json
import os
from pathlib import Path

import httpx
import pytest

from kit import gguf as make
from local_rag.core.errors import Conflict, Forbidden, InvalidInput, ModelError, NotFound
from local_rag.models import registry as module
from local_rag.models.registry import ModelRegistry

BYTES = make.gguf()
SUM = hashlib.sha256(BYTES).hexdigest()
URL = "https://models.example/dir/new-model.gguf"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "own").mkdir()
    return tmp_path / "own"


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    (tmp_path / "shared").mkdir()
    return tmp_path / "shared"


@pytest.fixture
def registry(own: Path, shared: Path) -> ModelRegistry:
    return ModelRegistry([own, shared], writable=own)


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Stands for the child process; that one is tested with real models."""
    calls: list[tuple[str, str]] = []

    def probe(path: Path, kind: str, **more: object) -> dict[str, object]:
        calls.append((path.stem, kind))
        if path.stem.startswith("crash"):
            raise ModelError(f"llama.cpp crashes on {path.name}")
        if not more.get("exam"):
            return {"seconds": 0.1}
        return {"seconds": 0.1, "passed": path.stem != "weak", "summary": "5 of 6 were right"}

    monkeypatch.setattr(module, "probe", probe)
    return calls


def serving(data: bytes) -> httpx.Client:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=httpx.ByteStream(data))

    return httpx.Client(transport=httpx.MockTransport(answer))


def test_what_is_there_is_described(registry: ModelRegistry, own: Path, shared: Path) -> None:
    make.write(own / "tiny.gguf")
    make.write(shared / "minilm.gguf", metadata=make.EMBEDDING)
    (own / "notes.txt").write_text("x")
    found = {info.name: info for info in registry.list()}
    assert set(found) == {"tiny", "minilm"}
    assert found["tiny"].kind == "llm"
    assert found["minilm"].kind == "embedding"
    assert found["tiny"].quantisation == "f32"
    assert found["tiny"].context_tokens == 512
    assert found["tiny"].size == (own / "tiny.gguf").stat().st_size


def test_broken_files_are_listed_with_their_problem(registry: ModelRegistry, own: Path) -> None:
    (own / "broken.gguf").write_bytes(BYTES[:-5])
    (info,) = registry.list()
    assert info.kind is None
    assert "truncated" in (info.problem or "")


def test_the_first_directory_has_the_last_word(
    registry: ModelRegistry, own: Path, shared: Path
) -> None:
    make.write(own / "same.gguf", metadata=make.EMBEDDING)
    make.write(shared / "same.gguf")
    (info,) = registry.list()
    assert info.path == own / "same.gguf"


def test_a_replaced_file_is_seen(registry: ModelRegistry, own: Path) -> None:
    make.write(own / "m.gguf")
    assert registry.get("m").kind == "llm"
    make.write(own / "m.gguf", metadata=make.EMBEDDING)
    assert registry.get("m").kind == "embedding"


def test_missing_directories_are_no_error(tmp_path: Path) -> None:
    assert ModelRegistry([tmp_path / "none"]).list() == []
    assert ModelRegistry([tmp_path / "none"]).resolve("llm") is None


@pytest.mark.parametrize("name", ["none", "../own/tiny", "/etc/passwd", "", "a\x00b", "tiny.gguf2"])
def test_names_that_are_not_there(registry: ModelRegistry, own: Path, name: str) -> None:
    make.write(own / "tiny.gguf")
    with pytest.raises(NotFound, match="installed: tiny"):
        registry.get(name)


def test_a_name_may_end_in_gguf(registry: ModelRegistry, own: Path) -> None:
    make.write(own / "tiny.gguf")
    assert registry.get("tiny.gguf").name == "tiny"


def test_the_first_installed_is_used_until_one_is_chosen(
    registry: ModelRegistry, own: Path, shared: Path, tried: list
) -> None:
    make.write(own / "b.gguf")
    make.write(shared / "a.gguf")
    first = registry.resolve("llm")
    assert first is not None
    assert first.name == "b"
    assert registry.use("llm", "a").active
    chosen = registry.resolve("llm")
    assert chosen is not None
    assert (chosen.name, chosen.active) == ("a", True)
    assert tried == [("a", "llm")]
    assert registry.resolve("embedding") is None


def test_the_choice_outlives_the_process(own: Path, shared: Path, tried: list) -> None:
    make.write(own / "a.gguf")
    make.write(own / "b.gguf")
    make.write(own / "e.gguf", metadata=make.EMBEDDING)
    ModelRegistry([own]).use("llm", "b")
    ModelRegistry([own]).use("embedding", "e")
    again = ModelRegistry([own])
    assert [(i.name, i.active) for i in again.list()] == [("a", False), ("b", True), ("e", True)]


def test_a_chosen_model_that_went_away(registry: ModelRegistry, own: Path, tried: list) -> None:
    make.write(own / "a.gguf")
    make.write(own / "b.gguf")
    registry.use("llm", "b")
    (own / "b.gguf").unlink()
    left = registry.resolve("llm")
    assert left is not None
    assert left.name == "a"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"llm": 5}', "null"])
def test_a_damaged_choice_is_no_choice(registry: ModelRegistry, own: Path, text: str) -> None:
    make.write(own / "a.gguf")
    (own / "selected.json").write_text(text)
    assert not registry.get("a").active


def test_what_the_configuration_says_wins(
    registry: ModelRegistry, own: Path, tmp_path: Path, tried: list
) -> None:
    make.write(own / "a.gguf")
    elsewhere = make.write(tmp_path / "x.gguf")
    registry.use("llm", "a")
    by_path = registry.resolve("llm", str(elsewhere))
    assert by_path is not None
    assert by_path.path == elsewhere
    with pytest.raises(NotFound, match="does not exist"):
        registry.resolve("llm", str(tmp_path / "none.gguf"))
    with pytest.raises(NotFound):
        registry.resolve("llm", "none")


def test_the_wrong_kind_is_not_chosen(registry: ModelRegistry, own: Path, tried: list) -> None:
    make.write(own / "e.gguf", metadata=make.EMBEDDING)
    with pytest.raises(ModelError, match="made for embedding, not for llm") as caught:
        registry.use("llm", "e")
    assert caught.value.hint == "local-rag models use embedding e"
    with pytest.raises(InvalidInput):
        registry.use("chat", "e")  # type: ignore[arg-type]
    assert tried == []


def test_a_model_that_crashes_is_not_chosen(
    registry: ModelRegistry, own: Path, tried: list
) -> None:
    make.write(own / "crash.gguf")
    with pytest.raises(ModelError, match="crashes"):
        registry.use("llm", "crash")
    assert not (own / "selected.json").exists()


def test_a_model_is_tried_once_until_it_changes(
    registry: ModelRegistry, own: Path, tried: list
) -> None:
    make.write(own / "a.gguf")
    registry.ensure_tried(registry.get("a"))
    registry.ensure_tried(registry.get("a"))
    assert len(tried) == 1
    make.write(own / "a.gguf", data=b"\1" * 512)
    registry.ensure_tried(registry.get("a"))
    assert len(tried) == 2


def test_what_crashed_is_tried_again_the_next_time(
    registry: ModelRegistry, own: Path, tried: list
) -> None:
    make.write(own / "crash.gguf")
    for _ in range(2):
        with pytest.raises(ModelError):
            registry.ensure_tried(registry.get("crash"))
    assert len(tried) == 2


@pytest.mark.parametrize("line", ["{sum}  {name}", "{sum} *{name}", "{sum}  ./{name}"])
@pytest.mark.parametrize("note", ["m.gguf.sha256", "SHA256SUMS"])
def test_checksums_as_sha256sum_writes_them(
    registry: ModelRegistry, own: Path, note: str, line: str
) -> None:
    (own / "m.gguf").write_bytes(BYTES)
    (own / note).write_text("# comment\n" + line.format(sum=SUM.upper(), name="m.gguf") + "\n")
    assert registry.get("m").sha256 == SUM
    outcome = registry.verify("m", run=False)
    assert outcome.ok
    assert outcome.message == "its checksum is right; its header is whole"


def test_a_rotten_file_is_found_though_its_date_is_old(registry: ModelRegistry, own: Path) -> None:
    (own / "m.gguf").write_bytes(BYTES)
    (own / "m.gguf.sha256").write_text(f"{SUM}  m.gguf\n")
    assert registry.verify("m", run=False).ok
    stat = (own / "m.gguf").stat()
    (own / "m.gguf").write_bytes(BYTES[:-1] + b"\1")
    os.utime(own / "m.gguf", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    outcome = registry.verify("m", run=False)
    assert not outcome.ok
    assert outcome.expected == SUM != outcome.sha256


def test_verify_tells_when_nothing_was_recorded_or_it_does_not_run(
    registry: ModelRegistry, own: Path, tried: list
) -> None:
    make.write(own / "m.gguf")
    make.write(own / "crash.gguf")
    (own / "cut.gguf").write_bytes(BYTES[:-5])
    assert registry.verify("m").message == (
        "no checksum is recorded for it; it loads and works (0.1 s); 5 of 6 were right: "
        "it may write answers"
    )
    assert (registry.verify("crash").ok, registry.verify("cut").ok) == (False, False)
    assert "truncated" in registry.verify("cut").message
    with pytest.raises(NotFound):
        registry.verify("none")


def test_a_language_model_writes_only_after_it_passed_its_test(
    registry: ModelRegistry, own: Path, tried: list
) -> None:
    make.write(own / "m.gguf")
    make.write(own / "weak.gguf")
    assert "local-rag models verify m" in (registry.distrust(registry.get("m")) or "")
    registry.verify("m", run=False)
    assert registry.distrust(registry.get("m")) is not None
    assert registry.verify("m").ok
    assert registry.distrust(registry.get("m")) is None
    assert "only passages are quoted" in registry.verify("weak").message
    assert "too weak" in (registry.distrust(registry.get("weak")) or "")
    os.utime(own / "m.gguf", (1, 1))  # another file of the same name
    assert "has not been tested" in (registry.distrust(registry.get("m")) or "")


def test_pull_fetches_checks_and_records(registry: ModelRegistry, own: Path) -> None:
    info = registry.pull(URL, SUM.upper(), client=serving(BYTES))
    assert (info.name, info.kind, info.sha256, info.active) == ("new-model", "llm", SUM, False)
    assert registry.verify("new-model", run=False).ok
    assert sorted(p.name for p in own.iterdir()) == ["new-model.gguf", "new-model.gguf.sha256"]


def test_pull_of_what_is_there_fetches_nothing(registry: ModelRegistry) -> None:
    registry.pull(URL, SUM, client=serving(BYTES))
    assert registry.pull(URL, SUM, client=serving(b"must not be asked")).sha256 == SUM
    with pytest.raises(Conflict, match="another checksum"):
        registry.pull(URL, "0" * 64, client=serving(BYTES))


def test_pull_after_a_kill_records_the_checksum(registry: ModelRegistry, own: Path) -> None:
    registry.pull(URL, SUM, client=serving(BYTES))
    (own / "new-model.gguf.sha256").unlink()
    assert registry.pull(URL, SUM, client=serving(b"must not be asked")).sha256 == SUM


def test_pull_of_something_else_leaves_nothing(registry: ModelRegistry, own: Path) -> None:
    page = b"<html>please log in</html>"
    with pytest.raises(ModelError, match="not a GGUF file"):
        registry.pull(URL, hashlib.sha256(page).hexdigest(), client=serving(page))
    assert list(own.iterdir()) == []


@pytest.mark.parametrize("name", ["../evil", "a/b", ".hidden", "x" * 200, "a b", "a\n", "-rf"])
def test_pull_refuses_names_that_lead_elsewhere(registry: ModelRegistry, name: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be a model's name"):
        registry.pull(URL, SUM, name=name, client=serving(BYTES))


@pytest.mark.parametrize("sha256", ["", "abc", "g" * 64, SUM + "0"])
def test_pull_needs_a_checksum(registry: ModelRegistry, sha256: str) -> None:
    with pytest.raises(InvalidInput, match="64 hexadecimal"):
        registry.pull(URL, sha256, client=serving(BYTES))


def test_an_address_without_a_name_needs_one(registry: ModelRegistry) -> None:
    with pytest.raises(InvalidInput):
        registry.pull("https://models.example/", SUM, client=serving(BYTES))
    assert (
        registry.pull("https://models.example/", SUM, name="m", client=serving(BYTES)).name == "m"
    )


def test_nowhere_to_write() -> None:
    registry = ModelRegistry([Path("/usr/share/local-rag/models")])
    with pytest.raises(Forbidden, match="no models directory"):
        registry.pull(URL, SUM, client=serving(BYTES))


def test_packaged_directories_are_never_written(own: Path) -> None:
    registry = ModelRegistry([own, Path("/usr/share/local-rag/models")])
    assert registry.pull(URL, SUM, client=serving(BYTES)).path.parent == own


def test_the_choice_is_plain_json(registry: ModelRegistry, own: Path, tried: list) -> None:
    make.write(own / "a.gguf")
    registry.use("llm", "a")
    assert json.loads((own / "selected.json").read_text()) == {"llm": "a"}


def test_the_multilingual_model_is_preferred_but_an_index_keeps_its_own(
    registry: ModelRegistry, own: Path
) -> None:
    for name in ("all-MiniLM-L6-v2", "multilingual-e5-small", "other"):
        make.write(own / f"{name}.gguf", metadata=make.EMBEDDING)

    def chosen(**more: str) -> str:
        info = registry.resolve("embedding", **more)
        assert info is not None
        return info.name

    assert chosen() == "multilingual-e5-small"
    assert chosen(usual="all-MiniLM-L6-v2") == "all-MiniLM-L6-v2"
    assert chosen(usual="gone") == "multilingual-e5-small"
    assert chosen(configured="other", usual="all-MiniLM-L6-v2") == "other"
