#!/bin/sh
# Puts a machine back on which a package was checked. Run as root, on that machine:
#   sh clean purge     packages that came for the check go, with their configuration
#   sh clean all       that, and the accounts, the package source and all notes of the check
# The machine goes on with its own work meanwhile: what somebody else has installed stays.
set -u
state=/var/lib/debwright-check
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
cd / || exit 1

packages() {
    dpkg-query -W -f '${db:Status-Status} ${Package}:${Architecture}\n' |
        sed '/^not-installed /d; s/^[^ ]* //' | sort -u
}

# The packages under test, and what apt says that it has installed for them:
# "Install: a:arm64 (1.0), b:arm64 (2.0, automatic)"
came() {
    cat "$state/own"
    [ ! -f "$state/log/history.log" ] ||
        sed -n 's/^Install: //p' "$state/log/history.log" | sed 's/([^)]*)//g' | tr -s ', ' '\n'
}

new_packages() {
    packages >"$state/packages-now"
    comm -13 "$state/packages-before" "$state/packages-now" >"$state/packages-new"
    came | awk -F: 'NR == FNR { came[$1]; next } $1 in came' - "$state/packages-new"
}

purge() {
    dpkg --configure -a >/dev/null 2>&1
    # shellcheck disable=SC2046 # names of packages hold no spaces
    set -- $(new_packages)
    [ $# -eq 0 ] && return 0
    apt-get -q -y -o DPkg::Lock::Timeout=300 purge -- "$@" ||
        dpkg --purge --force-depends --force-remove-reinstreq -- "$@"
}

# Those of packages have numbers below 1000 (policy 9.2.2); an account of a person is none of ours.
names() {
    awk -F: '$3 < 1000 { print $1 }' "$1" | sort
}

accounts() {
    names /etc/passwd >"$state/accounts-now"
    comm -13 "$state/accounts-before" "$state/accounts-now" | while read -r name; do
        userdel -- "$name"
    done
    names /etc/group >"$state/groups-now"
    comm -13 "$state/groups-before" "$state/groups-now" | while read -r name; do
        groupdel -- "$name"
    done
}

status=0
purge || status=1
if [ "${1:-all}" = all ]; then
    accounts || status=1
    rm -rf /etc/apt/sources.list.d/debwright-check.list /mnt/debwright /mnt/debwright-lists
    rm -f /var/lib/apt/lists/_mnt_debwright_*
    # The notes are what another attempt needs.
    [ "$status" -eq 0 ] && rm -rf "$state"
fi
exit "$status"
