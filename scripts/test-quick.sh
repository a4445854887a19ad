#!/usr/bin/env bash
# What tells within seconds whether a change is sound: linters, types and unit tests; no root, no
# roots, and no network once its environment is there.
# Without an option all of it; or --lint, --unit, --security. Further arguments go to pytest.

# shellcheck source=scripts/lib/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/setup.sh"

usage() {
    cat <<'TEXT'
usage: scripts/test-quick.sh [--lint] [--unit] [--security] [-- PYTEST-ARGUMENT...]

Exit codes: 0 all is well, 1 something was found, 2 bad arguments, 5 something is missing here.
TEXT
}

lint='' unit='' security=''
while [ $# -gt 0 ]; do
    case $1 in
        --lint) lint=yes ;;
        --unit) unit=yes ;;
        --security) security=yes ;;
        -h | --help)
            usage
            exit 0
            ;;
        --)
            shift
            break
            ;;
        *)
            usage >&2
            die 2 "unknown option '$1'"
            ;;
    esac
    shift
done
[ -n "$lint$unit$security" ] || lint=yes unit=yes security=yes

prepare_python dev.txt
cd "$TOP" || exit 1
status=0
# Everything is run, whatever was found before: a change is looked at once, not once for each fault.
run() {
    say "$1"
    shift
    "$@" || status=1
}
workflows=(.github/workflows/*.yml)

if [ -n "$lint" ]; then
    mapfile -t scripts < <(git ls-files '*.sh' .ci/run)
    run "ruff" "$VENV/bin/ruff" check -q .
    run "ruff format" "$VENV/bin/ruff" format -q --check .
    run "rooms and circles" "$VENV/bin/lint-imports" --no-cache --no-logo
    run "mypy" "$VENV/bin/mypy"
    run "shellcheck" "$VENV/bin/shellcheck" -x "${scripts[@]}"
    run "actionlint" "$VENV/bin/actionlint" -shellcheck "$VENV/bin/shellcheck" "${workflows[@]}"
    run "schema of workflows" "$VENV/bin/check-jsonschema" \
        --builtin-schema vendor.github-workflows "${workflows[@]}"
    run "schema of the action" "$VENV/bin/check-jsonschema" \
        --builtin-schema vendor.github-actions .github/actions/*/action.yml action/action.yml
    run "workflows as configured" "$VENV/bin/debwright" workflows check
fi
if [ -n "$unit" ]; then
    run "unit tests" "$VENV/bin/python" -m pytest -q -n auto tests/unit "$@"
fi
if [ -n "$security" ]; then
    # Ruff's rules S are bandit's. To select them alone would drop the exceptions that
    # pyproject.toml names; all of them take less than a second.
    [ -n "$lint" ] || run "ruff, with bandit's rules" "$VENV/bin/ruff" check -q .
    run "dangerous workflows" "$VENV/bin/zizmor" --offline --no-progress --quiet .github action
fi
exit "$status"
