#!/usr/bin/env bash
# Written by `debwright workflows sync` from debwright.toml. Change that, not this.
# Installs debwright into a place of its own and puts it on the PATH of the steps that follow.
set -euo pipefail

install='.'
requirements=(
    'requirements/tools.txt'
    'requirements/run.txt'
)

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

say() { printf '%s\n' "debwright: $*" >&2; }

# What pip and apt say when a server or the way to it failed, and not the wish itself.
network='Retrying|Max retries|HTTP error 5|ConnectionPool|IncompleteRead|[Cc]onnection (broken|reset|failed|timed)'
network+='|Failed to fetch|Unable to (connect|fetch)|Could not (resolve|connect)|Temporary failure'
network+='|Some index files failed|Hash Sum mismatch|timed out'

# Only what the network spoiled is tried again.
retried() {
    local attempt output=$RUNNER_TEMP/debwright-setup.log
    for attempt in 1 2 3; do
        "$@" 2>&1 | tee "$output" && return 0
        say "attempt $attempt of 3 failed: $*"
        grep -Eq "$network" "$output" || return 5
        [ "$attempt" -eq 3 ] || sleep $((attempt * 10))
    done
    return 5
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

if [ -n "${DEBWRIGHT_INSTALLED:-}" ]; then
    # `debwright ci`, on somebody's machine: the one that runs there is the one to use.
    say "using the one in $DEBWRIGHT_INSTALLED"
    printf '%s\n' "$DEBWRIGHT_INSTALLED" >>"$GITHUB_PATH"
    exit 0
fi

home=$RUNNER_TEMP/debwright
missing=()
/usr/bin/python3 -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    missing+=(python3-venv)
# A runner has these, an image of a container may have not.
for tool in curl git; do command -v "$tool" >/dev/null || missing+=("$tool" ca-certificates); done
if [ "${#missing[@]}" -gt 0 ]; then
    retried as_root apt-get -q update
    retried as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -y --no-install-recommends install "${missing[@]}"
fi
/usr/bin/python3 -m venv --clear "$home/venv"
pip=("$home/venv/bin/python" -m pip install --quiet --disable-pip-version-check)

# Nothing is fetched that has no hash: what runs here is root, next to the secrets of a release.
cd "$GITHUB_WORKSPACE"
case $install in
    git+https://*)
        source=$home/source
        rm -rf "$source"
        git init -q "$source"
        commit=${install##*@} address=${install%@*}
        retried git -C "$source" fetch -q --depth 1 "${address#git+}" "$commit"
        git -C "$source" -c advice.detachedHead=false checkout -q --detach "$commit"
        install=$source
        requirements=("$source/requirements/tools.txt" "$source/requirements/run.txt")
        ;;
    https://*)
        wheel=$home/$(basename "${install%%#*}")
        retried curl --fail --silent --show-error --location --proto '=https' --max-time 300 \
            --max-filesize 200M --output "$wheel" "${install%%#*}"
        printf '%s  %s\n' "${install##*#sha256=}" "$wheel" | sha256sum --check --quiet
        install=$wheel
        ;;
    *==*) ;;
    *)
        [ -d "$install" ] || { say "the repository has no directory $install"; exit 5; }
        install=$GITHUB_WORKSPACE/$install
        ;;
esac
locks=()
for file in ${requirements[@]+"${requirements[@]}"}; do locks+=(--requirement "$file"); done
retried "${pip[@]}" --require-hashes "${locks[@]}"
case $install in
    # One of the packages that the lock files name.
    *==*) ;;
    *) "${pip[@]}" --no-deps --no-build-isolation --no-index "$install" ;;
esac

# Booting the systems that packages are checked on needs root; runners give it by sudo.
mkdir -p "$home/bin"
install -m 755 "$here/as-root.sh" "$home/bin/debwright"
printf '%s\n' "$home/bin" >>"$GITHUB_PATH"
"$home/bin/debwright" --version
