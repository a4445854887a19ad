"""What a check declares is what it does, what its page says, and what decides about it."""

from pathlib import Path
from typing import Any

import pytest
from tests.kit.debs import build
from tests.kit.packages import context
from tools.reference.codes import declared

from debwright.checks import registry, run
from debwright.checks.engine import policy
from debwright.checks.engine.base import FOR_ASKED, SHARED, Check, CheckContext, FileCheck, conclude
from debwright.checks.engine.session import LiveCheck
from debwright.config import Config
from debwright.config.section import Section
from debwright.model.codes import ERROR, INFO, WARNING, Code, Codes, UndeclaredCode
from debwright.model.registry import names
from debwright.model.results import CheckResult, Finding, Status
from debwright.model.targets import Target

PAGES = Path(__file__).parents[3] / "docs/checks"
TARGET = Target("bookworm", "amd64")
EVERY = {c.name: c for c in registry.every_check()}


def test_each_check_has_a_name_of_its_own() -> None:
    names = [c.name for c in registry.every_check()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("check", registry.unasked(), ids=lambda c: c.name)
def test_a_check_lies_in_the_file_of_its_name(check: Check) -> None:
    room = "files" if isinstance(check, FileCheck) else "live"
    assert type(check).__module__ == f"debwright.checks.{room}.{check.name}"


def test_each_module_of_the_checks_is_one() -> None:
    """So a name in `[checks]` is known without importing them."""
    rooms = (names(f"debwright.checks.{room}") for room in ("files", "live"))
    assert {n for room in rooms for n in room} <= EVERY.keys()


@pytest.mark.parametrize("check", registry.unasked(), ids=lambda c: c.name)
def test_a_page_has_every_code_of_its_check(check: Check) -> None:
    page = (PAGES / f"{check.name}.md").read_text()
    assert page.startswith(f"# {check.name}\n")
    assert isinstance(check, FileCheck) or "## Configure" in page
    own = {c for c in check.codes if not c.startswith("infrastructure/")}
    assert {c for c in own if f"`{c}`" not in page} == set()


@pytest.mark.parametrize("check", EVERY.values(), ids=lambda c: c.name)
def test_what_is_declared_is_in_the_reference_with_a_sentence(check: Check) -> None:
    for name, code in check.codes.items():
        assert name in declared()
        assert code.says.endswith("."), name
        assert code.says[0].isupper() or code.says.startswith(("systemd", "`")), name


@pytest.mark.parametrize("check", EVERY.values(), ids=lambda c: c.name)
def test_settings_are_keys_of_the_configuration(check: Check) -> None:
    tables = {s if isinstance(s, str) else s.table for s in check.settings}
    assert tables <= set(Config.whole().model_fields)
    for name, code in check.codes.items():
        if code.level:
            assert code.level.split(".")[0] in tables
            found = conclude(check.name, 0, [check.codes.found(name, "x")])
            judged = policy.judge(found, check, Config(), TARGET)
            assert judged.findings in {found.findings, ()}, "the default is declared"


@pytest.mark.parametrize("asked_for", [False, True])
def test_settings_that_no_check_declares_are_read_by_one(asked_for: bool) -> None:
    checks = [c for c in registry.every_check() if c.asked_for is asked_for]
    read = {s for c in checks for s in c.settings if isinstance(s, str)}
    assert read - SHARED == (FOR_ASKED if asked_for else set())
    assert asked_for or read == SHARED


def test_a_check_cannot_read_what_decides_about_no_check() -> None:
    with pytest.raises(TypeError, match="signing"):
        type("Wrong", (FileCheck,), {"settings": ("signing",)})


class Untold(FileCheck):
    """A check with a finding that it does not declare."""

    name = "untold"
    codes = Codes({"untold/known": Code(WARNING, "It is known.")})

    def run(self, _: CheckContext) -> CheckResult:
        finding = Finding(severity=ERROR, code="untold/other", message="x")
        return conclude(self.name, 0, [finding])


def test_a_finding_that_is_not_declared_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "file_checks", lambda: (Untold(),))
    with pytest.raises(UndeclaredCode, match=r"untold/other.*not declared") as refused:
        run.run_checks(context(tmp_path, build(tmp_path, {"/usr/x": ""})), lambda _: None)
    assert "mistake of debwright's own" in str(refused.value.fix)


def test_it_cannot_even_be_made_with_the_declaration() -> None:
    codes = Codes({"a/b": Code(WARNING, "It is."), "c/*": Code(INFO, "Any.", or_else=(ERROR,))})
    assert codes.found("a/b", "x").severity is WARNING
    assert codes.found("c/x-y", "x", severity=ERROR).code == "c/x-y"
    with pytest.raises(UndeclaredCode, match="a/c"):
        codes.found("a/c", "x")
    with pytest.raises(UndeclaredCode, match=r"a/b.*error"):
        codes.found("a/b", "x", severity=ERROR)


def test_an_emulator_may_soften_and_another_check_may_have_the_same() -> None:
    codes = Codes({"a/b": Code(ERROR, "It is.", emulated=WARNING)})
    assert [codes.found("a/b", "x", emulated=e).severity for e in (False, True)] == [ERROR, WARNING]
    assert list(codes.under("z")) == ["z/b"]


@pytest.mark.parametrize(
    ("level", "status", "severities"),
    [("error", Status.FAILED, [ERROR]), ("warn", Status.PASSED, [WARNING]),
     ("off", Status.PASSED, [])],
)  # fmt: skip
def test_a_setting_that_a_code_names_sets_its_severity(
    level: str, status: Status, severities: list[Any]
) -> None:
    check = EVERY["purge"]
    config = Config.model_validate({"files": {"accounts": level}})
    found = conclude("purge", 0, [check.codes.found("purge/account", "x")])
    judged = policy.judge(found, check, config, TARGET)
    assert judged.status is status
    assert [f.severity for f in judged.findings] == severities


class Watched:
    """A configuration that remembers what is read of it."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.read: set[str] = set()
        self.sections: set[object] = set()

    def __getattr__(self, name: str) -> Any:
        self.read.add(name)
        return getattr(self._config, name)

    def section(self, kind: type[Section]) -> Section:
        self.sections.add(kind)
        return self._config.section(kind)


@pytest.mark.parametrize("check", registry.file_checks(), ids=lambda c: c.name)
def test_a_check_reads_no_settings_but_its_own(
    check: FileCheck, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or another setting would be answered with what was found under the old one."""
    monkeypatch.setattr("debwright.checks.files.lintian.lintian_layer", lambda *_: None)
    monkeypatch.setattr("debwright.checks.files.lintian._tags", lambda *_: [])
    subject = context(tmp_path, build(tmp_path, {"/opt/x": "x"}))
    watched = Watched(subject.config)
    object.__setattr__(subject, "config", watched)
    check.run(subject)
    declared = {s if isinstance(s, str) else "section" for s in check.settings}
    assert watched.read <= declared
    assert watched.sections <= set(check.settings)


def test_the_order_of_the_live_checks() -> None:
    """The second system's checks come last, with nothing but `regression` between them.

    Older versions and the package's own tests come after all: they open systems of their own.
    """
    names = [c.name for c in registry.LIVE]
    first = next(i for i, c in enumerate(registry.LIVE) if c.clean_system)
    rest = [c.name for c in registry.LIVE[first:] if not c.clean_system]
    assert names[first] == "upgrade"
    assert rest == ["regression", "versions", "autopkgtest"]
    assert all(isinstance(c, LiveCheck) for c in registry.LIVE)
