"""[go]: when modules are collected again, from where, and what failures mean."""

import shutil
from pathlib import Path

import pytest

from debwright.config import Config
from debwright.host.process import Completed
from debwright.model.errors import ExitCode, UsageError
from debwright.source.carriers.go import CARRIER, explain
from debwright.source.vendoring import Vendoring


def failed(said: str) -> Completed:
    return Completed(argv=("go",), returncode=1, output="", error=said)


def config(**go: str) -> Config:
    return Config.model_validate({"targets": {"build": ["bookworm-amd64"]}, "go": go})


def asked(directory: Path, **go: str) -> Vendoring:
    found = CARRIER.asked(config(**go), directory)
    assert isinstance(found, Vendoring)
    return found


@pytest.fixture
def module(tmp_path: Path) -> Path:
    (tmp_path / "go.mod").write_text("module a.b/c\nrequire x.y/z v1.0.0\n")
    (tmp_path / "go.sum").write_text("x.y/z v1.0.0 h1:a\n")
    (tmp_path / "main.go").write_text('package main\nimport "x.y/z/one"\n')
    return tmp_path


def test_only_requirements_and_imports_decide(module: Path) -> None:
    first = asked(module).digest
    (module / "main.go").write_text('package main\nimport "x.y/z/one"\nfunc main() { one.F() }\n')
    assert asked(module).digest == first
    (module / "main.go").write_text('package main\nimport "x.y/z/two"\n')
    assert asked(module).digest != first
    (module / "main.go").write_text('package main\nimport "x.y/z/one"\n')
    (module / "go.sum").write_text("x.y/z v1.0.0 h1:b\n")
    assert asked(module).digest != first
    assert asked(module, toolchain="golang-1.23-go").digest != asked(module).digest


def test_another_project_with_the_same_requirements_shares_nothing(
    module: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Its files can make the tool run what writes other modules where the downloads are."""
    other = tmp_path_factory.mktemp("other") / "project"
    shutil.copytree(module, other)
    assert asked(other).digest != asked(module).digest
    assert asked(other)._project != asked(module)._project


def test_without_go_sum_nothing_can_be_checked(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text("module a.b/c\n")
    with pytest.raises(UsageError, match=r"no go\.sum"):
        asked(tmp_path)


def test_the_environment_says_from_where(module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = module / "proxy"
    proxy.mkdir()
    monkeypatch.setenv("GOPROXY", f"https://one.example,file://{proxy}|direct")
    monkeypatch.setenv("GOFLAGS", "-toolexec=/bin/evil")
    tool = asked(module, toolchain="golang-1.23-go").tool
    assert tool.environment["GOPROXY"].startswith("https://one.example")
    assert "toolexec" not in str(tool.environment)
    assert [bind.source for bind in tool.binds] == [proxy]
    assert all(bind.read_only for bind in tool.binds)
    assert tool.command[0] == "/usr/lib/go-1.23/bin/go"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("go: updates to go.mod needed", "vendor/lock"),
        ("go: a.b/c imports\n\tx.y/z: missing go.sum entry for module", "vendor/lock"),
        ("verifying x.y/z@v1.0.0: checksum mismatch\n\nSECURITY ERROR", "vendor/hash"),
        ("go: x.y/z@v1.0.0 requires go >= 1.24 (running go 1.19)", "vendor/too-old"),
        ("go: errors parsing go.mod:\ngo.mod:3: invalid go version '1.22.0'", "vendor/too-old"),
        ("go: something else", "vendor/failed"),
    ],
)
def test_failures_have_a_code(said: str, code: str) -> None:
    error = explain(failed(said), "https://proxy.example")
    assert getattr(error, "code", None) == code
    assert error.evidence


@pytest.mark.parametrize(
    "said",
    [
        'go: x.y/z@v1.0.0: Get "https://proxy.golang.org/x.y/z/@v/v1.0.0.mod": dial tcp: lookup '
        "proxy.golang.org on 10.0.0.1:53: no such host",
        'go: x.y/z@v1.0.0: Get "https://proxy.golang.org/": Forbidden\nproxyconnect tcp: EOF',
        "go: x.y/z@v1.0.0: reading https://proxy.golang.org/: 403 Forbidden",
    ],
)
def test_an_unreachable_proxy_is_the_environments_fault(said: str) -> None:
    error = explain(failed(said), "https://proxy.golang.org,direct")
    assert error.exit_code == ExitCode.MISSING
    assert "https://proxy.golang.org,direct" in str(error)
    assert "GOPROXY=" in str(error.fix)
