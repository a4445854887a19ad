"""Settings: sources, order, and messages."""

from pathlib import Path

import pytest
from hypothesis import given as given_any
from hypothesis import strategies as st

from local_rag.config.layers import Layer, config_paths, known_keys, parse_yaml, read_environment
from local_rag.config.settings import Settings, load_settings
from local_rag.core.errors import ConfigError


def write(folder: Path, text: str, name: str = "config.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def message(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings({}, paths=[path])
    return str(caught.value)


def test_defaults() -> None:
    settings = load_settings({}, paths=[])
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8080)
    assert settings.storage.database == Path("/var/lib/local-rag/index.sqlite3")
    assert Path("/usr/share/local-rag/models") in settings.storage.all_model_dirs
    assert settings.origins == {}


def test_later_files_win_key_by_key(tmp_path: Path) -> None:
    first = write(tmp_path, "server: {port: 1, max_upload_mb: 7}\n", "a.yaml")
    second = write(tmp_path, "server:\n  port: 2\n", "b.yaml")
    settings = load_settings({"LOCAL_RAG__SERVER__PORT": "3"}, paths=[first, second])
    assert (settings.server.port, settings.server.max_upload_mb) == (3, 7)
    assert settings.origins["server.port"] == "environment variable LOCAL_RAG__SERVER__PORT"
    assert settings.origins["server.max_upload_mb"] == f"{first}:1"


def test_paths_and_their_order(tmp_path: Path) -> None:
    paths = config_paths({"HOME": "/home/x", "LOCAL_RAG_CONFIG": "/c.yaml"})
    assert list(map(str, paths)) == [
        "/etc/local-rag/config.yaml",
        "/home/x/.config/local-rag/config.yaml",
        "/c.yaml",
    ]
    assert config_paths({"HOME": "/h", "XDG_CONFIG_HOME": "/x"})[1] == Path(
        "/x/local-rag/config.yaml"
    )
    assert len(config_paths({})) == 1


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    missing = tmp_path / "none.yaml"
    with pytest.raises(ConfigError, match="does not exist"):
        load_settings({"LOCAL_RAG_CONFIG": str(missing)}, paths=[missing])
    assert load_settings({}, paths=[missing]).server.port == 8080


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("server:\n  prot: 1\n", ":2: unknown key server.prot; did you mean server.port?"),
        ("servr:\n  port: 1\n", ":1: unknown key servr; did you mean server?"),
        ("port: 3\n", ":1: unknown key port; did you mean server.port?"),
        ("llm:\n  k: 3\n", ":2: unknown key llm.k; did you mean retrieval.k?"),
        ("zzz: 3\n", ":1: unknown key zzz"),
        ("server:\n\n  port: many\n", ":3: server.port:"),
        ("server:\n  port: 70000\n", ":2: server.port:"),
        ("server: 3\n", ":1: server:"),
        ("server: [\n", "not valid YAML"),
        ("- a\n", "expected sections"),
        ("server:\n  port: 1\n  port: 2\n", ":3: server.port is given twice"),
        ("server:\n  host: 0.0.0.0\n", "server.token"),
        ("server:\n  host: '::'\n", "server.token"),
        ("server:\n  host: example.org\n", "server.token"),
        ("server:\n  token: short\n", "16 characters"),
        ("chunking:\n  max_tokens: 64\n  overlap_tokens: 60\n", "at most half"),
        ("limits:\n  temperature_stop_c: 60\n", "must rise"),
        ("limits:\n  disk_stop_percent: 20\n", "disk_resume_percent must be above"),
        ("llm:\n  context_tokens: 512\n  max_tokens: 512\n", "no room"),
        ("imports:\n  watch: [docs]\n", "not an absolute path"),
        ("logging:\n  level: loud\n", "logging.level"),
        ("imports:\n  max_file_mb: 0\n", "imports.max_file_mb"),
    ],
)
def test_mistakes_name_line_and_key(tmp_path: Path, text: str, expected: str) -> None:
    path = write(tmp_path, text)
    told = message(path)
    assert str(path) in told
    assert expected in told


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    told = message(write(tmp_path, "server:\n  prot: 1\nllm:\n  thread: 2\n"))
    assert "server.port" in told
    assert "llm.threads" in told


def test_a_bad_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    assert "cannot be read" in message(path)


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    assert "too many" in message(write(tmp_path, "#" * 1_000_001))


def test_yaml_tags_build_no_objects(tmp_path: Path) -> None:
    assert "not valid YAML" in message(
        write(tmp_path, "server: !!python/object/apply:os.system [id]\n")
    )


def test_an_empty_section_means_defaults(tmp_path: Path) -> None:
    assert load_settings({}, paths=[write(tmp_path, "server:\n")]).server.port == 8080
    assert load_settings({}, paths=[write(tmp_path, "# nothing\n")]).server.port == 8080


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost"])
def test_loopback_needs_no_token(host: str) -> None:
    assert Settings.model_validate({"server": {"host": host}}).server.loopback


def test_another_address_with_a_token_is_fine(tmp_path: Path) -> None:
    token = "0123456789abcdef"
    settings = Settings.model_validate({"server": {"host": "0.0.0.0", "token": token}})
    assert settings.server.read_token() == token
    assert token not in repr(settings)


