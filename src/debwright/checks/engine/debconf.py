"""debconf: answers by preseed, and the questions that nobody has answered.

Checks install without a person (`DEBIAN_FRONTEND=noninteractive`), so that a question gets its
answer from debwright.toml, or else its default. Formats: debconf-set-selections(1),
debconf-devel(7).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from debian.deb822 import Deb822

from debwright.config import Config
from debwright.model.codes import ERROR, Code, CodedError, Codes
from debwright.model.errors import CheckError, DebwrightError, Evidence
from debwright.model.results import Evidence as Shown
from debwright.model.results import Finding
from debwright.packages.debs import Deb, control_file

CODES = Codes({
    "install/debconf": Code(ERROR, "An answer is for no question of the packages, or not a value."),
})  # fmt: skip
FILE_LIMIT = 1024 * 1024
_ASKED = re.compile(
    r"\b(?:db_input|INPUT)\s+[\"']?(high|critical)[\"']?\s+[\"']?([A-Za-z0-9.+-]+/[^\s\"';|&)]+)"
)
_SCRIPTS = ("config", "preinst", "postinst")
_SAID_ONLY = frozenset({"note", "error", "title", "text"})
"""Types that ask for nothing."""


class DebconfError(CodedError, CheckError):
    """Answers that cannot be given."""

    codes = CODES


@dataclass(frozen=True, kw_only=True)
class Question:
    """A template of a package."""

    package: str
    name: str
    type: str
    default: str


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question of priority high or critical that has no default, and no answer."""

    question: Question
    priority: str
    script: str

    def evidence(self) -> tuple[Shown, ...]:
        """Where it is asked."""
        q = self.question
        return (
            Shown(file=f"{q.package}.templates", text=f"{q.name}: {q.type}, no Default"),
            Shown(file=f"{q.package}.{self.script}", text=f"asked with priority {self.priority}"),
        )


def questions(debs: Sequence[Deb]) -> dict[str, Question]:
    """Every question of the packages, by its name."""
    return {q.name: q for deb in debs for q in _templates(deb)}


def _templates(deb: Deb) -> Iterator[Question]:
    text = control_file(deb.path, "templates") or ""
    for paragraph in Deb822.iter_paragraphs(text.splitlines(), use_apt_pkg=False):
        name, kind = paragraph.get("Template"), paragraph.get("Type")
        if name and kind:
            default = paragraph.get("Default", "").strip()
            yield Question(package=deb.package, name=name, type=kind.strip(), default=default)


def selections(config: Config, debs: Sequence[Deb], project: Path) -> str:
    """What debconf-set-selections(1) is given; empty where nothing is answered.

    The tables of [[install]] count for all sets. Raises DebconfError.
    """
    given = {name: value for one in config.install for name, value in one.debconf.items()}
    known = questions(debs) if given else {}
    lines = [_line(name, value, known) for name, value in given.items()]
    lines += [_read(project / one.preseed) for one in config.install if one.preseed]
    return "".join(f"{line}\n" for line in lines)


def _line(name: str, value: str | bool | int, known: Mapping[str, Question]) -> str:
    question = known.get(name)
    if question is None:
        raise DebconfError(
            f"[install] debconf answers {name}, which none of the packages asks",
            code="install/debconf",
            cause=f"their templates have {', '.join(sorted(known)) or 'no question'}",
            fix="correct the name, or answer another package's question in a preseed file: "
            '[install] preseed = "answers"',
        )
    said = str(value).lower() if isinstance(value, bool) else str(value)
    wrong = question.type == "boolean" and said not in {"true", "false"}
    if wrong or question.type in _SAID_ONLY:
        raise DebconfError(
            f"the answer to {name} is not one of a {question.type}",
            code="install/debconf",
            cause=f"{question.package}'s template has the type {question.type}",
            fix="true or false" if wrong else "leave it out: it asks for nothing",
        )
    return f"{question.package} {name} {question.type} {said}"


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(FILE_LIMIT).rstrip("\n")
    except (OSError, UnicodeDecodeError) as problem:
        raise DebconfError(
            f"the preseed file {path} cannot be read", code="install/debconf",
            evidence=[Evidence(text=str(problem))], fix=f"ls -l {path}",
        ) from problem  # fmt: skip


def unanswered(config: Config, debs: Sequence[Deb], project: Path) -> list[Asked]:
    """Questions that a person would have been asked at installation, and that got no answer.

    Only those that the scripts name: a name made of variables is not guessed.
    """
    try:
        answered = {line.split()[1] for line in selections(config, debs, project).splitlines()
                    if len(line.split()) > 2}  # fmt: skip
    except DebconfError:
        answered = set()
    found: dict[str, Asked] = {}
    known = questions(debs)
    for deb in debs if known else ():
        for script in _SCRIPTS:
            for priority, name in _ASKED.findall(control_file(deb.path, script) or ""):
                question = known.get(name)
                if (
                    question is None or question.default or name in answered
                    or question.type in _SAID_ONLY
                ):  # fmt: skip
                    continue
                asked = Asked(question=question, priority=priority, script=script)
                found.setdefault(name, asked)
    return list(found.values())


def explained(finding: Finding, asked: Sequence[Asked]) -> Finding:
    """The finding of a failed installation, with the questions that may be behind it."""
    if not asked:
        return finding
    names = ", ".join(a.question.name for a in asked)
    many = "have" if len(asked) > 1 else "has"
    return finding.model_copy(
        update={
            "message": f"{finding.message}; {names} {many} no default and no answer here",
            "evidence": (*finding.evidence, *(e for a in asked for e in a.evidence())),
            "fix": "[install]\n"
            + "\n".join(f'debconf."{a.question.name}" = "..."' for a in asked)
            + "\nin debwright.toml; or give the template a Default",
        }
    )


def preseed_failed(problem: DebwrightError) -> DebconfError:
    """debconf-set-selections has refused the answers; they are not shown, they may be passwords."""
    return DebconfError(
        "debconf-set-selections refuses the answers of [install]", code="install/debconf",
        cause=problem.what.split(":", 1)[0], fix="debconf-set-selections --checkonly FILE",
    )  # fmt: skip
