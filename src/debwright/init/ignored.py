""".gitignore: what debwright builds is not the project's source."""

from pathlib import Path

from debwright.host.git import git
from debwright.init.changes import Act, Change, read_text, refuse_links
from debwright.model.errors import DebwrightError

DIST = "/dist/"
FILE = ".gitignore"
FORMS = frozenset({"dist", "dist/", "/dist", "/dist/", "dist/*", "/dist/*", "**/dist", "**/dist/"})


def ignore_dist(directory: Path) -> tuple[list[Change], list[str]]:
    """.gitignore with dist/ added where git does not ignore it; and a note when git tracks it.

    What is tracked goes into the next source package, whatever .gitignore says.
    """
    refuse_links(directory, [FILE])
    notes = []
    if _asked(directory, "ls-files", "--", "dist"):
        notes.append(
            "dist/ is tracked by git and goes into the source package, with all that is built "
            "there: git rm -r -q --cached dist"
        )
    before = read_text(directory / FILE)
    if _ignored(directory, before or ""):
        return [], notes
    text = before or ""
    start = text if not text or text.endswith("\n") else f"{text}\n"
    after = f"{start}# Built by debwright.\n{DIST}\n"
    act = Act.WROTE if before is None else Act.UPDATED
    return [Change(path=FILE, act=act, before=before, after=after, why=f"has {DIST} now")], notes


def _ignored(directory: Path, text: str) -> bool:
    if any(line.strip() in FORMS for line in text.splitlines()):
        return True
    # --no-index: a tracked file is never said to be ignored.
    return bool(_asked(directory, "check-ignore", "--no-index", "--", "dist/1.0-1/report.html"))


def _asked(directory: Path, *arguments: str) -> str:
    """git's answer; empty where it has none, or there is no repository."""
    try:
        return git(directory, *arguments).output.strip()
    except DebwrightError:
        return ""
