#!/usr/bin/env bash
# github/codeql-action v4, src/upload-lib.ts: the file is there, and is JSON with runs.
# shellcheck source=src/debwright/ci/providers/github/stand_ins/common.sh
. "$(dirname "$0")/../../common.sh"

plain "$NAME"
[ -f "$FILES" ] || fail "there is no file $FILES"
grep -q '"runs"' "$FILES" || fail "$FILES is not SARIF"
made=$(staged "$store/sarif")
cp "$FILES" "$made/content"
put "$made/content" "$store/sarif/$NAME.sarif"
rmdir "$made"
