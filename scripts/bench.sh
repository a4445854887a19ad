#!/usr/bin/env bash
# Measures debwright against plain dpkg-buildpackage and sbuild on this machine, in one run, and
# prints ratios. `--write` puts them into docs/benchmarks.md. Without arguments the matrix of checks
# and the repository (against aptly and reprepro) are measured, too; `scripts/bench.sh matrix`
# measures it alone, of greeter or of `--product DIR`, and `scripts/bench.sh repository` that one.

# shellcheck source=scripts/lib/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/setup.sh"

install_packages "${PACKAGES[@]}" aptly autopkgtest piuparts reprepro sbuild
prepare_emulation
prepare_python dev.txt

cd "$TOP" || exit 1
measure() {
    as_root env "XDG_CACHE_HOME=${XDG_CACHE_HOME:-$HOME/.cache}" \
        "$VENV/bin/python" "bench/$1.py" "${@:2}"
}

case "${1:-}" in
matrix | repository)
    measure "$1" "${@:2}"
    exit
    ;;
esac
measure bench "$@"
if [ $# -eq 0 ]; then
    measure matrix
    measure repository
fi
