"""A project of Node as its author has it becomes debian/ and debwright.toml."""

import json
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.kit.npm import Made, package_lock, registry

from debwright.init.ecosystem import recognise
from debwright.init.model import Project
from debwright.init.render import render
from debwright.model.errors import UsageError

EXPRESS = Made(name="express", version="4.18.2", more={"engines": {"node": ">= 0.10.0"}})
NATIVE = Made(name="fast", files={"binding.gyp": "{}"}, more={"hasInstallScript": True})
TSC = Made(name="typescript", version="5.0.0", more={"dev": True})
SHARP = Made(name="sharp-linux-x64", more={"optional": True, "os": ["linux"], "cpu": ["x64"]})
SERVER = "const p = process.env.PORT || 3001\napp.get('/healthz', f)\napp.listen(p)\n"


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("DEBEMAIL", "DEBFULLNAME", "NPM_CONFIG_REGISTRY"):
        monkeypatch.delenv(name, raising=False)
    with registry([EXPRESS, NATIVE, TSC, SHARP]) as (url, _):
        monkeypatch.setenv("npm_config_registry", url)
        yield


def read(
    home: Path, package: Mapping[str, Any], lock: Mapping[str, Made] | None = None, **files: str
) -> tuple[Project, dict[str, str]]:
    """The project, and the files that are written for it."""
    home = home / "project"
    home.mkdir()
    (home / "package.json").write_text(json.dumps(package))
    if lock is not None:
        (home / "package-lock.json").write_text(package_lock(lock))
    for name, text in files.items():
        (home / name.replace("_", ".")).write_text(text)
    found = recognise(home)
    assert found.name == "node"
    project = found.read(home)
    written, _ = render(project)
    return project, {file.path: file.text for file in written}


def test_a_service_with_dependencies_and_no_build(tmp_path: Path) -> None:
    package = {
        "name": "@shop/Hello_Web", "version": "1.2.0-rc.1", "description": "Greets people",
        "author": "Ann <ann@example.org>", "license": "MIT",
        "scripts": {"start": "node server.js", "test": "jest"}, "dependencies": {"express": "^4"},
    }  # fmt: skip
    project, files = read(tmp_path, package, {"express": EXPRESS}, server_js=SERVER)
    assert (project.package, project.version) == ("hello-web", "1.2.0~rc.1")
    assert (project.architecture, project.targets[0]) == ("all", "bookworm-amd64")
    assert project.author is not None
    config = tomllib.loads(files["debwright.toml"])
    assert config["npm"] == {"lock": "package-lock.json"}
    assert config["service"]["health_url"] == "http://127.0.0.1:3001/healthz"
    # Nothing says where it listens, so no check is told that it is nowhere else.
    assert "ports" not in config["service"]
    unit = files["debian/hello-web.service"]
    assert "ExecStart=/usr/bin/node /usr/share/hello-web/server.js\n" in unit
    assert "Environment=PORT=3001\n" in unit
    assert "WorkingDirectory=/usr/share/hello-web\n" in unit
    rules = files["debian/rules"]
    assert "npm run" not in rules
    assert "--dev" not in rules
    assert "Depends: ${misc:Depends},\n         nodejs\n" in files["debian/control"]
    assert "./node_modules\n" in files["debian/left-out"]


def test_typescript_is_built_with_what_developers_have(tmp_path: Path) -> None:
    package = {
        "name": "typed", "version": "1.0.0",
        "scripts": {"start": "npm run build && node dist/server.js", "build": "tsc -p ."},
        "dependencies": {"express": "^4"}, "devDependencies": {"typescript": "5.0.0"},
        "engines": {"node": ">=20"},
    }  # fmt: skip
    lock = {"express": EXPRESS, "typescript": TSC}
    project, files = read(tmp_path, package, lock, server_ts=SERVER)
    assert project.targets == ("trixie-amd64", "trixie-arm64")
    rules = files["debian/rules"]
    assert "install --arch $(DEB_BUILD_ARCH) --dev --target ." in rules
    assert "npm run build --offline" in rules
    assert "install --arch $(DEB_HOST_ARCH) --target debian/typed/usr/share/typed" in rules
    assert "npm:native" in files["debian/control"]
    assert "nodejs (>= 20)" in files["debian/control"]
    assert "/usr/share/typed/dist/server.js" in files["debian/typed.service"]


