"""wheelhouse.py tree: an application and its distributions as a tree of their own."""

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from packaging.version import Version

from debwright.source.wheelhouse import component
from debwright.source.wheelhouse.carried.helper import application, version
from debwright.source.wheelhouse.carried.helper.manifest import sha256
from debwright.source.wheelhouse.carried.helper.problem import Problem
from debwright.source.wheelhouse.carried.helper.tree import Tree, copy_source

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"
SITE = f"lib/python{HERE}/site-packages"


def a_wheel(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A source package's tree: a module, debian/, and a wheelhouse with a program in it."""
    wheel = a_wheel(
        tmp_path / "bell-1-py3-none-any.whl",
        {
            "bell/__init__.py": "#!/usr/bin/env python\nimport sys\ndef ring():\n    return 0\n",
            "bell-1.data/scripts/chime": "#!python\nprint('chime')\n",
            "bell-1.data/data/share/bell.txt": "data",
            "bell-1.dist-info/METADATA": "Name: bell\nVersion: 1\nLicense-Expression: MIT\n",
            "bell-1.dist-info/licenses/LICENSE": "MIT\n",
            "bell-1.dist-info/entry_points.txt": "[console_scripts]\nring = bell:ring\n"
            "../evil = bell:ring\npython3 = bell:ring\n[other]\nno = bell:ring\n",
        },
    )
    item = {
        "name": "bell", "version": "1", "file": wheel.name, "sha256": sha256(wheel),
        "kind": "wheel", "use": "run", "interpreters": [f"amd64/{HERE}"],
    }  # fmt: skip
    place = tmp_path / "project"
    (place / "debian").mkdir(parents=True)
    (place / "main.py").write_text("import bell\n")
    component.write(component.manifest_text([item], {}), [wheel], tmp_path / "c.tar.gz")
    with tarfile.open(tmp_path / "c.tar.gz") as tar:
        tar.extractall(place, members=[m for m in tar if m.isreg() or m.isdir()])  # noqa: S202
    return place


def plant(project: Path, *options: str, name: str = "tree") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "wheelhouse/wheelhouse.py", name, "--package=bells"]
    return subprocess.run(
        [*command, "--arch=amd64", *options],
        cwd=project, capture_output=True, text=True, check=False,
        env={"PATH": os.environ["PATH"]},
    )  # fmt: skip


def test_a_tree_is_laid_out_as_a_venv(project: Path) -> None:
    done = plant(project, "--copy=main.py", "--program=ring")
    assert done.returncode == 0, done.stderr
    root = project / "debian/bells"
    home = root / "usr/lib/bells"
    assert (home / "bin/python3").readlink() == Path("../../../bin/python3")
    assert "include-system-site-packages = false" in (home / "pyvenv.cfg").read_text()
    assert (home / "app/main.py").is_file()
    assert (home / SITE / "bells-application.pth").read_text() == "/usr/lib/bells/app\n"
    assert (home / "share/bell.txt").read_text() == "data"
    assert (root / "usr/bin/ring").readlink() == Path("../lib/bells/bin/ring")
    for name in ("ring", "chime"):
        script = home / "bin" / name
        assert script.read_text().startswith("#!/usr/lib/bells/bin/python3\n")
        assert script.stat().st_mode & 0o111
    assert sorted(p.name for p in (home / "bin").iterdir()) == ["chime", "python3", "ring"]
    assert not (home / "evil").exists()


def test_lines_of_modules_keep_their_numbers(project: Path) -> None:
    plant(project)
    module = project / f"debian/bells/usr/lib/bells/{SITE}/bell/__init__.py"
    assert module.read_text().splitlines()[:2] == ["#", "import sys"]


def test_the_package_depends_on_the_python_it_is_made_for(project: Path) -> None:
    plant(project)
    major, minor = sys.version_info[:2]
    assert (project / "debian/bells.substvars").read_text() == (
        f"wheelhouse:Depends=python3 (>= {major}.{minor}~), python3 (<< {major}.{minor + 1}~)\n"
    )


def test_whose_work_it_is_stands_in_the_documentation(project: Path) -> None:
    plant(project)
    text = (project / "debian/bells/usr/share/doc/bells/distributions.txt").read_text()
    assert "bell 1: MIT\n" in text
    assert f"/usr/lib/bells/{SITE}/bell-1.dist-info/licenses/LICENSE" in text


