"""Base roots, made by mmdebstrap(1): Essential packages and apt, with the package lists kept."""

import hashlib
import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from debwright.config import Suite
from debwright.host import process
from debwright.host.files import sha256_file
from debwright.host.machine import emulator_environment, is_emulated, proxy_environment
from debwright.host.process import CommandError, LineSink, TimedOut
from debwright.isolation.namespaces import Namespaces, Spec, is_root
from debwright.model.errors import DebwrightError, Evidence, MissingError
from debwright.model.fix import Command, Install, Setup
from debwright.model.targets import Target, suite_info
from debwright.roots import apt
from debwright.roots.store import Made

LISTS = Path("var/lib/apt/lists")
TIMEOUT = 3600
KEYS = Path(__file__).with_name("keys")
KEYRING_PACKAGES = {
    "debian": "debian-archive-keyring",
    "ubuntu": "ubuntu-keyring",
    "raspios": "debian-archive-keyring",
}


ESSENTIAL = frozenset({"apt", "base-files", "coreutils", "dpkg"})
"""A few packages that every root has: the archive's Essential set, and apt."""


def base_inputs(target: Target, suite: Suite) -> dict[str, object]:
    """What a base root is made from: the part of its manifest that is asked for.

    Keys count by their content: another key at the same path is another trust.
    """
    return {
        "sources": source_lines(target, suite),
        "components": list(suite.components),
        "keys": [_content(path) for path in _key_files(target, suite)],
        "variant": "minbase",
    }


def _content(path: Path) -> str:
    return sha256_file(path) if path.is_file() else "none"


def _key_files(target: Target, suite: Suite) -> Iterator[Path]:
    """The files of keys that the root's sources are trusted by."""
    if keyring := suite.keyring or suite_info(target.suite).keyring:
        yield Path(keyring)
    for line in source_lines(target, suite):
        if named := re.search(r"[\[ ]signed-by=([^]\s]+)", line):
            yield from (Path(key) for key in named[1].split(",") if key.startswith("/"))


def source_lines(target: Target, suite: Suite) -> list[str]:
    """One-line sources (sources.list(5)): of the mirror, of its updates, and further ones."""
    info = suite_info(target.suite)
    url, security = info.archive.urls(target.arch)
    if suite.mirror:
        url = suite.mirror.rstrip("/")
        security = url if info.distribution == "ubuntu" else f"{url}-security"
    components = " ".join(suite.components)
    pockets = [(url, info.codename)]
    if suite.security and info.release is not None:
        pockets += [(url, f"{info.codename}-updates"), (security, f"{info.codename}-security")]
    lines = [f"deb {where} {pocket} {components}" for where, pocket in pockets]
    return [*lines, *info.extra_sources, *suite.extra_sources]


def bootstrap(target: Target, suite: Suite, scratch: Path, sink: LineSink | None = None) -> Made:
    """Make the base root of `target` below `scratch`.

    Raises MirrorError when the archive cannot be read or has no packages, MissingError when a tool
    or the keyring is missing, and CommandError for anything else mmdebstrap says.
    """
    tree = scratch / "tree"
    common = [
        "--variant=minbase",
        f"--architectures={target.arch}",
        "--skip=cleanup/apt,check/empty",
        f"--components={','.join(suite.components)}",
        '--aptopt=Acquire::Languages "none"',
        '--aptopt=Acquire::Retries "2"',
        *_keys_inside(target, suite),
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
    packages = packages_in(tree)
    _require_essential(target, packages, sources)
    return Made(tree, packages, mirror_state(tree))


def _require_essential(target: Target, packages: Iterable[str], sources: str) -> None:
    """mmdebstrap takes lists without a single package for success: the root would be empty."""
    if missing := ESSENTIAL - {name.split(":", 1)[0] for name in packages}:
        raise apt.MirrorError(
            f"the archive of {target} gave a root without {', '.join(sorted(missing))}",
            evidence=[Evidence(text=line) for line in sources.splitlines()],
            cause="none of the sources has the packages that every system needs",
            fix=f'name an archive that is whole: [suites.{target.suite}] mirror = "..."',
        )


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


def _keys_inside(target: Target, suite: Suite) -> Iterator[str]:
    """Put the keys that further sources name where they are looked for in the root, too.

    Raises MissingError where one is not on this machine.
    """
    for path in further_keys(target, suite):
        if not path.is_file():
            raise MissingError(
                f"a source of {target.suite} is signed by a key that is not on this machine",
                evidence=[Evidence(text=f"{path} does not exist")],
                fix=shipped_key(path) or f"install the key of the archive as {path}",
            )
        place = shlex.quote(str(path))
        yield (
            f'--setup-hook=mkdir -p "$1"{shlex.quote(str(path.parent))} && '
            f'cp --no-preserve=mode {place} "$1"{place}'
        )


def shipped_key(path: Path) -> Command | None:
    """The command that puts a key, which debwright has with it, where `path` is; None: it has none.

    Debian and Ubuntu have no package of it.
    """
    own = KEYS / f"{path.stem}.asc"
    return Setup("install", "-D", "-m", "644", own, path) if own.is_file() else None


def further_keys(target: Target, suite: Suite) -> list[Path]:
    """The key files that the sources of a suite name in addition to the archive's own."""
    main = suite.keyring or suite_info(target.suite).keyring
    return [p for p in dict.fromkeys(_key_files(target, suite)) if str(p) != main]


def _mmdebstrap(arguments: list[str], arch: str, sources: str, sink: LineSink | None) -> None:
    # In namespaces of debwright's own, so that a kill takes its mounts and children with it.
    argv = ["mmdebstrap", *arguments, "-"]
    try:
        if is_root():
            spec = Spec(network=True, variables=dict(emulator_environment(arch)),
                        emulated=is_emulated(arch))  # fmt: skip
            with Namespaces(spec) as inside:
                inside.run(
                    argv, env=proxy_environment(), stdin=sources, sink=sink, merge=True,
                    timeout=TIMEOUT,
                )  # fmt: skip
        else:
            process.run(argv, stdin=sources, sink=sink, merge=True, timeout=TIMEOUT)
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
