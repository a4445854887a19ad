#!/usr/bin/env bash
# actions/attest v4, src/subject.ts and src/sbom.ts. Nothing is signed on this machine: the digests
# are written down.
# shellcheck source=src/debwright/ci/providers/github/stand_ins/common.sh
. "$(dirname "$0")/../common.sh"

# shellcheck disable=SC2206 # a pattern it is
subjects=($FILES)
[ "${#subjects[@]}" -gt 0 ] || fail "no subject matches $FILES"
[ "${#subjects[@]}" -le 1024 ] || fail "there are more than 1024 subjects"
mkdir -p "$store/attestations"
record=$(mktemp "$store/attestations/XXXXXX.txt")
sha256sum -- "${subjects[@]}" >"$record"
[ -n "$SBOM" ] || exit 0
[ -f "$SBOM" ] || fail "there is no bill of materials $SBOM"
[ "$(stat --format=%s "$SBOM")" -le $((16 * 1024 * 1024)) ] || fail "$SBOM is too large"
for name in bomFormat serialNumber specVersion; do
    grep -q "\"$name\"" "$SBOM" || fail "$SBOM has no $name"
done
printf 'sbom ' >>"$record"
sha256sum -- "$SBOM" >>"$record"