def test_what_python_cannot_compile_is_left_as_it_is(project: Path) -> None:
    """A template in a wheel, as cookiecutter's: py3compile would fail, and so the installation."""
    (project / "template.py").write_text("import {{ name }}\n")
    plant(project, "--copy=template.py", "--copy=main.py")
    done = subprocess.run(
        [sys.executable, "wheelhouse/wheelhouse.py", "broken", "--package=bells"],
        cwd=project, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "-X '/usr/lib/bells/app/template\\.py$'\n"


def test_a_program_that_nobody_has_is_named(project: Path) -> None:
    done = plant(project, "--program=rinse")
    assert done.returncode == 1
    assert "no distribution has the program rinse" in done.stderr
    assert "ring" in done.stderr


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x"])
def test_what_is_copied_is_the_projects(tmp_path: Path, path: str) -> None:
    tree = Tree("bells", tmp_path / "debian/bells", "3.11")
    tree.lay_out()
    with pytest.raises(Problem, match="not in the project"):
        tree.copy(tmp_path, [path])


def test_an_application_may_need_nothing(project: Path) -> None:
    manifest = project / "wheelhouse/manifest.json"
    manifest.write_text(json.dumps({"format": 1, "files": [], "compile": {}}))
    assert plant(project, "--copy=.").returncode == 0
    assert [p.name for p in (project / "debian/bells/usr/lib/bells/app").iterdir()] == ["main.py"]


def test_backends_see_the_project_without_its_packaging(project: Path, tmp_path: Path) -> None:
    """setuptools of bookworm takes debian/ for one more package of a flat layout, and gives up."""
    (project / ".git").mkdir()
    (project / "pkg").mkdir()
    (tmp_path / "copy").mkdir()
    copy_source(project, tmp_path / "copy")
    assert sorted(p.name for p in (tmp_path / "copy").iterdir()) == ["main.py", "pkg"]


@pytest.mark.parametrize(
    ("debian", "python"),
    [
        ("1.0-1", "1.0"),
        ("2:1.0~rc1-1~deb12u1", "1.0rc1"),
        ("1.0~~dev3-1", "1.0.dev3"),
        ("1.0~a1~dev2-1", "1.0a1.dev2"),
        ("1.0+post1-1", "1.0.post1"),
        ("1.2.3~beta.1-1", "1.2.3b1"),
        ("1.2.3+git5.20261123.gabc12345-1", "1.2.3+git5.20261123.gabc12345"),
        ("1.2.3+git5.20261123.gabc12345+dirty-1", "1.2.3+git5.20261123.gabc12345.dirty"),
        ("0~git5.20261123.gabc12345-1", "0+git5.20261123.gabc12345"),
        ("1.2.3", "1.2.3"),
    ],
)
def test_versions_as_python_has_them(debian: str, python: str) -> None:
    assert Version(version.pep440(debian)) == Version(python)


BACKEND = """\
import os, zipfile
def build_wheel(directory, config_settings=None, metadata_directory=None):
    version = os.environ.get("{variable}", "0.0.0")
    name = f"bells-{{version}}-py3-none-any.whl"
    info = f"bells-{{version}}.dist-info"
    seen = sorted(n for n in os.listdir() if n != "_backend")
    with zipfile.ZipFile(os.path.join(directory, name), "w") as archive:
        archive.writestr("bells.py", f"seen = {{seen!r}}\\n")
        archive.writestr(f"{{info}}/METADATA", f"Name: bells\\nVersion: {{version}}\\n")
        archive.writestr(f"{{info}}/WHEEL", "Wheel-Version: 1.0\\n")
        archive.writestr(f"{{info}}/RECORD", "")
        archive.writestr(f"{{info}}/entry_points.txt", "[console_scripts]\\nring = bells:ring\\n")
    return name
"""


def build(
    project: Path, variable: str, *options: str, name: str = "tree"
) -> subprocess.CompletedProcess[str]:
    """Build a project whose backend, in its tree, takes its version from `variable`."""
    (project / "_backend").mkdir()
    (project / "_backend/backend.py").write_text(BACKEND.format(variable=variable))
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["_backend"]\n'
    )
    (project / "debian/changelog").write_text(
        "bells (1.2.0~rc1-1) unstable; urgency=medium\n\n  * First.\n\n"
        " -- T <t@example.org>  Mon, 02 Nov 2026 10:00:00 +0000\n"
    )
    return plant(project, *(["--build"] if name == "tree" else []), *options, name=name)


