#!/usr/bin/env bash
# Runs everything: linters, types, unit tests, and integration tests on real roots.
# Installs what lacks first. Arguments go to pytest, as in: scripts/test.sh tests/unit -k version

# shellcheck source=scripts/lib/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/setup.sh"

install_packages "${PACKAGES[@]}" sqv
prepare_emulation
prepare_python dev.txt

cd "$TOP" || exit 1
"$VENV/bin/ruff" check -q .
"$VENV/bin/ruff" format -q --check .
"$VENV/bin/mypy"
mapfile -t scripts < <(git ls-files '*.sh' .ci/run)
"$VENV/bin/shellcheck" -x "${scripts[@]}"

if [ "$(id -u)" -eq 0 ]; then
    exec "$VENV/bin/python" -m pytest "$@"
fi
# Booting systems needs root.
as_root env "XDG_CACHE_HOME=${XDG_CACHE_HOME:-$HOME/.cache}-root" "$VENV/bin/python" -m pytest "$@"
