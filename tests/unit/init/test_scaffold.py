"""`scaffold` as a whole: what it writes for a project, and what it refuses."""

import re
import shutil
import stat
import tomllib
from pathlib import Path

import pytest
from debian.changelog import Changelog
from debian.copyright import Copyright
from debian.deb822 import Deb822
from tests.kit.wheels import Index

from debwright.init import scaffold
from debwright.model.errors import UsageError

PROJECTS = Path(__file__).parents[2] / "projects"
BACKENDS = {
    "setuptools.build_meta": "python3-setuptools",
    "hatchling.build": "python3-hatchling",
    "flit_core.buildapi": "flit",
    "poetry.core.masonry.api": "python3-poetry-core",
}


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Neither git nor the environment knows who works here."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path_factory.getbasetemp()))
    for name in ("DEBFULLNAME", "DEBEMAIL"):
        monkeypatch.delenv(name, raising=False)


SERVER = "from http.server import HTTPServer\nHTTPServer(where(), None).serve_forever()\n"
WORKER = "import time\nwhile True:\n    time.sleep(1)\n"


def make(
    directory: Path,
    *,
    name: str = "my-service",
    backend: str = "setuptools.build_meta",
    extra: str = "",
    source: str = SERVER,
    scripts: str = 'my-service = "my_service.main:main"',
) -> Path:
    (directory / "src" / "my_service").mkdir(parents=True)
    (directory / "src" / "my_service" / "__init__.py").touch()
    (directory / "src" / "my_service" / "main.py").write_text(source)
    (directory / "pyproject.toml").write_text(
        f'[build-system]\nrequires = []\nbuild-backend = "{backend}"\n\n'
        f'[project]\nname = {name!r}\nversion = "1.2.3"\n{extra}\n'
        + (f"[project.scripts]\n{scripts}\n" if scripts else "")
    )
    return directory


def paragraphs(directory: Path) -> list[Deb822]:
    with (directory / "debian" / "control").open(encoding="utf-8") as file:
        return list(Deb822.iter_paragraphs(file, use_apt_pkg=False))


def items(field: str) -> list[str]:
    return [item.strip() for item in field.split(",")]


def test_plain_service(tmp_path: Path) -> None:
    project = tmp_path / "plain"
    shutil.copytree(PROJECTS / "plain-service", project)
    result = scaffold(project)
    assert result.notes == ()
    assert (project / ".github/workflows/release.yml").is_file()
    assert (project / ".gitignore").read_text() == "# Built by debwright.\n/dist/\n"
    created = sorted(str(p.relative_to(project)) for p in result.created)
    assert [path for path in created if not path.startswith((".github/", ".gitignore"))] == [
        "debian/.debwright-init.json",
        "debian/changelog",
        "debian/clean",
        "debian/control",
        "debian/copyright",
        "debian/plain-service.1",
        "debian/plain-service.lintian-overrides",
        "debian/plain-service.manpages",
        "debian/plain-service.postrm",
        "debian/plain-service.service",
        "debian/plain-service.sysusers",
        "debian/rules",
        "debian/source/format",
        "debian/tests/control",
        "debwright.toml",
    ]
    source, package = paragraphs(project)
    assert source["Source"] == package["Package"] == "plain-service"
    assert source["Maintainer"] == "Ada Example <ada@example.org>"
    assert "python3-setuptools" in items(source["Build-Depends"])
    assert package["Architecture"] == "all"
    assert package["Description"].splitlines()[0] == (
        "HTTP service with nothing but the standard library"
    )
    changelog = Changelog((project / "debian" / "changelog").read_text())
    assert (changelog.package, str(changelog.version)) == ("plain-service", "0.3.0-1")
    copyright_ = Copyright((project / "debian" / "copyright").open(encoding="utf-8"))
    licence = next(copyright_.all_license_paragraphs()).license
    assert "Expat" in str(licence)
    assert "WITHOUT WARRANTY OF ANY KIND" in str(licence)
    config = tomllib.loads((project / "debwright.toml").read_text())
    assert config["service"]["health_url"] == "http://127.0.0.1:8377/health"
    assert config["service"]["unit"] == "plain-service.service"
    assert "# Port from src/plain_service/main.py:27." in (project / "debwright.toml").read_text()
    unit = (project / "debian" / "plain-service.service").read_text()
    assert "ExecStart=/usr/bin/plain-service\n" in unit
    assert "User=_plain-service\n" in unit
    assert stat.S_IMODE((project / "debian" / "rules").stat().st_mode) == 0o755


def test_fastapi_service(tmp_path: Path) -> None:
    project = tmp_path / "fastapi"
    shutil.copytree(PROJECTS / "fastapi-service", project)
    assert scaffold(project).notes == ()
    source, package = paragraphs(project)
    needed = items(source["Build-Depends"])
    assert {"python3-fastapi <!nocheck>", "python3-yaml <!nocheck>"} <= set(needed)
    assert "python3-pytest <!nocheck>" in needed
    assert "python3-uvicorn" not in items(package["Depends"])  # dh-python adds it
    unit = (project / "debian" / "fastapi-service.service").read_text()
    assert (
        "ExecStart=/usr/bin/python3 -m uvicorn --host 127.0.0.1 --port 8000 "
        "fastapi_service.app:app\n"
    ) in unit
    changelog = Changelog((project / "debian" / "changelog").read_text())
    assert str(changelog.version) == "2.1.0~rc1-1"


