"""debian/tests on booted systems: every rule of autopkgtest's, with what a test sees and may do."""

import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from tests.integration.conftest import Debwright
from tests.kit import debs

pytestmark = [pytest.mark.apart, pytest.mark.minutes(0.5)]

CONFIG = """\
[targets]
build = ["bookworm-amd64"]

[autopkgtest]
seconds = 20
"""
OFF = """
[checks]
"""
CONTROL = """\
Source: demo
Maintainer: Jo <jo@example.org>
Section: misc
Standards-Version: 4.6.2

Package: demo
Architecture: amd64
Description: a test
 of the checks
"""
CHANGELOG = """\
demo (1.0) unstable; urgency=medium

  * First.

 -- Jo <jo@example.org>  Mon, 02 Nov 2026 10:00:00 +0000
"""
RULES = """\
#!/usr/bin/make -f
build:
	pwd > built
clean:
	rm -f built
binary binary-arch binary-indep: build
build-arch build-indep: build
"""
# Every test here depends on the same: they share a system, and what one leaves the next sees.
TESTS = """\
Tests: plain, fails, noisy, leaves
Restrictions: rw-build-tree

Tests: noisy-allowed
Restrictions: allow-stderr

Test-Command: demo | grep -q installed && test -z "$(printf '%s' "$AUTOPKGTEST_NORMAL_USER")"
Features: test-name=command

Tests: root
Restrictions: needs-root, superficial

Tests: skipped
Restrictions: skippable

Tests: flaky
Restrictions: flaky

Tests: reboots
Restrictions: needs-root, needs-reboot

Tests: breaks
Restrictions: needs-root, breaks-testbed

Tests: whole-again

Tests: built
Restrictions: build-needed

Tests: sudo
Restrictions: needs-sudo

Tests: nowhere
Depends: @, no-such-package

Tests: nowhere-skipped
Depends: @, no-such-package
Restrictions: skip-not-installable

Tests: machine
Restrictions: isolation-machine

Tests: internet
Restrictions: needs-internet

Tests: hangs
"""
PROGRAMS = {
    "plain": """
        test "$(id -u)" != 0 && test "$HOME" = "$(getent passwd "$(id -un)" | cut -d: -f6)"
        touch "$HOME/x" "$AUTOPKGTEST_TMP/x" written-into-the-tree
        test "$(ls -A "$AUTOPKGTEST_TMP")" = x && test "$ADTTMP" = "$AUTOPKGTEST_TMP"
        test -f debian/control && test -x /usr/bin/demo && test "$LANG" = C.UTF-8
        test -z "${DEBWRIGHT_PATH:-}" && systemctl is-system-running --wait >&1 || true
        echo kept > "$AUTOPKGTEST_ARTIFACTS/note"
    """,
    "fails": "echo before the end; test ! -e written-into-the-tree; exit 3",
    "noisy": "echo a word of warning >&2",
    "noisy-allowed": "echo a word of warning >&2",
    "leaves": "sleep 1000 & exit 0",
    "root": """test "$(id -u)" = 0; test "$(id -un "$AUTOPKGTEST_NORMAL_USER")" != root""",
    "skipped": "exit 77",
    "flaky": "exit 1",
    "reboots": """
        case "${AUTOPKGTEST_REBOOT_MARK:-}" in
          "") touch "$AUTOPKGTEST_TMP/x"
              touch /run/first; /tmp/autopkgtest-reboot one ;;
          one) test ! -e /run/first; test -e "$AUTOPKGTEST_TMP/x"; touch /run/first
               /tmp/autopkgtest-reboot two ;;
          two) test ! -e /run/first ;;
        esac
    """,
    "breaks": "rm -rf /usr/bin/demo /bin/cat",
    "whole-again": "demo | cat",
    "built": """test "$(cat built)" = "$PWD" """,
    "sudo": """test "$(id -u)" != 0; test "$(sudo -n id -u)" = 0""",
    "nowhere": "exit 0",
    "nowhere-skipped": "exit 0",
    "machine": "exit 0",
    "internet": "exit 0",
    "hangs": "sleep 1000",
}


