"""dpkg-buildpackage in a throw-away root without a network."""

import os
import re
import shutil
import stat
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from debian.deb822 import Dsc

from debwright.build.depends import BuildPlan
from debwright.build.log import BuildLog
from debwright.build.telling import disk_full, telling
from debwright.build.workplace import USUAL, Workplace
from debwright.host.files import sha256_file, share
from debwright.host.process import CommandError, TimedOut
from debwright.isolation.namespaces import Bind, Namespaces
from debwright.model.codes import ERROR, Code, CodedError, Codes
from debwright.model.errors import BuildError, Evidence, MissingError
from debwright.model.fix import Command
from debwright.roots.layers import BUILDER_UID
from debwright.roots.overlay import Throwaway, make_throwaway, opened
from debwright.roots.store import Layer
from debwright.source.make import SourcePackage

SOURCES = "/source"
HOME = USUAL.directory
# Of the characters dpkg uses (deb-version(7), policy 5.6.1) and no others.
ARTIFACT = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9+.~-]*(?:_[A-Za-z0-9+.~%-]+)+\.(?:deb|udeb|ddeb|changes|buildinfo)",
    re.ASCII,
)
_TEST_FAILURE = re.compile(
    r"dh_auto_test: error|^FAIL(?:ED)?\b|=+ .*\d+ failed|"
    r"\*\*\* \[(?:[^\]\s]+: )?(?:\S*/)?(?:(?:check|tests?)(?:-[\w-]+)?|test-suite\.log|"
    r"override_dh_auto_test\S*)\] Error|"
    r"pybuild.*test: .*(?:error|exit code)|Errors? while running CTest"
)
_TEST_STEP = re.compile(
    r"^\s+(?:dh_auto_test\b|debian/rules (?:override|execute_before|execute_after)_dh_auto_test)"
)
_NO_BUILD_SYSTEM = re.compile(r"\s(?:-O)?(?:--buildsystem[= ]|-S\s?)none\b")
"""What debian/rules gives debhelper(7) where nothing is built."""
_NONE_FOUND = "No system auto-selected or specified"
"""What `dh_auto_test --list` says of such a tree (Debian::Debhelper::Dh_Buildsystems)."""
_NETWORK = re.compile(
    r"Temporary failure in name resolution|Could not resolve host|Network is unreachable|"
    r"Name or service not known"
)


@dataclass(frozen=True, kw_only=True)
class Built:
    """What a build gave; `tree` is the built source tree, kept when asked for."""

    files: tuple[Path, ...]
    cpu_seconds: float
    tree: Path | None = None
    notes: tuple[str, ...] = field(default=())


CODES = Codes(
    {
        "build/failed": Code(ERROR, "The package did not build."),
        "build/tests-failed": Code(ERROR, "The tests of the package failed."),
        "build/timeout": Code(ERROR, "The build took longer than allowed."),
        "build/nothing": Code(ERROR, "The build made no .deb."),
        "wheelhouse/compile": Code(ERROR, "A distribution did not compile."),
        "wheelhouse/timeout": Code(ERROR, "Compiling took longer than allowed."),
        "source/checksum": Code(ERROR, "A file is not the one that the .dsc names."),
    }
)


class PackageBuildError(CodedError, BuildError):
    """dpkg-buildpackage failed; `code` is the finding's."""

    codes = CODES


def tree_name(source: SourcePackage) -> str:
    """The directory a source is always unpacked to, so that paths do not vary with the machine."""
    upstream = source.version.split(":", 1)[-1].rsplit("-", 1)[0]
    return f"{source.name}-{upstream}"


def build_environment(plan: BuildPlan, extra: Mapping[str, str]) -> dict[str, str]:
    options = list(plan.options)
    if not any(o.startswith("parallel=") for o in options):
        options.append(f"parallel={os.cpu_count() or 1}")
    environment = {
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "DEB_BUILD_OPTIONS": " ".join(options),
        **extra,
    }
    if plan.cross:
        # Answers for configure tests that would have to run a program (autoconf, "Site Defaults").
        environment["CONFIG_SITE"] = f"/etc/dpkg-cross/cross-config.{plan.target.arch}"
    if plan.profiles:
        environment["DEB_BUILD_PROFILES"] = " ".join(plan.profiles)
    return environment


