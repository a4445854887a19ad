"""debian/tests/control as autopkgtest reads it, by its README and its program."""

import pytest

from debwright.checks.engine.tests_control import (
    ControlError,
    DeclaredTest,
    Package,
    package_of,
    read_tests,
)

PACKAGE = Package(
    binaries=["demo (= 1-1)", "demo-doc (= 1-1)"],
    build_depends=["debhelper-compat (= 13)", "gcc [amd64]"],
    recommends=["curl"],
)


def parsed(text: str, arch: str = "amd64") -> list[DeclaredTest]:
    wildcards = {"amd64": {"any", "amd64", "linux-any", "any-amd64"}, "arm64": {"any", "arm64"}}
    return read_tests(text, PACKAGE, lambda w: w in wildcards[arch])


def one(text: str) -> DeclaredTest:
    (found,) = parsed(text)
    return found


def test_names_are_separated_by_commas_or_blanks() -> None:
    found = parsed("Tests: fred, bill bongo,\n last\nRestrictions: needs-root, breaks-testbed\n")
    assert [t.name for t in found] == ["fred", "bill", "bongo", "last"]
    assert found[0].path == "debian/tests/fred"
    assert all(t.has("needs-root") and t.has("breaks-testbed") for t in found)


@pytest.mark.parametrize(
    ("field", "relations"),
    [
        ("", "demo (= 1-1), demo-doc (= 1-1)"),
        ("Depends: @, curl\n", "demo (= 1-1), demo-doc (= 1-1), curl"),
        ("Depends: demo\n", "demo (= 1-1)"),
        ("Depends: a (>= 3) [amd64] | b,\n c:any <!nocheck>\n",
         "a (>= 3) [amd64] | b, c:any <!nocheck>"),
        ("Depends: @builddeps@\n", "debhelper-compat (= 13), gcc [amd64], build-essential"),
        ("Depends: @recommends@, perl\n", "curl, perl"),
        ("Depends: @ | other\n", "demo (= 1-1) | other, demo-doc (= 1-1) | other"),
        ("Depends:\n", ""),
        ("Restrictions: needs-sudo\n", "demo (= 1-1), demo-doc (= 1-1), sudo"),
        ("Restrictions: needs-recommends\nDepends: demo\n", "demo (= 1-1), curl"),
    ],
)  # fmt: skip
def test_what_a_test_depends_on(field: str, relations: str) -> None:
    assert one(f"Tests: t\n{field}").relations == relations


@pytest.mark.parametrize("depends", ["a; b", "$(touch x)", "-o Dpkg::Pre-Invoke::=x", "a (>> )"])
def test_what_is_no_dependency_is_refused(depends: str) -> None:
    with pytest.raises(ControlError, match="stanza 1: Depends"):
        parsed(f"Tests: t\nDepends: {depends}\n")


def test_commands_are_numbered_unless_they_have_a_name() -> None:
    found = parsed(
        "Test-Command: foo --list\n\nTest-Command: bar\nFeatures: x, test-name=named\n\n"
        "Test-Command: baz\n"
    )
    assert [(t.name, t.command) for t in found] == [
        ("command1", "foo --list"), ("named", "bar"), ("command2", "baz"),
    ]  # fmt: skip


def test_comments_are_no_content_and_end_no_stanza() -> None:
    found = one("# first\nTests: a # the first\n# between\nDepends: curl,\n# within\n perl\n")
    assert (found.name, found.relations) == ("a", "curl, perl")


@pytest.mark.parametrize(
    ("stanza", "why"),
    [
        ("Tests: t\nRestrictions: needs-quantum\n", "unknown restriction needs-quantum"),
        ("Tests: t\nFrobnicate: yes\n", "unknown field Frobnicate"),
        ("Tests: t\nRestrictions: hint-testsuite-triggers\n", "hint"),
        ("Tests: t\nTests-Directory: ../..\n", "not a path in the source tree"),
        ("Tests: t\nTests-Directory: /etc\n", "not a path in the source tree"),
        ("Tests: a/b\n", "its name"),
        ("Tests: t\nArchitecture: arm64\n", "Architecture: arm64"),
        ("Tests: t\nArchitecture: !amd64\n", "Architecture: !amd64"),
        ("Tests: t\nArchitecture: all\n", "not allowed"),
        ("Tests: t\nArchitecture: amd64 !arm64\n", "not allowed"),
        ("Tests: t\nArchitecture: any-amd64 arm64\n", None),
        ("Tests: t\nArchitecture: !arm64\n", None),
        ("Tests: t\nClasses: desktop\nFeatures: whatever\nTests-Directory: upstream/t\n", None),
    ],
)
def test_what_is_not_run_says_why(stanza: str, why: str | None) -> None:
    found = one(stanza).unsupported
    assert found is None if why is None else why in (found or "")


@pytest.mark.parametrize(
    "stanza",
    [
        "Depends: curl\n",
        "Tests: a\nTest-Command: b\n",
        "Tests:\n",
        "Tests: a\nFeatures: test-name=b\n",
        "Test-Command: a\nFeatures: test-name\n",
        "Test-Command: a\nFeatures: test-name=a test-name=b\n",
    ],
)
def test_what_autopkgtest_refuses_is_refused(stanza: str) -> None:
    with pytest.raises(ControlError):
        parsed(stanza)


def test_what_stands_for_what_comes_from_the_source_package() -> None:
    control = (
        "Source: demo\nBuild-Depends: x\n\nPackage: demo\n"
        "Recommends: curl, ${misc:Recommends}, helper (>= ${source:Version}), perl | awk\n"
    )
    dsc = {"Build-Depends": "a, b (>= 2)", "Build-Depends-Indep": "c"}
    found = package_of(dsc, control, ["demo (= 1)"])
    assert found.build_depends == ["a", "b (>= 2)", "c"]
    assert found.recommends == ["curl", "helper", "perl | awk"]


def test_every_restriction_of_the_readme_is_known() -> None:
    known = (
        "allow-stderr, breaks-testbed, build-needed, flaky, isolation-container, "
        "isolation-machine, needs-internet, needs-reboot, needs-recommends, needs-root, "
        "needs-sudo, rw-build-tree, skip-not-installable, skippable, superficial"
    )
    assert one(f"Tests: t\nRestrictions: {known}\n").unsupported is None
