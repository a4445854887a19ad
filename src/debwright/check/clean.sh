#!/bin/sh
# Puts a machine back on which a package was checked. Run as root, on that machine:
#   sh clean purge     packages that were not there before go, with their configuration
#   sh clean all       that, and the accounts, the package source and all notes of the check
set -u
state=/var/lib/debwright-check
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
cd / || exit 1

packages() {
    dpkg-query -W -f '${db:Status-Status} ${Package}:${Architecture}\n' |
        sed '/^not-installed /d; s/^[^ ]* //' | sort -u
}

new_packages() {
    packages >"$state/packages-now"
    comm -13 "$state/packages-before" "$state/packages-now"
}

purge() {
    dpkg --configure -a >/dev/null 2>&1
    # shellcheck disable=SC2046 # names of packages hold no spaces
    set -- $(new_packages)
    [ $# -eq 0 ] && return 0
    apt-get -q -y -o DPkg::Lock::Timeout=300 purge -- "$@" ||
        dpkg --purge --force-depends --force-remove-reinstreq -- "$@"
}

accounts() {
    cut -d: -f1 /etc/passwd | sort >"$state/accounts-now"
    comm -13 "$state/accounts-before" "$state/accounts-now" | while read -r name; do
        userdel -- "$name"
    done
    cut -d: -f1 /etc/group | sort >"$state/groups-now"
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
