"""Write the reference, the manual pages and the completion; or say which are out of date.

    python -m tools.reference           # writes them
    python -m tools.reference --check   # exits with status 1 when one of them is out of date

They are kept in the repository: GitHub shows them, and a package is also built on machines that
cannot run debwright.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from tools.reference import architecture, checks, codes, commands, install, settings, text, versions

TOP = text.TOP
WRITTEN: Mapping[str, Callable[[], str]] = {
    architecture.PAGE: architecture.markdown,
    "docs/checks/README.md": checks.markdown,
    "docs/reference/cli.md": commands.markdown,
    "docs/reference/configuration.md": settings.markdown,
    "docs/reference/codes.md": codes.markdown,
    "docs/reference/versions.md": versions.markdown,
    **install.pages(),
    "share/debwright.1": commands.manual,
    "share/debwright.toml.5": settings.manual,
    "share/debwright.bash-completion": commands.completion,
}


def old(top: Path = TOP) -> list[str]:
    """The files that are not what they should be."""
    return [
        name
        for name, make in WRITTEN.items()
        if not (top / name).is_file() or (top / name).read_text(encoding="utf-8") != make()
    ]


def main(arguments: list[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; say what is old")
    wanted = parser.parse_args(arguments)
    found = old()
    if not wanted.check:
        for name in found:
            path = TOP / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(WRITTEN[name](), encoding="utf-8")
            print(f"written: {name}")
        return 0
    if found:
        print(f"out of date: {', '.join(found)}; run: make docs", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
