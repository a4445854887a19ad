"""Whose a file of the system is: the system's own, the package's, or a directory of the unit's."""

import re
from collections.abc import Mapping

from debwright.isolation.snapshot import Entry

# What the system itself writes while it runs; everything else a package leaves is the package's.
_SYSTEMS_OWN = re.compile(
    r"^/(?:run|proc|sys|dev|tmp|var/tmp|mnt/debwright\S*|var/cache/(?:apt|debconf|man|ldconfig)|"
    r"var/lib/(?:dpkg|apt|systemd|ucf|pam|dbus|python|private)|var/log/(?:apt|journal|private)|"
    r"var/cache/private)(?:/|$)|^/etc/systemd/system(?:/[^/]+\.(?:wants|requires))?$|"
    r"^/var/log/(?:dpkg\.log|alternatives\.log|lastlog|faillog|wtmp|btmp|bootstrap\.log)$|"
    r"^/etc/(?:passwd|shadow|group|gshadow|subuid|subgid)-?$|"
    r"^/etc/(?:ld\.so\.cache|machine-id|mtab|resolv\.conf|\.pwd\.lock|\.updated)$|"
    r"^/var/\.updated$|/__pycache__(?:/|$)|^/etc/(?:rc\d|rcS)\.d$"
)
# Unit property to the directory it names directories in (systemd.exec(5), table 2).
_DIRECTORIES = {
    "StateDirectory": "/var/lib",
    "CacheDirectory": "/var/cache",
    "LogsDirectory": "/var/log",
    "RuntimeDirectory": "/run",
    "ConfigurationDirectory": "/etc",
}
_PRIVATE = ("/var/lib/private", "/var/cache/private", "/var/log/private")
"""Where systemd keeps the directories of a unit with DynamicUser=."""


def leftovers(created: dict[str, Entry]) -> dict[str, Entry]:
    """Of what appeared since before installation, what is the package's; parents stand for all."""
    ours = {p: e for p, e in created.items() if not _SYSTEMS_OWN.search(p)}
    return {p: e for p, e in ours.items() if p.rsplit("/", 1)[0] not in ours}


def declared(unit: Mapping[str, str]) -> set[str]:
    """The directories a unit's settings name; `NAME:LINK` counts as both."""
    found = set(_PRIVATE)
    for setting, parent in _DIRECTORIES.items():
        for words in unit.get(setting, "").split():
            found |= {f"{parent}/{name}" for name in words.split(":") if name}
    return found
