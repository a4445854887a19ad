#!/usr/bin/env bash
# Builds, checks and publishes a service for all its targets, on this machine.
# Installs what lacks first. `--help` lists the options.

# shellcheck source=scripts/lib/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/setup.sh"

# The service that is shipped; another project's directory, from here, as well.
PROJECT=${DEBWRIGHT_PROJECT:-services/local-rag}

usage() {
    cat <<'TEXT'
usage: scripts/build-local.sh [--arch=amd64|arm64|all] [--clean] [--validate] [--output DIR]
                              [--verbose] [--docker]

  --arch=ARCH   only targets of this architecture (default: all)
  --clean       do everything again, as if nothing had been built before
  --validate    build and check only: publish nothing
  --output DIR  write there (default: dist)
  --verbose     show the tools' output as it comes
  --docker      do it inside a clean Debian container: DEBWRIGHT_IMAGE, or requirements/image.txt

Exit codes: 0 success, 1 general error, 2 bad arguments or configuration, 3 build failed,
4 validation failed, 5 this machine lacks something (it says what), 130 stopped by Ctrl-C.
TEXT
}

arch=all output=$TOP/dist clean='' validate='' verbose='' docker=''
while [ $# -gt 0 ]; do
    case $1 in
        --arch=all | --arch=amd64 | --arch=arm64) arch=${1#--arch=} ;;
        --arch)
            [ $# -ge 2 ] || die 2 "--arch needs an architecture: amd64, arm64 or all"
            set -- "$1" "--arch=$2" "${@:3}"
            ;;
        --arch=*) die 2 "unknown architecture '${1#--arch=}': amd64, arm64 or all" ;;
        --output)
            case ${2:-} in '' | -*) die 2 "--output needs a directory" ;; esac
            output=$2
            shift
            ;;
        --output=*) output=${1#--output=} ;;
        --clean) clean=yes ;;
        --validate) validate=yes ;;
        --verbose) verbose=yes ;;
        --docker) docker=yes ;;
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
[ -n "$output" ] || die 2 "--output needs a directory"
[ -f "$TOP/$PROJECT/debwright.toml" ] || die 2 "there is no $PROJECT/debwright.toml"
output=$(realpath -m -- "$output")
[ ! -e "$output" ] || [ -d "$output" ] || die 2 "$output is not a directory"
# What root writes there is given to the user at the end: all of it, so it must be debwright's.
if [ "$(id -u)" -ne 0 ] && [ "$output" != "$TOP/dist" ] && [ ! -e "$output/.lock" ] &&
    [ -n "$(ls -A -- "$output" 2>/dev/null)" ]; then
    die 2 "$output holds other files: name a directory of its own, as $output/dist"
fi

if [ -n "$docker" ]; then
    # shellcheck source=scripts/lib/docker.sh
    . "$TOP/scripts/lib/docker.sh"
    inside=("--arch=$arch")
    [ -z "$clean" ] || inside+=(--clean)
    [ -z "$validate" ] || inside+=(--validate)
    [ -z "$verbose" ] || inside+=(--verbose)
    status=0
    in_container "$output" "${inside[@]}" || status=$?
    exit "$status"
fi

require_root "to boot the systems that packages are checked on (debwright build does without)"
install_packages "${PACKAGES[@]}"
prepare_emulation
prepare_python run.txt

command=("$VENV/bin/debwright" -C "$TOP/$PROJECT" -o "$output")
[ -z "$verbose" ] || command+=(--verbose)
if [ -n "$validate" ]; then command+=(check); else command+=(run); fi
[ "$arch" = all ] || command+=(-t "*-$arch")
[ -z "$clean" ] || command+=(--force)

if [ "$(id -u)" -eq 0 ]; then
    exec "${command[@]}"
fi
status=0
as_root_here "${command[@]}" || status=$?
[ ! -d "$output" ] || as_root chown -R "$(id -u):$(id -g)" "$output"
exit "$status"
