#!/usr/bin/env bash
# actions/cache/save: see ../common.sh. A cache that is there is never changed, and what goes wrong
# is a warning.
# shellcheck source=src/debwright/ci/providers/github/stand_ins/cache/common.sh
. "$(dirname "$0")/../common.sh"

target=$(scope "$GITHUB_REF")/$KEY
if [ ! -e "$FILES" ]; then
    warn "$FILES does not exist, hence no cache is saved"
elif [ -e "$target" ]; then
    warn "there is a cache of the key $KEY already"
else
    made=$(staged "$(dirname "$target")")
    cp -a "$FILES" "$made/content"
    put "$made/content" "$target"
    rmdir "$made"
fi
