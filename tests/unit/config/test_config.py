"""Reading configurations, and what is said of wrong ones."""

import json
from datetime import date
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from debwright.config import (
    Config,
    LoadedConfig,
    Port,
    Waiver,
    effective_json,
    load,
    validate_check_names,
)
from debwright.model.errors import ConfigError
from debwright.observe.metrics import Alerts, Metrics

FULL = """\
checks = { install = "warn", lintian = "error", secrets = "off" }
limits = { deb_mb = 20, installed_mb = 80.5, start_seconds = 5 }
[package]
source = "services/greeter"
version_from = "changelog"
tag_prefix = "greeter/v"
exclude = ["*.gguf", "docs/*"]
[targets]
build = ["bookworm-amd64", "forky-arm64", "bookworm-riscv64"]
strategy = "emulated"
fallback = false
jobs = 2
[suites.forky]
mirror = "https://mirror.example.org/debian"
keyring = "keys/forky.gpg"
components = ["main", "non-free-firmware"]
security = false
extra_sources = ["deb [trusted=yes] file:/srv/extra ./"]
distribution = "debian"
[suites.bookworm]
mirror = "http://ports.example.org/debian"
[service]
unit = "greeter"
health_url = "http://127.0.0.1:8080/health"
expect_status = 204
expect_body = "ok"
start_seconds = 60
memory_mb = 64
smoke = ["greeter --version", "curl -fs localhost:8080 | grep -q hello"]
user = "_greeter"
ports = ["127.0.0.1:8080/tcp", "[::1]:53/udp", "*:80/tcp"]
stop_seconds = 5
[lintian]
pedantic = true
fail_on = ["error", "pedantic"]
suppress = ["no-manual-page"]
[[waivers]]
code = "lintian/no-manual-page"
target = "*-arm64"
reason = "in work"
until = 2027-01-31
[[waivers]]
code = "service/*"
reason = "known"
until = "2027-02-01"
[signing]
key = "0123 4567 89ab cdef 0123  4567 89AB CDEF 0123 4567"
home = "~/.gnupg"
passphrase_env = "KEY_PASSPHRASE"
[repository]
path = "debian/apt"
origin = "Example"
url = "https://apt.example.org"
keep = 3
codename_suffix = "-greeter"
[release]
repository = "example/greeter"
draft = false
prerelease = true
[metrics]
success_percent = 99.5
[roots]
variant_extra_packages = ["ca-certificates"]
[cache]
max_gb = 5
[build]
environment = { LANG = "C.UTF-8", EMPTY = "" }
profiles = ["nodoc", "pkg.greeter.lean"]
options = ["nocheck", "parallel=2"]
"""


def write(directory: Path, text: str, name: str = "debwright.toml") -> Path:
    path = directory / name
    path.write_text(text)
    return path


def refusal(directory: Path, text: str, host: str = "amd64") -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(write(directory, text), host=host)
    error = caught.value
    assert error.exit_code == 2
    assert error.evidence
    assert error.cause
    assert error.fix
    assert all(item.file and item.line for item in error.evidence)
    return error


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    config = load(write(tmp_path, "")).config
    assert config == Config()
    assert config.targets.build == ["bookworm-amd64", "bookworm-arm64"]
    assert config.service == []


def test_defaults_are_what_an_empty_table_gives() -> None:
    for name, field in Config.whole().model_fields.items():
        value = field.get_default(call_default_factory=True)
        if isinstance(value, BaseModel):
            assert value == type(value).model_validate({}), name
    assert Metrics().alerts == Alerts.model_validate({})


def test_every_key_is_read(tmp_path: Path) -> None:
    config = load(write(tmp_path, FULL)).config
    assert [one.unit for one in config.service] == ["greeter.service"]
    assert config.signing.key == "0123456789ABCDEF0123456789ABCDEF01234567"
    assert config.waivers[1].until == date(2027, 2, 1)
    assert config.release.prerelease is True
    assert config.limits.deb_mb == 20
    assert config.strategy == "emulated"


def sections(model: type[BaseModel]) -> list[type[BaseModel]]:
    found = [model]
    for field in model.model_fields.values():
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                found += sections(kind)
    return found


def test_every_key_has_a_description() -> None:
    names = {model.__name__ for model in sections(Config.whole())}
    assert {"Suite", "Service", "Waiver", "Limits", "Build"} <= names
    for model in sections(Config.whole()):
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name}"


def test_a_configuration_does_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Config().targets.jobs = 3  # type: ignore[misc]


def test_the_effective_configuration_is_deterministic_and_loads_again(tmp_path: Path) -> None:
    config = load(write(tmp_path, FULL)).config
    text = effective_json(config)
    assert text == effective_json(config.model_copy(deep=True))
    assert effective_json(Config.model_validate_json(text)) == text
    assert list(json.loads(text)) == sorted(json.loads(text))


