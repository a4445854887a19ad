#!/usr/bin/env bash
# Measures debwright against plain dpkg-buildpackage and sbuild on this machine, in one run, and
# prints ratios. `--write` puts them into docs/benchmarks.md. Without arguments the matrix of checks is
# measured, too; `scripts/bench.sh matrix` measures it alone, of greeter or of `--product DIR`.

# shellcheck source=scripts/lib/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/setup.sh"

install_packages "${PACKAGES[@]}" autopkgtest piuparts sbuild
prepare_emulation
prepare_python dev.txt

cd "$TOP" || exit 1
measure() {
    as_root env "XDG_CACHE_HOME=${XDG_CACHE_HOME:-$HOME/.cache}" \
        "$VENV/bin/python" "bench/$1.py" "${@:2}"
}

if [ "${1:-}" = matrix ]; then
    measure matrix "${@:2}"
    exit
fi
measure bench "$@"
[ $# -gt 0 ] || measure matrix
