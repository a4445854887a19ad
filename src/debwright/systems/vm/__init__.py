"""A virtual machine: the root on a disk, with Debian's kernel and an ssh server."""

import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from debwright.host import process
from debwright.host.process import LineSink
from debwright.isolation.namespaces import Namespaces, Spec, is_root
from debwright.model.errors import Evidence, MissingError
from debwright.model.fix import Command, again_as_root
from debwright.model.suites import suite_info
from debwright.model.targets import Target
from debwright.roots.layers import Roots
from debwright.roots.overlay import Throwaway, make_throwaway
from debwright.roots.store import Layer
from debwright.systems.base import BootError, Open, Opened, Subject, System
from debwright.systems.kinds import Kind
from debwright.systems.runtime import copy_into, repository_for
from debwright.systems.ssh.connection import Address, SshSandbox
from debwright.systems.vm.qemu import BOOT_TIMEOUT, SSH_PORT, VirtualMachine, has_kvm, vm_problem

__all__ = ["VirtualMachine", "VmSystem", "vm_problem"]

_SPARE_MB = 2048
"""Free space of the disk; it takes none until it is written to."""

# The network of qemu's user mode (-netdev user): it has no DHCP server that we would wait for.
_NETWORK = """\
[Match]
Name=eth0

[Network]
Address=10.0.2.15/24
LinkLocalAddressing=no
IPv6AcceptRA=no
"""
_SSHD = "PasswordAuthentication no\nPermitRootLogin prohibit-password\nUseDNS no\n"


class VmSystem(System):
    """qemu-system: slow without KVM, and the nearest to a board that this machine can be."""

    kind = "vm"
    own_kernel = True

    def unavailable(self) -> MissingError | None:
        if is_root():
            return None
        return MissingError("making a virtual machine's disk needs root", fix=again_as_root())

    def boot_layer(self, subject: Subject) -> Layer:
        return vm_layer(subject.roots, subject.target, subject.log)

    def prepare(self, subject: Subject, _: ExitStack) -> Open:
        """See System. Raises MissingError when qemu-system is not there."""
        if problem := vm_problem(subject.target.arch):
            raise problem
        layer = self.layer(subject)
        assert layer is not None
        return lambda stack: _open(subject, layer, stack)


def kernel_package(target: Target) -> str:
    """The distribution's kernel for virtual machines. A Pi's own boots on nothing else."""
    if suite_info(target.suite).distribution == "ubuntu":
        return "linux-image-virtual"
    return f"linux-image-cloud-{target.arch}"


def vm_layer(roots: Roots, target: Target, sink: LineSink | None) -> Layer:
    """The bootable root with a kernel, its initramfs and an ssh server."""
    packages = [kernel_package(target), "initramfs-tools", "openssh-server"]

    def change(inside: Namespaces, scratch: Path) -> None:
        arguments = ["install", "--no-install-recommends", *packages]
        roots.install(inside, scratch, arguments, sink, str(target))
        # Each machine gets its own: one in a shared layer would be no secret.
        inside.run(["sh", "-c", "rm -f /etc/ssh/ssh_host_*"])
        inside.run(["systemctl", "enable", "systemd-networkd.service"])

    return roots.custom("vm", target, roots.boot(target, sink), {"packages": packages}, change)


@dataclass(frozen=True)
class Keys:
    """Of one machine, for one check."""

    directory: Path

    @classmethod
    def make(cls, directory: Path) -> "Keys":
        directory.mkdir(mode=0o700)
        for name in ("client", "host"):
            process.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "debwright",
                 "-f", directory / name],
                timeout=60,
            )  # fmt: skip
        keys = cls(directory)
        host = (directory / "host.pub").read_text()
        (directory / "known").write_text(f"[127.0.0.1]:{SSH_PORT} {host}")
        keys.config.write_text(
            f"Host *\n  IdentityFile {directory}/client\n  IdentitiesOnly yes\n"
            f"  UserKnownHostsFile {directory}/known\n  GlobalKnownHostsFile /dev/null\n"
        )
        return keys

    @property
    def config(self) -> Path:
        return self.directory / "config"

    def put_into(self, tree: Path) -> None:
        """The machine's part of them, and its network, into the top of its root."""
        for path, mode in ((tree / "root", 0o700), (tree / "root/.ssh", 0o700)):
            path.mkdir(mode=mode, exist_ok=True)
        files = {
            "root/.ssh/authorized_keys": ((self.directory / "client.pub").read_text(), 0o600),
            "etc/ssh/ssh_host_ed25519_key": ((self.directory / "host").read_text(), 0o600),
            "etc/ssh/ssh_host_ed25519_key.pub": ((self.directory / "host.pub").read_text(), 0o644),
            "etc/ssh/sshd_config.d/debwright.conf": (_SSHD, 0o644),
            "etc/systemd/network/debwright.network": (_NETWORK, 0o644),
        }
        for name, (text, mode) in files.items():
            path = tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(mode)


