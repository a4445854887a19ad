#!/usr/bin/env bash
# actions/cache/restore: see ../common.sh.
# shellcheck source=src/debwright/ci/providers/github/stand_ins/cache/common.sh
. "$(dirname "$0")/../common.sh"

# The newest cache whose key is $2, or else begins with it, in the scope $1.
newest() {
    local path best=''
    [ ! -e "$1/$2" ] || { printf '%s' "$1/$2" && return; }
    for path in "$1/$2"*; do
        if [ -z "$best" ] || [ "$path" -nt "$best" ]; then best=$path; fi
    done
    printf '%s' "$best"
}

found=''
for ref in "$GITHUB_REF" ${GITHUB_BASE_REF:+"refs/heads/$GITHUB_BASE_REF"} "refs/heads/$MAIN"; do
    for key in "$KEY" ${PREFIX:+"$PREFIX"}; do
        [ -n "$found" ] || found=$(newest "$(scope "$ref")" "$key")
    done
done
# Without a match the action sets no output at all (actions/cache#1466).
[ -n "$found" ] || exit 0
key=$(basename "$found")
output cache-matched-key "$key"
if [ "$key" = "$KEY" ]; then output cache-hit true; else output cache-hit false; fi
mkdir -p "$(dirname "$FILES")"
cp -a "$found" "$FILES"