@pytest.mark.parametrize(
    ("text", "line", "what", "fix"),
    [
        ("\n[targets]\nstratgy = 'auto'", 3, "unknown key `stratgy`", "write `strategy`"),
        ("[target]\nbuild = []", 1, "unknown key `target`", "write `targets`"),
        ("[service]\nunit='x'\nhealth-url = 1", 3, "`health-url`", "write `health_url`"),
        ("health_url = 'x'", 1, "`health_url`", "write `health_url` in [service]"),
        ("[build]\nnetwork = true", 2, "`network`", "a build never has a network"),
        ("[tool.debwright]\nx=1", 1, "`tool`", "tables stand at the top"),
        ("[package]\nzzzz = 1", 2, "`zzzz`", "remove `zzzz`"),
        ("[targets]\njobs = '4'", 2, "is a text", "write `jobs = 4`, without quotes"),
        ("[targets]\njobs = 0", 2, "out of range", "at least 1"),
        ("[targets]\njobs = true", 2, "is true or false", "a whole number"),
        ("[targets]\nfallback = 'true'", 2, "is a text", "write `fallback = true`"),
        ("[targets]\nbuild = 'sid-amd64'", 2, "is a text", 'write `build = ["sid-amd64"]`'),
        ("[targets]\nbuild = []", 2, "empty", "at least one"),
        ("[targets]\nbuild = [\n'sid-amd64',\n7]", 4, "build[1]", 'write `"7"`'),
        ("[targets]\nbuild=['sid-amd64','sid-amd64']", 2, "listed twice", "remove one"),
        ("[targets]\nbuild=['bookwrom-amd64']", 2, "`bookwrom`", "write `bookworm-amd64`"),
        ("[targets]\nbuild=['xyzzy-amd64']", 2, "`xyzzy`", "[suites.xyzzy]"),
        ("[targets]\nbuild=['sid-amd46']", 2, "amd46", "write `sid-amd64`"),
        ("[targets]\nbuild=['bookworm-riscv64']", 2, "does not exist", "write `bookworm-"),
        ("[targets]\nstrategy='crss'", 2, "crss", 'write "cross"'),
        ("targets = 1", 1, "is a whole number", "a table"),
        ("[suites.bookwrom]\nkeyring='x'", 1, "no mirror", "write `bookworm`"),
        ("[suites.'../x']\nmirror='http://x.y'", 1, "not a suite's name", "rename it"),
        ("[suites.sid]\nmirror='http://x y'", 2, "not a mirror", "suites.sid.mirror"),
        ("[suites.sid]\nmirror='ext::sh -c id'", 2, "not a mirror", "suites.sid.mirror"),
        ('[suites.sid]\nextra_sources=["deb x\\ndeb y"]', 2, "not", "suites.sid"),
        ("[suites.sid]\nextra_sources=['evil']", 2, "not an apt source", "suites.sid"),
        ("[service]\nuser='x'", 1, "has no `unit`", "add `unit = ...` to [service]"),
        ("[service]\nunit='a b'", 2, "not a systemd unit", "service.unit"),
        ("[service]\nunit='x'\nhealth_url='localhost:80/x'", 3, "http(s)", "http://localhost:80/x"),
        ("[service]\nunit='x'\nhealth_url='file:///etc/passwd'", 3, "http(s)", "service"),
        ("[service]\nunit='x'\nhealth_url='http://x:99999/'", 3, "http(s)", "service"),
        ("[service]\nunit='x'\nhealth_url='http:///x'", 3, "http(s)", "service"),
        ("[service]\nunit='x'\nexpect_body='ok'", 3, "no effect", "health_url"),
        ("[service]\nunit='x'\nports=['8080']", 3, "not a port", '"127.0.0.1:8080/tcp"'),
        ("[service]\nunit='x'\nports=['1.2.3.4:0/tcp']", 3, "not a port", "service.ports"),
        ("[service]\nunit='x'\nports=['1.2.3.400:1/tcp']", 3, "not a port", "service.ports"),
        ("[service]\nunit='x'\nexpect_status=99\nhealth_url='http://x'", 3, "range", "100"),
        ("[service]\nunit='x'\nsmoke=['']", 3, "not acceptable", "service.smoke"),
        ("[lintian]\nfail_on=['eror']", 2, "eror", 'write "error"'),
        ("[lintian]\nfail_on=['pedantic']", 2, "not shown", "add `pedantic = true`"),
        ("[checks]\ninstall='warning'", 2, "warning", 'write "warn"'),
        ("[limits]\nstart_seconds=40\n[service]\nunit='x'", 2, "never be reached", "below 30"),
        ("[limits]\ndeb_mb=nan", 2, "limits.deb_mb", "a finite number"),
        ("[[waivers]]\ncode='a/b'\nuntil=2027-01-01", 1, "has no `reason`", "[[waivers]]"),
        ("[[waivers]]\ncode='a'\nreason='b'\nuntil='soon'", 4, "not a date", "YYYY-MM-DD"),
        ("[[waivers]]\ncode='a'\nreason='b'\nuntil='2027-02-31'", 4, "not a date", "YYYY"),
        ("[[waivers]]\ncode='a'\nreason='b'\nuntil=2027-01-01T00:00:00", 4, "date", "YYYY"),
        ("[signing]\nkey='89ABCDEF'", 2, "not a fingerprint", "debwright keys list"),
        ("[signing]\npassphrase_env='hunter 2'", 2, "not acceptable", "signing.passphrase_env"),
        ("[repository]\npath='../up'", 2, "not acceptable", "repository.path"),
        ("[repository]\npath='/srv'", 2, "not acceptable", "repository.path"),
        ('[repository]\norigin="a\\nSuite: x"', 2, "not acceptable", "repository.origin"),
        ("[release]\nrepository='greeter'", 2, "not acceptable", "release.repository"),
        ("[release]\nprerelease=1", 2, "prerelease", 'write "auto"'),
        ("[metrics]\nsuccess_percent=101", 2, "range", "at most 100"),
        ("[build]\nenvironment={DEB_BUILD_OPTIONS='x'}", 2, "set by debwright", "build.options"),
        ("[build]\nenvironment={'A B'='x'}", 2, "variable's name", "build.environment"),
        ("[build]\noptions=['a b']", 2, "not acceptable", "build.options"),
        ("[package]\nsource='x.dsc'\nversion_from='git'", 3, "its own", "remove"),
        ("[package]\nsource='x.dsc'\nexclude=['y']", 3, "orig tarball", "remove"),
        ("[package]\ntag_prefix='$(id)'", 2, "not acceptable", "package.tag_prefix"),
    ],
)
def test_a_mistake_has_its_line_and_its_remedy(
    tmp_path: Path, text: str, line: int, what: str, fix: str
) -> None:
    error = refusal(tmp_path, text)
    assert [item.line for item in error.evidence] == [line]
    assert error.evidence[0].text == text.split("\n")[line - 1].strip()
    assert what in error.what
    assert fix in (error.fix or "")