def build_command(plan: BuildPlan) -> list[str]:
    command = ["dpkg-buildpackage", "-us", "-uc", plan.kind_option()]
    if plan.cross:
        command.append(f"--host-arch={plan.target.arch}")
    if plan.profiles:
        command.append(f"--build-profiles={','.join(plan.profiles)}")
    return command


def build_binary(
    source: SourcePackage,
    plan: BuildPlan,
    layer: Layer,
    *,
    scratch: Path,
    output: Path,
    log: BuildLog,
    environment: Mapping[str, str] | None = None,
    binds: Sequence[Bind] = (),
    timeout: float = 7200,
    workplace: Workplace = USUAL,
) -> Built:
    """Build `source` by `plan` on an overlay of `layer` and copy what came out to `output`.

    `scratch` holds the overlay and is the caller's to remove; the built tree stays in it. `binds`
    are shown to the build beside its source. Raises
    PackageBuildError with the telling lines of the log.
    """
    with ExitStack() as stack:
        stack.enter_context(layer.in_use())
        overlay = make_throwaway(scratch, layer)
        bind = Bind(source=lend_source(source, scratch), target=SOURCES)
        inside = stack.enter_context(
            opened(overlay, network=False, binds=[bind, *binds], hostname=workplace.hostname)
        )
        workplace.prepare(inside)
        home = f"/{workplace.directory}"
        tree = f"{home}/{tree_name(source)}"
        cpu = 0.0
        try:
            inside.run(
                workplace.command(
                    ["dpkg-source", "--no-check", "-x", f"{SOURCES}/{source.dsc.name}", tree]
                ),
                cwd=home, uid=workplace.uid, sink=log, merge=True,
            )  # fmt: skip
            command = build_command(plan)
            log.heading(f"{' '.join(command)}   (in {tree})")
            done = inside.run(
                workplace.command(command), cwd=tree, uid=workplace.uid, sink=log, merge=True,
                timeout=timeout,
                env={**build_environment(plan, environment or {}), **workplace.environment},
            )  # fmt: skip
            cpu = done.cpu_seconds
        except CommandError as error:
            raise explain(error, plan, log) from error
        except TimedOut as error:
            raise PackageBuildError(
                f"{plan.target}: the build took longer than {timeout / 60:.0f} minutes",
                code="build/timeout", evidence=_last_lines(log),
                cause="something waits for ever, or the machine is slower than thought",
                fix="[build] timeout_minutes in debwright.toml",
            ) from error  # fmt: skip
        files = take(overlay, output, place=workplace.directory)
    if not any(f.suffix == ".deb" for f in files):
        raise PackageBuildError(
            f"{plan.target}: the build of {plan.source} made no .deb", code="build/nothing",
            cause="debian/control has packages for the installer only (udeb)" if files
            and any(f.suffix == ".udeb" for f in files)
            else "debian/control has no package for this architecture",
        )  # fmt: skip
    kept = overlay.upper / workplace.directory / tree_name(source)
    return Built(files=tuple(files), cpu_seconds=cpu, tree=kept)


