"""lintian, run in a root of the target's own suite: its policy is that release's."""

import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from debian.deb822 import Changes
from pydantic import AfterValidator, Field

from debwright.checks.engine.base import CheckContext, FileCheck, conclude
from debwright.config import values as v
from debwright.config.section import Problem, Raw, Section
from debwright.host.files import atomic_write, sha256_file
from debwright.host.process import CommandError
from debwright.isolation.namespaces import Bind, Namespaces
from debwright.model.codes import ERROR, INFO, WARNING, Code, Codes
from debwright.model.manifest import digest
from debwright.model.results import CheckResult, Evidence, Finding
from debwright.model.targets import Target, suite_info
from debwright.roots.layers import Roots
from debwright.roots.overlay import opened, throwaway
from debwright.roots.store import Layer

FILES = "/packages"
ANSWER, INPUTS = "lintian.json", "lintian.inputs"
"""What lintian said, and a digest of what it was asked about: the same question is asked once."""
MOST_TAGS = 20_000
USER = 65534
"""nobody: lintian unpacks untrusted archives and needs no rights for it."""

# E: package: tag context [pointer]
_LINE = re.compile(
    r"^(?P<letter>[EWIPXOMC]): (?P<package>\S+)(?: (?P<type>source|changes|buildinfo|udeb))?: "
    r"(?P<tag>[A-Za-z0-9+.-]+)(?: (?P<context>.*))?$"
)
_LEVELS = {
    "E": "error", "W": "warning", "I": "info", "P": "pedantic", "X": "experimental",
    "O": "override", "M": "masked", "C": "classification",
}  # fmt: skip


LintianSeverity = Literal["error", "warning", "info", "pedantic", "experimental", "override"]


class Lintian(Section, table="lintian"):
    """What lintian is asked, and which of its answers count."""

    pedantic: bool = Field(False, description="Whether pedantic tags are shown, too.")
    fail_on: Annotated[list[LintianSeverity], AfterValidator(v.no_repeats)] = Field(
        ["error"], description="Severities of lintian's tags that fail the check."
    )
    suppress: Annotated[list[v.TagName], AfterValidator(v.no_repeats)] = Field(
        [], description="Tags that are not reported."
    )

    @classmethod
    def contradictions(cls, raw: Raw) -> Iterator[Problem]:
        fail_on = raw.get("fail_on")
        if isinstance(fail_on, list) and "pedantic" in fail_on and raw.get("pedantic") is not True:
            yield Problem(
                path=("fail_on", fail_on.index("pedantic")),
                what="lintian.fail_on names pedantic, but pedantic tags are not shown",
                expected="lintian.pedantic = true, without which there are none",
                fix="add `pedantic = true` to [lintian]",
            )


CODES = Codes(
    {
        "lintian/*": Code(
            WARNING,
            "The tag of lintian by that name; `[lintian] fail_on` says which severities fail.",
            or_else=(ERROR, INFO),
        )
    }
)


class LintianCheck(FileCheck):
    """Runs lintian on the .changes, or on the packages alone."""

    name = "lintian"
    codes = CODES
    settings = (Lintian,)

    def run(self, context: CheckContext) -> CheckResult:
        started = time.monotonic()
        context.activity("preparing lintian")
        layer = lintian_layer(context.roots, context.target, context.host_arch)
        context.activity("lintian")
        tags = _tags(context, layer)
        policy = context.config.section(Lintian)
        findings = [finding_of(tag, set(policy.fail_on)) for tag in tags]
        return conclude(self.name, started, findings)


def lintian_layer(roots: Roots, target: Target, host_arch: str) -> Layer:
    """A root of the target's suite, of this machine's architecture, with lintian."""
    machine = Target(suite_info(target.suite).codename, host_arch)

    def change(inside: Namespaces, scratch: Path) -> None:
        arguments = ["install", "--no-install-recommends", "lintian"]
        roots.install(inside, scratch, arguments, None, f"{machine}: lintian")

    return roots.custom("lintian", machine, roots.base(machine), {}, change)


