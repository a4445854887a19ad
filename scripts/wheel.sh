#!/usr/bin/env bash
# debwright as a wheel below dist/wheel, installed into an environment of its own to see that it works.

# shellcheck source=scripts/lib/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/setup.sh"

prepare_python dev.txt
cd "$TOP" || exit 1
rm -rf dist/wheel
"$VENV/bin/hatchling" build -t wheel -d dist/wheel
wheels=(dist/wheel/debwright-*.whl)
[ "${#wheels[@]}" -eq 1 ] || die 3 "one wheel was expected, not ${wheels[*]}"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$VENV/bin/uv" venv -q --python "$VENV/bin/python" "$scratch/venv"
export VIRTUAL_ENV=$scratch/venv
"$VENV/bin/uv" pip sync -q --require-hashes requirements/run.txt || die 5 "its requirements cannot be installed"
"$VENV/bin/uv" pip install -q --no-deps --offline "${wheels[0]}"
cd "$scratch"
"$scratch/venv/bin/debwright" --version
"$scratch/venv/bin/debwright" schema report >/dev/null
say "$TOP/${wheels[0]}"
