"""Tables that other rooms declare, and old names of keys."""

import importlib
import json
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field

from debwright.checks.files.hardening import Hardening
from debwright.config import Config, effective_json, load, write_effective
from debwright.config.declared import PACKAGES, everything, with_tables
from debwright.config.renamed import OldName, modern, old_names
from debwright.config.section import Formerly, Problem, Raw, Section
from debwright.model import registry
from debwright.model.errors import ConfigError
from debwright.repository.stores.directory import Directory


def write(directory: Path, text: str) -> Path:
    path = directory / "debwright.toml"
    path.write_text(text)
    return path


def test_a_declared_table_is_read_from_the_file(tmp_path: Path) -> None:
    write(tmp_path, '[hardening]\npie = "off"\n[repository.directory]\npath = "web"\n')
    config = load(tmp_path).config
    assert config.section(Hardening) == Hardening(pie="off")
    assert config.given(Directory) == Directory(path="web")
    assert config.given_below("repository") == {"directory": Directory(path="web")}
    assert config.said_to("debwright.checks") == {"hardening": {"pie": "off"}}


def test_without_the_table_there_are_its_defaults_or_nothing() -> None:
    config = Config()
    assert config.section(Hardening) == Hardening()
    assert config.given(Hardening) is None
    assert config.given(Directory) is None
    assert config.given_below("repository") == {}


def test_a_default_that_is_written_down_decides_nothing() -> None:
    config = Config.model_validate({"hardening": {"pie": "error"}})
    assert config.said_to("debwright.checks") == {}
    assert effective_json(config) == effective_json(Config())


def test_the_effective_configuration_has_every_table() -> None:
    whole = json.loads(effective_json(Config()))
    assert whole["hardening"]["relro"] == "warn"
    assert whole["repository"]["directory"] is None
    for kind in everything():
        here = whole
        for part in kind.table.split("."):
            here = here[part]


def test_it_is_written_again_only_when_it_would_say_something_else(tmp_path: Path) -> None:
    path = tmp_path / "effective-config.json"
    write_effective(Config(), tmp_path)
    assert path.read_text() == effective_json(Config())
    path.write_text("kept")
    write_effective(Config(), tmp_path)
    assert path.read_text() == "kept"
    other = Config.model_validate({"hardening": {"pie": "off"}})
    write_effective(other, tmp_path)
    assert path.read_text() == effective_json(other)
    path.unlink()
    write_effective(other, tmp_path)
    assert path.exists()


@pytest.mark.parametrize("kind", everything(), ids=lambda kind: kind.table)
def test_a_declared_table_is_in_the_module_of_its_name(kind: type[Section]) -> None:
    """Or a file that has it would import every module that may declare one."""
    package, _, module = kind.__module__.rpartition(".")
    assert package in PACKAGES
    assert module == kind.table.rpartition(".")[2].replace("-", "_")


@pytest.mark.parametrize(
    ("text", "what", "fix", "line"),
    [
        ("[hardenning]\npie = 'off'", "unknown key `hardenning`", "write `hardening`", 1),
        ("[hardening]\npies = 'off'", "unknown key `pies` in [hardening]", "write `pie`", 2),
        ("[limits]\nstack_protector = 'off'", "unknown key `stack_protector`",
         "write `stack_protector` in [hardening]", 2),
        ("[hardening]\npie = 'of'", "hardening.pie", 'write "off"', 2),
        ("[repository.directoy]\npath = 'x'", "`directoy` in [repository]",
         "write `directory`", 1),
        ("[repository.directory]\n", "[repository.directory] has no `path`", "add `path", 1),
    ],
)  # fmt: skip
def test_a_mistake_in_it_is_found_like_any_other(
    tmp_path: Path, text: str, what: str, fix: str, line: int
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text))
    assert what in caught.value.what
    assert fix in str(caught.value.fix)
    assert caught.value.evidence[0].line == line


def test_only_a_file_that_has_the_table_imports_its_module(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from debwright.config import load;"
        "load(Path(sys.argv[1])); print(*sorted(m for m in sys.modules if 'debwright.checks' in m"
        " or 'debwright.repository' in m))"
    )

    def imported(text: str) -> str:
        path = str(write(tmp_path, text))
        return subprocess.run(
            [sys.executable, "-c", code, path], check=True, text=True, stdout=subprocess.PIPE
        ).stdout

    assert imported("[package]\nsource = 'x'\n") == "\n"
    seen = imported("[hardening]\npie = 'off'\n")
    assert "debwright.checks.files.hardening" in seen
    assert "repository.stores" not in seen
    assert "checks.live" not in seen


class Inner(Section, table="outer.inner", optional=True):
    """Below a table that is declared, too."""

    deep: Annotated[int, Formerly("shallow")] = Field(1, description="How deep.")


