#!/usr/bin/env bash
# Runs everything: linters, types, unit tests, integration tests on real roots, and the tests of the
# service that is shipped. Installs what is missing first.

# shellcheck source=scripts/lib/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/setup.sh"

usage() {
    cat <<'TEXT'
usage: scripts/test.sh [--all] [PYTEST-ARGUMENT...]

  --all             install docker, podman, sshd, clamav, promtool and, with npm, azurite too, as
                    CI does: docker.io starts a service and changes the packet filter,
                    openssh-server and clamav are services.
                    Without it, tests of what is not there are skipped and say so.
  PYTEST-ARGUMENT   only debwright's own tests, with these arguments: scripts/test.sh tests/unit.
                    --cost 30 shows the tests that computed most.

Tests run next to each other, two processes for each core, since many of them wait; -n 1 is one.

Exit codes: 0 all passed, 1 something failed, 2 bad arguments, 5 something is missing here.
TEXT
}

# CI=true is what CI services set.
all=${CI:-}
case ${1:-} in
    --all)
        all=yes
        shift
        ;;
    -h | --help)
        usage
        exit 0
        ;;
esac

require_root "to boot systems in the tests"
install_packages "${PACKAGES[@]}" diffoscope-minimal openssh-client openssl rsync sqv
# The kernel's headers of other architectures: what its numbers for system calls are held against.
[ -z "$all" ] || install_packages linux-libc-dev-{arm64,armhf,i386,ppc64el,riscv64,s390x}-cross
[ -z "$all" ] || install_for clamscan:clamav dockerd:docker.io docker-registry:docker-registry \
    podman:podman runc:runc \
    /usr/sbin/sshd:openssh-server
# A browser for the web page, a compiler for llama.cpp, ip for a machine without a network, and what
# reads scans.
if [ $# -eq 0 ]; then
    install_packages build-essential iproute2
    install_for chromium:chromium chromedriver:chromium-driver \
        pdftotext:poppler-utils tesseract:tesseract-ocr
fi
prepare_emulation
prepare_python dev.txt
cd "$TOP" || exit 1

# promtool judges what is written for Prometheus. Its package would start a server: it is only
# taken out of it.
if [ -n "$all" ] && [ ! -x "$VENV/bin/promtool" ]; then
    scratch=$(mktemp -d)
    (cd "$scratch" && apt-get -q download prometheus && dpkg -x prometheus_*.deb . &&
        install usr/bin/promtool "$VENV/bin/promtool") || say "there is no promtool"
    rm -rf "$scratch"
fi

# azurite answers as Azure's storage does. It is installed where npm is already, as on GitHub's
# runners: apt's npm is 400 packages, for one test.
if [ -n "$all" ] && command -v npm >/dev/null && [ ! -x "$VENV/bin/azurite-blob" ]; then
    mkdir -p "$VENV/azurite"
    (cp requirements/azurite/package*.json "$VENV/azurite" && cd "$VENV/azurite" &&
        npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2 &&
        ln -s ../azurite/node_modules/.bin/azurite-blob "$VENV/bin/") || say "there is no azurite"
fi

lint() {
    "$VENV/bin/ruff" check -q . && "$VENV/bin/ruff" format -q --check . &&
        "$VENV/bin/lint-imports" --no-cache --no-logo >&2 && "$VENV/bin/mypy" &&
        git ls-files -z '*.sh' .ci/run | xargs -0 "$VENV/bin/shellcheck" -x
}

# Booting systems needs root. What takes longest begins first: tests/kit/groups.py.
debwright_tests() {
    say "tests of debwright"
    as_root_here "$VENV/bin/python" -m pytest -n "$((2 * $(nproc)))" "$@"
}

if [ $# -gt 0 ]; then
    lint
    debwright_tests "$@"
    exit
fi

# The service's tests run next to all the rest: much of what either does is waiting.
log=$(mktemp)
say "tests of local-rag are running too; what they say comes last"
UV=$VENV/bin/uv services/local-rag/scripts/test.sh >"$log" 2>&1 &
service=$!
# "|| :": it has ended by then, and a trap that fails would be the script's own exit code.
trap 'kill "$service" 2>/dev/null || :; rm -f "$log"' EXIT
lint
status=0
debwright_tests || status=$?
wait "$service" || status=$?
say "tests of local-rag"
cat "$log"
[ "$status" -eq 0 ] || say "failed: see above"
exit "$status"
