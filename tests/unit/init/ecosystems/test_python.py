"""What is read of a Python project: hints, dependencies, versions."""

from pathlib import Path

import pytest
from debian.debian_support import Version as DebianVersion

from debwright.init.ecosystem import recognise
from debwright.init.ecosystems.python import hints
from debwright.init.ecosystems.python.dependencies import lookup, parse, resolve
from debwright.init.ecosystems.python.pyproject import read_pyproject
from debwright.model.errors import UsageError


@pytest.mark.parametrize(
    ("source", "port"),
    [
        ('HTTPServer(("127.0.0.1", 9001), H)', "9001"),
        ('parser.add_argument("--port", type=int, default=9002)', "9002"),
        ('os.environ.get("APP_PORT", "9003")', "9003"),
        ("uvicorn.run(app, port=9004)", "9004"),
        ("port: int = 9005", "9005"),
        ("report = 9006", "8080"),
        ("port = 99999", "8080"),
        ("app = Flask(__name__)", "5000"),
        ("app: FastAPI = FastAPI()", "8000"),
    ],
)
def test_port(tmp_path: Path, source: str, port: str) -> None:
    (tmp_path / "app.py").write_text(f"\n{source}\n")
    found = hints.read(tmp_path).health
    assert found.port.value == port
    assert found.port.seen == ("app.py:2" if port.startswith("900") else None)


@pytest.mark.parametrize(
    ("source", "command"),
    [
        ('sub.add_parser("serve")', "serve"),
        ('@cli.command("run")\ndef go(): ...', "run"),
        ("@cli.command()\n@click.option('--x')\ndef serve(x): ...", "serve"),
        ("def serve(): ...", None),
    ],
)
def test_subcommand(tmp_path: Path, source: str, command: str | None) -> None:
    (tmp_path / "app.py").write_text(source)
    assert hints.read(tmp_path).subcommand == command


def test_health_is_preferred_to_status(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("'/status'\n")
    (tmp_path / "b.py").write_text("\n'/api/v1/health'\n")
    found = hints.read(tmp_path).health.path
    assert (found.value, found.seen) == ("/api/v1/health", "b.py:2")


def test_links_and_tests_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_text("port = 9001")
    project = tmp_path / "project"
    (project / "tests").mkdir(parents=True)
    (project / "link.py").symlink_to(tmp_path / "outside.py")
    (project / "tests" / "test_it.py").write_text("port = 9002")
    assert hints.read(project).health.port.seen is None


def test_names_that_differ_from_the_package(tmp_path: Path) -> None:
    for name, package in (("PyYAML", "python3-yaml"), ("beautifulsoup4", "python3-bs4")):
        known = lookup(name)
        assert known is not None
        assert known.package == package


def test_dependencies() -> None:
    found = resolve(
        parse(
            [
                "Flask",
                "no_such.thing",
                "pydantic[email]>=2",
                'pywin32; sys_platform == "win32"',
                'pytest; extra == "test"',
            ]
        )
    )
    assert found.packages == ("python3-flask", "python3-pydantic")
    assert found.missing == ("no_such.thing",)
    assert len(found.too_old) == 1
    with pytest.raises(UsageError, match="not a dependency"):
        parse(["a b c"])


def test_versions_sort_as_they_should(tmp_path: Path) -> None:
    order = ["1.0.dev1", "1.0a1.dev2", "1.0a1", "1.0b2", "1.0rc1", "1.0"]
    order += ["1.0.post1.dev1", "1.0.post1", "1.0.1", "1.1"]
    versions = []
    for text in order:
        (tmp_path / "pyproject.toml").write_text(
            f'[project]\nname = "x1"\nversion = "{text}"\n[project.scripts]\nx1 = "x:y"\n'
        )
        versions.append(DebianVersion(read_pyproject(tmp_path).version.upstream + "-1"))
    assert versions == sorted(versions)
    assert len(set(map(str, versions))) == len(order)


def test_poetry_without_a_project_table(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[build-system]\nbuild-backend = "poetry.core.masonry.api"\n'
        '[tool.poetry]\nname = "Po_et"\nversion = "3.0"\ndescription = "Writes."\n'
        'authors = ["Ada Example <ada@example.org>"]\nlicense = "MIT"\n'
        '[tool.poetry.dependencies]\npython = "^3.11"\nhttpx = "^0.23"\n'
        '[tool.poetry.scripts]\npoet = "po_et:main"\n'
    )
    project = recognise(tmp_path).read(tmp_path)
    assert (project.package, project.version, project.programs) == ("po-et", "3.0", ("poet",))
    assert read_pyproject(tmp_path).requirements == ("httpx<0.24,>=0.23",)
    assert project.author is not None
    assert project.author.email == "ada@example.org"
