"""What `init` knows of a project, whatever its language: plain data that debian/ is made of.

Everything here ends in files that dpkg, systemd and make interpret, so an ecosystem checks or
cleans names and one-line texts before it puts them here; the functions below do that.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from debwright.init.licences import Licence
from debwright.model.errors import Evidence, UsageError
from debwright.model.fix import Correction

MAX_NAME = 60
MAX_QUESTIONS = 3
MAX_ANSWER = 200
TARGETS = ("bookworm-amd64", "bookworm-arm64")
PROGRAM = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
"""The name of a command."""
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")

URL = re.compile(r"https?://[A-Za-z0-9-][A-Za-z0-9._~:/?#@!&*+,;=%-]{0,400}")


@dataclass(frozen=True, kw_only=True)
class Person:
    name: str
    email: str


@dataclass(frozen=True, kw_only=True)
class Guess:
    """A value and where it was seen (`src/app.py:12`), or None for a mere default."""

    value: str
    seen: str | None


@dataclass(frozen=True, kw_only=True)
class Health:
    """Where a service says, on this machine, that it is well."""

    port: Guess
    path: Guess
    address: str = "127.0.0.1"
    """Where it listens, as ports of debwright.toml are written: `*` is every address, and empty is
    that nothing says so."""
    http: bool = True
    """Whether it speaks HTTP; of one that does not only a connection is asked."""

    @property
    def url(self) -> str:
        if not self.http:
            return f"tcp://127.0.0.1:{self.port.value}"
        return f"http://127.0.0.1:{self.port.value}{self.path.value}"


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A systemd unit that the package installs."""

    name: str
    """With its suffix, as `greeter.service`."""
    command: str = ""
    """What it starts, without systemd's own escapes; the unit is then made of a template."""
    source: str = ""
    """The unit that the author wrote, from the top of the project; taken over as it is."""
    text: str = ""
    """The unit that the author wrote, where something in it has to be another on Debian."""
    health: Health | None = None
    theirs: bool = False
    """Whether another package has it, as nginx.service: it is watched, and nothing else."""
    started: bool = True
    """Whether installing starts it: not so for a job that a timer or a socket starts."""
    before: tuple[str, ...] = ()
    """Commands that must succeed first, as the same user, written as `command` is."""
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: str = ""
    """Where it runs; empty for its state in /var/lib/PACKAGE."""
    state: tuple[str, ...] = ()
    """Directories below /var/lib that are its own, in addition to PACKAGE."""
    after: tuple[str, ...] = ()
    """Units that start before it, in addition to network.target."""


