#!/usr/bin/env bash
# Runs everything: linters, types, unit tests, integration tests on real roots, and the tests of the
# service that is shipped. Installs what lacks first.
# Arguments go to pytest, and then only debwright's own tests run: scripts/test.sh tests/unit

# shellcheck source=scripts/lib/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/setup.sh"

require_root "to boot systems in the tests"
install_packages "${PACKAGES[@]}" diffoscope-minimal openssh-client openssl rsync sqv
# docker.io starts a service and changes the packet filter, and openssh-server is one: not on a
# person's machine, unasked. Their tests say that they were skipped where it is missing.
# clamav brings a service that fetches signatures; its tests have one of their own.
[ -z "${CI:-}" ] || install_for clamscan:clamav dockerd:docker.io docker-registry:docker-registry \
    /usr/sbin/sshd:openssh-server
prepare_emulation
prepare_python dev.txt

cd "$TOP" || exit 1
"$VENV/bin/ruff" check -q .
"$VENV/bin/ruff" format -q --check .
"$VENV/bin/lint-imports" --no-cache --no-logo >&2
"$VENV/bin/mypy"
mapfile -t scripts < <(git ls-files '*.sh' .ci/run)
"$VENV/bin/shellcheck" -x "${scripts[@]}"

# promtool judges what is written for Prometheus. Its package would start a server: it is only
# taken out of it. Where that cannot be, its tests say that they were skipped.
if [ -n "${CI:-}" ] && [ ! -x "$VENV/bin/promtool" ]; then
    scratch=$(mktemp -d)
    (cd "$scratch" && apt-get -q download prometheus && dpkg -x prometheus_*.deb . &&
        install usr/bin/promtool "$VENV/bin/promtool") || say "there is no promtool"
    rm -rf "$scratch"
fi

# Booting systems needs root.
debwright_tests() {
    say "tests of debwright"
    as_root_here "$VENV/bin/python" -m pytest "$@"
}

if [ $# -gt 0 ]; then
    debwright_tests "$@"
    exit
fi

# A browser for the web page, a compiler for llama.cpp, ip for a machine without a network.
install_packages build-essential iproute2
install_for chromium:chromium chromedriver:chromium-driver
# Beside each other: both wait for other things than the processor for much of their time.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
say "tests of local-rag are running too; what they say comes last"
UV=$VENV/bin/uv services/local-rag/scripts/test.sh >"$log" 2>&1 &
service=$!
# "|| :": it has ended by then, and a trap that fails would be the script's own exit code.
trap 'kill "$service" 2>/dev/null || :; rm -f "$log"' EXIT
status=0
debwright_tests || status=$?
wait "$service" || status=$?
say "tests of local-rag"
cat "$log"
[ "$status" -eq 0 ] || say "failed: see above"
exit "$status"
