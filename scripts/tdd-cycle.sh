#!/usr/bin/env bash
# Watches the sources and tests; at every change runs the unit tests, those that failed last time
# first, and with --package builds and checks the package as well. Ends with Ctrl-C.

# shellcheck source=scripts/lib/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/setup.sh"

PROJECT=${DEBWRIGHT_PROJECT:-services/local-rag}

usage() {
    cat <<'TEXT'
usage: scripts/tdd-cycle.sh [--package] [--once] [TEST-PATH...]

  --package     when the tests pass, build and check the package for this machine's architecture
  --once        one cycle, then end
  TEST-PATH     tests to run at every change (default: tests/unit)

Exit codes, with --once: 0 all passed, 1 a test failed, 2 bad arguments, 3 the build failed,
4 a check of the package failed, 5 something is missing here. 130 after Ctrl-C.
TEXT
}

package='' once='' paths=()
while [ $# -gt 0 ]; do
    case $1 in
        --package) package=yes ;;
        --once) once=yes ;;
        -h | --help)
            usage
            exit 0
            ;;
        -*)
            usage >&2
            die 2 "unknown option '$1'"
            ;;
        *)
            [ -e "${1%%::*}" ] || die 2 "there is no ${1%%::*}"
            # The tests run in the top directory, wherever this was typed.
            paths+=("$(realpath -- "${1%%::*}")${1#"${1%%::*}"}")
            ;;
    esac
    shift
done
[ "${#paths[@]}" -gt 0 ] || paths=(tests/unit)

prepare_python dev.txt
cd "$TOP" || exit 1

# Names, sizes and times of what git knows or would add: a second's glance, and no daemon.
state() {
    git ls-files -z --cached --others --exclude-standard -- \
        src tests services "$PROJECT" pyproject.toml |
        # What was removed is known to git still: that is a change, and no failure.
        { xargs -0 -r stat --printf '%n %s %Y\n' 2>/dev/null || :; } | sha256sum
}

cycle() {
    local status=0
    # Those that failed last time first: that is what is being worked on.
    "$VENV/bin/python" -m pytest -q --failed-first "${paths[@]}" || return 1
    if [ -n "$package" ]; then
        "$TOP/scripts/build-local.sh" --validate "--arch=$(dpkg --print-architecture)" || status=$?
    fi
    return "$status"
}

if [ -n "$once" ]; then
    cycle
    exit
fi
trap 'say "stopped"; exit 130' INT TERM
# A shell cannot take back what it was started with: nohup, or `&` in a script.
[ "$(trap -p INT)" != "trap -- '' SIGINT" ] ||
    say "Ctrl-C does not reach this: it was started with SIGINT ignored; end it with: kill $$"
seen=''
while true; do
    now=$(state)
    if [ "$now" != "$seen" ]; then
        # As it was before the tests: a change while they run gets another cycle.
        seen=$now
        if cycle; then say "passed; waiting for a change in $PROJECT, src or tests"; else say "failed ($?); waiting for a change"; fi
    fi
    sleep 1
done
