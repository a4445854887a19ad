"""Base roots, made by mmdebstrap(1): Essential packages and apt, with the package lists kept."""

import hashlib
from pathlib import Path

from debwright.config import Suite
from debwright.host import process
from debwright.host.machine import emulator_environment, proxy_environment
from debwright.host.process import CommandError, LineSink, TimedOut
from debwright.isolation.namespaces import Namespaces, Spec, is_root
from debwright.model.errors import DebwrightError, Evidence, MissingError
from debwright.model.fix import Install
from debwright.model.targets import Target, suite_info
from debwright.roots import apt
from debwright.roots.store import Made

LISTS = Path("var/lib/apt/lists")
TIMEOUT = 3600
KEYRING_PACKAGES = {
    "debian": "debian-archive-keyring",
    "ubuntu": "ubuntu-keyring",
    "raspios": "raspberrypi-archive-keyring",
}


def base_inputs(target: Target, suite: Suite) -> dict[str, object]:
    """What a base root is made from: the part of its manifest that is asked for."""
    return {
        "sources": source_lines(target, suite),
        "components": list(suite.components),
        "keyring": str(suite.keyring) if suite.keyring else None,
        "variant": "minbase",
    }


def source_lines(target: Target, suite: Suite) -> list[str]:
    """One-line sources for mmdebstrap; none leaves its own default for the distribution."""
    info = suite_info(target.suite)
    components = " ".join(suite.components)
    lines: list[str] = []
    if suite.mirror:
        mirror = suite.mirror.rstrip("/")
        lines.append(f"deb {mirror} {info.codename} {components}")
        if suite.security and info.release is not None:
            lines.append(f"deb {mirror} {info.codename}-updates {components}")
            if info.distribution == "ubuntu":
                lines.append(f"deb {mirror} {info.codename}-security {components}")
            else:
                lines.append(f"deb {mirror}-security {info.codename}-security {components}")
    elif info.extra_sources or suite.extra_sources:
        # "-" stands for the default sources, which extra ones would otherwise replace.
        lines.append("")
    return [*lines, *info.extra_sources, *suite.extra_sources]


def bootstrap(target: Target, suite: Suite, scratch: Path, sink: LineSink | None = None) -> Made:
    """Make the base root of `target` below `scratch`.

    Raises MirrorError when the archive cannot be read, MissingError when a tool or the keyring
    lacks, and CommandError for anything else mmdebstrap says.
    """
    tree = scratch / "tree"
    common = [
        "--variant=minbase",
        f"--architectures={target.arch}",
        "--skip=cleanup/apt,check/empty",
        f"--components={','.join(suite.components)}",
        '--aptopt=Acquire::Languages "none"',
        '--aptopt=Acquire::Retries "2"',
        # What debwright told apt, and this machine's resolver, must not stay in the root.
        '--customize-hook=rm -f "$1/etc/apt/apt.conf.d/99mmdebstrap" "$1/etc/resolv.conf" '
        '"$1"/var/cache/apt/archives/*.deb',
        *_keyring(target, suite),
    ]
    tail = [suite_info(target.suite).codename]
    sources = "\n".join(source_lines(target, suite))
    if is_root():
        tree.mkdir(mode=0o755)
        words = [*common, "--mode=root", "--format=directory", *tail, str(tree)]
        _mmdebstrap(words, target.arch, sources, sink)
    else:
        words = [*common, "--mode=unshare", "--format=tar", *tail]
        _rootless(words, target.arch, sources, scratch, sink)
    return Made(tree, packages_in(tree), mirror_state(tree))


def _keyring(target: Target, suite: Suite) -> list[str]:
    path = suite.keyring or suite_info(target.suite).keyring
    if path is None:
        return []
    if not Path(path).exists():
        raise MissingError(
            f"the archive key of {target.suite} is not on this machine",
            evidence=[Evidence(text=f"{path} does not exist")],
            fix=f"sudo apt-get install {KEYRING_PACKAGES[suite_info(target.suite).distribution]}, "
            f'or name the file in debwright.toml: [suites.{target.suite}] keyring = "..."',
        )
    return [f"--keyring={path}"]


def _mmdebstrap(arguments: list[str], arch: str, sources: str, sink: LineSink | None) -> None:
    # In namespaces of debwright's own, so that a kill takes its mounts and children with it.
    argv = ["mmdebstrap", *arguments, *(["-"] if sources else [])]
    try:
        if is_root():
            spec = Spec(network=True, variables=dict(emulator_environment(arch)))
            with Namespaces(spec) as inside:
                inside.run(
                    argv, env=proxy_environment(), stdin=sources or None, sink=sink, merge=True,
                    timeout=TIMEOUT,
                )  # fmt: skip
        else:
            process.run(argv, stdin=sources or None, sink=sink, merge=True, timeout=TIMEOUT)
    except CommandError as error:
        raise _explain(error) from error
    except TimedOut as error:
        raise apt.MirrorError(
            "mmdebstrap took more than an hour and was stopped",
            cause="the mirror is very slow or hangs",
            fix='name another one: [suites.SUITE] mirror = "..."',
        ) from error


def _rootless(
    arguments: list[str], arch: str, sources: str, scratch: Path, sink: LineSink | None
) -> None:
    """As an ordinary user: a tarball first, since only the user's own namespace owns the ids."""
    tarball = scratch / "base.tar"
    _mmdebstrap([*arguments, str(tarball)], arch, sources, sink)
    with Namespaces(Spec(network=True)) as inside:
        inside.run(["mkdir", "-m755", str(scratch / "tree")])
        inside.run(
            ["tar", "-x", "--numeric-owner", "--exclude=./dev/*", "-f", str(tarball),
             "-C", str(scratch / "tree")]
        )  # fmt: skip
    tarball.unlink()


def _explain(error: CommandError) -> DebwrightError:
    text = error.done.output
    # nsenter(1)'s words; apt and dpkg say "is not installed" of anything.
    if "failed to execute mmdebstrap" in text:
        return MissingError("mmdebstrap is not installed", fix=Install("mmdebstrap"))
    if "cannot execute" in text or "Exec format error" in text or "arch-test" in text:
        return MissingError(
            "programs of this architecture do not run on this machine",
            evidence=[Evidence(text=line) for line in error.done.tail(3)],
            fix="sudo apt-get install qemu-user-static binfmt-support; then: debwright doctor",
        )
    return apt.explain(error.done, "mmdebstrap")


def packages_in(tree: Path) -> tuple[str, ...]:
    """Read from dpkg's own database, without running anything in the root."""
    from debian.deb822 import Packages

    with (tree / "var/lib/dpkg/status").open("rb") as status:
        return tuple(
            sorted(
                f"{p['Package']}:{p['Architecture']}={p['Version']}"
                for p in Packages.iter_paragraphs(status, use_apt_pkg=False)
                if p.get("Status", "").endswith(" installed")
            )
        )


def mirror_state(tree: Path) -> dict[str, str]:
    """The SHA-256 of every InRelease the root's package lists came from."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((tree / LISTS).glob("*Release"))
    }
