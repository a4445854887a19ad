# shellcheck shell=bash
# Sourced by the scripts beside this directory: installs what this machine lacks, and says so.

set -euo pipefail

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# A container has one of its own: the source is read-only there.
VENV=${DEBWRIGHT_VENV:-$TOP/.venv}

# What `debwright doctor` looks for, and what makes the Python environment.
# shellcheck disable=SC2034 # used by the scripts that source this
PACKAGES=(
    apt-utils arch-test binfmt-support ca-certificates debian-archive-keyring git gpg gpg-agent
    gpgv mmdebstrap python3 python3-venv qemu-user-static systemd-container uidmap util-linux
    xz-utils zstd
)

say() { printf '%s\n' "debwright: $*" >&2; }

die() {
    local code=$1
    shift
    say "$*"
    exit "$code"
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die 5 "root is needed for: $* (run this as root, or install sudo)"
    fi
}

missing_packages() {
    local package
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' ||
            printf '%s\n' "$package"
    done
}

# install_packages NAME...: those that lack, through apt; three attempts, as mirrors fail.
install_packages() {
    local missing attempt
    mapfile -t missing < <(missing_packages "$@")
    [ "${#missing[@]}" -eq 0 ] && return 0
    command -v apt-get >/dev/null || die 5 "this needs Debian or Ubuntu: there is no apt-get here"
    say "installing with apt: ${missing[*]}"
    for attempt in 1 2 3; do
        if as_root env DEBIAN_FRONTEND=noninteractive sh -c \
            'apt-get -q update && apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 install "$@"' \
            sh "${missing[@]}" >&2; then
            return 0
        fi
        [ "$attempt" -lt 3 ] && sleep $((attempt * 5))
    done
    die 5 "apt could not install: ${missing[*]}"
}

# Programs of other architectures run through binfmt_misc; containers often come without it mounted.
prepare_emulation() {
    local directory=/proc/sys/fs/binfmt_misc
    if [ ! -e "$directory/status" ]; then
        say "mounting binfmt_misc, through which the kernel finds qemu"
        as_root mount -t binfmt_misc binfmt_misc "$directory" ||
            say "binfmt_misc cannot be mounted: other architectures will not run here"
    fi
    if [ -e "$directory/status" ] && [ "$(uname -m)" = x86_64 ] && [ ! -e "$directory/qemu-aarch64" ]; then
        say "registering qemu-aarch64 with the kernel"
        as_root update-binfmts --enable qemu-aarch64 ||
            say "qemu-aarch64 cannot be registered: debwright doctor says more"
    fi
}

# stamp_of FILE: what .venv/.stamp says when it was made of requirements/FILE as it is now.
stamp_of() {
    printf '%s ' "$1"
    cat "$TOP/requirements/tools.txt" "$TOP/requirements/$1" "$TOP/pyproject.toml" |
        sha256sum | cut -d' ' -f1
}

# prepare_python FILE: .venv with the packages of requirements/FILE, checked by hash. dev.txt has all
# of run.txt: whoever builds between two runs of the tests does not lose what the tests need.
prepare_python() {
    local wanted=$1 has
    has=$(cat "$VENV/.stamp" 2>/dev/null) || has=''
    if [ -x "$VENV/bin/debwright" ]; then
        [ "$has" != "$(stamp_of "$wanted")" ] || return 0
        [ "$wanted" != run.txt ] || [ "$has" != "$(stamp_of dev.txt)" ] || return 0
    fi
    say "preparing Python in $VENV"
    if [ ! -x "$VENV/bin/uv" ]; then
        # The distribution's own Python: others may lack modules that tests rely on.
        /usr/bin/python3 -m venv --clear "$VENV"
        "$VENV/bin/python" -m pip install -q --require-hashes -r "$TOP/requirements/tools.txt" ||
            die 5 "pip could not install uv"
    fi
    local tools=("$TOP/requirements/tools.txt" "$TOP/requirements/$wanted")
    VIRTUAL_ENV=$VENV "$VENV/bin/uv" pip sync -q --require-hashes "${tools[@]}" ||
        die 5 "uv could not install requirements/$wanted"
    VIRTUAL_ENV=$VENV "$VENV/bin/uv" pip install -q --no-deps --no-build-isolation -e "$TOP" ||
        die 5 "debwright could not be installed into .venv"
    stamp_of "$wanted" >"$VENV/.stamp"
}
