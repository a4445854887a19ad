"""The manager of a user's own units (user@.service(5)), for an account of the checks.

A unit in /usr/lib/systemd/user is started when somebody logs in. Here the login is the manager of
the account `nobody`, without PAM, which need not be there. It is started when it is first asked
for, and ended whenever packages change: the next login sees the new.
"""

_UID = 65534
"""Of nobody, in every Debian system (Debian policy 9.2.2)."""
UNIT = f"user@{_UID}.service"

_LOGGED_IN = f"""d=/run/user/{_UID}
ask() {{ runuser -u nobody -- env XDG_RUNTIME_DIR=$d systemctl --user "$@"; }}
if [ ! -S $d/systemd/private ]; then
    changes=/run/systemd/system/{UNIT}.d; mkdir -p $changes
    echo '[Service]' >$changes/login.conf
    echo PAMName= >>$changes/login.conf
    echo Environment=XDG_RUNTIME_DIR=$d HOME=$d >>$changes/login.conf
    systemctl daemon-reload; systemctl reset-failed {UNIT} 2>/dev/null
    systemctl start {UNIT} >&2 || exit
    for try in 1 2 3 4 5 6 7 8 9 10; do
        case $(ask is-system-running) in running|degraded) break;; *) sleep 0.3;; esac
    done
fi
ask "$@"
"""
LOGOUT = ("sh", "-c", f"systemctl stop {UNIT}; rm -rf /run/systemd/system/{UNIT}.d")
"""Ends the manager, where there is one."""
SYSTEMCTL = ("sh", "-c", _LOGGED_IN, "systemctl")
"""systemctl of the account's manager; a verb follows."""


def logged_by(unit: str) -> list[str]:
    """What selects a user's unit in journalctl: its processes', and its manager's word of it."""
    return [f"_SYSTEMD_USER_UNIT={unit}", "+", f"USER_UNIT={unit}"]
