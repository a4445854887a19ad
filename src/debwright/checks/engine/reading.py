"""Texts of the system, many at once: a command for each would take longer than all that is read."""

from collections.abc import Iterable, Iterator

from debwright.checks.engine.session import Session

LIMIT = 65536
"""Bytes of each file."""
_MARK = "--debwright-file--"
_READ = """n=$1; shift
for f; do [ -f "$f" ] || continue; echo "$0 $f"; head --bytes="$n" -- "$f"; echo; done"""


def texts(session: Session, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Path and content of those that are regular files, with one line feed more at the end."""
    wanted = [path for path in paths if "\n" not in path]
    if not wanted:
        return
    done = session.system.run(
        ["sh", "-c", _READ, _MARK, str(LIMIT), *wanted],
        check=False, timeout=session.patience(60),
    )  # fmt: skip
    for block in done.output.split(f"{_MARK} ")[1:]:
        path, _, text = block.partition("\n")
        yield path, text
