"""The Description of a package, from what an author says of a project in one line.

Policy 3.4 and developer's reference 6.2 say how it is to be: a synopsis that is no sentence, has no
article and does not name the package, and a text that does not repeat it. lintian's errors and
warnings are in its lib/Lintian/Check/Fields/Description.pm; whatever an author wrote, none is left.
"""

import re
import textwrap
import unicodedata

from debwright.init.model import Project, one_line

SYNOPSIS = 76
WIDTH = 76
"""Characters of a line of the text, one less than a control file shows without wrapping."""

TEMPLATES = re.compile(
    r"(?i)add your description here|missing|todo|description|<insert .*>|a short description.*"
)
"""What uv, debmake, dh_make and poetry write for a person to replace."""
# Emoji and other pictures, their modifiers, and characters that no font has to have.
PICTURES = frozenset({"So", "Sk", "Co", "Cn", "Cs"})
MODIFIERS = re.compile("[\ufe00-\ufe0f\u20e3\u200d]")
ARTICLE = re.compile(r"(?i)(?:an?|the)\s+(?=\S)")
IT_IS = re.compile(r"(?i)(?:this|it)(?:\s+\w+)?\s+is\s+(?=\S)")
SENTENCE = re.compile(r"(?<!\be\.g)(?<!\bi\.e)(?<!\betc)(?<!\bvs)(?<!\.)[.!?]+\s+(?=\S)")
UNFINISHED = re.compile(
    r"(?i)[\s,;:(/&+-]+(?:an?|the|and|or|with|for|of|to|in|on|by|from|that|which|using|via)?$"
)
OPENING = re.compile(r"(?i)[\W_]|homepage:")
APART = re.compile(r"(?i)\s+(?=[-*.]|homepage:)")
"""Before a word that means something else at the beginning of a line; OPENING is such a word."""


def plain(text: str) -> str:
    """One line without pictures, and with a space after each comma."""
    composed = unicodedata.normalize("NFC", MODIFIERS.sub("", text))
    kept = "".join(" " if unicodedata.category(c) in PICTURES else c for c in composed)
    line = re.sub(r",(?=[^\s\d,])", ", ", one_line(kept))
    return "" if TEMPLATES.fullmatch(line.rstrip(". ")) else line


def synopsis(project: Project) -> str:
    """The first line of the Description, at most 76 characters, never empty."""
    text = _phrase(plain(project.description), project)
    noun = "service" if project.units else "software"
    made_up = (f"{noun} {project.package}", f"packaged {noun} {project.package}")
    candidates = [text, f"{text} {noun}" if text else "", *made_up]
    return next(line for line in candidates if _fine(line, project.package))


def extended(project: Project, first: str, about: str = "") -> str:
    """The rest of the Description, as lines of a control file.

    `first` is the synopsis, `about` says what the package does, by default where it is from.
    """
    said = plain(project.description)
    if OPENING.match(said):
        said = f"{project.name}: {said}"
    about = about or (
        f"This package has {project.name} as its author publishes it, for this release of the "
        "distribution."
    )
    paragraphs = [_wrapped(said), _wrapped(about)]
    if not said or _letters(said) == _letters(first) or not all(map(_harmless, paragraphs[0])):
        paragraphs = paragraphs[1:]
    elif _letters(paragraphs[0][0]) == _letters(first):
        paragraphs.reverse()
    return "\n .\n".join("\n".join(f" {line}" for line in lines) for lines in paragraphs)


def _phrase(text: str, project: Project) -> str:
    """What is left without names, articles and sentences."""
    text = SENTENCE.split(text, maxsplit=1)[0]
    before = None
    while text != before:
        before = text
        text = text.lstrip(" -\u2013\u2014:;,.*|#>\"'`=~!?/\\").rstrip(" .,;:!?\u2026")
        for name in (project.name, project.package):
            text = re.sub(rf"(?i)^{_loosely(name)}(?!\w)(?:\s+is\s+(?=\S))?", "", text)
        for opening in (IT_IS, ARTICLE):
            found = opening.match(text)
            text = text[found.end() :] if found else text
    return _shortened(text)


def _loosely(name: str) -> str:
    """A pattern for the name as people write it: `my-service` is `My Service`, too."""
    return r"[-_.\s/]+".join(re.escape(part) for part in re.split(r"[-_.]+", name) if part)


def _shortened(text: str) -> str:
    if len(text) <= SYNOPSIS:
        return text
    cut = text[: SYNOPSIS + 1].rpartition(" ")[0] or text[:SYNOPSIS]
    before = None
    while cut != before:
        before, cut = cut, UNFINISHED.sub("", cut)
    return cut


def _fine(line: str, package: str) -> bool:
    """Whether lintian takes it for a synopsis."""
    spaced = re.sub(r"[-_/\\\s]+", " ", line.lower())
    return (
        0 < len(line) <= SYNOPSIS + 4
        and " " in line
        and re.match(rf"(?i){re.escape(package)}\b", line) is None
        and ARTICLE.match(line) is None
        and spaced != re.sub(r"[-_]", " ", package)
        and TEMPLATES.fullmatch(line) is None
    )


def _wrapped(text: str) -> list[str]:
    """Lines, none of which begins with what a control file or lintian reads as something else."""
    glued = APART.sub("\0", text)
    lines = textwrap.wrap(glued, WIDTH, break_on_hyphens=False)
    return [line.replace("\0", " ") for line in lines]


def _harmless(line: str) -> bool:
    """Whether it is text where it stands: a very long word may have been broken anywhere."""
    return line[:1] not in "-*."


def _letters(text: str) -> str:
    """What lintian compares."""
    return re.sub(r"[^a-z0-9]+", "", text.lower())
