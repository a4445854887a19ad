#!/usr/bin/env bash
# Builds, checks and publishes a service for all its targets, on this machine.
# Installs what lacks first. `--help` lists the options.

# shellcheck source=scripts/lib/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/setup.sh"

# The service that is shipped.
PROJECT=services/local-rag

usage() {
    cat <<'TEXT'
usage: scripts/build-local.sh [--arch=amd64|arm64|all] [--output DIR] [--clean] [--verbose]

  --arch=ARCH   only targets of this architecture (default: all)
  --output DIR  write there (default: dist)
  --clean       do everything again, as if nothing had been built before
  --verbose     show the tools' output as it comes

Exit codes: 0 success, 1 general error, 2 bad arguments or configuration, 3 build failed,
4 validation failed, 5 this machine lacks something (it says what).
TEXT
}

arch=all output=$TOP/dist clean='' verbose=''
while [ $# -gt 0 ]; do
    case $1 in
        --arch=all | --arch=amd64 | --arch=arm64) arch=${1#--arch=} ;;
        --arch=*) die 2 "unknown architecture '${1#--arch=}': amd64, arm64 or all" ;;
        --output)
            [ $# -ge 2 ] || die 2 "--output needs a directory"
            output=$2
            shift
            ;;
        --output=*) output=${1#--output=} ;;
        --clean) clean=yes ;;
        --verbose) verbose=yes ;;
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

install_packages "${PACKAGES[@]}"
prepare_emulation
prepare_python run.txt

command=("$VENV/bin/debwright" -C "$TOP/$PROJECT" -o "$output")
[ -n "$verbose" ] && command+=(--verbose)
command+=(run)
[ "$arch" = all ] || command+=(-t "*-$arch")
[ -n "$clean" ] && command+=(--force)

if [ "$(id -u)" -eq 0 ]; then
    exec "${command[@]}"
fi
# Booting the systems packages are checked on needs root; the results are given back to the user.
status=0
as_root env "XDG_CACHE_HOME=${XDG_CACHE_HOME:-$HOME/.cache}-root" "${command[@]}" || status=$?
as_root chown -R "$(id -u):$(id -g)" "$output"
exit "$status"
