"""From what was found to what is said: root cause first, symptoms last, nothing unproven."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from debwright.model.diagnosis import Diagnosis, Problem
from debwright.observe.diagnose.scan import SOON, Hit, Scan

SHOWN = 8
"""Problems told of one log."""

LAST = 3
"""Lines at a log's end."""

LATE = 40
"""Lines, as many as a program may write of its own error."""

SYMPTOM = 0
"""Depth of what only says that something before it failed."""


Shell = Callable[[str], str]
"""From a command that is typed on some system to the command that runs it there."""

_NAME = re.compile(r"(?<!\$)\{([a-z]+)\}")
_GAP = re.compile(r" {2,}")
_UNSAFE = re.compile(r"[^\w.+:/@%=,~-]", re.ASCII)


def filled(text: str, details: Mapping[str, str]) -> str:
    """`text` with {names} replaced; a name that the pattern did not catch is left out."""
    return _GAP.sub(" ", _NAME.sub(lambda m: details.get(m[1], ""), text)).strip()


def command(text: str, details: Mapping[str, str]) -> str:
    """The same for what a person will paste into a shell: a log must not write commands."""
    return filled(text, {k: _UNSAFE.sub("?", v) for k, v in details.items()})


def known(text: str, details: Mapping[str, str]) -> bool:
    """Whether all {names} of a command were caught: one with a gap would do something else."""
    return all(name in details for name in _NAME.findall(text))


def page(code: int) -> str:
    """Where the documentation of a code is."""
    return f"docs/diagnosis/{code}.md"


def concluded(
    scan: Scan, source: str, *, broken: bool = False, shell: Shell | None = None
) -> Diagnosis:
    """What the pass says of the log. `broken`: it is known that what it tells of failed.

    `shell` makes the command that runs another on the system that the log is of.
    """
    hits = [h for h in scan.hits.values() if h.proven or _at_the_end(h, scan, broken=broken)]
    told = [h for h in hits if h.rule.depth > SYMPTOM]
    failed = bool(broken or scan.over or hits or _spoken_of_late(scan))
    problems = tuple(_problems(told, shell))[:SHOWN]
    unexplained = () if problems or not failed else tuple(scan.failures or scan.last)
    return Diagnosis(
        source=source, problems=problems, failed=failed, unexplained=unexplained,
        lines=scan.lines, size=scan.size,
    )  # fmt: skip


def _spoken_of_late(scan: Scan) -> bool:
    """Whether some program's error is near the log's end; of an earlier one work has gone on."""
    end = scan.last[-1].number if scan.last else 0
    return bool(scan.failures) and end - scan.failures[-1].number <= LATE


def _at_the_end(hit: Hit, scan: Scan, *, broken: bool) -> bool:
    """What a log ends with needs no other line to tell that it failed."""
    end = scan.last[-1].number if scan.last else 0
    if not hit.rule.survivable:
        return hit.last > end - LAST
    if broken or (scan.failures and hit.last < scan.failures[-1].number > end - LAST):
        return end - hit.last <= SOON
    return hit.last >= end


def _problems(hits: Iterable[Hit], shell: Shell | None) -> list[Problem]:
    """Deepest first, then in the log's order; what a deeper one explains is said to follow."""
    order = sorted(hits, key=lambda h: (h.survived, -h.rule.depth, h.lines[0].number))
    hidden = {code for h in order if not h.survived for code in h.rule.hides if h.rule.code != code}
    first = [h for h in order if h.rule.code not in hidden and not h.survived] or order[:1]
    told = {id(h) for h in first}
    later = [h for h in order if id(h) not in told]
    deepest = first[0].rule.depth if first else 0
    return [_problem(h, shell, follows=id(h) not in told or h.rule.depth <= deepest - 20)
            for h in (*first, *later)]  # fmt: skip


def _problem(hit: Hit, shell: Shell | None, *, follows: bool) -> Problem:
    rule = hit.rule
    return Problem(
        code=rule.code, name=rule.name, category=rule.category,
        title=filled(rule.title, hit.details), cause=filled(rule.cause, hit.details),
        confidence=rule.confidence, evidence=tuple(hit.lines), count=hit.count,
        fix=tuple(_remedies(hit, shell)),
        page=page(rule.code), details=hit.details, follows=follows,
    )  # fmt: skip


def _remedies(hit: Hit, shell: Shell | None) -> Iterator[str]:
    """What to do; a command for the system that the log is of as it is typed on this machine."""
    for number, text in enumerate(hit.rule.fix):
        if known(text, hit.details):
            said = command(text, hit.details)
            yield shell(said) if shell and hit.rule.inside and number == 0 else said
