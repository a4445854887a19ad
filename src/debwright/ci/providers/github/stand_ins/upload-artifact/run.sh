#!/usr/bin/env bash
# actions/upload-artifact v7, src/shared/search.ts and src/upload/upload-artifact.ts; of
# actions/toolkit, packages/artifact/src/internal/upload: zip.ts, upload-zip-specification.ts and
# path-and-artifact-name-validation.ts. An artifact is a zip file of files: empty directories and
# hidden files are left out, links and hard links become files, broken links are passed over.
# shellcheck source=src/debwright/ci/providers/github/stand_ins/common.sh
. "$(dirname "$0")/../common.sh"

plain "$NAME"
case $NAME in
    *[\":\<\>\|*?\\$'\r\n']*) fail "the name '$NAME' has a character that an artifact's cannot have" ;;
esac

expression() {
    sed -e 's/[][().+?^$|{}\\]/\\&/g' \
        -e 's#/\*\*$#/\x02#; s#\*\*/#\x01#g; s#\*#[^/]*#g; s#\x02#.*#; s#\x01#(.*/)?#g' <<<"$1"
}

# Of actions/toolkit, packages/glob/src/internal-pattern.ts: a line is a pattern, one with ! takes
# away, an empty one is nothing; * stays in a directory, ** does not. One path is enough here.
readarray -t lines < <(grep -v '^[[:space:]]*$' <<<"$FILES" || true)
FILES='' without=()
for line in ${lines[@]+"${lines[@]}"}; do
    case $line in
        !*) without+=("$(expression "${line#!}")") ;;
        *)
            [ -z "$FILES" ] || fail "this stand-in takes one path, and $line is another one"
            FILES=$line
            ;;
    esac
done

if [ -f "$FILES" ]; then
    top=$(dirname "$FILES") found=("$(basename "$FILES")")
else
    top=$FILES found=()
    if [ -d "$FILES" ]; then
        readarray -d '' found < <(cd "$top" && find -L . -mindepth 1 -name '.*' -prune -o -type f -print0)
    fi
fi
kept=()
for file in ${found[@]+"${found[@]}"}; do
    path=$FILES/${file#./}
    for expression in ${without[@]+"${without[@]}"}; do
        [[ $path =~ ^$expression$ ]] && continue 2
    done
    kept+=("$file")
done
found=(${kept[@]+"${kept[@]}"})
if [ "${#found[@]}" -eq 0 ]; then
    said="no files were found with the path $FILES"
    case $MISSING in
        error) fail "$said" ;;
        warn) warn "$said" ;;
    esac
    exit 0
fi

cd "$top"
for file in "${found[@]}"; do
    case $file in
        *[\":\<\>\|*?$'\r\n']*) fail "$file has a character that an artifact's file cannot have" ;;
    esac
done
# The action is an ordinary user on GitHub, and debwright is root there by sudo.
if [ "$(id -u)" -eq 0 ]; then
    closed=$(find -L . \( -type d ! -perm -o=rx -o -type f ! -perm -o=r \) -print -quit)
    [ -z "$closed" ] || fail "$closed can be read by root only, and the action is another user"
fi

target=$store/artifacts/$NAME
[ ! -e "$target" ] || [ "$OVERWRITE" = true ] ||
    fail "there is an artifact of the name $NAME already"
made=$(staged "$store/artifacts")
# The modes of files are not kept either: unzip-stream, which unpacks it, sets none.
printf '%s\0' "${found[@]}" |
    tar --create --dereference --hard-dereference --mode=0644 --null --verbatim-files-from \
        --files-from=- | tar --extract --directory="$made"
chmod 0755 "$made"
put "$made" "$target"
