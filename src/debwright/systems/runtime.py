"""The layer with a package's run-time dependencies: proof that they can be had, and a fast start.

apt in a clean root of the target resolves the packages from the suite's archive plus a local
repository that holds them; what it would install beside them is then installed into a layer. The
check of the package itself starts from there, with no network.
"""

import re
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from debwright.host import process
from debwright.host.process import LineSink
from debwright.isolation.namespaces import Namespaces
from debwright.model.errors import CheckError, Evidence
from debwright.model.targets import Target
from debwright.packages.debs import Deb
from debwright.roots import apt
from debwright.roots.layers import Roots
from debwright.roots.store import Layer
from debwright.systems import siblings
from debwright.systems.other_targets import available_elsewhere, elsewhere_cause

REPOSITORY = "/mnt/debwright"
SOURCE_LIST = "/etc/apt/sources.list.d/debwright-check.list"
PREFERENCES = "/etc/apt/preferences.d/debwright-check"
# apt_preferences(5): from a directory of this machine, though the archive has a newer version.
PREFERRED = 'Package: *\nPin: origin ""\nPin-Priority: 1001\n'
SOURCE_LINE = f"deb [trusted=yes] file:{REPOSITORY} ./\n"
_LISTS = "/mnt/debwright-lists"

# Only the local repository and what dpkg says is installed: apt then need not read the archive's
# sixty thousand packages again, which takes seconds under qemu.
LOCAL_ONLY = (
    "-o", f"Dir::Etc::SourceList={SOURCE_LIST}",
    "-o", "Dir::Etc::SourceParts=-",
    "-o", f"Dir::State::Lists={_LISTS}",
    "-o", "Dir::Cache::pkgcache=",
    "-o", "Dir::Cache::srcpkgcache=",
)  # fmt: skip
_EXTRACTS = "usr/bin/apt-extracttemplates"
# Right behind debconf's own 70debconf: a hook of the package's is left alone.
_HOOKS = "etc/apt/apt.conf.d/70debwright"
_INSTALLS = re.compile(
    r"^Inst (?P<name>\S+) (?:\[\S+\] )?\((?P<version>\S+) [^)]*?\[?(?P<arch>\w+)?\]?\)"
)


class UnsatisfiableDependencies(CheckError):
    """A user of the target could not install the package."""


class ConflictsWithSystem(CheckError):
    """A user of the target would lose packages of the system by installing this one."""


@dataclass(frozen=True)
class LocalRepository:
    """A directory with packages and a Packages file, for `deb [trusted=yes] file:`."""

    directory: Path


def make_repository(directory: Path, debs: Sequence[Deb]) -> LocalRepository:
    """Fill `directory`. apt-ftparchive(1) writes the index, and the Release file that names it."""
    directory.mkdir(mode=0o755)
    for deb in debs:
        copy = directory / deb.path.name
        shutil.copyfile(deb.path, copy)
        copy.chmod(0o644)
    # Release comes last: it names Packages. Without it apt tries seven names for the index.
    for command, name in (("packages", "Packages"), ("release", "Release")):
        index = process.run(["apt-ftparchive", command, "."], cwd=directory)
        (directory / name).write_text(index.output)
    return LocalRepository(directory)


def repository_for(directory: Path, debs: Sequence[Deb], layer: Layer) -> LocalRepository:
    """A repository of the packages, and of those that can only be installed together with them."""
    return make_repository(directory, [*debs, *siblings.packages(layer)])


def copy_into(upper: Path, repository: LocalRepository) -> None:
    """Put the repository and its source list into the top of an overlay that is not mounted yet."""
    inside = upper / REPOSITORY.lstrip("/")
    inside.mkdir(parents=True, mode=0o755)
    for path in repository.directory.iterdir():
        shutil.copyfile(path, inside / path.name)
    lists = upper / _LISTS.lstrip("/")
    (lists / "partial").mkdir(parents=True)
    source = upper / SOURCE_LIST.lstrip("/")
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(SOURCE_LINE)


def without_preconfiguration(upper: Path, layer: Layer) -> None:
    """Let apt not start debconf's hook where it can do nothing.

    dpkg-preconfigure(8) asks a package's questions before it is unpacked, with a program of
    apt-utils; without that it says so and ends, after seconds of an emulated perl. The questions
    are asked by the package's own scripts in either case.
    """
    if any((tree.tree / _EXTRACTS).exists() for tree in layer.chain()):
        return
    path = upper / _HOOKS
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#clear DPkg::Pre-Install-Pkgs;\n")