@pytest.mark.parametrize(("backend", "package"), BACKENDS.items())
def test_backends(tmp_path: Path, backend: str, package: str) -> None:
    scaffold(make(tmp_path, backend=backend))
    assert package in items(paragraphs(tmp_path)[0]["Build-Depends"])


def test_unknown_backend_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="maturin"):
        scaffold(make(tmp_path, backend="maturin"))


def test_what_debian_lacks_is_carried(tmp_path: Path, index: Index) -> None:
    index.add_wheel("no-such-thing-at-all", "2.1")
    index.add_wheel("pydantic", "2.5")
    index.add_wheel("httpx", "0.27")
    index.add_wheel("setuptools", "80.0")
    index.add_wheel("wheel", "0.45")
    make(tmp_path, extra='dependencies = ["no-such-thing-at-all>=2", "pydantic>=2", "httpx"]')
    (tmp_path / "tests").mkdir()
    notes = "\n".join(scaffold(tmp_path).notes)
    assert "no-such-thing-at-all>=2: Debian does not have it" in notes
    assert "pydantic>=2: bookworm has 1.10" in notes
    config = tomllib.loads((tmp_path / "debwright.toml").read_text())
    assert config["wheelhouse"]["lock"] == "debian/requirements.lock"
    assert "httpx==0.27 " in (tmp_path / "debian/requirements.lock").read_text()
    assert "PRIVATE_TREE_OPTIONS = --build" in (tmp_path / "debian/rules").read_text()
    assert "python3-httpx" not in (tmp_path / "debian/control").read_text()


def test_a_synopsis_does_not_begin_with_the_name_of_the_package(tmp_path: Path) -> None:
    """lintian: description-starts-with-package-name, an error."""
    scaffold(make(tmp_path))
    assert paragraphs(tmp_path)[1]["Description"].splitlines()[0] == "service my-service"


def test_guesses_are_marked(tmp_path: Path) -> None:
    notes = scaffold(make(tmp_path, source="import http.server\n")).notes
    assert sum("--answer port=" in note or "--answer health-path=" in note for note in notes) == 2
    text = (tmp_path / "debwright.toml").read_text()
    assert "# The port is a guess" in text
    assert "# The path is a guess" in text


def test_a_worker_has_no_port(tmp_path: Path) -> None:
    """Nothing takes connections: no port is invented, and nobody is asked to correct one."""
    notes = scaffold(
        make(tmp_path, source=f"import redis\nr = redis.Redis(port=6379)\n{WORKER}")
    ).notes
    assert not any("guess" in note for note in notes)
    config = tomllib.loads((tmp_path / "debwright.toml").read_text())
    assert config["service"].keys() & {"unit", "health_url", "ports"} == {"unit"}


def test_what_the_project_says_beats_a_guess(tmp_path: Path) -> None:
    make(
        tmp_path,
        source=f"PORT = 1111\nx = '/healthz'\n{WORKER}",
        scripts='my-service = "my_service.main:main"\n\n'
        '[tool.debwright.service]\nhealth_url = "http://localhost:2222/up"',
    )
    scaffold(tmp_path)
    config = tomllib.loads((tmp_path / "debwright.toml").read_text())
    assert config["service"]["health_url"] == "http://127.0.0.1:2222/up"


def test_a_health_url_elsewhere_is_refused(tmp_path: Path) -> None:
    make(
        tmp_path,
        scripts='a = "b:c"\n\n[tool.debwright.service]\nhealth_url = "http://example.org/"',
    )
    with pytest.raises(UsageError, match="health_url"):
        scaffold(tmp_path)


def test_privileged_port_gets_the_one_capability(tmp_path: Path) -> None:
    scaffold(make(tmp_path, source="import http.server\nport = 80\n"))
    unit = (tmp_path / "debian" / "my-service.service").read_text()
    assert "AmbientCapabilities=CAP_NET_BIND_SERVICE\n" in unit


def test_compiled_project_is_built_for_each_architecture(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "setup.py").write_text("setup(ext_modules=[Extension('a', ['a.c'])])")
    scaffold(tmp_path)
    source, package = paragraphs(tmp_path)
    assert package["Architecture"] == "any"
    assert {"python3-dev:any", "libpython3-dev"} <= set(items(source["Build-Depends"]))
    assert "${shlibs:Depends}" in items(package["Depends"])


def test_settings_go_to_etc(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "my-service.toml").touch()
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "config.yaml").touch()
    scaffold(tmp_path)
    assert (tmp_path / "debian" / "my-service.install").read_text() == (
        "my-service.toml etc/my-service\netc/config.yaml etc/my-service\n"
    )


