# shellcheck shell=bash
# What the stand-ins for GitHub's actions share, in `debwright ci`. DEBWRIGHT_CI_STORE is where
# artifacts and caches are kept. Everything else comes by environment variables, as from runs that
# nobody trusts. Each script names the file of the real action that it follows, and is never kinder.
set -euo pipefail
shopt -s nullglob

# shellcheck disable=SC2034 # by those that read this
store=$DEBWRIGHT_CI_STORE

fail() {
    printf '::error::%s\n' "$*"
    exit 1
}

warn() { printf '::warning::%s\n' "$*"; }

# A name that stays below its directory.
plain() {
    case $1 in
        '' | */* | .*) fail "'$1' is not a name" ;;
    esac
}

output() { printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"; }

# Renamed to $2 when it is whole, since jobs run at the same time; what is there is replaced.
put() {
    rm -rf "$2"
    # -T: a directory that is there is never entered.
    mv -T "$1" "$2"
}

# An empty directory on the store's file system, to make something whole in.
staged() {
    mkdir -p "$1"
    mktemp -d "$1/.new.XXXXXX"
}