def runtime_layer(
    roots: Roots,
    target: Target,
    debs: Sequence[Deb],
    sink: LineSink | None,
    *,
    companions: Sequence[Deb] = (),
    boot: Layer | None = None,
    relations: str | None = None,
) -> Layer:
    """The bootable root with the dependencies of `debs`, recommended packages included.

    `boot` stands in for the usual bootable root. What can only be installed together with the
    packages lies in the layer as files (`beside`). With `relations`, a dependency field, it is all
    that this takes, without recommended packages; some of `debs` may be among that.

    `companions` lie in the local repository beside `debs`: apt takes those that are needed, and
    they lie in the layer as files, too: no script of the project's runs here. Keyed by the
    packages' relation fields and the companions' content: a new version with the same ones starts
    from the same layer. Raises UnsatisfiableDependencies with apt's own words.
    """
    boot = boot or roots.boot(target, sink)
    names = {d.package for d in debs}
    inputs: dict[str, Any] = {
        "packages": {d.package: {"arch": d.arch, **d.relations} for d in debs},
        "recommends": relations is None,
    }
    if relations is not None:
        inputs["relations"] = relations
    if companions:
        inputs["companions beside"] = {d.path.name: d.sha256 for d in companions}

    def change(inside: Namespaces, scratch: Path) -> None:
        with ExitStack() as stack:
            stack.callback(_remove_repository, inside)
            _bring_repository(inside, scratch, [*debs, *companions])
            apt.get(
                inside,
                ["update", "-o", f"Dir::Etc::SourceList={SOURCE_LIST}",
                 "-o", "Dir::Etc::SourceParts=-", "-o", "APT::Get::List-Cleanup=0"],
                what=f"{target}: reading the local repository", sink=sink,
            )  # fmt: skip
            what = relations or ", ".join(sorted(names))
            try:
                plan = apt.get(
                    inside, [*asked(debs, relations), "--simulate"],
                    what=f"{what} cannot be installed on {target}", sink=sink,
                )  # fmt: skip
            except apt.UnsatisfiableError as problem:
                others_have = available_elsewhere(inside, target, problem, sink)
                raise UnsatisfiableDependencies(
                    problem.what, evidence=[*problem.evidence, *others_have],
                    cause=elsewhere_cause(others_have) or problem.cause, fix=problem.fix,
                ) from problem  # fmt: skip
            removed = [x for x in plan.output.splitlines() if x.startswith("Remv ")]
            if removed and relations is None:
                raise ConflictsWithSystem(
                    f"installing {', '.join(sorted(names))} on {target} removes what is there",
                    evidence=[Evidence(text=line) for line in removed[:8]],
                    cause="Conflicts or Breaks of the package, or of one it depends on",
                    fix="correct the relations in debian/control",
                )
            others = planned(plan.output, names)
            late = siblings.choose(inside, others, debs, companions) if others else []
            if early := [o for o in others if o not in late]:
                roots.install(inside, scratch, ["install", "--no-install-recommends", *early],
                              sink, str(target))  # fmt: skip
                inside.run(["apt-mark", "auto", *(o.split("=")[0] for o in early)])
            if late:
                siblings.fetch(inside, late)

    return roots.custom("rundeps", target, boot, inputs, change)


def asked(debs: Sequence[Deb], relations: str | None) -> list[str]:
    """What apt-get is asked for: the packages, or what `relations` takes and no more."""
    if relations is None:
        return ["install", *(f"{d.package}={d.version}" for d in debs)]
    return ["satisfy", "--no-install-recommends", relations]


def previous_dependencies(
    roots: Roots,
    target: Target,
    layer: Layer,
    debs: Sequence[Deb],
    *,
    scratch: Path,
    sink: LineSink | None,
) -> list[Path]:
    """Package files that an earlier release needs beside what the newer one's layer has.

    They are downloaded, not installed: a system under test has no network, and the newer release
    must be checked without what only the older one brings. Files below `scratch` or the package
    cache. Raises what apt.get raises when they cannot be had.
    """
    with roots.root_for_change(scratch, target, layer) as inside:
        _bring_repository(inside, scratch, debs)
        files = [f"{REPOSITORY}/{d.path.name}" for d in debs]
        what = f"{target}: dependencies of the previous release"
        plan = apt.get(inside, ["install", "--simulate", *files], what=what, sink=sink)
        others = planned(plan.output, {d.package for d in debs})
        if not others:
            return []
        wanted = ["install", "--no-install-recommends", *others]
        roots.download(inside, scratch, wanted, sink, what)
    homes = (scratch / "archives", roots.debs(target))
    return [path for name in others if (path := _archived(homes, name)) is not None]


def _archived(homes: Sequence[Path], name_version: str) -> Path | None:
    """apt's file of a package: NAME_VERSION_ARCH.deb, an epoch's colon as %3a."""
    name, _, version = name_version.partition("=")
    stem = f"{name.split(':')[0]}_{version.replace(':', '%3a')}_"
    found = (p for home in homes for p in home.iterdir() if p.name.startswith(stem))
    return next((p for p in found if p.suffix == ".deb" and p.is_file()), None)


def planned(simulation: str, own: set[str]) -> list[str]:
    """`name=version` of what `apt-get --simulate install` would install beside `own`."""
    found = []
    for line in simulation.splitlines():
        match = _INSTALLS.match(line)
        if match and match["name"].split(":")[0] not in own:
            found.append(f"{match['name']}={match['version']}")
    return found


def _bring_repository(inside: Namespaces, scratch: Path, debs: Sequence[Deb]) -> None:
    repository = make_repository(scratch / "repository", debs)
    inside.run(["mkdir", "-p", REPOSITORY])
    for path in repository.directory.iterdir():
        inside.run(
            ["sh", "-c", 'cat > "$1"', "sh", f"{REPOSITORY}/{path.name}"], stdin=path.read_bytes()
        )
    inside.run(["sh", "-c", f"cat > {SOURCE_LIST}"], stdin=SOURCE_LINE)
    inside.run(["sh", "-c", f"cat > {PREFERENCES}"], stdin=PREFERRED)


def _remove_repository(inside: Namespaces) -> None:
    """The layer must hold the dependencies and nothing of the package itself."""
    inside.run(
        [
            "sh",
            "-c",
            f"rm -rf {REPOSITORY} {SOURCE_LIST} {PREFERENCES} /var/lib/apt/lists/_mnt_debwright*",
        ],
        check=False,
    )
