#!/usr/bin/env bash
# Measures debwright against plain dpkg-buildpackage and sbuild on this machine, in one run, and
# prints ratios. `--write` puts them into docs/benchmarks.md.

# shellcheck source=scripts/lib/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/setup.sh"

install_packages "${PACKAGES[@]}" sbuild
prepare_emulation
prepare_python dev.txt

cd "$TOP" || exit 1
as_root env "XDG_CACHE_HOME=${XDG_CACHE_HOME:-$HOME/.cache}" \
    "$VENV/bin/python" bench/bench.py "$@"