def lend_source(source: SourcePackage, scratch: Path) -> Path:
    """A copy of the source package alone, readable for the user that builds.

    The directory it lies in may be a home that only its owner can enter, and its other files are
    not the build's business. Raises PackageBuildError when a file is not the one the .dsc names.
    """
    with source.dsc.open("rb") as handle:
        sums = {str(e["name"]): str(e["sha256"]) for e in Dsc(handle)["Checksums-Sha256"]}
    directory = scratch / "source"
    directory.mkdir()
    directory.chmod(0o755)
    for path in (source.dsc, *source.files):
        # What the user that builds may read already is only shown to it (and cannot be written).
        if path.stat().st_mode & stat.S_IROTH:
            share(path, directory / path.name)
        else:
            shutil.copyfile(path, directory / path.name)
            (directory / path.name).chmod(0o644)
        if path.name in sums and sha256_file(directory / path.name) != sums[path.name]:
            raise PackageBuildError(
                f"{path.name} is not the file that {source.dsc.name} names",
                code="source/checksum",
                evidence=[Evidence(text=f"SHA-256 should be {sums[path.name]}", file=path.name)],
                cause="it was changed, or not fetched to its end", fix="fetch it again",
            )  # fmt: skip
    return directory


def take(
    overlay: Throwaway, output: Path, *, place: Path = HOME, names: re.Pattern[str] = ARTIFACT
) -> list[Path]:
    """Copy the artifacts out of the overlay's upper directory; `place` is of the user that builds.

    What lies there was made by the package: only regular files with an artifact's name are taken,
    and never through a link (O_NOFOLLOW), which could lead to a file of this machine.
    """
    output.mkdir(parents=True, exist_ok=True)
    taken = []
    directory = os.open(overlay.upper / place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        for name in sorted(os.listdir(directory)):  # noqa: PTH208 - by descriptor, not by path
            if not names.fullmatch(name):
                continue
            try:
                handle = os.open(
                    name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory
                )
            except OSError:
                continue  # a link, a socket: nothing dpkg makes
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                os.close(handle)
                continue
            with os.fdopen(handle, "rb") as content:
                staged = output / f".{name}.new"
                with staged.open("wb") as copy:
                    shutil.copyfileobj(content, copy)
            staged.chmod(0o644)
            staged.replace(output / name)
            taken.append(output / name)
    finally:
        os.close(directory)
    return taken


def explain(error: CommandError, plan: BuildPlan, log: BuildLog) -> BuildError | MissingError:
    """The build's failure with the lines that tell why; `debwright diagnose` goes deeper."""
    log.heading(f"failed with status {error.done.returncode}")
    numbered = log_lines(log.path)
    fix = f"debwright shell {plan.target}"
    name = log.path.name

    def evidence(pattern: re.Pattern[str], limit: int) -> list[Evidence]:
        found = [(n, t) for n, t in numbered if pattern.search(t)]
        return [Evidence(text=t, file=name, line=n) for n, t in found[:limit]]

    if full := disk_full(numbered):
        return MissingError(
            f"{plan.target}: the disk is full",
            evidence=[Evidence(text=t, file=name, line=n) for n, t in full],
            fix=Command("debwright", "cache", "prune"),
        )
    if said := evidence(_TEST_FAILURE, 6):
        return PackageBuildError(
            f"{plan.target}: the tests of {plan.source} failed", code="build/tests-failed",
            evidence=said, cause="see the test's output above these lines in the log", fix=fix,
        )  # fmt: skip
    cause = None
    said = [Evidence(text=t, file=name, line=n) for n, t in telling(numbered)]
    if evidence(_NETWORK, 1):
        cause = (
            "the build asks the network, and there is none on purpose: name what it fetches as a "
            "build dependency or carry it in the source package"
        )
        said = [*evidence(_NETWORK, 2), *said[:4]]
    if not said:
        said = _last_lines(log)
    return PackageBuildError(
        f"{plan.target}: {plan.source} did not build", code="build/failed",
        evidence=said, cause=cause, fix=fix,
    )  # fmt: skip


def log_lines(path: Path, limit: int = 20_000) -> list[tuple[int, str]]:
    """Number and text (without the time) of the last lines of a build log, long ones cut."""
    with path.open(errors="replace") as log:  # not at once: it may be of hundreds of megabytes
        return list(deque(((n, line[10:510].rstrip()) for n, line in enumerate(log, 1)), limit))


def _last_lines(log: BuildLog) -> list[Evidence]:
    return [Evidence(text=t, file=log.path.name, line=n) for n, t in log_lines(log.path, 6)]


def run_tests(
    source: SourcePackage,
    built_tree: Path,
    steps: Sequence[str],
    layer: Layer,
    plan: BuildPlan,
    *,
    scratch: Path,
    log: BuildLog,
    timeout: float = 3600,
) -> None:
    """Run the package's build-time tests on a tree that was cross-built, in a root of its target.

    Raises PackageBuildError when they fail. Only `steps`, debhelper's, are run: nothing is
    compiled again.
    """
    with _on_tree(source, built_tree, layer, scratch) as (inside, tree):
        environment = {**build_environment(plan, {}), "SOURCE_DATE_EPOCH": _epoch(inside, tree)}
        for step in steps:
            log.heading(f"{step}   (in {tree}, on {plan.target})")
            try:
                inside.run(
                    in_rules(step), cwd=tree, uid=BUILDER_UID, sink=log, merge=True,
                    timeout=timeout, env=environment,
                )  # fmt: skip
            except CommandError as error:
                raise explain(error, plan, log) from error


def steps_to_test(
    source: SourcePackage, built_tree: Path, layer: Layer, plan: BuildPlan, scratch: Path
) -> list[str]:
    """The commands that test a built tree; asked in any root with the build dependencies."""
    with _on_tree(source, built_tree, layer, scratch) as (inside, tree):
        return test_steps(inside, tree, build_environment(plan, {}))


@contextmanager
def _on_tree(
    source: SourcePackage, built_tree: Path, layer: Layer, scratch: Path
) -> Iterator[tuple[Namespaces, str]]:
    """A root that sees the tree where the build had it, and the tree's path there."""
    tree = f"/{HOME}/{tree_name(source)}"
    bind = Bind(source=built_tree, target=tree, read_only=False)
    with layer.in_use():
        overlay = make_throwaway(scratch, layer)
        with opened(overlay, network=False, binds=[bind]) as inside:
            yield inside, tree


def test_steps(inside: Namespaces, tree: str, environment: Mapping[str, str]) -> list[str]:
    """The commands dh would run to test, with the options debian/rules gives it.

    dh prints its sequence when told not to act (debhelper(7), DH_NO_ACT); it leaves out what its
    stamp says is done, so the stamp goes first.
    """
    inside.run(["rm", "-f", "debian/debhelper-build-stamp"], cwd=tree, uid=BUILDER_UID)
    done = inside.run(
        # Not `build`, which a directory may be named. A cross build makes the `any` packages.
        ["make", "-f", "debian/rules", "build-arch"], cwd=tree, uid=BUILDER_UID,
        check=False, timeout=600, env={**environment, "DH_NO_ACT": "1"},
    )  # fmt: skip
    steps = [line.strip() for line in done.output.splitlines() if _TEST_STEP.match(line)]
    return [step for step in steps if not _tests_nothing(inside, tree, step, environment)]


def _tests_nothing(
    inside: Namespaces, tree: str, step: str, environment: Mapping[str, str]
) -> bool:
    """Whether debhelper has no build system there, whose tests it could run.

    Found out before a root of another architecture is prepared for the tests, which takes minutes.
    """
    if not step.startswith("dh_auto_test"):
        return False
    if _NO_BUILD_SYSTEM.search(step):
        return True
    done = inside.run(
        in_rules(f"{step} --list"), cwd=tree, uid=BUILDER_UID, check=False, timeout=600,
        env=dict(environment),
    )  # fmt: skip
    return _NONE_FOUND in done.output


def in_rules(step: str) -> list[str]:
    """The step as a target of debian/rules, so that the variables it exports are there."""
    return ["make", "-f", "debian/rules", f"--eval=debwright-test: ; {step.replace('$', '$$')}",
            "debwright-test"]  # fmt: skip


def _epoch(inside: Namespaces, tree: str) -> str:
    done = inside.run(["dpkg-parsechangelog", "-STimestamp"], cwd=tree, uid=BUILDER_UID)
    return done.output.strip()