def test_force(tmp_path: Path) -> None:
    scaffold(make(tmp_path))
    before = (tmp_path / "debian" / "changelog").read_text()
    (tmp_path / "debian" / "changelog").write_text(before.replace("First release", "Mine"))
    (tmp_path / "debian" / "control").write_text("mine\n")
    (tmp_path / "debian" / "other").write_text("mine\n")
    scaffold(tmp_path)
    assert (tmp_path / "debian" / "control").read_text() == "mine\n"
    scaffold(tmp_path, force=True)
    assert "Source: my-service" in (tmp_path / "debian" / "control").read_text()
    assert (tmp_path / "debian" / "other").read_text() == "mine\n"
    assert "Mine" in (tmp_path / "debian" / "changelog").read_text()


def test_what_init_did_not_write_is_refused(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "debian").mkdir()
    (tmp_path / "debian" / "control").write_text("mine\n")
    (tmp_path / "debian" / "source").mkdir()
    (tmp_path / "debian" / "source" / "format").write_text("3.0 (quilt)\n")
    with pytest.raises(UsageError) as raised:
        scaffold(tmp_path)
    assert [e.text for e in raised.value.evidence] == ["debian/control"]
    assert raised.value.fix == f"debwright -C {tmp_path} init --force --dry-run"
    assert (tmp_path / "debian" / "control").read_text() == "mine\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["debian", "pyproject.toml", "src"]


def test_one_file_in_the_way_keeps_all_unwritten(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "debwright.toml").write_text("# mine\n")
    with pytest.raises(UsageError):
        scaffold(tmp_path)
    assert not (tmp_path / "debian").exists()


@pytest.mark.parametrize("link", ["debian", "debian/source", "debian/control", "debwright.toml"])
@pytest.mark.parametrize("force", [False, True])
def test_links_out_of_the_directory_are_refused(tmp_path: Path, link: str, force: bool) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    project = make(tmp_path / "project")
    (project / link).parent.mkdir(exist_ok=True)
    (project / link).symlink_to(outside)
    with pytest.raises(UsageError, match="symbolic link"):
        scaffold(project, force=force)
    assert list(outside.iterdir()) == []


def test_licence_linked_from_elsewhere_is_not_copied(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a password")
    project = make(tmp_path / "project", extra='license = { file = "../secret" }')
    (project / "LICENSE").symlink_to(tmp_path / "secret")
    scaffold(project)
    assert "a password" not in (project / "debian" / "copyright").read_text()


@pytest.mark.parametrize(
    "name",
    [
        "", "a", "../../etc/passwd", "a/b", "a b", "-rf", "a\nb", "a;reboot", "$(id)", "a'b",
        "%{x}", "x" * 61, "\u00fcber", ".hidden", "a\x00b",
    ],
)  # fmt: skip
def test_hostile_names_are_refused(tmp_path: Path, name: str) -> None:
    make(tmp_path)
    text = (tmp_path / "pyproject.toml").read_text()
    quoted = '"' + "".join(f"\\u{ord(c):04x}" for c in name) + '"'
    (tmp_path / "pyproject.toml").write_text(text.replace("'my-service'", quoted))
    with pytest.raises(UsageError):
        scaffold(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["pyproject.toml", "src"]


@pytest.mark.parametrize(
    "scripts",
    ['"a b" = "m:f"', '"../x" = "m:f"', 'x = "m:f\\nExecStartPre=/bin/evil"', '"x%h" = "m:f"'],
)
def test_hostile_commands_are_refused(tmp_path: Path, scripts: str) -> None:
    with pytest.raises(UsageError, match=r"project\.scripts"):
        scaffold(make(tmp_path, scripts=scripts))


def test_hostile_texts_stay_on_their_line(tmp_path: Path) -> None:
    make(
        tmp_path,
        extra=r'description = "x\nExecStartPre=/bin/evil\n${misc:Depends} %h \\"' + "\n"
        r'authors = [{ name = "A\nEvil: yes <", email = "a@example.org" }]' + "\n"
        r'urls = { Homepage = "https://example.org/\nEvil: yes" }',
    )
    scaffold(tmp_path)
    source, package = paragraphs(tmp_path)
    assert "Evil" not in source
    assert "Homepage" not in source
    assert "${misc:" not in package["Description"]
    unit = (tmp_path / "debian" / "my-service.service").read_text()
    assert not re.search(r"^ExecStartPre", unit, re.M)
    assert "%%h" in unit
    assert not re.search(r"\\$", unit, re.M)


def test_a_library_has_no_unit(tmp_path: Path) -> None:
    scaffold(make(tmp_path, scripts="", source=""))
    assert not list((tmp_path / "debian").glob("*.service"))
    assert "service" not in tomllib.loads((tmp_path / "debwright.toml").read_text())


def test_no_pyproject_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no project that init knows") as raised:
        scaffold(tmp_path)
    assert "Python: pyproject.toml" in raised.value.render()


def test_broken_pyproject_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project\n")
    with pytest.raises(UsageError, match="cannot be read"):
        scaffold(tmp_path)
