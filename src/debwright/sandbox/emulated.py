"""What a booted system needs, and what a reader must know, when qemu-user runs its programs."""

from pathlib import Path

# systemd 252 under qemu-user fails at step CREDENTIALS: the emulator lacks what its credential
# mounts need. Without credentials to load, the three units work.
_NO_CREDENTIALS = (
    "systemd-sysusers.service",
    "systemd-tmpfiles-setup.service",
    "systemd-tmpfiles-setup-dev.service",
    "systemd-tmpfiles-setup-dev-early.service",
    "systemd-sysctl.service",
    "systemd-journald.service",
    "systemd-udev-load-credentials.service",
)
_DROP_IN = (
    "# Under qemu-user, loading credentials fails.\n[Service]\nLoadCredential=\nImportCredential=\n"
)
QEMU_USER_NOTE = (
    "ran under qemu-user: SystemCallFilter= and other seccomp settings are accepted but see the "
    "emulator's system calls; times and memory include the emulator; credentials of systemd's own "
    "units are switched off, which the emulator cannot mount"
)


def without_credentials(tree: Path) -> None:
    """Put drop-ins for systemd's own units into a tree that will be the top of the root."""
    for unit in _NO_CREDENTIALS:
        directory = tree / "etc/systemd/system" / f"{unit}.d"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "debwright.conf").write_text(_DROP_IN)
