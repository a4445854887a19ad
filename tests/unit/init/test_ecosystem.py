"""Ecosystems: finding them, and what a project of any of them becomes."""

import subprocess
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from debian.deb822 import Deb822

from debwright.init import ecosystem
from debwright.init.ecosystem import Confidence, Ecosystem, choose, ecosystems, recognise
from debwright.init.licences import Licence
from debwright.init.model import (
    Guess,
    Health,
    Override,
    Person,
    Project,
    Question,
    Rules,
    Unit,
    Written,
)
from debwright.init.render import render
from debwright.model.errors import UsageError

LIBRARY = Project(
    name="Bells", package="bells", version="1.0", description="Rings bells.",
    author=Person(name="Ada", email="ada@example.org"),
    licence=Licence(name="Expat", text=" Text.", known=True),
)  # fmt: skip
HEALTH = Health(port=Guess(value="8080", seen=None), path=Guess(value="/", seen="a.go:1"))


class Kind(Ecosystem):
    """A kind of project that is always as sure."""

    recognised_by = "files"

    def __init__(
        self, confidence: Confidence, name: str = "", *, accompanies: bool = False
    ) -> None:
        self.sure = confidence
        self.name = self.title = name or confidence.name.lower()  # type: ignore[misc]
        self.accompanies = accompanies  # type: ignore[misc]

    def confidence(self, directory: Path) -> Confidence:  # noqa: ARG002
        return self.sure


def test_python_is_found_by_itself() -> None:
    assert ecosystems()["python"].title == "Python"


def known(monkeypatch: pytest.MonkeyPatch, *kinds: Kind) -> None:
    monkeypatch.setattr(ecosystem, "ecosystems", lambda: {kind.name: kind for kind in kinds})


def test_the_surest_ecosystem_packages_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = [Kind(Confidence.POSSIBLE), Kind(Confidence.CERTAIN), Kind(Confidence.LIKELY)]
    known(monkeypatch, *kinds)
    assert recognise(tmp_path) is kinds[1]
    assert choose(tmp_path).reason == (
        "certain (files), not likely (files); `--ecosystem likely` chooses otherwise"
    )


def test_what_accompanies_others_comes_after_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = Kind(Confidence.CERTAIN, "node", accompanies=True)
    known(monkeypatch, pages, Kind(Confidence.LIKELY, "shell"), Kind(Confidence.CERTAIN, "rust"))
    assert choose(tmp_path).ecosystem.name == "rust"
    known(monkeypatch, pages, Kind(Confidence.LIKELY, "shell"))
    assert choose(tmp_path).ecosystem.name == "node"


PROJECT = '[project]\nname = "bells"\nversion = "1"\n'


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({"pyproject.toml": PROJECT, "package.json": "{}"}, "python"),
        ({"requirements.txt": "flask\n", "app.py": "", "package.json": "{}"}, "python-application"),
        ({"pyproject.toml": "[tool.ruff]\n", "Cargo.toml": "[package]\n"}, "rust"),
        ({"pyproject.toml": "[tool.ruff]\n", "package.json": "{}"}, "node"),
        # maturin builds a crate for Python.
        ({"pyproject.toml": PROJECT, "Cargo.toml": "[package]\n"}, "python"),
        ({"go.mod": "module x\n", "package.json": "{}", "Makefile": "all:\n"}, "go"),
    ],
)
def test_several_kinds_in_one_directory(tmp_path: Path, files: dict[str, str], name: str) -> None:
    for file, text in files.items():
        (tmp_path / file).write_text(text)
    assert choose(tmp_path).ecosystem.name == name


def test_the_person_and_the_time_before_decide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(
        monkeypatch,
        *(Kind(Confidence.CERTAIN), Kind(Confidence.LIKELY), Kind(Confidence.NONE, "gone")),
    )
    assert choose(tmp_path, before="likely").ecosystem.name == "likely"
    assert choose(tmp_path, before="gone").ecosystem.name == "certain"
    assert choose(tmp_path, before="renamed").ecosystem.name == "certain"
    assert choose(tmp_path, "gone", "likely").ecosystem.name == "gone"
    with pytest.raises(UsageError, match="no ecosystem 'certian'") as refused:
        choose(tmp_path, "certian")
    assert refused.value.fix == "--ecosystem certain"


def test_what_nobody_knows_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path = tmp_path / "what nobody"
    tmp_path.mkdir()
    known(monkeypatch, Kind(Confidence.NONE, "Cobol"))
    for name in ("index.php", "composer.json", ".git"):
        (tmp_path / name).touch()
    with pytest.raises(UsageError) as refused:
        recognise(tmp_path)
    said = refused.value.render()
    assert "it has composer.json, index.php\n" in said
    assert "Cobol: files" in said
    assert "next: sudo apt-get install dh-make && cd " in said
    assert said.endswith("dh_make --native --single --yes --packagename what-nobody_0.1.0")