def test_all_problems_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = "[lintian]\nfail_on=['pedantic']\n[targets]\njobs='2'\nbuild=['x-amd64', 3]\nbiuld=1"
    error = refusal(tmp_path, text)
    assert "5 problems" in error.what
    assert [item.line for item in error.evidence] == [2, 4, 5, 5, 6]
    assert "line 6: write `build`" in (error.fix or "")
    assert "line 4: targets.jobs must be a whole number" in (error.cause or "")


@pytest.mark.parametrize(
    ("host", "target", "refused"),
    [
        ("amd64", "bookworm-arm64", False),
        ("amd64", "bookworm-amd64", False),
        ("arm64", "bookworm-amd64", False),
        ("armhf", "bookworm-arm64", True),
        ("riscv64", "trixie-amd64", True),
    ],
)
def test_cross_needs_a_compiler(tmp_path: Path, host: str, target: str, refused: bool) -> None:
    text = f"[targets]\nbuild = ['{target}']\nstrategy = 'cross'"
    if refused:
        error = refusal(tmp_path, text, host)
        assert error.evidence[0].line == 3
        assert f"from {host}" in (error.cause or "")
    else:
        load(write(tmp_path, text), host=host)


@pytest.mark.parametrize(
    ("text", "line"),
    [("a = 1\nb = ", 2), ("a = 1\na = 2\n", 2), ("[x\n", 1), ("x = 'a", 1), ("a = 1\n\n[b]]", 3)],
)
def test_broken_toml(tmp_path: Path, text: str, line: int) -> None:
    error = refusal(tmp_path, text)
    assert "not valid TOML" in error.what
    assert error.evidence[0].line == line


def test_what_is_not_utf8_has_a_line(tmp_path: Path) -> None:
    path = tmp_path / "debwright.toml"
    path.write_bytes(b"# fine\n# caf\xe9 \x1b[31m\n")
    with pytest.raises(ConfigError, match="UTF-8") as caught:
        load(path)
    assert caught.value.evidence[0].line == 2
    assert "\x1b" not in caught.value.render()


def test_absurd_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nested too deeply"):
        load(write(tmp_path, "a = " + "[" * 50_000))
    with pytest.raises(ConfigError, match="not valid TOML"):
        load(write(tmp_path, "a = " + "9" * 10_000))
    with pytest.raises(ConfigError, match="larger"):
        load(write(tmp_path, "#" * 2_000_000))
    (tmp_path / "dir.toml").symlink_to("/dev/zero")
    with pytest.raises(ConfigError, match="not a file"):
        load(tmp_path / "dir.toml")
    with pytest.raises(ConfigError, match="there is no"):
        load(tmp_path / "missing.toml")


