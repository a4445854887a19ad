"""Results of runs as they come: passing, failing at each stage, skipped, and hostile."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from debwright.model.fix import Command
from debwright.model.results import (
    Artifact,
    CheckResult,
    Evidence,
    Finding,
    RunResult,
    Severity,
    StageResult,
    Status,
    TargetResult,
)

Sample = Callable[[], RunResult]

BEGIN = datetime(2026, 3, 14, 12, 3, 4, tzinfo=UTC)
VERSION = "1.4.2-1"
SOURCES = """\
Types: deb
URIs: https://packages.example.org/greeter
Suites: bookworm
Components: main
Architectures: amd64 arm64
Signed-By: /usr/share/keyrings/greeter-archive-keyring.pgp
"""

HOSTILE = (
    "<script>alert(1)</script>",
    "</pre></code><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)" x="',
    "\x1b[31mred\x1b[0m\x1b]0;title\x07",
    "]]><boom/>",
    "```\n# heading\n```",
    "````` five",
    "a | b | c",
    "a \\| b",
    "::error title=x::owned",
    "  ::set-output name=x::y",
    "##[error]owned",
    "x\n::add-mask::y",
    "\r\n::endgroup::\r",
    "[bold red]markup[/] [link=https://example.org]x[/link]",
    "{{ 7 * 7 }} {% raw %}",
    "\u202etxt.exe\u2028line\u2029para",
    "\x00\x08\x7f\x9b31m",
    "name\udc80.txt",
    "%0A::error::x",
    "- item\n1. item\n> quote\n===",
    "<details><summary>x</summary>",
    "",
    "   ",
)


def stage(
    name: str,
    status: Status = Status.PASSED,
    *,
    at: float = 0,
    seconds: float = 1.0,
    cpu: float | None = None,
    reason: str | None = None,
    error: Finding | None = None,
) -> StageResult:
    return StageResult(
        stage=name,
        status=status,
        reason=reason,
        started=None if status is Status.SKIPPED else BEGIN + timedelta(seconds=at),
        seconds=0 if status is Status.SKIPPED else seconds,
        cpu_seconds=cpu,
        error=error,
    )


def skipped_check(name: str, reason: str) -> CheckResult:
    return CheckResult(name=name, status=Status.SKIPPED, reason=reason)


def artifacts(target: str, architecture: str) -> tuple[Artifact, ...]:
    base = f"{VERSION}/{target}/"
    stem = f"greeter_{VERSION}_{architecture}"
    return (
        Artifact(
            path=f"{base}{stem}.deb", kind="deb", size=2_418_004, sha256="3fa9c1e07b" * 6 + "d41c"
        ),
        Artifact(
            path=f"{base}{stem}.changes",
            kind="changes",
            size=1_932,
            sha256="90ab17ce2d" * 6 + "77f0",
        ),
        Artifact(
            path=f"{base}{stem}.buildinfo",
            kind="buildinfo",
            size=7_411,
            sha256="1c55e0d3aa" * 6 + "0b6e",
        ),
        Artifact(
            path=f"{base}build.log", kind="log", size=184_220, sha256="e7d20c994f" * 6 + "a311"
        ),
    )


def good_checks(emulated: bool = False) -> tuple[CheckResult, ...]:
    slow = 6.0 if emulated else 1.0
    return (
        CheckResult(
            name="lintian",
            status=Status.PASSED,
            seconds=3.1,
            findings=(
                Finding(
                    severity=Severity.WARNING,
                    code="lintian/initial-upload-closes-no-bugs",
                    message="initial-upload-closes-no-bugs",
                    evidence=(
                        Evidence(
                            text="greeter: initial-upload-closes-no-bugs",
                            file="usr/share/doc/greeter/changelog.Debian.gz",
                            line=1,
                        ),
                    ),
                    fix="close an ITP bug in debian/changelog, or switch the tag off in [lintian]",
                ),
            ),
        ),
        CheckResult(
            name="install",
            status=Status.PASSED,
            seconds=1.8 * slow,
            measurements={"installed_bytes": 7_340_032, "new_packages": 14},
        ),
        CheckResult(
            name="service",
            status=Status.PASSED,
            seconds=1.2 * slow,
            measurements={"start_seconds": 0.41 * slow, "memory_bytes": 38_400_000},
            notes=(
                (
                    "The emulator accepts SystemCallFilter= and MemoryMax= but was not seen to "
                    "enforce them.",
                )
                if emulated
                else ()
            ),
        ),
        CheckResult(name="smoke", status=Status.PASSED, seconds=0.3 * slow),
        CheckResult(name="files", status=Status.PASSED, seconds=0.2),
        CheckResult(name="purge", status=Status.PASSED, seconds=0.9 * slow),
        CheckResult(
            name="upgrade",
            status=Status.SKIPPED,
            reason="no earlier release of greeter to upgrade from",
        ),
    )


def good_target(target: str, *, at: float = 1.6, emulated: bool = False) -> TargetResult:
    build = 21.5 if emulated else 18.2
    return TargetResult(
        target=target,
        strategy="cross" if emulated else "native",
        strategy_reason=(
            "the toolchain for arm64 is here and its build dependencies install"
            if emulated
            else "this machine runs amd64"
        ),
        stages=(
            stage("build", at=at, seconds=build, cpu=build * 0.94),
            stage("check", at=at + build + 0.1, seconds=24.2 if emulated else 8.1, cpu=5.2),
        ),
        checks=good_checks(emulated),
        artifacts=artifacts(target, target.rpartition("-")[2]),
    )


def _run(
    *targets: TargetResult,
    seconds: float = 52.6,
    stages: tuple[StageResult, ...] | None = None,
    published: bool = True,
) -> RunResult:
    publish = stage("publish", at=48.1, seconds=2.2)
    if not published:
        publish = stage(
            "publish", Status.SKIPPED, reason="a target failed, so nothing is published"
        )
    return RunResult(
        debwright="0.1.0",
        package="greeter",
        version=VERSION,
        started=BEGIN,
        seconds=seconds,
        host="amd64 debian 12",
        commit="5d41402abc4b2a76b9719d911017c592aabbccdd",
        stages=stages
        or (stage("plan", seconds=0.3), stage("source", at=0.3, seconds=1.2), publish),
        targets=targets,
        artifacts=(
            Artifact(
                path=f"{VERSION}/SHA256SUMS",
                kind="sums",
                size=412,
                sha256="77aa12bc9e" * 6 + "0c1d",
            ),
        ),
        signing_key="8F0A 1B2C 3D4E 5F60 7182  93A4 B5C6 D7E8 F901 2345" if published else None,
        signing_note=(
            "The key was made for this run and is thrown away: configure [signing] for a release."
            if published
            else None
        ),
        apt_sources=SOURCES if published else None,
        notes=("raspios-bookworm-arm64 is configured, but no pattern selected it.",),
    )


def passing() -> RunResult:
    return _run(good_target("bookworm-amd64"), good_target("bookworm-arm64", emulated=True))


def build_error() -> Finding:
    log = f"{VERSION}/bookworm-arm64/build.log"
    lines = (
        (1207, "aarch64-linux-gnu-gcc -g -O2 -fstack-protector-strong -fPIC -c src/fastgreet.c"),
        (1208, "src/fastgreet.c:3:10: fatal error: zlib.h: No such file or directory"),
        (1209, "    3 | #include <zlib.h>"),
        (1210, "      |          ^~~~~~~~"),
        (1211, "compilation terminated."),
        (1212, "make[1]: *** [debian/rules:14: override_dh_auto_build] Error 1"),
    )
    return Finding(
        severity=Severity.ERROR,
        code="build/missing-header",
        message="greeter did not build: the header zlib.h is missing",
        evidence=tuple(Evidence(text=text, file=log, line=line) for line, text in lines),
        fix="add zlib1g-dev to Build-Depends in debian/control",
    )


def failing_build() -> RunResult:
    broken = TargetResult(
        target="bookworm-arm64",
        strategy="cross",
        strategy_reason="the toolchain for arm64 is here and its build dependencies install",
        stages=(
            stage("build", Status.FAILED, at=1.6, seconds=11.9, cpu=10.2, error=build_error()),
            stage("check", Status.SKIPPED, reason="the build failed"),
        ),
        artifacts=artifacts("bookworm-arm64", "arm64")[3:],
    )
    return _run(good_target("bookworm-amd64"), broken, seconds=31.4, published=False)


def unhealthy() -> Finding:
    return Finding(
        severity=Severity.ERROR,
        code="service/unhealthy",
        message="greeter.service never answered http://127.0.0.1:8080/health within 30 s",
        evidence=(
            Evidence(
                text="greeter.service: Main process exited, code=exited, status=1/FAILURE",
                file="journal",
            ),
            Evidence(text="Traceback (most recent call last):", file="journal"),
            Evidence(
                text='  File "/usr/lib/python3/dist-packages/greeter/server.py", line 41, in main',
                file="journal",
            ),
            Evidence(
                text="PermissionError: [Errno 13] Permission denied: '/var/lib/greeter/state.db'",
                file="journal",
            ),
            Evidence(text="StateDirectory=greeterd", file="debian/greeter.service", line=17),
        ),
        fix="let StateDirectory= in debian/greeter.service name /var/lib/greeter",
    )


def failing_check() -> RunResult:
    checks = list(good_checks(emulated=True))
    checks[2] = CheckResult(
        name="service",
        status=Status.FAILED,
        seconds=31.0,
        findings=(unhealthy(),),
        measurements={"attempts": 58},
        notes=("Started three times by Restart=always; each ended within 1 s.",),
    )
    checks[3] = CheckResult(
        name="smoke", status=Status.SKIPPED, reason="the service did not become healthy"
    )
    checks[5] = CheckResult(
        name="purge",
        status=Status.FAILED,
        seconds=4.4,
        findings=(
            Finding(
                severity=Severity.ERROR,
                code="purge/left-behind",
                message="2 paths of the package are still there after purge",
                evidence=(
                    Evidence(text="/var/lib/greeter"),
                    Evidence(text="/var/lib/greeter/state.db"),
                ),
                fix="remove /var/lib/greeter in debian/greeter.postrm on purge",
            ),
        ),
    )
    target = good_target("bookworm-arm64", emulated=True).model_copy(
        update={
            "stages": (
                stage("build", at=1.6, seconds=21.5, cpu=20.1),
                stage(
                    "check",
                    Status.FAILED,
                    at=23.2,
                    seconds=58.3,
                    error=Finding(
                        severity=Severity.ERROR,
                        code="check/failed",
                        message="2 checks failed: service, purge",
                    ),
                ),
            ),
            "checks": tuple(checks),
        }
    )
    return _run(good_target("bookworm-amd64"), target, seconds=82.0, published=False)


def skipped() -> RunResult:
    unreachable = TargetResult(
        target="jammy-amd64",
        strategy="native",
        strategy_reason="this machine runs amd64",
        stages=(
            stage(
                "build", Status.SKIPPED, reason="the archive of jammy cannot be reached from here"
            ),
            stage("check", Status.SKIPPED, reason="nothing was built"),
        ),
    )
    return _run(good_target("bookworm-amd64"), unreachable)


def cached() -> RunResult:
    result = passing()
    targets = [
        t.model_copy(
            update={
                "stages": tuple(
                    s.model_copy(update={"status": Status.CACHED, "seconds": 0.01})
                    for s in t.stages
                )
            }
        )
        for t in result.targets
    ]
    return result.model_copy(update={"targets": tuple(targets), "seconds": 0.9})


def failing_publish() -> RunResult:
    error = Finding(
        severity=Severity.ERROR,
        code="sign/no-key",
        message="the signing key is not in the keyring",
        fix=Command("debwright", "keys", "list"),
    )
    stages = (
        stage("plan", seconds=0.3),
        stage("source", at=0.3, seconds=1.2),
        stage("publish", Status.FAILED, at=48, seconds=0.2, error=error),
    )
    return _run(good_target("bookworm-amd64"), stages=stages, published=True)


def hostile(text: str) -> RunResult:
    """A run in which every text that may come from outside is `text`."""
    evidence = (Evidence(text=text, file=text or None, line=3), Evidence(text=text))
    findings = tuple(
        Finding(severity=severity, code=text, message=text, evidence=evidence, fix=text)
        for severity in Severity
    )
    error = findings[0]
    target = TargetResult(
        target=text,
        strategy=text,
        strategy_reason=text,
        stages=(
            StageResult(stage=text, status=Status.PASSED, reason=text),
            StageResult(stage="build", status=Status.SKIPPED, reason=text),
            StageResult(stage="check", status=Status.FAILED, error=error, details={"log": text}),
        ),
        checks=(
            CheckResult(name=text, status=Status.FAILED, findings=findings, notes=(text,)),
            CheckResult(name=text, status=Status.SKIPPED, reason=text),
            CheckResult(name="files", status=Status.PASSED, measurements={text: 1.0, "x_bytes": 2}),
        ),
        artifacts=(
            Artifact(path=text + ".deb", kind=text, size=1, sha256=text),
            Artifact(path=text + ".changes", kind=text, size=1, sha256=text),
        ),
    )
    return RunResult(
        debwright=text,
        package=text,
        version=text,
        started=BEGIN,
        seconds=1,
        host=text,
        commit=text or None,
        stages=(StageResult(stage=text, status=Status.FAILED, error=error, reason=text),),
        targets=(target,),
        artifacts=(Artifact(path=text, kind=text, size=1, sha256=text),),
        signing_key=text,
        signing_note=text,
        apt_sources=text,
        notes=(text,),
    )


ALL: tuple[Sample, ...] = (
    passing, failing_build, failing_check, skipped, cached, failing_publish,
)  # fmt: skip
"""Every sample that needs no argument."""
