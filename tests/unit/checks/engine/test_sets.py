"""Sets of packages that can be installed together, from what their relations say."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kit import debs as kit
from tests.kit.packages import context

from debwright.checks.engine.sets import SetsError, conflict, context_for, divide, sets_of
from debwright.config import Config
from debwright.packages.debs import Deb


def deb(package: str, version: str = "1-1", **relations: str) -> Deb:
    return Deb(
        path=Path(f"{package}.deb"), package=package, version=version, arch="all", source="demo",
        relations={k.replace("_", "-").title(): v for k, v in relations.items()},
        installed_kib=1, sha256="0", section="misc",
    )  # fmt: skip


def names(*packages: Deb) -> list[list[str]]:
    return [[d.package for d in one.debs] for one in divide(packages)]


def test_what_does_not_conflict_is_one_set_without_a_word() -> None:
    (one,) = divide([deb("a"), deb("b", depends="a"), deb("c", conflicts="elsewhere")])
    assert [d.package for d in one.debs] == ["a", "b", "c"]
    assert one.why is None


def test_alternatives_are_apart_and_what_goes_with_both_is_in_both() -> None:
    light = deb("nginx-light", depends="nginx-common", conflicts="nginx-full")
    common, full = deb("nginx-common"), deb("nginx-full", depends="nginx-common (= 1-1)")
    assert names(common, full, light) == [
        ["nginx-common", "nginx-full"], ["nginx-common", "nginx-light"],
    ]  # fmt: skip
    assert "apart from nginx-light" in (divide([common, full, light])[0].why or "")


def test_who_provides_and_conflicts_with_one_name_is_alone() -> None:
    each = {"provides": "mail-agent", "conflicts": "mail-agent"}
    packages = [deb("exim", **each), deb("postfix", **each), deb("tools")]
    assert names(*packages) == [["exim", "tools"], ["postfix", "tools"]]


def test_what_needs_one_of_them_is_not_with_the_other() -> None:
    packages = [deb("full"), deb("light", conflicts="full"), deb("modules", depends="full")]
    assert names(*packages) == [["full", "modules"], ["light"]]


@pytest.mark.parametrize(
    ("relation", "provides", "apart"),
    [
        ("other (<< 1-1)", "", False),  # as of a file that has moved
        ("other (<= 1-1)", "", True),
        ("other", "", True),
        ("name", "name", True),
        ("name (<< 2)", "name", False),
        ("name (<< 2)", "name (= 1)", True),
        ("name (<< 2)", "name (= 3)", False),
        ("demo", "", False),
    ],
)
def test_versions_count(relation: str, provides: str, *, apart: bool) -> None:
    left, right = deb("demo", breaks=relation), deb("other", provides=provides)
    assert conflict(left, right) is conflict(right, left) is apart


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=8))
def test_every_package_is_in_a_set_and_no_set_has_a_conflict(pairs: list[tuple[int, int]]) -> None:
    said = [", ".join(f"p{b}" for a, b in pairs if a == n and a != b) for n in range(7)]
    packages = [deb(f"p{n}", conflicts=text) for n, text in enumerate(said)]
    made = divide(packages)
    assert {d.package for one in made for d in one.debs} == {d.package for d in packages}
    for one in made:
        assert not any(conflict(a, b) for a in one.debs for b in one.debs if a is not b)
    assert all(a.debs != b.debs for a, b in pairwise(made))


def test_the_configuration_has_the_last_word() -> None:
    packages = [deb("a"), deb("b"), deb("c-doc")]
    config = Config.model_validate({"install": [{"packages": ["a", "*-doc"]}, {"packages": ["b"]}]})
    made = sets_of(config, packages)
    assert [(one.name, len(one.debs)) for one in made] == [("a", 2), ("b", 1)]
    wrong = Config.model_validate({"install": {"packages": ["d"]}})
    with pytest.raises(SetsError, match="d, which is none"):
        sets_of(wrong, packages)


def test_the_service_is_checked_where_its_unit_is(tmp_path: Path) -> None:
    unit = {"/lib/systemd/system/demo.service": "[Service]\n"}
    subject = context(
        tmp_path,
        kit.build(tmp_path, {"/x": "x"}, name="a-light", more="Conflicts: demo\n"),
        kit.build(tmp_path, unit, name="demo"),
        service={"unit": "demo.service"}, smoke=["true"],
    )  # fmt: skip
    made = sets_of(subject.config, subject.installable)
    assert [one.name for one in made] == ["demo", "a-light"]
    first, second = (context_for(subject, one, number) for number, one in enumerate(made))
    assert [s.unit for s in first.config.service] == ["demo.service"]
    assert first.further is None
    assert (second.config.service, second.config.smoke) == ([], [])
    assert [d.package for d in second.rivals] == ["demo"]