def _tags(context: CheckContext, layer: Layer) -> list[dict[str, Any]]:
    """What lintian says; what it said before, if the same lintian was asked of the same files."""
    command, (files, subjects) = _command(context), _files(context)
    asked = digest({
        "lintian": layer.id, "command": [*command, *subjects],
        "files": {p.name: sha256_file(p) for p in files},
    })  # fmt: skip
    answer, inputs = context.output / ANSWER, context.output / INPUTS
    try:
        if not context.ask_again and inputs.read_text() == asked:
            known: list[dict[str, Any]] = json.loads(answer.read_bytes())
            context.log("lintian was asked of the same packages before: its answer was kept")
            return known
    except (OSError, ValueError):
        pass  # it is asked again
    inputs.unlink(missing_ok=True)
    tags = _run(context, layer, command)
    atomic_write(answer, json.dumps(tags, indent=1).encode() + b"\n")
    atomic_write(inputs, asked)
    return tags


def _command(context: CheckContext) -> list[str]:
    policy = context.config.section(Lintian)
    command = ["lintian", "--tag-display-limit=0", "--color=never",
               "--display-info", "--show-overrides"]  # fmt: skip
    if policy.pedantic:
        command.append("--pedantic")
    if policy.suppress:
        command.append(f"--suppress-tags={','.join(policy.suppress)}")
    return command


def _run(context: CheckContext, layer: Layer, command: list[str]) -> list[dict[str, Any]]:
    tags: list[dict[str, Any]] = []

    def sink(line: str) -> None:
        # Here and not from the output, of which only the end is kept.
        context.log(line)
        if len(tags) < MOST_TAGS and (tag := parse_line(line)) is not None:
            tags.append(tag)

    with throwaway(context.cache, layer, "lintian") as overlay:
        subjects = lend_packages(context, overlay.directory / "packages")
        bind = Bind(source=overlay.directory / "packages", target=FILES)
        with opened(overlay, network=False, binds=[bind]) as inside:
            done = inside.run(
                [*command, *subjects], cwd=FILES, uid=USER, env={"HOME": "/tmp"},  # noqa: S108
                sink=sink, timeout=1800, check=False,
            )  # fmt: skip
    if done.returncode not in (0, 2):  # 2: it found something it calls an error (lintian(1))
        raise CommandError(done, "lintian could not check the packages")
    return tags


def lend_packages(context: CheckContext, directory: Path) -> list[str]:
    """Copy what lintian reads into `directory`, readable for it; what it is to be given.

    Packages may come from several directories, and from one that only its owner can enter.
    """
    files, subjects = _files(context)
    directory.mkdir()
    directory.chmod(0o755)
    for path in files:
        shutil.copyfile(path, directory / path.name)
        (directory / path.name).chmod(0o644)
    return subjects


def _files(context: CheckContext) -> tuple[list[Path], list[str]]:
    """The files that lintian reads, and those among them that it is given."""
    files = [d.path for d in context.debs]
    subjects = [f"./{path.name}" for path in files]
    if context.changes is not None:
        with context.changes.open("rb") as handle:
            names = [Path(str(f["name"])).name for f in Changes(handle).get("Files", [])]
        files = [context.changes, *(context.changes.parent / name for name in names)]
        subjects = [f"./{context.changes.name}"]
    return [path for path in files if path.is_file()], subjects


def parse_line(line: str) -> dict[str, Any] | None:
    """One line of lintian's plain output, whose form has been stable for two decades."""
    match = _LINE.match(line)
    if match is None:
        return None
    return {
        "level": _LEVELS[match["letter"]],
        "package": match["package"],
        "type": match["type"] or "binary",
        "tag": match["tag"],
        "context": match["context"] or "",
    }


def finding_of(tag: dict[str, Any], fail_on: set[str]) -> Finding:
    """What a tag of lintian's is for debwright; `fail_on` has the levels that are errors."""
    level = tag["level"]
    if level in fail_on:
        severity = ERROR
    elif level in {"error", "warning"}:
        severity = WARNING
    else:
        severity = INFO
    text = f"{tag['tag']} {tag['context']}".strip()
    return CODES.found(
        f"lintian/{tag['tag']}",
        f"lintian ({level}): {tag['package']}: {text}",
        severity=severity,
        evidence=(Evidence(text=text, file=tag["package"]),),
        fix=f"lintian-explain-tags {tag['tag']}" if severity is ERROR else None,
    )
