#!/usr/bin/env bash
# debwright as a wheel in DIRECTORY (default: dist/wheel), in place of older ones; then installed
# into an environment of its own to see that it works.
# usage: scripts/wheel.sh [DIRECTORY]

# shellcheck source=scripts/lib/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/setup.sh"

[ $# -le 1 ] || die 2 "usage: scripts/wheel.sh [DIRECTORY]"
target=$(realpath -m -- "${1:-$TOP/dist/wheel}")
prepare_python dev.txt
cd "$TOP" || exit 1
# Wheels alone: whatever else somebody keeps there is not ours.
rm -f -- "$target"/debwright-*.whl
"$VENV/bin/hatchling" build -t wheel -d "$target" || die 3 "the wheel cannot be built"
wheels=("$target"/debwright-*.whl)

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$VENV/bin/uv" venv -q --python "$VENV/bin/python" "$scratch/venv"
export VIRTUAL_ENV=$scratch/venv
"$VENV/bin/uv" pip sync -q --require-hashes requirements/run.txt || die 5 "its requirements cannot be installed"
"$VENV/bin/uv" pip install -q --no-deps --offline "${wheels[0]}"
cd "$scratch"
"$scratch/venv/bin/debwright" --version
"$scratch/venv/bin/debwright" schema report >/dev/null
say "${wheels[0]}"