def _open(subject: Subject, layer: Layer, stack: ExitStack) -> Opened:
    stack.enter_context(layer.in_use())
    directory = stack.enter_context(subject.roots.cache.scratch("vm"))
    overlay = make_throwaway(directory, layer)
    keys = Keys.make(directory / "keys")
    keys.put_into(overlay.upper)
    copy_into(overlay.upper, repository_for(directory / "repository", subject.installable, layer))
    subject.activity("making the disk")
    kernel, initrd = _kernel(layer)
    make_disk(overlay, directory / "disk")
    subject.activity("booting")
    system = start(
        VirtualMachine(
            subject.target.arch, kernel, initrd, directory / "disk", directory,
            accelerated=has_kvm() and subject.target.arch == subject.host_arch,
        ),
        keys, stack,
    )  # fmt: skip
    return Opened(system=system, layer=layer)


def start(machine: VirtualMachine, keys: Keys, stack: ExitStack) -> SshSandbox:
    """Boot, and connect once sshd answers. Raises BootError with the console's last lines."""
    started = time.monotonic()
    stack.enter_context(machine)
    system = SshSandbox(
        Address(host="127.0.0.1", user="root", port=SSH_PORT), config=keys.config,
        prefix=machine.prefix, emulated=not machine.accelerated, may_reboot=True, kind="vm",
    )  # fmt: skip
    while True:
        machine.check()
        try:
            stack.enter_context(system)
            break
        except MissingError as problem:
            if time.monotonic() - started > BOOT_TIMEOUT:
                raise BootError(
                    f"the virtual machine did not answer within {BOOT_TIMEOUT:.0f} s",
                    evidence=[Evidence(text=problem.what), *machine.tail()],
                ) from problem
        time.sleep(0.5)
    system.wait_until_up()
    system.boot_seconds = time.monotonic() - started
    kernel = system.run(["uname", "-r"], timeout=60).output.strip()
    how = "by KVM" if machine.accelerated else "under software emulation (times are not its own)"
    system.said.append(f"ran in a virtual machine {how} with the kernel {kernel}")
    stack.callback(system.run, ["systemctl", "--no-block", "poweroff"], check=False, timeout=60)
    return system


def make_disk(overlay: Throwaway, disk: Path) -> None:
    """An ext4 file system with the merged layers, owners and modes included (mkfs.ext4 -d)."""
    spec = Spec(
        root=overlay.mount_point,
        overlay=overlay.overlay(),
        pivot=False,
        bounded=False,
        network=True,
    )
    with Namespaces(spec) as mounted:
        usage = mounted.run(["du", "-sxm", str(overlay.mount_point)], timeout=600).output
        size = int(usage.split()[0]) * 5 // 4 + _SPARE_MB
        mounted.run(
            ["mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal",
             "-d", str(overlay.mount_point), str(disk), f"{size}M"],
            timeout=1800,
        )  # fmt: skip


def _kernel(layer: Layer) -> tuple[Path, Path]:
    """The kernel and the initramfs, from whichever layer has them."""
    for below in layer.chain():
        boot = below.tree / "boot"
        kernels = sorted(p for p in boot.glob("vmlinuz-*") if p.is_file() and not p.is_symlink())
        for kernel in reversed(kernels):
            initrd = boot / kernel.name.replace("vmlinuz-", "initrd.img-")
            if initrd.is_file() and not initrd.is_symlink():
                return kernel, initrd
    raise BootError(
        "the root has no kernel with an initramfs",
        fix=Command("debwright", "cache", "prune", "--all"),
    )


VM = Kind(
    name="vm",
    make=lambda _: VmSystem(),
    about="the same root on a disk, booted by Debian's kernel",
    needs="root, qemu-system",
    good_for="kernel features, memory limits, a Cortex-A76",
)
