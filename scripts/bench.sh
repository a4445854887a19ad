#!/usr/bin/env bash
# Measures debwright on this machine and prints ratios: against plain dpkg-buildpackage and sbuild,
# piuparts and autopkgtest, aptly and reprepro. Without arguments all of it, which takes hours;
# `scripts/bench.sh NAME [ARGUMENT]...` runs bench/NAME.py alone. What has `--write` puts its figures
# into docs/benchmarks.md.

# shellcheck source=scripts/lib/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/setup.sh"

install_packages "${PACKAGES[@]}" aptly autopkgtest chromium piuparts podman reprepro sbuild
prepare_emulation
prepare_python dev.txt

cd "$TOP" || exit 1
# What users run is byte-compiled, by its package or by its first run.
unset PYTHONDONTWRITEBYTECODE
"$VENV/bin/python" -m compileall -q src "$VENV/lib" >/dev/null || :
measure() {
    as_root_here "$VENV/bin/python" "bench/$1.py" "${@:2}"
}

if [ $# -gt 0 ] && [ -f "bench/$1.py" ]; then
    measure "$1" "${@:2}"
    exit
fi
measure bench "$@"
if [ $# -eq 0 ]; then
    for name in flagship matrix repository metrics diagnose; do
        measure "$name"
    done
fi
