# shellcheck shell=bash
# Sourced by the scripts next to this directory: installs what is missing here, and says so.

set -euo pipefail

# Services and containers may start without one.
export HOME=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}

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

# require_root WHY: ends the script at its start, not after what takes minutes.
require_root() {
    [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
        die 5 "root is needed $1: run this as root, or install sudo"
}

as_root() {
    require_root "for: $*"
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# as_root_here COMMAND...: as root, with this environment: sudo takes away what names proxies and
# certificates, and the variables that keys and passwords are read from. The home is root's, and the
# cache another one: what root has made, nobody else can remove.
as_root_here() {
    local cache=${XDG_CACHE_HOME:-$HOME/.cache} keep=()
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
        return
    fi
    require_root "for ${1##*/}"
    if sudo --preserve-env true 2>/dev/null; then
        keep=(--preserve-env --set-home)
    else
        say "sudo keeps no variables here: proxies, and keys in variables, will not be seen"
    fi
    sudo "${keep[@]}" env "XDG_CACHE_HOME=$cache-root" "$@"
}

missing_packages() {
    local package
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' ||
            printf '%s\n' "$package"
    done
}

# What apt says when a mirror or the way to it failed, and not the wish itself.
NETWORK_FAILED='Failed to fetch|Unable to (connect|fetch)|Could not (resolve|connect)|Temporary failure|Some index files failed|Hash Sum mismatch|Connection (failed|timed out)'

# install_packages NAME...: those that are missing, through apt; three attempts where the network failed.
install_packages() {
    local missing attempt output
    mapfile -t missing < <(missing_packages "$@")
    [ "${#missing[@]}" -eq 0 ] && return 0
    command -v apt-get >/dev/null || die 5 "this needs Debian or Ubuntu: there is no apt-get here"
    require_root "to install ${missing[*]}"
    say "installing with apt: ${missing[*]}"
    output=$(mktemp)
    for attempt in 1 2 3; do
        if as_root_here env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 sh -c \
            'apt-get -q update && apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 install "$@"' \
            sh "${missing[@]}" 2>&1 | tee "$output" >&2; then
            rm -f "$output"
            return 0
        fi
        grep -Eq "$NETWORK_FAILED" "$output" || break
        [ "$attempt" -eq 3 ] || sleep $((attempt * 5))
    done
    rm -f "$output"
    die 5 "apt could not install: ${missing[*]}"
}

# install_for PROGRAM:PACKAGE...: the package of each program that is not there. A machine can have it
# from elsewhere, as GitHub's have docker and browsers, and then apt may be unable to install its own.
install_for() {
    local pair packages=()
    for pair in "$@"; do
        command -v "${pair%%:*}" >/dev/null || packages+=("${pair#*:}")
    done
    [ "${#packages[@]}" -eq 0 ] || install_packages "${packages[@]}"
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
        as_root update-binfmts --enable qemu-aarch64 || as_root systemctl restart systemd-binfmt ||
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
