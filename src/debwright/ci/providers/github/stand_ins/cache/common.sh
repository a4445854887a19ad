# shellcheck shell=bash
# actions/cache v5, src/restoreImpl.ts and src/saveImpl.ts; of actions/toolkit, getCacheVersion in
# packages/cache/src/internal/cacheUtils.ts: a cache is one of its path, too. Which run sees which
# is docs.github.com, "Dependency caching reference", "Restrictions for accessing a cache": those of
# its own branch, of the branch that a pull request is to be merged into, and of the main branch.
# shellcheck source=src/debwright/ci/providers/github/stand_ins/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

[ "${#KEY}" -le 512 ] || fail "the key is longer than 512 characters"
case $KEY in
    *,*) fail "the key '$KEY' has a comma" ;;
esac
plain "$KEY"

# The directory of the caches that a run on the ref $1 has saved. A runner's directory for temporary
# files is the same on all of GitHub's, and here another one in each run.
scope() {
    local path=${FILES/#"${RUNNER_TEMP:-/none}"/RUNNER_TEMP}
    printf '%s/caches/%s' "$store" "$(printf '%s|%s' "$1" "$path" | sha256sum | cut -c -16)"
}