def test_only_direct_dependencies_choose_the_suite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dependency of a dependency that asks for a newer node is what npm only warns of."""
    package = {"name": "deep", "version": "1.0.0", "dependencies": {"express": "1"}}
    deep = Made(name="fast", files=NATIVE.files, more={"engines": {"node": ">=20"}})
    with registry([EXPRESS, deep]) as (url, _):
        monkeypatch.setenv("npm_config_registry", url)
        project, _ = read(tmp_path, package, {"express": EXPRESS, "fast": deep}, server_js=SERVER)
    assert project.targets[0] == "bookworm-amd64"


def test_what_is_compiled_is_for_one_architecture_and_one_node(tmp_path: Path) -> None:
    package = {
        "name": "quick",
        "version": "1.0.0",
        "main": "server.js",
        "dependencies": {"fast": "1"},
    }
    project, files = read(tmp_path, package, {"fast": NATIVE}, server_js=SERVER)
    assert project.architecture == "any"
    assert "${node:Depends}" in files["debian/control"]
    assert "node-gyp:native" in files["debian/control"]
    assert "node:Depends=nodejs (>= $(shell node -p" in files["debian/rules"]
    assert "/usr/lib/quick/server.js" in files["debian/quick.service"]


def test_programs_for_one_machine_are_left_as_they_are(tmp_path: Path) -> None:
    package = {
        "name": "pics", "version": "1.0.0", "dependencies": {"express": "1"},
        "optionalDependencies": {"sharp-linux-x64": "1"},
    }  # fmt: skip
    lock = {"express": EXPRESS, "sharp-linux-x64": SHARP}
    project, files = read(tmp_path, package, lock, server_js=SERVER)
    assert project.architecture == "any"
    assert "override_dh_strip:\n" in files["debian/rules"]


def test_nothing_is_fetched_for_a_project_without_dependencies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    project, files = read(tmp_path, {"name": "plain", "version": "1.0.0"}, server_js=SERVER)
    assert "npm" not in tomllib.loads(files["debwright.toml"])
    assert "npm-tarballs" not in files["debian/rules"].replace("debian/left-out", "")
    assert project.service is not None


def test_a_tool_has_no_service_and_says_its_version(tmp_path: Path) -> None:
    package = {"name": "tidy", "version": "1.0.0", "bin": {"tidy": "./cli.js"}}
    project, files = read(tmp_path, package, cli_js="#!/usr/bin/env node\n")
    assert project.service is None
    assert tomllib.loads(files["debwright.toml"])["smoke"] == ["tidy --version"]
    assert files["debian/tidy.links"] == "usr/share/tidy/cli.js usr/bin/tidy\n"


def test_what_developers_try_out_a_command_with_starts_no_service(tmp_path: Path) -> None:
    package = {
        "name": "tidy",
        "version": "1.0.0",
        "bin": {"tidy": "./cli.js"},
        "scripts": {"start": "ts-node src/cli.ts --port 1"},
    }
    project, _ = read(tmp_path, package, cli_js="#!/usr/bin/env node\n")
    assert project.service is None


@pytest.mark.parametrize("extra", [{}, {"scripts": {"start": "vite", "build": "vite build"}}])
def test_what_only_makes_pages_goes_behind_a_web_server(
    tmp_path: Path, extra: dict[str, Any]
) -> None:
    package = {
        "name": "front", "version": "1.0.0", "scripts": {"build": "vue-tsc && vite build"},
        "dependencies": {"fast": "1"}, "devDependencies": {"vue": "1", "typescript": "5"}, **extra,
    }  # fmt: skip
    lock = {"fast": NATIVE, "typescript": TSC}
    project, files = read(tmp_path, package, lock, index_html="<div id=app>")
    assert project.architecture == "all"
    assert [(u.name, u.theirs) for u in project.units] == [("nginx.service", True)]
    assert "npm run build --offline" in files["debian/rules"]
    assert "try_files $uri $uri/ /index.html;" in files["debian/site/front"]
    assert "node" not in files["debian/control"].partition("Package:")[2]


@pytest.mark.parametrize(("output", "pages"), [("output: 'export'", True), ("", False)])
def test_pages_that_next_exports(tmp_path: Path, output: str, pages: bool) -> None:
    package = {
        "name": "shop", "version": "1.0.0", "dependencies": {"express": "1"},
        "scripts": {"build": "next build", "start": "next start"},
    }  # fmt: skip
    config = f"export default {{ {output} }}"
    project, _ = read(tmp_path, package, {"express": EXPRESS}, next_config_js=config)
    assert project.units[0].name == ("nginx.service" if pages else "shop.service")


def test_scripts_that_call_another_package_manager(tmp_path: Path) -> None:
    """The build has npm only, and a stand-in for yarn that runs scripts with it."""
    package = {
        "name": "typed", "version": "1.0.0", "main": "dist/a.js", "dependencies": {"express": "1"},
        "scripts": {"build": "yarn clean && pnpm run compile", "clean": "rm -rf dist"},
    }  # fmt: skip
    _, files = read(tmp_path, package, {"express": EXPRESS})
    assert {"debian/runners/yarn", "debian/runners/pnpm"} <= set(files)
    assert "PATH=$(CURDIR)/debian/runners:$$PATH npm run build" in files["debian/rules"]
    bin_ = tmp_path / "bin"
    (tmp_path / "node_modules/.bin").mkdir(parents=True)
    bin_.mkdir()
    for path, text in {
        bin_ / "yarn": files["debian/runners/yarn"],
        bin_ / "npm": '#!/bin/sh\necho npm "$@"\n',
        bin_ / "node": '#!/bin/sh\n[ "$3" = clean ]\n',
        tmp_path / "node_modules/.bin/tsc": '#!/bin/sh\necho tsc "$@"\n',
    }.items():
        path.write_text(text)
        path.chmod(0o755)

    def said(*words: str) -> str:
        return subprocess.run(
            [bin_ / "yarn", *words], cwd=tmp_path, text=True, capture_output=True, check=True,
            env={"PATH": f"{bin_}:/usr/bin:/bin"},
        ).stdout.strip()  # fmt: skip

    assert said("-s", "clean", "--all") == "npm run clean --offline -- --all"
    assert said("run", "clean") == "npm run clean --offline --"
    assert said("tsc", "-p", ".") == "tsc -p ."
    assert said("install", "--frozen-lockfile") == said() == ""


def test_a_worker_gets_no_port(tmp_path: Path) -> None:
    package = {"name": "worker", "version": "1.0.0", "scripts": {"start": "node worker.js"}}
    _, files = read(tmp_path, package, worker_js="setInterval(work, 1000)")
    assert "health_url" not in tomllib.loads(files["debwright.toml"])["service"]


def test_what_it_writes_next_to_its_source_goes_to_its_state(tmp_path: Path) -> None:
    text = SERVER + "new Database('app.db'); fs.mkdirSync('uploads')"
    _, files = read(tmp_path, {"name": "notes", "version": "1.0.0"}, server_js=text)
    assert (
        "ln -s /var/lib/notes/app.db debian/notes/usr/share/notes/app.db" in files["debian/rules"]
    )
    assert "ExecStartPre=/bin/mkdir -p /var/lib/notes/uploads" in files["debian/notes.service"]


@pytest.mark.parametrize("package", [{"name": "x1"}, {"name": "x1", "scripts": {"start": "a | b"}}])
def test_without_a_command_it_says_so(tmp_path: Path, package: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="which command starts"):
        read(tmp_path, package)


def test_a_name_cannot_lead_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a name"):
        read(tmp_path, {"name": "x; rm -rf /"}, server_js=SERVER)
    (tmp_path / "project").rename(tmp_path / "other")
    package = {"name": "x1", "bin": {"../../evil": "a.js", "ok": "../../etc/passwd"}}
    project, _ = read(tmp_path, package, server_js=SERVER)
    assert project.programs == ()
