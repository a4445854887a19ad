#!/usr/bin/env bash
# All that continuous integration does, on this machine: every test, and the workflow that builds the
# packages, job by job. `--workflow NAME` runs that one instead; `--no-tests` leaves the tests out.

# shellcheck source=scripts/lib/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/setup.sh"

usage() {
    cat <<'TEXT'
usage: scripts/test-ci-local.sh [--no-tests] [--workflow build-packages|pr-validation]
                                [--arch=amd64|arm64|all]

The tests are those of CI: what they need is installed, docker, ssh and clamav with their services
among it. `scripts/test.sh` runs without these and says which tests were skipped.

Exit codes: those of the step that failed; 0 when none did, 2 bad arguments.
TEXT
}

tests=yes workflow=build-packages arch=all
while [ $# -gt 0 ]; do
    case $1 in
        --no-tests) tests='' ;;
        --workflow)
            [ $# -ge 2 ] || die 2 "--workflow needs a name"
            workflow=$2
            shift
            ;;
        --arch=all | --arch=amd64 | --arch=arm64) arch=${1#--arch=} ;;
        -h | --help)
            usage
            exit 0
            ;;
        *)
            usage >&2
            die 2 "unknown option '$1'"
            ;;
    esac
    shift
done
case $workflow in
    build-packages | pr-validation) ;;
    # A release is made on GitHub, or by `debwright release`: not by the way.
    *) die 2 "unknown workflow '$workflow': build-packages or pr-validation" ;;
esac

if [ -n "$tests" ]; then
    "$TOP/scripts/test.sh" --all
fi
install_packages "${PACKAGES[@]}"
prepare_emulation
prepare_python dev.txt
inputs=()
[ "$workflow" != build-packages ] || inputs=(--input "architecture=$arch")
exec "$VENV/bin/debwright" -C "$TOP" ci "$workflow" "${inputs[@]}"
