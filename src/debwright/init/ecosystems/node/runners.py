"""yarn, pnpm and bun in scripts of package.json: npm does in the build what they are asked for."""

import re
from collections.abc import Mapping

from debwright.init.model import Written

DIRECTORY = "debian/runners"
NAMES = ("yarn", "pnpm", "bun")
_CALLED = re.compile(rf"(?<![\w./-])({'|'.join(NAMES)})(?=\s|$)")
SCRIPT = """\
#!/bin/sh
# Runs a script of package.json with npm, or a program of a dependency: NAME is not in the build.
set -e
while [ $# -gt 0 ]; do
    case $1 in
        -* | run | exec) shift ;;
        *) break ;;
    esac
done
[ $# -gt 0 ] || exit 0
has='process.exit(((require("./package.json").scripts || {})[process.argv[1]]) ? 0 : 1)'
if node -e "$has" "$1"; then
    name=$1
    shift
    exec npm run "$name" --offline -- "$@"
fi
[ "$1" != install ] || exit 0
PATH="$PWD/node_modules/.bin:$PATH" exec "$@"
"""


def called(scripts: Mapping[str, str]) -> tuple[str, ...]:
    """Those that scripts of a project start."""
    found = {match[1] for text in scripts.values() for match in _CALLED.finditer(text)}
    return tuple(sorted(found))


def files(scripts: Mapping[str, str]) -> tuple[Written, ...]:
    """A program by the name of each."""
    return tuple(
        Written(path=f"{DIRECTORY}/{name}", text=SCRIPT.replace("NAME", name), executable=True)
        for name in called(scripts)
    )