@dataclass(frozen=True, kw_only=True)
class Override:
    """What debian/rules does instead of, or around, a command of debhelper."""

    target: str
    """As `override_dh_auto_test` or `execute_after_dh_auto_install`."""
    commands: tuple[str, ...] = ()
    why: str = ""
    unless: str = ""
    """A file with which nothing is done; dh takes the step for one that is not there."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What debian/rules says apart from calling dh."""

    buildsystem: str | None = None
    """As `pybuild`; None lets debhelper look."""
    source_directory: str = ""
    """Where debhelper builds, when it is not the top of the project."""
    before: tuple[str, ...] = ()
    """Lines before everything else, as `include /usr/share/dpkg/architecture.mk`."""
    exports: Mapping[str, str] = field(default_factory=dict)
    overrides: tuple[Override, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Written:
    """A file for the project; `path` is relative to its directory."""

    path: str
    text: str
    executable: bool = False


Answers = Mapping[str, str]
"""What is known of a person, by the names of the questions."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What only a person can know about a project. Without an answer its default holds.

    An ecosystem puts all of its questions into `Project.questions`, the most important one first,
    and takes what `answered` gives. `init` asks on a terminal, at most MAX_QUESTIONS, and reads the
    project again with the answers; it keeps them, so that the next time nobody is asked.
    """

    name: str
    """As `--answer NAME=VALUE` has it: lower case letters and `-`."""
    text: str
    """A sentence that ends with a question mark."""
    default: str
    """An answer that works, or the best guess."""
    choices: tuple[str, ...] = ()
    pattern: str = ""
    """A regular expression for the whole answer, which is one line in any case."""
    form: str = ""
    """What an answer looks like, for whoever gave another one: `a number below 65536`."""

    def answered(self, answers: Answers) -> str:
        """The answer, or the default. Raises UsageError for one that is none."""
        if self.name not in answers:
            return self.default
        return self.checked(answers[self.name])

    def checked(self, text: str) -> str:
        """`text` without what surrounds it. Raises UsageError when it is no answer to this."""
        answer = text.strip()
        form = self.form or (f"one of {', '.join(self.choices)}" if self.choices else "one line")
        fine = answer in self.choices if self.choices else answer.isprintable()
        if not fine or len(answer) > MAX_ANSWER or not re.fullmatch(self.pattern or ".*", answer):
            raise UsageError(
                f"{answer[:80]!r} is no answer to: {self.text}",
                cause=f"the answer is {form}",
                fix=Correction(
                    f"{self.name}={self.default}", wrong=f"{self.name}={text}", option="--answer"
                ),
            )
        return answer


@dataclass(frozen=True, kw_only=True)
class Project:
    """A project to package. Without units it is a library or a command-line tool."""

    name: str
    """As its author writes it."""
    package: str
    """As a Debian package name (policy 5.6.1)."""
    version: str
    """As Debian's upstream version (policy 5.6.12)."""
    version_from: Literal["changelog", "git"] = "changelog"
    """Where the versions of later builds come from."""
    tag_prefix: str = "v"
    """What release tags have before the version."""
    description: str = ""
    homepage: str | None = None
    section: str = ""
    """Of Debian's archive (policy 2.4); empty for one that follows from what the package has."""
    author: Person | None = None
    licence: Licence
    architecture: str = "all"
    """`all`, `any`, or Debian's names of those that there are files for."""
    targets: tuple[str, ...] = TARGETS
    """What it can be built for, as the toolchains and the packages of a suite allow."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """More fields of the binary package, as Static-Built-Using."""
    build_depends: tuple[str, ...] = ()
    """In addition to debhelper."""
    depends: tuple[str, ...] = ()
    """In addition to ${misc:Depends}."""
    rules: Rules = Rules()
    clean: tuple[str, ...] = ()
    """What a build leaves in the tree; a directory ends with /."""
    units: tuple[Unit, ...] = ()
    """The first one is the service that debwright.toml checks."""
    accounts: tuple[str, ...] = ()
    """Users that the author's units run as, which the package makes."""
    programs: tuple[str, ...] = ()
    """Commands in /usr/bin, which get a manual page."""
    config_files: tuple[str, ...] = ()
    """Files of the project that are settings, for /etc/PACKAGE."""
    secrets: tuple[str, ...] = ()
    """Variables that the units are given, whose values the installation makes up."""
    links: tuple[tuple[str, str], ...] = ()
    """Symbolic links of the package: what each leads to, and where it is, without the first /."""
    install: tuple[tuple[str, str], ...] = ()
    """Files of the project or of the build, and the directory of the package for each."""
    lintian_overrides: tuple[str, ...] = ()
    """Lines for lintian, without the package's name: a comment, or a tag and what it concerns."""
    package_files: tuple[Mapping[str, Any], ...] = ()
    """[package] files of debwright.toml: what the package has as it is."""
    own_config: bool = False
    """Whether the author's debwright.toml stays as it is, and none is written."""
    smoke: tuple[str, ...] = ()
    """Commands that succeed where the package is installed."""
    settings: Mapping[str, Mapping[str, str | int | bool | list[str]]] = field(default_factory=dict)
    """More tables of debwright.toml, as {"wheelhouse": {"lock": "requirements.txt"}}."""
    files: tuple[Written, ...] = ()
    """What the ecosystem writes itself: components' lists, drop-ins, helpers of the build."""
    questions: tuple[Question, ...] = ()
    """All that the ecosystem would ask, whether it has been answered or not."""
    notes: tuple[str, ...] = ()
    """What the person who runs init should look at."""

    @property
    def service(self) -> Unit | None:
        return self.units[0] if self.units else None


def project_name(name: object, file: str) -> str:
    """`name`, which `file` gives, where it is one. Raises UsageError."""
    if not isinstance(name, str):
        raise UsageError(f"{file} does not say how the project is called")
    if not NAME.fullmatch(name) or len(name) > MAX_NAME:
        raise UsageError(
            f"{name!r} is not a name for a project",
            evidence=[Evidence(text=f"name = {name!r}"[:200], file=file)],
            cause=f"a name has letters, digits, '.', '_' and '-', and at most {MAX_NAME} of them",
            fix=f"change the name in {file}",
        )
    return name


def package_name(name: str) -> str:
    """`name` as a Debian package name: lower case letters, digits, and + - . (policy 5.6.1)."""
    package = re.sub(r"[^a-z0-9.]+", "-", name.lower())
    if len(package) < 2:
        raise UsageError(
            f"{name!r} is too short for a Debian package, which has at least two characters",
            fix="give the project a longer name",
        )
    return package


def user_name(package: str) -> str:
    """The service's account: an underscore keeps it apart from people and from the base system
    (policy 9.2.1); at most 31 characters, as systemd and adduser allow."""
    return "_" + re.sub(r"[^a-z0-9-]", "-", package)[:30]


def one_line(text: object) -> str:
    """`text` as one printable line."""
    if not isinstance(text, str):
        return ""
    printable = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(printable.split())[:300]


def web_page(address: str | None) -> str | None:
    """`address` as a Homepage field (policy 5.6.23) has it, or None for what is none.

    What package.json and others say of a repository becomes the page that it has.
    """
    text = re.sub(r"(?:\.git)?/?$", "", (address or "").strip().removeprefix("git+"))
    text = re.sub(r"^http://(?=(?:www\.)?(?:github\.com|gnu\.org)/)", "https://", text)
    fine = URL.fullmatch(text) is not None and "alioth.debian.org" not in text
    return text if fine else None