def test_token_file(tmp_path: Path) -> None:
    path = tmp_path / "token"
    server = Settings.model_validate({"server": {"token_file": str(path)}}).server
    with pytest.raises(ConfigError, match="cannot be read"):
        server.read_token()
    path.write_text("short\n")
    with pytest.raises(ConfigError, match="fewer than 16"):
        server.read_token()
    path.write_text("0123456789abcdef\n")
    assert server.read_token() == "0123456789abcdef"
    assert Settings().server.read_token() is None


@pytest.mark.parametrize("name", ["LOCAL_RAG__SERVER", "LOCAL_RAG__", "LOCAL_RAG____PORT"])
def test_environment_names_need_section_and_key(name: str) -> None:
    with pytest.raises(ConfigError, match="SECTION__KEY"):
        load_settings({name: "1"}, paths=[])


def test_environment_mistakes_name_the_variable() -> None:
    with pytest.raises(ConfigError, match="environment variable LOCAL_RAG__SERVER__PROT"):
        load_settings({"LOCAL_RAG__SERVER__PROT": "1"}, paths=[])
    with pytest.raises(ConfigError, match="not valid YAML"):
        load_settings({"LOCAL_RAG__SERVER__PORT": "["}, paths=[])


def test_environment_lists() -> None:
    layer = read_environment({"LOCAL_RAG__IMPORTS__WATCH": "[/a, /b]", "OTHER": "x"})
    assert layer.values == {"imports": {"watch": ["/a", "/b"]}}


@given_any(st.text(max_size=60))
def test_any_text_parses_or_is_explained(text: str) -> None:
    told = ""
    try:
        parse_yaml(text, "f")
    except ConfigError as error:
        told = str(error)
    assert not told or told.startswith("f:")


def test_every_key_has_a_default_and_is_known() -> None:
    keys = known_keys(Settings)
    assert "server.port" in keys
    assert "imports.allow_private_urls" in keys
    assert len(keys) > 40


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("SERVER__HOST", "::"),
        ("SERVER__HOST", "[::1]"),
        ("SERVER__HOST", "127.1"),
        ("SERVER__TOKEN", "12345678901234567890"),
        ("EMBEDDING__MODEL", "1.5"),
        ("STORAGE__DATA_DIR", "/srv/a: b #c"),
    ],
)
def test_text_in_the_environment_is_taken_as_it_stands(key: str, text: str) -> None:
    environ = {"LOCAL_RAG__SERVER__TOKEN": "x" * 16, f"LOCAL_RAG__{key}": text}
    settings = load_settings(environ, paths=[])
    section, name = key.lower().split("__")
    value = getattr(getattr(settings, section), name)
    assert str(getattr(value, "get_secret_value", lambda: value)()) == text


def test_what_is_no_text_is_still_yaml() -> None:
    environ = {
        "LOCAL_RAG__SERVER__TOKEN": "",
        "LOCAL_RAG__SERVER__HOST": '"localhost"',
        "LOCAL_RAG__IMPORTS__WATCH": "[/srv/notes]",
        "LOCAL_RAG__LLM__IDLE_UNLOAD_S": "null",
    }
    settings = load_settings(environ, paths=[])
    assert settings.server.token is None
    assert settings.server.host == "localhost"
    assert settings.imports.watch == (Path("/srv/notes"),)
    assert settings.llm.idle_unload_s is None
    with pytest.raises(ConfigError, match="not valid YAML"):
        load_settings({"LOCAL_RAG__IMPORTS__WATCH": "[/srv"}, paths=[])


def test_home_directories_are_known_by_their_sign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = write(tmp_path, "storage: {data_dir: ~/data}\nimports: {watch: [~/notes]}\n")
    settings = load_settings({}, paths=[path])
    assert settings.storage.data_dir == tmp_path / "data"
    assert settings.imports.watch == (tmp_path / "notes",)
    path = write(tmp_path, "storage: {data_dir: ~nobody-of-this-name/data}\n")
    assert "nobody-of-this-name" in message(path)


def test_what_is_given_has_the_last_word() -> None:
    given = Layer(values={"server": {"port": 9}}, origins={"server.port": "option --port"})
    settings = load_settings({"LOCAL_RAG__SERVER__PORT": "3"}, paths=[], given=given)
    assert settings.server.port == 9
    assert settings.origins["server.port"] == "option --port"


def test_a_file_that_may_not_be_read_is_no_reason_to_run_on_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, "server: {port: 1}\n")

    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    own = write(tmp_path, "server: {port: 2}\n", "own.yaml")
    environ = {"LOCAL_RAG_CONFIG": str(own)}
    read = Path.read_text
    monkeypatch.setattr(Path, "read_text", refuse)
    assert "may not be read" in message(path)
    with pytest.raises(ConfigError, match="may not be read"):
        load_settings(environ, paths=[path, own])
    monkeypatch.setattr(Path, "read_text", lambda p, **o: (read if p == own else refuse)(p, **o))
    assert load_settings(environ, paths=[path, own]).server.port == 2