class Outer(Section, table="outer", formerly=(Formerly("outside"),)):
    """Of a test."""

    name: Annotated[str, Formerly("title"), Formerly("package.title")] = Field(
        "none", description="A name."
    )
    loud: bool = Field(False, description="Whether it is.")
    levels: Annotated[
        dict[str, str],
        Formerly("quiet", take=lambda old: {"all": "off"} if old else {}, now="levels.all"),
    ] = Field({}, description="Levels by name.")

    @classmethod
    def contradictions(cls, raw: Raw) -> Iterator[Problem]:
        if raw.get("loud") and raw.get("name") == "hush":
            yield Problem(path=("loud",), what="not both", expected="one", fix="choose")


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> type[Config]:
    """The configuration with the tables of this test."""
    found = with_tables(Config, (Outer, Inner))
    for module in ("load", "model"):
        where = importlib.import_module(f"debwright.config.{module}")
        monkeypatch.setattr(where, "model_for", lambda *_: found)
    return found


def test_a_declared_table_may_have_tables_below(model: type[Config]) -> None:
    config = model.model_validate({"outer": {"inner": {"deep": 3}}})
    assert config.given(Inner) == Inner(deep=3)
    assert config.section(Outer).name == "none"
    assert model().given(Inner) is None


@pytest.mark.parametrize(
    ("old", "new", "notes"),
    [
        ({"outer": {"title": "x"}}, {"outer": {"name": "x"}}, ["outer.name"]),
        ({"package": {"title": "x"}}, {"package": {}, "outer": {"name": "x"}}, ["outer.name"]),
        ({"outside": {"loud": True}}, {"outer": {"loud": True}}, ["outer"]),
        ({"outer": {"inner": {"shallow": 2}}}, {"outer": {"inner": {"deep": 2}}},
         ["outer.inner.deep"]),
        ({"outer": {"quiet": True}}, {"outer": {"levels": {"all": "off"}}}, ["levels.all"]),
        ({"outer": {"quiet": True, "levels": {"all": "x"}}}, {"outer": {"levels": {"all": "x"}}},
         ["levels.all"]),
        ({"outer": {"name": "x"}}, {"outer": {"name": "x"}}, []),
    ],
)  # fmt: skip
def test_an_old_name_is_read_as_the_new_one(
    model: type[Config], old: dict[str, Any], new: dict[str, Any], notes: list[str]
) -> None:
    found, renamed, problems = modern(old, model)
    assert (found, [name.now for name in renamed], problems) == (new, notes, [])


def test_old_names_are_reported_with_file_line_and_new_name(
    model: type[Config], tmp_path: Path
) -> None:
    path = write(tmp_path, '[package]\nsource = "x"\n[outer]\ntitle = "old"\n')
    with pytest.warns(OldName, match=r"debwright.toml:4: `outer.title` works.*`outer.name`"):
        assert load(path).config.section(Outer).name == "old"
    path = write(tmp_path, '[outer]\nname = "new"\n')
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load(path)


def test_both_names_at_once_are_a_mistake(model: type[Config], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"old name of outer\.name"):
        load(write(tmp_path, '[outer]\ntitle = "old"\nname = "new"\n'))


def test_a_wrong_value_under_an_old_name_is_shown_where_it_stands(
    model: type[Config], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, "[outer]\nloud = false\ntitle = 1\n"))
    assert caught.value.evidence[0].line == 3


def test_what_a_declared_table_forbids_is_reported(model: type[Config], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not both") as caught:
        load(write(tmp_path, '[outer]\nname = "hush"\nloud = true\n'))
    assert caught.value.evidence[0].line == 3


def test_no_old_name_is_a_name_of_today() -> None:
    whole = Config.whole()
    for name in old_names(whole):
        kind: Any = whole
        *above, key = name.path
        for part in above:
            kind = kind.model_fields[part].annotation if part in kind.model_fields else None
            if kind is None:
                break
        assert kind is None or key not in kind.model_fields, name


def test_modules_of_a_package_are_found_without_an_import() -> None:
    assert "hardening" in registry.names("debwright.checks.files")
    assert list(registry.names("debwright.config")) == sorted(registry.names("debwright.config"))
    assert list(registry.classes("debwright.checks.files.hardening", Section)) == [Hardening]
    with pytest.raises(ModuleNotFoundError):
        registry.names("no_such_package.inside")


@pytest.mark.parametrize(
    ("text", "checks", "now"),
    [
        ("secrets = false", {"secrets": "off"}, 'checks.secrets = "off"'),
        ("[lintian]\nenabled = false", {"lintian": "off"}, 'checks.lintian = "off"'),
        (
            "[lintian]\nenabled = true\npedantic = true\n[checks]\nelf = 'warn'",
            {"elf": "warn"}, 'checks.lintian = "off"',
        ),
    ],
)  # fmt: skip
def test_the_old_switches_of_checks_work_and_say_what_they_are_called(
    tmp_path: Path, text: str, checks: dict[str, str], now: str
) -> None:
    (tmp_path / "debwright.toml").write_text(text)
    with pytest.warns(OldName, match=f"works, and is called `{now}` now"):
        assert load(tmp_path).config.checks == checks