@pytest.mark.parametrize("variable", sorted(version.VARIABLES))
def test_a_backend_gets_the_version_and_sees_the_project_alone(
    project: Path, variable: str
) -> None:
    done = build(project, variable, "--version-of-package")
    assert done.returncode == 0, done.stderr
    site = project / f"debian/bells/usr/lib/bells/{SITE}"
    assert (site / "bells-1.2.0rc1.dist-info/METADATA").is_file()
    assert "['main.py', 'pyproject.toml']" in (site / "bells.py").read_text()


def test_metadata_without_the_version_are_refused(project: Path) -> None:
    done = build(project, "NO_SUCH_VARIABLE", "--version-of-package")
    assert done.returncode == 1
    assert "version 0.0.0, and the package 1.2.0rc1" in done.stderr


def test_a_project_alone_is_installed_as_debians_packages_are(project: Path) -> None:
    """Other packages import it; what the wheelhouse has built it, and is not installed."""
    done = build(project, "SETUPTOOLS_SCM_PRETEND_VERSION", "--version-of-package", name="project")
    assert done.returncode == 0, done.stderr
    root = project / "debian/bells"
    found = sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())
    site = "usr/lib/python3/dist-packages"
    info = f"{site}/bells-1.2.0rc1.dist-info"
    assert found == [
        "usr/bin/ring",
        *(f"{info}/{name}" for name in ("METADATA", "WHEEL", "entry_points.txt")),
        f"{site}/bells.py",
    ]
    assert (root / "usr/bin/ring").read_text().startswith("#!/usr/bin/python3\n")
    assert not (project / "debian/bells.substvars").exists()


def test_what_git_would_list_is_listed(project: Path) -> None:
    """setuptools-scm asks git which data files belong to a package, and a build has no git."""
    (project / "setup.py").write_text("# setuptools_scm\n")
    (project / "MANIFEST.in").write_text("exclude x\n")
    application.prepare_files(project, "1.0")
    assert (project / "MANIFEST.in").read_text() == "graft .\nexclude x\n"
    assert not (project / "PKG-INFO").exists()


def test_what_reads_the_version_in_a_file_has_it(project: Path) -> None:
    (project / "pyproject.toml").write_text('[build-system]\nrequires = ["versioningit"]\n')
    application.prepare_files(project, "1.0rc1")
    assert "Version: 1.0rc1\n" in (project / "PKG-INFO").read_text()


def test_versioneer_reads_what_an_archive_of_git_says(project: Path) -> None:
    """https://github.com/python-versioneer/python-versioneer, "git archive"."""
    (project / "setup.cfg").write_text("[versioneer]\nVCS = git\ntag_prefix = v\n")
    (project / "pkg").mkdir()
    module = project / "pkg/_version.py"
    module.write_text('git_refnames = "$Format:%d$"\ngit_full = "$Format:%H$"\n')
    application.prepare_files(project, "1.2.0")
    assert module.read_text().startswith('git_refnames = "tag: v1.2.0"\n')


CONFIGURED = '[source.crates-io]\nreplace-with = "mine"\n'


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"Cargo.toml": ""}, "{registry}"),
        ({"rust/Cargo.toml": "", "rust/Cargo.lock": ""}, "{registry}"),
        ({"Cargo.toml": "", "vendor/a/Cargo.toml": "", "Cargo.lock": ""}, "vendor"),
        ({"Cargo.toml": "", "vendor/.debwright.toml": 'directory = "it"'}, "it"),
        ({"Cargo.toml": "", ".cargo/config.toml": CONFIGURED}, None),
        ({"main.py": ""}, None),
    ],
)
def test_where_the_crates_of_a_project_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], found: str | None
) -> None:
    registry, tree = tmp_path / "registry", tmp_path / "tree"
    registry.mkdir()
    monkeypatch.setattr(application, "_CRATES", registry)
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    application.prepare_crates(tree)
    made = tree / ".cargo/config.toml"
    if found is None:
        assert not made.exists() or made.read_text() == CONFIGURED
    else:
        assert f'directory = "{found.format(registry=registry)}"' in made.read_text()
    kept = "Cargo.lock" in files
    assert (tree / "Cargo.lock").exists() == kept
    assert not (tree / "rust/Cargo.lock").exists()
