"""What keys of several tables must not say together; a table has its own `contradictions`."""

from collections.abc import Iterator
from dataclasses import replace

from debwright.config.locate import KeyPath
from debwright.config.model import Targets
from debwright.config.section import Problem, Raw, Section, tables_in
from debwright.config.wheelhouse import problems as unknown_architectures
from debwright.model.errors import UsageError
from debwright.model.targets import ARCHITECTURES, SUITES, Target, can_cross, is_suite_name, nearest


def check(raw: Raw, model: type[Section], host: str) -> Iterator[Problem]:
    """The contradictions of the document `raw`; `host` is this machine's architecture."""
    for table, kind, inside in tables_in(model, raw):
        for problem in kind.contradictions(inside):
            yield replace(problem, path=(*table, *problem.path))
    yield from _suites(raw)
    for index, target in _targets(raw):
        path = ("targets", "build", index) if "build" in _table(raw, "targets") else ()
        yield from _target(raw, path or ("targets",), target, host)
    for index, target in _listed(_table(raw, "environments"), "install_on"):
        yield from _target(raw, ("environments", "install_on", index), target, host, built=False)
    yield from _service(raw)
    yield from _wheelhouse(raw)


def _table(raw: Raw, name: str) -> Raw:
    value = raw.get(name)
    return value if isinstance(value, dict) else {}


def _targets(raw: Raw) -> list[tuple[int, str]]:
    return _listed({"build": Targets().build, **_table(raw, "targets")}, "build")


def _listed(table: Raw, name: str) -> list[tuple[int, str]]:
    value = table.get(name)
    items = enumerate(value) if isinstance(value, list) else ()
    return [(index, item) for index, item in items if isinstance(item, str)]


def _suites(raw: Raw) -> Iterator[Problem]:
    for name, entry in _table(raw, "suites").items():
        path: KeyPath = ("suites", name)
        if not is_suite_name(name):
            yield Problem(
                path=path,
                what=f"`{name}` is not a suite's name",
                expected="a suite's name is made of lower-case letters, digits, '.', '+' and '-'",
                fix=_instead(nearest(name.lower(), SUITES)),
            )
        elif name not in SUITES and isinstance(entry, dict) and "mirror" not in entry:
            yield Problem(
                path=path,
                what=f"[suites.{name}] has no mirror, and debwright does not know this suite",
                expected=f"a mirror, or one of the known suites {', '.join(SUITES)}",
                fix=_instead(nearest(name, SUITES), f'add `mirror = "..."` to [suites.{name}]'),
            )


def _target(
    raw: Raw, path: KeyPath, text: str, host: str, *, built: bool = True
) -> Iterator[Problem]:
    try:
        target = Target.parse(text)
    except UsageError as error:
        yield Problem(path=path, what=error.what, expected=error.cause or "", fix=error.fix or "")
        return
    suites = _table(raw, "suites")
    info = SUITES.get(target.suite)
    if info is None and target.suite not in suites:
        close = nearest(target.suite, SUITES)
        yield Problem(
            path=path,
            what=f"`{text}` is of the suite `{target.suite}`, which debwright does not know",
            expected=f"known suites: {', '.join((*SUITES, *suites))}",
            fix=_instead(
                f"{close}-{target.arch}" if close else None,
                f'add [suites.{target.suite}] with `mirror = "..."`',
            ),
        )
    elif (
        info is not None
        and target.arch not in info.architectures
        and "mirror" not in _table(suites, target.suite)
    ):
        known = [str(Target(target.suite, arch)) for arch in sorted(info.architectures)]
        yield Problem(
            path=path,
            what=f"{target.suite} does not exist for {target.arch}",
            expected=f"targets of {target.suite}: {', '.join(known)}",
            fix=_instead(nearest(text, known, cutoff=0), f"write `{known[0]}`"),
        )
    if (
        built
        and _table(raw, "targets").get("strategy") == "cross"
        and target.arch != host
        and not can_cross(host, target.arch)
    ):
        yield Problem(
            path=("targets", "strategy"),
            what=f'strategy = "cross" cannot build {text} on this {host} machine',
            expected=f"a pair of architectures that Debian has a cross compiler for; "
            f"there is none from {host} to {target.arch}",
            fix='write `strategy = "auto"`',
        )


def _service(raw: Raw) -> Iterator[Problem]:
    limit = _table(raw, "limits").get("start_seconds")
    said = raw.get("service")
    services = [s for s in (said if isinstance(said, list) else [said]) if isinstance(s, dict)]
    seconds = [n for s in services if _is_number(n := s.get("start_seconds", 30))]
    longest = max(seconds, default=None)
    if longest is not None and _is_number(limit) and limit > longest:
        yield Problem(
            path=("limits", "start_seconds"),
            what=f"limits.start_seconds = {limit} can never be reached",
            expected=f"at most service.start_seconds, {longest}, after which a start has failed",
            fix=f"write a number below {longest}, or raise service.start_seconds",
        )


def _wheelhouse(raw: Raw) -> Iterator[Problem]:
    source = _table(raw, "package").get("source")
    if "wheelhouse" in raw and isinstance(source, str) and source.endswith(".dsc"):
        yield Problem(
            path=("wheelhouse",),
            what=f"{source} comes with all its files: nothing can be added to it",
            expected="no [wheelhouse] together with a .dsc file",
            fix="remove [wheelhouse]",
        )
    for path in unknown_architectures(raw, frozenset(ARCHITECTURES)):
        yield Problem(
            path=path,
            what=f"`{path[-1]}` is not an architecture debwright builds for",
            expected=f"architectures: {', '.join(sorted(ARCHITECTURES))}",
            fix=_instead(nearest(path[-1], ARCHITECTURES), "remove the table"),
        )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _instead(close: str | None, otherwise: str = "rename it") -> str:
    return f"write `{close}`" if close else otherwise