def test_a_project_further_down_is_found(tmp_path: Path) -> None:
    for name in ("node_modules/x", "services/api", "web"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("node_modules/x", "services/api"):
        (tmp_path / name / "pyproject.toml").write_text('[project]\nname = "x1"\n')
    with pytest.raises(UsageError) as refused:
        recognise(tmp_path)
    assert refused.value.fix == f"debwright -C {tmp_path}/services/api init"


def test_where_there_is_a_debian_nothing_is_to_be_written(tmp_path: Path) -> None:
    (tmp_path / "debian").mkdir()
    (tmp_path / "debian/control").touch()
    with pytest.raises(UsageError, match="no project") as refused:
        recognise(tmp_path)
    assert refused.value.fix == f"debwright -C {tmp_path} plan"


def written(project: Project) -> dict[str, str]:
    return {file.path: file.text for file in render(project)[0]}


def test_a_library_has_no_service() -> None:
    files = written(LIBRARY)
    assert sorted(files) == [
        "debian/bells.lintian-overrides", "debian/changelog", "debian/control",
        "debian/copyright", "debian/rules", "debian/source/format", "debwright.toml",
    ]  # fmt: skip
    source, package = Deb822.iter_paragraphs(files["debian/control"])
    assert source["Build-Depends"] == "debhelper-compat (= 13)"
    assert "service" not in package["Description"]
    assert "service" not in tomllib.loads(files["debwright.toml"])
    assert render(LIBRARY)[1] == []


def with_more() -> Project:
    """What the kinds to come need: several units, components, rules, smoke commands, tables."""
    return Project(
        **{
            **{name: getattr(LIBRARY, name) for name in Project.__dataclass_fields__},
            "architecture": "any",
            "build_depends": ("golang-any",),
            "depends": ("${shlibs:Depends}",),
            "rules": Rules(
                buildsystem="golang",
                exports={"GOFLAGS": "-mod=vendor"},
                overrides=(
                    Override(target="override_dh_auto_test", why="They need a network."),
                    Override(target="execute_after_dh_auto_install", commands=("true", "false")),
                ),
            ),
            "clean": ("_build/",),
            "units": (
                Unit(name="bells.service", command="/usr/bin/bells serve", health=HEALTH),
                Unit(name="tower.service", command="/usr/bin/bells tower"),
                Unit(name="bells.timer", source="systemd/$x bells.timer"),
            ),
            "programs": ("bells", "bellctl"),
            "install": (("bells.png", "usr/share/pixmaps"),),
            "smoke": ("bells --version",),
            "settings": {"wheelhouse": {"lock": "a.lock"}},
            "files": (Written(path="debian/vendor.list", text="x\n"),),
        }
    )


def test_several_units_components_and_rules() -> None:
    files = written(with_more())
    assert "ExecStart=/usr/bin/bells serve\n" in files["debian/bells.service"]
    assert "ExecStart=/usr/bin/bells tower\n" in files["debian/bells.tower.service"]
    assert "debian/bells.timer" not in files, "the build takes the author's own"
    assert files["debian/clean"] == "_build/\ndebian/bells.timer\n"
    assert files["debian/bells.install"] == "bells.png usr/share/pixmaps\n"
    assert files["debian/bells.manpages"] == "debian/bells.1\ndebian/bellctl.1\n"
    assert files["debian/vendor.list"] == "x\n"
    # That nobody answers is said once, when it will not change: while the service is not up yet
    # it would be taken for the cause of another failure.
    test, command = Deb822.iter_paragraphs(files["debian/tests/control"])
    assert "allow-stderr" in test["Restrictions"].split(", ")
    tries, _, last = test["Test-Command"].partition(" || ")
    assert ("--retry 20" in tries, "S" in tries, last.startswith("curl -fsS ")) == (
        True,
        False,
        True,
    )
    assert command["Test-Command"] == "bells --version"
    config = tomllib.loads(files["debwright.toml"])
    bells, tower, timer = config["service"]
    assert bells["smoke"] == ["bells --version"]
    assert (tower, timer) == ({"unit": "tower.service"}, {"unit": "bells.timer"})
    assert config["wheelhouse"] == {"lock": "a.lock"}
    source, package = Deb822.iter_paragraphs(files["debian/control"])
    assert "golang-any" in source["Build-Depends"]
    assert package["Architecture"] == "any"


def test_a_command_line_tool_has_tests_too() -> None:
    """They were written for services alone; what only runs --help proves little, and says so."""
    tool = replace(with_more(), units=(), smoke=("bells --version", "python3 -c 'import bells'"))
    tests = list(Deb822.iter_paragraphs(written(tool)["debian/tests/control"]))
    assert [t["Test-Command"] for t in tests] == ["bells --version", "python3 -c 'import bells'"]
    assert [t["Features"] for t in tests] == ["test-name=command-1", "test-name=command-2"]
    assert {t["Restrictions"] for t in tests} == {"superficial, allow-stderr"}
    assert "debian/tests/control" not in written(replace(tool, smoke=()))


def test_the_rules_are_a_makefile(tmp_path: Path) -> None:
    text = written(with_more())["debian/rules"]
    # dh skips the command of an override that has none (dh(1)).
    assert "\n# They need a network.\noverride_dh_auto_test:\n" in text
    (tmp_path / "rules").write_text(text)
    done = subprocess.run(
        ["make", "-n", "-f", "rules", "build", "execute_before_dh_installsystemd",
         "override_dh_installsystemd",
         "execute_after_dh_auto_install"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        "dh build --buildsystem=golang", "cp 'systemd/$x bells.timer' debian/bells.timer",
        "dh_installsystemd", "dh_installsystemd --name=tower",
        "true", "false",
    ]  # fmt: skip


def test_a_step_may_be_left_out_where_a_file_is() -> None:
    step = Override(
        target="override_dh_auto_test", commands=("make check",), unless="debian/crossed"
    )
    text = written(replace(LIBRARY, rules=Rules(overrides=(step,))))["debian/rules"]
    assert text.endswith(
        "ifeq ($(wildcard debian/crossed),)\noverride_dh_auto_test:\n\tmake check\nelse\n"
        "override_dh_auto_test:\nendif\n"
    )


def test_a_guess_that_is_asked_about_is_named_once() -> None:
    unit = Unit(name="bells.service", command="/usr/bin/bells", health=HEALTH)
    assert any("the port in" in note for note in render(replace(LIBRARY, units=(unit,)))[1])
    asking = Question(name="port", text="Which port?", default="8080")
    made = replace(LIBRARY, units=(unit,), questions=(asking,))
    assert not any("the port in" in note for note in render(made)[1])
