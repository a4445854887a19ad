#!/usr/bin/env bash
# One command of debwright. What the caller wrote comes as variables and is split at blanks; nothing
# of it is read by a shell.
set -euo pipefail

# words TEXT: its words, into the array `split`; no pattern among them becomes file names.
words() {
    split=()
    read -r -d '' -a split < <(printf '%s\0' "$1") || :
}

words "$COMMAND_LINE"
[ "${#split[@]}" -gt 0 ] || {
    printf '::error::the input command is empty; run, check or another command of debwright\n'
    exit 2
}
command=("${split[@]}")
words "$TARGETS"
for pattern in "${split[@]}"; do command+=(--target "$pattern"); done

# Before it runs: what failed has logs and a report, too.
printf 'dist=%s\n' "${DIRECTORY//[$'\n\r']/}/dist" >>"$GITHUB_OUTPUT"
exec debwright -C "$DIRECTORY" "${command[@]}"
