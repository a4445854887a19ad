"""`debwright init`: debwright.toml and debian/ for a project as its author has it."""

from dataclasses import dataclass, field
from pathlib import Path

from debwright.host.files import atomic_write
from debwright.host.signals import undisturbed
from debwright.init.changes import CHANGELOG, Act, Change, compare, read_text
from debwright.init.model import Answers, Project
from debwright.init.questions import Ask
from debwright.init.record import RECORD, Record, begun_now, read_record, record_text

__all__ = ["Scaffold", "Wishes", "prepare", "scaffold"]


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the person who runs `init` says."""

    force: bool = False
    """Write over what was edited; debian/changelog stays even then."""
    ecosystem: str = ""
    answers: Answers = field(default_factory=dict)
    workflows: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Scaffold:
    """What `init` makes of a project: nothing is written before `write`."""

    directory: Path
    title: str
    """The project and its kind, in one line."""
    changes: tuple[Change, ...]
    """All files, those that stay as they are too."""
    notes: tuple[str, ...]
    """What a person should look at."""

    @property
    def created(self) -> list[Path]:
        return [self.directory / c.path for c in self.changes if c.act is Act.WROTE]

    def write(self) -> None:
        """Write what changes, each file at once. Ctrl-C waits until all are written."""
        with undisturbed():
            for change in self.changes:
                path = self.directory / change.path
                if change.act is Act.REMOVED:
                    path.unlink()
                elif change.touches and change.after is not None:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    mode = 0o755 if change.executable else 0o644
                    atomic_write(path, change.after.encode("utf-8", "surrogateescape"), mode)


def scaffold(directory: Path, *, force: bool = False) -> Scaffold:
    """Write debwright.toml and debian/ into the project in `directory`, by defaults alone."""
    made = prepare(directory, Wishes(force=force))
    made.write()
    return made


def prepare(directory: Path, wishes: Wishes = Wishes(), ask: Ask | None = None) -> Scaffold:
    """What `init` would write into the project in `directory`, and nothing is written yet.

    What it wrote before is updated, and what was edited since is merged or kept (`compare`).
    Raises UsageError for a project that cannot be packaged, for files in the way, and for a
    symbolic link where a file would be.
    """
    from debwright.init.ecosystem import choose
    from debwright.init.flows import with_install, workflows
    from debwright.init.ignored import ignore_dist
    from debwright.init.maintainer import with_maintainer
    from debwright.init.naming import same_name
    from debwright.init.questions import settle
    from debwright.init.render import render

    before = read_record(directory)
    chosen = choose(directory, wishes.ecosystem, before.ecosystem if before else "")

    def read(answers: Answers) -> Project:
        return with_maintainer(chosen.ecosystem.read(directory, answers), directory, answers)

    settled = settle(read, before.answers if before else {}, wishes.answers, ask)
    same_name(directory, settled.project.package)
    begun = before.begun if before else begun_now()
    flowing = wishes.workflows, before.workflows if before else None
    project = with_install(settled.project, directory, *flowing)
    files, notes = render(project, begun)
    changes = compare(directory, files, before.files if before else {}, force=wishes.force)
    written = (c.after for c in changes if c.path == "debwright.toml")
    config = next(written, read_text(directory / "debwright.toml"))
    flows, about_flows, wanted = workflows(directory, config or "", *flowing)
    ignored, about_git = ignore_dist(directory)
    record = Record(
        ecosystem=chosen.ecosystem.name,
        answers=settled.answers,
        workflows=wanted,
        begun=begun,
        files={file.path: file.text for file in files if file.path != CHANGELOG},
    )
    return Scaffold(
        directory=directory,
        title=f"{project.name} {project.version}: {chosen.reason}",
        changes=(*changes, *flows, *ignored, *_remembered(directory, record)),
        notes=(
            *(f"{q.text} {q.default}, unless you say --answer {q.name}=..."
              for q in settled.assumed),
            *notes, *about_flows, *about_git,
        ),
    )  # fmt: skip


def _remembered(directory: Path, record: Record) -> list[Change]:
    """The record's own file, where it is not what it was."""
    before, after = read_text(directory / RECORD), record_text(record)
    act = Act.WROTE if before is None else Act.UPDATED
    change = Change(path=RECORD, act=act, before=before, after=after, bookkeeping=True)
    return [change] if before != after else []
