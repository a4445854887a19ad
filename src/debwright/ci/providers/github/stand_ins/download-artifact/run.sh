#!/usr/bin/env bash
# actions/download-artifact v8, src/download-artifact.ts: a single artifact goes straight into the
# path, were it found by name or by pattern; of several each has a directory of its own, unless they
# are merged.
# shellcheck source=src/debwright/ci/providers/github/stand_ins/common.sh
. "$(dirname "$0")/../common.sh"

found=()
if [ -n "$NAME" ]; then
    plain "$NAME"
    [ -d "$store/artifacts/$NAME" ] || fail "there is no artifact of the name $NAME"
    found=("$NAME")
else
    for directory in "$store"/artifacts/*/; do
        name=$(basename "$directory")
        # shellcheck disable=SC2053 # a pattern it is
        if [ -z "$PATTERN" ] || [[ $name == $PATTERN ]]; then found+=("$name"); fi
    done
fi

mkdir -p "$FILES"
for name in ${found[@]+"${found[@]}"}; do
    to=$FILES
    [ "${#found[@]}" -eq 1 ] || [ "$MERGE" = true ] || to=$FILES/$name
    mkdir -p "$to"
    cp -a "$store/artifacts/$name/." "$to/"
done
printf 'Total of %s artifact(s) downloaded\n' "${#found[@]}"
