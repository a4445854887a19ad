#!/usr/bin/env bash
# actions/checkout v7, src/git-source-provider.ts: without inputs for them, submodules are left
# empty, and files of Git LFS are their pointers. What is not committed yet is there all the same:
# the workflow is tried before it is pushed.
# shellcheck source=src/debwright/ci/providers/github/stand_ins/common.sh
. "$(dirname "$0")/../common.sh"

cd "$GITHUB_WORKSPACE"
cp -a "$DEBWRIGHT_CI_TOP/.git" .
if [ -n "$REF" ] && [ "$REF" != "$GITHUB_REF" ]; then
    GIT_LFS_SKIP_SMUDGE=1 git -c advice.detachedHead=false checkout --quiet --force --detach \
        "$REF^{commit}" --
    exit 0
fi

# As it is there, with what is not committed; not what git ignores, and not what a submodule has.
list=$(mktemp)
(
    cd "$DEBWRIGHT_CI_TOP"
    git ls-files -z --cached --others --exclude-standard |
        while IFS= read -r -d '' file; do
            if [ -L "$file" ] || { [ -e "$file" ] && [ ! -d "$file" ]; }; then
                printf '%s\0' "$file"
            elif [ -d "$file" ]; then
                mkdir -p "$GITHUB_WORKSPACE/$file"
            fi
        done
) >"$list"
tar --create --directory="$DEBWRIGHT_CI_TOP" --null --verbatim-files-from --files-from="$list" |
    tar --extract
rm "$list"

# A file that was not changed is what the commit has: of Git LFS the pointer.
git ls-files -z | git check-attr -z --stdin filter |
    while IFS= read -r -d '' file && IFS= read -r -d '' _ && IFS= read -r -d '' filter; do
        [ "$filter" = lfs ] && [ -f "$file" ] && [ ! -L "$file" ] || continue
        [ -n "$(git -C "$DEBWRIGHT_CI_TOP" diff --name-only HEAD -- ":(literal)$file")" ] ||
            git cat-file blob "HEAD:$file" >"$file"
    done
