#!/usr/bin/env bash
# What the stand-ins for GitHub's actions do, in `debwright ci`. DEBWRIGHT_CI_STORE is where artifacts
# and caches are kept. Everything else comes by environment variables, as from untrusted runs.
set -euo pipefail
shopt -s nullglob

store=$DEBWRIGHT_CI_STORE

fail() {
    printf '::error::%s\n' "$*"
    exit 1
}

# A name that stays below its directory.
plain() {
    case $1 in
        '' | */* | .*) fail "'$1' is not a name" ;;
    esac
}

output() { printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"; }

# What the action refuses, or cannot read as the ordinary user that it is on GitHub.
uploadable() {
    local found
    found=$(find "$1" -name $'*[":<>|*?\r\n]*' -print -quit)
    [ -z "$found" ] || fail "$found has a character that an artifact's file cannot have"
    [ "$(id -u)" -eq 0 ] || return 0
    found=$(find "$1" ! -type l \( -type d ! -perm -o=rx -o ! -type d ! -perm -o=r \) -print -quit)
    [ -z "$found" ] || fail "$found can be read by root only, and the action is another user"
}

# Beside, then renamed: jobs run at the same time.
keep() {
    local from=$1 to=$2 beside
    mkdir -p "$(dirname "$to")"
    beside=$(mktemp -d "$(dirname "$to")/.new.XXXXXX")
    if [ "${3:-}" = artifact ]; then
        # As in the archive that it becomes: links are what they lead to, hidden files are left out.
        cp -rL "$from" "$beside/content"
        find "$beside/content" -mindepth 1 -name '.*' -prune -exec rm -rf -- {} +
    else
        cp -a "$from" "$beside/content"
    fi
    # -T: what is there is replaced, never entered.
    rm -rf "$to"
    mv -T "$beside/content" "$to"
    rmdir "$beside"
}

case $1 in
    checkout)
        cd "$GITHUB_WORKSPACE"
        cp -a "$DEBWRIGHT_CI_TOP/.git" .
        if [ -z "$REF" ] || [ "$REF" = "$GITHUB_REF" ]; then
            # As it is there, with what is not committed yet; not what git ignores.
            list=$(mktemp)
            (
                cd "$DEBWRIGHT_CI_TOP"
                git ls-files -z --cached --others --exclude-standard |
                    while IFS= read -r -d '' file; do
                        if [ -e "$file" ] || [ -L "$file" ]; then printf '%s\0' "$file"; fi
                    done
            ) >"$list"
            tar --create --directory="$DEBWRIGHT_CI_TOP" --null --verbatim-files-from \
                --files-from="$list" | tar --extract
            rm "$list"
        else
            git -c advice.detachedHead=false checkout --quiet --force --detach "$REF^{commit}" --
        fi
        ;;
    upload-artifact)
        plain "$NAME"
        if [ ! -e "$FILES" ]; then
            [ "$MISSING" != error ] || fail "no files were found with the path $FILES"
            exit 0
        fi
        [ ! -e "$store/artifacts/$NAME" ] || [ "$OVERWRITE" = true ] ||
            fail "there is an artifact of the name $NAME already"
        uploadable "$FILES"
        keep "$FILES" "$store/artifacts/$NAME" artifact
        ;;
    download-artifact)
        mkdir -p "$FILES"
        if [ -n "$NAME" ]; then
            plain "$NAME"
            [ -d "$store/artifacts/$NAME" ] || fail "there is no artifact of the name $NAME"
            cp -a "$store/artifacts/$NAME/." "$FILES/"
        else
            for directory in "$store"/artifacts/*/; do
                name=$(basename "$directory")
                # shellcheck disable=SC2053 # a pattern it is
                [[ $name == $PATTERN ]] && cp -a "$directory" "$FILES/$name"
            done
        fi
        ;;
    restore)
        plain "$KEY"
        found=''
        if [ -e "$store/caches/$KEY" ]; then
            found=$KEY
        elif [ -n "$PREFIX" ]; then
            for path in "$store/caches/$PREFIX"*; do found=$(basename "$path"); done
        fi
        output cache-matched-key "$found"
        if [ "$found" = "$KEY" ]; then output cache-hit true; else output cache-hit false; fi
        [ -z "$found" ] || cp -a "$store/caches/$found" "$FILES"
        ;;
    save)
        plain "$KEY"
        [ -e "$store/caches/$KEY" ] || keep "$FILES" "$store/caches/$KEY"
        ;;
    attest)
        # shellcheck disable=SC2206 # a pattern it is
        subjects=($FILES)
        [ "${#subjects[@]}" -gt 0 ] || fail "no subject matches $FILES"
        mkdir -p "$store/attestations"
        record=$(mktemp "$store/attestations/XXXXXX.txt")
        sha256sum -- "${subjects[@]}" >"$record"
        if [ -n "$SBOM" ]; then
            [ -f "$SBOM" ] || fail "there is no bill of materials $SBOM"
            # What the action takes (src/sbom.ts of actions/attest).
            [ "$(stat --format=%s "$SBOM")" -le $((16 * 1024 * 1024)) ] || fail "$SBOM is too large"
            for name in bomFormat serialNumber specVersion; do
                grep -q "\"$name\"" "$SBOM" || fail "$SBOM has no $name"
            done
            printf 'sbom ' >>"$record"
            sha256sum -- "$SBOM" >>"$record"
        fi
        ;;
    sarif)
        plain "$NAME"
        [ -f "$FILES" ] || fail "there is no file $FILES"
        keep "$FILES" "$store/sarif/$NAME.sarif"
        ;;
    *) fail "there is no stand-in for $1" ;;
esac
