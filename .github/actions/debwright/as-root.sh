#!/usr/bin/env bash
# Written by `debwright workflows sync` from debwright.toml. Change that, not this.
# debwright as root, which booting systems needs, where runners give it by sudo.
#
# The runner ends a step that is cancelled or takes too long by SIGINT, after 7.5 seconds SIGTERM and
# 2.5 more SIGKILL, to the step's shell alone (actions/runner, src/Runner.Sdk/ProcessInvoker.cs). That
# shell passes nothing on, and nobody but root may signal what runs by sudo. So this does, when it is
# signalled itself or that shell is gone; debwright then cleans up, whatever time it takes.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
debwright=$(dirname "$here")/venv/bin/debwright
if [ "$(id -u)" -eq 0 ]; then exec "$debwright" "$@"; fi

running=$(mktemp -d "$(dirname "$here")/running.XXXXXX")
# SIGTERM, since bash starts what is in the background with SIGINT ignored.
stop() {
    [ -s "$running/pid" ] && sudo kill -s TERM "$(cat "$running/pid")"
}

# Its own number, not sudo's: sudo passes no signal on that comes from its own process group.
# shellcheck disable=SC2016 # the inner shell expands it
sudo --preserve-env env "PATH=$PATH" sh -c 'echo $$ >"$0" && exec "$@"' \
    "$running/pid" "$debwright" "$@" &
child=$!
trap stop INT TERM
# A process whose parent has ended gets another one at once.
parent() { sed -n 's/^PPid:\t*//p' "/proc/$$/status"; }
{
    while [ "$(parent)" = "$PPID" ] && [ -e "$running" ]; do sleep 0.5; done
    [ -e "$running" ] && stop
} >/dev/null 2>&1 &

# A trap ends `wait`, not what it waits for.
status=0
while [ -e "/proc/$child" ]; do
    wait "$child"
    status=$?
done
rm -rf "$running"
exit "$status"
