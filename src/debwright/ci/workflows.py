"""The tables of the workflows that `debwright workflows sync` writes."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from debwright.ci.installing import COMMIT, PINNED, WHEEL
from debwright.config import values as v
from debwright.config.section import Section
from debwright.model.arch import ARCHITECTURES


def _job_name(value: str) -> str:
    if re.fullmatch(r"[a-z][a-z0-9-]{0,40}", value) is None:
        raise v.refused(
            f"{v.quoted(value)} is not a job's name",
            expected="lower-case letters, digits and dashes, beginning with a letter",
        )
    if value in RESERVED:
        raise v.refused(
            f"{v.quoted(value)} is a job that every validation has",
            expected=f"another name than {', '.join(RESERVED)}",
        )
    return value


def _directory(value: str) -> str:
    if value == ".":
        return value
    if value.startswith("/") or any(p in ("", ".", "..") for p in value.split("/")):
        raise v.refused(
            f"{v.quoted(value)} is not acceptable",
            expected="a directory below this file's, as services/greeter, or . for its own",
        )
    return _plain(value)


_PLACE = re.compile(r"\.|[A-Za-z0-9_][A-Za-z0-9._/+-]*")


def _plain(value: str) -> str:
    """Text that means the same in YAML, in a shell and in a workflow's expression."""
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/+-]*", value) is None:
        raise v.refused(
            f"{v.quoted(value)} is not acceptable", expected="letters, digits and any of ._/+-"
        )
    return value


def _image(value: str) -> str:
    if re.fullmatch(r"[a-z0-9][A-Za-z0-9._/:-]*(@sha256:[0-9a-f]{64})?", value) is None:
        raise v.refused(
            f"{v.quoted(value)} is not an image", expected="NAME:TAG or NAME@sha256:HASH"
        )
    return value


def _requirement(value: str) -> str:
    if not any(form.fullmatch(value) for form in (COMMIT, WHEEL, PINNED, _PLACE)):
        raise v.refused(
            f"{v.quoted(value)} is not acceptable",
            expected="git+https://HOST/PATH@COMMIT, https://HOST/PATH.whl#sha256=HASH, a directory "
            "of the repository, or debwright==VERSION",
        )
    return value


RESERVED = ("plan", "workflows", "packages")
Name = Annotated[str, AfterValidator(_job_name)]
Directory = Annotated[v.Line, AfterValidator(_directory)]
Plain = Annotated[v.Line, AfterValidator(_plain)]
Requirement = Annotated[v.Line, AfterValidator(_requirement)]
Image = Annotated[v.Line, AfterValidator(_image)]
Minutes = Annotated[int, Field(ge=1, le=360)]


class Validation(Section):
    """A job of its own for every change, which runs `debwright validate NAME`."""

    name: Name = Field(description="What the job is called.")
    commands: list[v.Script] = Field(
        min_length=1,
        description="Run one after the other with `bash -c`, in this file's directory; the first "
        "that fails ends the job.",
    )
    full: list[v.Script] = Field(
        [], description="Run on the main branch instead of `commands`; the same when empty."
    )
    minutes: Minutes = Field(30, description="Minutes after which the job is stopped.")


def _names_once(values: list[Validation]) -> list[Validation]:
    v.no_repeats([job.name for job in values])
    return values


class Workflows(Section, table="workflows"):
    """What `debwright workflows sync` writes for a CI service."""

    provider: Plain = Field("github", description="The CI service that they are written for.")
    project: Directory = Field(
        ".", description="Directory of the debwright.toml whose packages are built."
    )
    install: Requirement | None = Field(
        None,
        description="What of debwright the jobs install: a commit (git+https://HOST/PATH@COMMIT), "
        "a wheel (https://HOST/PATH.whl#sha256=HASH), a directory of this repository, or "
        "debwright==VERSION; all but a commit need `requirements`.",
    )
    requirements: Annotated[list[Plain], AfterValidator(v.no_repeats)] = Field(
        [],
        description="Lock files with hashes, in pip's format, of all that `install` needs; "
        "relative to the top of the repository.",
    )
    main: Plain = Field("main", description="The branch that gets the full run.")
    arm64: Literal["cross", "native", "emulated"] = Field(
        "cross",
        description="How arm64 is built: cross and emulated on a machine of amd64, where cross "
        "falls back to emulated; native on a runner of that architecture.",
    )
    runner: Plain = Field(
        ARCHITECTURES["amd64"].runner, description="Label of the runners of amd64."
    )
    image: Image = Field(
        "debian:trixie",
        description="Image of the jobs where a service runs them in containers (GitLab); "
        "NAME@sha256:DIGEST does not change. Booting systems needs a privileged runner.",
    )
    arm64_runner: Plain = Field(
        ARCHITECTURES["arm64"].runner, description="Label of the runners of arm64."
    )
    light: list[v.Line] = Field(
        [],
        description="Patterns of the targets that a change to a branch is built for; default: the "
        "first of targets.build.",
    )
    paths: list[v.Line] = Field(
        [],
        description="fnmatch patterns of paths, from the top of the repository, whose "
        "changes are built, in addition to those of the project and its companions.",
    )
    environment: Plain = Field(
        "release", description="The deployment environment of releases; give it reviewers."
    )
    renew_environment: Plain | None = Field(
        None,
        description="The deployment environment of the job that signs the repository again every "
        "week; default: that of releases, whose reviewers then approve each run.",
    )
    retention_days: int = Field(
        90, ge=1, le=90, description="Days for which artifacts are kept; GitHub allows 90."
    )
    keep_artifacts: int = Field(
        30,
        ge=1,
        le=1000,
        description="Artifacts of each target that are kept, the newest first; `packages`, which "
        "has all of a run, stays for retention_days.",
    )
    code_scanning: v.AutoOrBool = Field(
        "auto",
        description="Whether findings go to code scanning (SARIF); auto: where the repository is "
        "public, since private ones have it with GitHub Code Security only.",
    )
    attestations: v.AutoOrBool = Field(
        "auto",
        description="Whether releases are attested (provenance and bills of materials); auto: "
        "where the repository is public, since private ones have it with GitHub Enterprise Cloud "
        "only.",
    )
    arm64_proof: bool = Field(
        True,
        description="Whether packages that were cross-built for arm64 are checked on a runner of "
        "that architecture, too; public repositories have it for nothing, private ones not at all.",
    )
    metrics: bool = Field(
        False,
        description="Whether each run on the main branch leaves its record on the branch "
        "`metrics`, and a schedule makes the dashboard and sends alerts of [metrics].",
    )
    build_minutes: Minutes = Field(
        180, description="Minutes after which the build of a target is stopped."
    )
    jobs: Annotated[list[Validation], AfterValidator(_names_once)] = Field(
        [], description="Jobs that look at every change."
    )
