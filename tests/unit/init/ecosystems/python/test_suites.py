"""Whether the packages of a suite meet what a project asks for."""

import pytest

from debwright.init.ecosystems.python.dependencies import parse
from debwright.init.ecosystems.python.suites import newer_targets, targets_for, unmet
from debwright.model.errors import UsageError

BOOKWORM = ("bookworm-amd64", "bookworm-arm64")


@pytest.mark.parametrize(
    ("requirement", "reason"),
    [
        ("flask", ""),
        ("Flask>=2.2,<3", ""),
        ("fastapi>=0.115", "fastapi>=0.115: bookworm has 0.92.0"),
        ("flask<2", "flask<2: bookworm has 2.2.2"),
        ("maturin", "maturin: bookworm does not have it"),
        ("no-such-thing", "no-such-thing: Debian does not have it"),
        ("uvicorn[standard]", "uvicorn[standard]: Debian's packages do not tell extras"),
        ("flask>=99; python_version < '3'", ""),
        ("flask>=99; python_version >= '3.12'", ""),
        ("flask>=99; python_version < '3.12'", "flask>=99: bookworm has 2.2.2"),
        ("flask>=99; platform_machine == 'aarch64'", "flask>=99: bookworm has 2.2.2"),
        ("flask>=99; sys_platform == 'win32'", ""),
    ],
)  # fmt: skip
def test_bookworm(requirement: str, reason: str) -> None:
    assert unmet(parse([requirement]), BOOKWORM) == ((reason,) if reason else ())


def test_every_suite_counts() -> None:
    wanted = parse(["flask>=3"])
    assert unmet(wanted, ("trixie-amd64",)) == ()
    assert unmet(wanted, ("trixie-amd64", "bookworm-amd64")) == ("flask>=3: bookworm has 2.2.2",)


def test_a_suite_that_is_made_of_another_has_its_packages() -> None:
    assert unmet(parse(["flask>=2"]), ("raspios-bookworm-arm64",)) == ()


def test_what_is_not_known_of_a_suite_is_not_taken_for_granted() -> None:
    assert unmet(parse(["flask"]), ("noble-amd64",)) == ("flask: what noble has is not known here",)


@pytest.mark.parametrize(
    ("python", "suite"), [("", "bookworm"), (">=3.9", "bookworm"), (">=3.13", "trixie"),
                          (">=3.11,<3.12", "bookworm"), ("~=3.12", "trixie")],
)  # fmt: skip
def test_the_python_that_is_asked_for_chooses_the_suite(python: str, suite: str) -> None:
    targets, why = targets_for(python)
    assert targets == (f"{suite}-amd64", f"{suite}-arm64")
    assert bool(why) == (suite != "bookworm")


@pytest.mark.parametrize("python", [">=3.99", "<3.8", "==3.12.*"])
def test_a_python_that_no_suite_has(python: str) -> None:
    with pytest.raises(UsageError, match="no suite") as caught:
        targets_for(python)
    assert "bookworm has 3.11, trixie has 3.13" in caught.value.render()


def test_what_is_newer() -> None:
    assert newer_targets(BOOKWORM) == ("trixie-amd64", "trixie-arm64")
    assert newer_targets(("trixie-amd64",)) == ()