def source(directory: Path, tests: str, programs: dict[str, str]) -> Path:
    """A native source package; the programs of its tests are not executable."""
    tree = directory / "demo-1.0"
    files: dict[str, debs.Content] = {
        "debian/control": CONTROL, "debian/changelog": CHANGELOG, "debian/rules": RULES,
        "debian/source/format": "3.0 (native)\n", "debian/tests/control": tests,
        **{f"debian/tests/{n}": (f"#!/bin/sh -e\n{text}\n", 0o644) for n, text in programs.items()},
    }  # fmt: skip
    debs.write(tree, files)
    argv = ["dpkg-source", "-b", tree.name]
    subprocess.run(argv, cwd=directory, check=True, capture_output=True)
    (dsc,) = directory.glob("*.dsc")
    return dsc


def checked(directory: Path, tests: str, programs: dict[str, str]) -> tuple[int, dict[str, Any]]:
    from debwright.checks import registry

    off = [c.name for c in registry.unasked() if c.name not in {"install", "autopkgtest"}]
    (directory / "debwright.toml").write_text(CONFIG + OFF + "".join(f'{n} = "off"\n' for n in off))
    deb = debs.build(directory, {"/usr/bin/demo": "#!/bin/sh\necho installed\n"}, version="1.0")
    run = Debwright(directory)("check", str(deb), str(source(directory, tests, programs)))
    (path,) = directory.glob("dist/check/*/bookworm-amd64/check.json")
    found = {c["name"]: c for c in json.loads(path.read_text())["checks"]}
    return run.code, found["autopkgtest"]


def test_every_kind_of_test(tmp_path: Path) -> None:
    code, check = checked(tmp_path, TESTS, PROGRAMS)
    said = {n.split(": ", 1)[0]: n.split(": ", 1)[1] for n in check["notes"]}
    verdicts = {name: text.split(" ")[0] for name, text in said.items()}
    passed = {"plain", "leaves", "noisy-allowed", "command", "root", "reboots", "breaks",
              "whole-again", "built", "sudo"}  # fmt: skip
    skipped = {"skipped", "nowhere-skipped", "machine", "internet"}
    failed = {"fails", "noisy", "nowhere", "hangs"}
    assert {n for n, v in verdicts.items() if v == "PASS"} == passed, said
    assert {n for n, v in verdicts.items() if v == "SKIP"} == skipped, said
    assert {n for n, v in verdicts.items() if v == "FAIL"} == failed, said
    assert said["flaky"].startswith("FLAKY non-zero exit status 1")
    assert said["fails"].startswith("FAIL non-zero exit status 3")
    assert said["noisy"].startswith("FAIL stderr: a word of warning")
    assert "needs-internet" in said["internet"] and "--sandbox vm" in said["machine"]
    assert said["root"].startswith("PASS (superficial)")
    codes = sorted((f["code"], f["severity"]) for f in check["findings"])
    assert codes == [
        ("autopkgtest/dependencies", "error"), ("autopkgtest/flaky", "warning"),
        ("autopkgtest/stderr", "error"), ("autopkgtest/test-failed", "error"),
        ("autopkgtest/timeout", "error"),
    ]  # fmt: skip
    evidence = {f["code"]: str(f["evidence"]) for f in check["findings"]}
    assert "before the end" in evidence["autopkgtest/test-failed"]
    assert "sleep 1000" in evidence["autopkgtest/timeout"]
    assert "no-such-package" in evidence["autopkgtest/dependencies"]
    (kept,) = tmp_path.glob("dist/check/*/*/autopkgtest/*.tar.gz")
    with tarfile.open(kept) as archive:
        assert {m.name for m in archive if m.isfile()} == {"./note"}
    assert (code, check["status"]) == (4, "failed")


def test_what_cannot_be_run_is_skipped_and_what_is_malformed_fails(tmp_path: Path) -> None:
    home = tmp_path / "skipped"
    home.mkdir()
    code, check = checked(home, "Tests: a\nRestrictions: isolation-machine\n", {"a": "exit 1"})
    assert (check["status"], check["findings"]) == ("skipped", [])
    assert "isolation-machine" in check["reason"]
    home = tmp_path / "malformed"
    home.mkdir()
    code, check = checked(home, "Tests: a\nDepends: $(reboot)\n", {"a": "exit 0"})
    assert code == 4
    (finding,) = check["findings"]
    assert (finding["code"], finding["severity"]) == ("autopkgtest/control", "error")
    assert "$(reboot)" in finding["message"]
