"""[cargo]: when crates are collected again, from where, and what failures mean."""
# ruff: noqa: E501 - what tools say is not broken

import tomllib
from pathlib import Path

import pytest

from debwright.config import Config
from debwright.host.process import Completed
from debwright.model.errors import ExitCode, UsageError
from debwright.source.carriers.cargo import CARRIER, explain
from debwright.source.vendoring import Vendoring


def failed(said: str) -> Completed:
    return Completed(argv=("cargo",), returncode=101, output="", error=said)


def asked(directory: Path) -> Vendoring:
    made = Config.model_validate({"targets": {"build": ["bookworm-amd64"]}, "cargo": {}})
    found = CARRIER.asked(made, directory)
    assert isinstance(found, Vendoring)
    return found


@pytest.fixture
def crate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CARGO_HOME", str(tmp_path / "home"))
    directory = tmp_path / "crate"
    (directory / "src").mkdir(parents=True)
    (directory / "Cargo.toml").write_text('[package]\nname = "a"\n')
    (directory / "Cargo.lock").write_text("version = 3\n")
    (directory / "src/main.rs").write_text("fn main() {}\n")
    return directory


def test_only_manifests_and_the_lock_decide(crate: Path) -> None:
    first = asked(crate).digest
    (crate / "src/main.rs").write_text("fn main() { f() }\n")
    assert asked(crate).digest == first
    (crate / "Cargo.lock").write_text("version = 4\n")
    assert asked(crate).digest != first


def test_without_a_lock_nothing_can_be_checked(crate: Path) -> None:
    (crate / "Cargo.lock").unlink()
    with pytest.raises(UsageError, match=r"no Cargo\.lock"):
        asked(crate)


def test_a_persons_sources_hold_and_nothing_else_of_theirs(crate: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "mirror").mkdir()
    (tmp_path / "home/config.toml").write_text(
        '[source.crates-io]\nreplace-with = "mine"\n'
        f'[source.mine]\ndirectory = "{tmp_path}/mirror"\n'
        '[registry]\ntoken = "secret"\n[build]\nrustc-wrapper = "/bin/evil"\n'
    )
    tool = asked(crate).tool
    said = tool.environment["CARGO_CONFIGURATION"]
    assert '[source."crates-io"]\nreplace-with = "mine"' in said
    assert "secret" not in said
    assert "evil" not in said
    assert [bind.source for bind in tool.binds] == [tmp_path / "mirror"]
    assert tool.command[-1] == "--respect-source-config"
    error = tool.explain(failed("error: no matching package named `x` found"))
    assert f"{tmp_path}/mirror" in str(error)


def test_without_settings_crates_io_is_asked(crate: Path) -> None:
    tool = asked(crate).tool
    assert tool.binds == ()
    assert "--respect-source-config" not in tool.command


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (
            "error: the lock file /x/Cargo.lock needs to be updated but --locked was passed",
            "vendor/lock",
        ),
        ("error: checksum for `log v0.4.17` changed between lock files", "vendor/hash"),
        ("lock file version `4` was found, but this version of Cargo does not", "vendor/too-old"),
        ("feature `edition2024` is required", "vendor/too-old"),
        ("error: something else", "vendor/failed"),
    ],
)
def test_failures_have_a_code(said: str, code: str) -> None:
    error = explain(failed(said), "https://index.crates.io")
    assert getattr(error, "code", None) == code
    assert error.evidence


@pytest.mark.parametrize(
    "said",
    [
        "error: failed to sync\n\nCaused by:\n  [6] Could not resolve hostname (Could not resolve host: "
        "index.crates.io)",
        "download of config.json failed\n[7] Couldn't connect to server (Failed to connect to "
        "index.crates.io port 443)",
        "failed to get successful HTTP response from `https://index.crates.io/config.json`, got 403",
    ],
)
def test_an_unreachable_registry_is_the_environments_fault(said: str) -> None:
    error = explain(failed(said), "https://index.crates.io")
    assert error.exit_code == ExitCode.MISSING
    assert "https://index.crates.io" in str(error)
    assert "replace-with" in str(error.fix)


@pytest.mark.parametrize(
    "said",
    [
        "",
        '[source.crates-io]\nreplace-with = "vendored-sources"\n\n'
        '[source.vendored-sources]\ndirectory = "/somewhere/vendor"\n',
        '[source."git+https://a.example/b.git"]\ngit = "https://a.example/b.git"\n'
        'replace-with = "vendored-sources"\n\n[source.vendored-sources]\ndirectory = "vendor"\n',
    ],
)
def test_the_component_says_how_its_crates_are_found(crate: Path, said: str) -> None:
    (crate / "vendor/log-1.0.0").mkdir(parents=True)
    done = Completed(argv=("cargo",), returncode=0, output=said)
    assert asked(crate).tool.finish(crate, done) == 1
    sources = tomllib.loads((crate / "vendor/.debwright.toml").read_text())["source"]
    assert sources["crates-io"] == {"replace-with": "vendored-sources"}
    assert sources["vendored-sources"] == {"directory": "vendor"}
    assert all(
        s.get("replace-with", "vendored-sources") == "vendored-sources" for s in sources.values()
    )