def test_a_path_that_cannot_be_asked_for_is_refused(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for path in (tmp_path / "loop", tmp_path / ("x" * 300), tmp_path / "a\0b"):
        with pytest.raises(ConfigError):
            load(path)
    (tmp_path / "debwright.toml").symlink_to("nowhere")
    with pytest.raises(ConfigError, match="there is no"):
        load(tmp_path)


def test_a_file_is_looked_for_up_to_the_git_root(tmp_path: Path) -> None:
    write(tmp_path, "[targets]\njobs = 9")
    root = tmp_path / "repo"
    deep = root / "a" / "b"
    deep.mkdir(parents=True)
    assert load(deep).path is None
    (root / ".git").mkdir()
    assert load(deep) == LoadedConfig(config=Config(), start=deep)
    path = write(root, "[targets]\njobs = 3")
    loaded = load(deep)
    assert (loaded.path, loaded.config.targets.jobs) == (path, 3)
    assert loaded.resolve("x/y") == root / "x" / "y"
    assert loaded.resolve("/abs") == Path("/abs")
    assert loaded.resolve("~/k") == Path.home() / "k"


def test_pyproject_counts_only_with_its_table(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    inner = tmp_path / "inner"
    inner.mkdir()
    write(inner, "[project]\nname = 'x'", "pyproject.toml")
    write(tmp_path, "[tool.debwright.targets]\njobs = 5", "pyproject.toml")
    assert load(inner).config.targets.jobs == 5
    with pytest.raises(ConfigError, match="no table"):
        load(inner / "pyproject.toml")
    write(tmp_path, "[targets]\njobs = 6")
    assert load(tmp_path).config.targets.jobs == 6


def test_lines_of_a_pyproject(tmp_path: Path) -> None:
    path = write(
        tmp_path, "[project]\nname = 'x'\n[tool.debwright.targets]\njbos = 1", "pyproject.toml"
    )
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert caught.value.evidence[0].line == 4


def test_the_current_directory_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "[targets]\njobs = 7")
    monkeypatch.chdir(tmp_path)
    assert load().config.targets.jobs == 7
    write(tmp_path, "jbos = 7")
    with pytest.raises(ConfigError) as caught:
        load()
    assert caught.value.evidence[0].file == "debwright.toml"


def test_names_of_checks_are_checked_by_whoever_knows_them(tmp_path: Path) -> None:
    loaded = load(write(tmp_path, "[checks]\ninstall = 'off'\nlintain = 'warn'"))
    validate_check_names(loaded, {"install", "lintain"})
    with pytest.raises(ConfigError, match="lintain") as caught:
        validate_check_names(loaded, ["install", "lintian"])
    assert caught.value.evidence[0].line == 3
    assert caught.value.fix == "write `lintian`"
    with pytest.raises(ConfigError, match="lintain"):
        validate_check_names(loaded.config, ["install", "lintian"])


def test_a_waiver_ends() -> None:
    waiver = Waiver(code="service/*", target="*-arm64", reason="x", until=date(2027, 1, 31))
    assert waiver.covers("service/slow", "bookworm-arm64", date(2027, 1, 31))
    assert not waiver.covers("service/slow", "bookworm-arm64", date(2027, 2, 1))
    assert not waiver.covers("service/slow", "bookworm-amd64", date(2027, 1, 1))
    assert not waiver.covers("lintian/x", "bookworm-arm64", date(2027, 1, 1))


def test_ports() -> None:
    assert Port.parse("[::1]:53/udp") == Port("::1", 53, "udp")
    assert Port.parse("*:80/tcp") == Port("*", 80, "tcp")


values = st.recursive(
    st.one_of(st.text(max_size=8), st.integers(), st.booleans(), st.floats(), st.dates()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)
KEYS = sorted(
    {name for model in sections(Config.whole()) for name in model.model_fields} | {"x", "sid"}
)


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, date | float):
        return str(value)
    return json.dumps(value)


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(KEYS),
        st.one_of(values, st.dictionaries(st.sampled_from(KEYS), values, max_size=4)),
        max_size=4,
    )
)
def test_any_document_is_read_or_refused_with_lines(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, Any]
) -> None:
    path = tmp_path_factory.getbasetemp() / "debwright.toml"
    path.write_text("".join(f"{k} = {toml(v)}\n" for k, v in document.items()))
    try:
        load(path, host="amd64")
    except ConfigError as error:
        assert all(item.file and item.line for item in error.evidence)
        assert error.cause
        assert error.fix
