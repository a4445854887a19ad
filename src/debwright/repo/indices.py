"""Packages, Sources and Contents of a suite, made by apt-ftparchive(1).

Its cache of what is inside the packages is worked on as a copy and renamed back, so that a
kill cannot leave a broken one; and whatever it says is compared with the manifest before
anyone sees it, so that neither a stale cache nor a package's own fields can put a record into
an index that does not belong there.
"""

import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from debwright.errors import DebwrightError, Evidence, MissingError
from debwright.process import CommandError, run
from debwright.repo import store
from debwright.repo.model import Entry, RepositorySettings

DEFAULT_ARCHITECTURES = ("amd64", "arm64")
"""What a suite of nothing but Architecture: all packages has indices for."""

# Only SHA-256: apt asks by-hash for the strongest digest a Release names, so naming more would
# mean a second set of links. Sources keep MD5 beside it, for their field Files.
CHECKSUMS = ("MD5", "SHA1", "SHA512")
OPTIONS = (
    *(f"APT::FTPArchive::Packages::{c}=false" for c in CHECKSUMS),
    *(f"APT::FTPArchive::Sources::{c}=false" for c in CHECKSUMS if c != "MD5"),
    *(f"APT::FTPArchive::Release::{c}=false" for c in CHECKSUMS),
    "APT::FTPArchive::AlwaysStat=true",
)


def architectures(entries: Iterable[Entry], settings: RepositorySettings) -> list[str]:
    """The architectures a suite has indices for."""
    named = {e.architecture for e in entries if e.kind == "deb"} - {"all"}
    return sorted(named | set(settings.architectures)) or list(DEFAULT_ARCHITECTURES)


def components(entries: Iterable[Entry]) -> list[str]:
    return sorted({e.component for e in entries})


def build(
    repo: Path,
    dists: Path,
    suites: Mapping[str, Sequence[Entry]],
    settings: RepositorySettings,
) -> None:
    """Write the indices of `suites` below `dists`, which is inside `repo`.

    Raises MissingError without apt-ftparchive, DebwrightError when an index does not say what
    the manifest does.
    """
    try:
        _generate(repo, dists, suites, settings)
        _compare(dists, suites, settings)
    except DebwrightError as error:
        if isinstance(error, MissingError) or not _cache(repo).exists():
            raise
        # The cache is only there to save time: without it the answer is right or final.
        shutil.rmtree(_cache(repo))
        for suite in suites:
            shutil.rmtree(dists / suite, ignore_errors=True)
        _generate(repo, dists, suites, settings)
        _compare(dists, suites, settings)


def ftparchive(repo: Path, arguments: Sequence[str], options: Iterable[str]) -> bytes:
    """Run apt-ftparchive in `repo` with nothing of this machine's apt configuration."""
    plain = store.work_directory(repo) / "apt.conf"
    plain.write_text('Dir::Etc::main "/dev/null"; Dir::Etc::parts "/dev/null";\n')
    argv = ["apt-ftparchive", "-qq", *(f"-o={o}" for o in options), *arguments]
    env = {"APT_CONFIG": str(plain.resolve()), "LC_ALL": "C.UTF-8"}
    try:
        return run(argv, cwd=repo, env=env).output.encode()
    except MissingError as error:
        raise MissingError(
            "apt-ftparchive is not installed", fix="apt-get install apt-utils"
        ) from error


def _cache(repo: Path) -> Path:
    return store.private(repo) / "cache"


def _generate(
    repo: Path,
    dists: Path,
    suites: Mapping[str, Sequence[Entry]],
    settings: RepositorySettings,
) -> None:
    work = store.work_directory(repo)
    cache, lists = work / "cache", work / "lists"
    shutil.rmtree(cache, ignore_errors=True)
    if _cache(repo).exists():
        shutil.copytree(_cache(repo), cache)
    store.make_directories(cache)
    store.make_directories(lists)
    tree = [_header(repo, cache, lists)]
    for suite, entries in suites.items():
        kinds = architectures(entries, settings)
        if any(e.kind == "dsc" for e in entries):
            kinds.append("source")
        _write_lists(lists, suite, entries, kinds)
        for component in components(entries):
            for kind in kinds:
                place = "source" if kind == "source" else f"binary-{kind}"
                store.make_directories(dists / suite / component / place)
        tree.append(_tree((dists / suite).relative_to(repo), entries, kinds))
    config = work / "generate.conf"
    config.write_text("".join(tree), encoding="utf-8")
    try:
        ftparchive(repo, ["generate", str(config.relative_to(repo))], OPTIONS)
    except CommandError as error:
        raise DebwrightError(
            "apt-ftparchive could not write the indices",
            evidence=error.evidence,
            cause="a package it cannot read, or a full disk",
            fix=f"df -h {repo}",
        ) from error
    store.sync(store.tree_paths(cache))
    shutil.rmtree(_cache(repo), ignore_errors=True)
    cache.rename(_cache(repo))


def _header(repo: Path, cache: Path, lists: Path) -> str:
    # Paths are relative to the repository, so that no character of its own path needs quoting.
    return f"""\
Dir {{ ArchiveDir "."; CacheDir "{cache.relative_to(repo)}"; FileListDir "{lists.relative_to(repo)}"; }};
Default {{
  Packages::Compress ". gzip xz"; Sources::Compress ". gzip xz"; Contents::Compress "gzip";
  FileMode 0644;
}};
"""  # noqa: E501


def _write_lists(lists: Path, suite: str, entries: Sequence[Entry], kinds: Sequence[str]) -> None:
    """The file list of every index of a suite."""
    members: dict[tuple[str, str], list[str]] = defaultdict(list)
    for entry in entries:
        for kind in kinds:
            if belongs(entry, kind):
                members[entry.component, kind].append(entry.path)
    for component in components(entries):
        for kind in kinds:
            text = "".join(f"{name}\n" for name in sorted(members[component, kind]))
            (lists / f"{suite}_{component}_{kind}").write_text(text, encoding="utf-8")


def _tree(output: Path, entries: Sequence[Entry], kinds: Sequence[str]) -> str:
    """The Tree section of a suite."""
    suite = output.name
    return f"""\
Tree "{output}" {{
  Sections "{" ".join(components(entries))}"; Architectures "{" ".join(kinds)}";
  FileList "{suite}_$(SECTION)_$(ARCH)"; SourceFileList "{suite}_$(SECTION)_source";
  BinCacheDB "packages.db"; SrcCacheDB "sources.db";
}};
"""


def belongs(entry: Entry, kind: str) -> bool:
    """Whether an entry stands in the index of an architecture, or of `source`."""
    if kind == "source":
        return entry.kind == "dsc"
    return entry.kind == "deb" and entry.architecture in (kind, "all")


def _compare(
    dists: Path, suites: Mapping[str, Sequence[Entry]], settings: RepositorySettings
) -> None:
    """Every Packages file must hold exactly the entries of the manifest."""
    for suite, entries in suites.items():
        for architecture in architectures(entries, settings):
            for component in components(entries):
                index = dists / suite / component / f"binary-{architecture}" / "Packages"
                wanted = {
                    (e.path, e.sha256, str(e.size), e.package, e.version, e.architecture)
                    for e in entries
                    if e.component == component and belongs(e, architecture)
                }
                _must_hold(index, wanted, dists)
        for component in components(entries):
            _sources_must_hold(dists / suite / component / "source" / "Sources", entries, component)


def _must_hold(index: Path, wanted: AbstractSet[tuple[str, ...]], dists: Path) -> None:
    keys = ("Filename", "SHA256", "Size", "Package", "Version", "Architecture")
    found = [tuple(r.get(k, "") for k in keys) for r in records(index)]
    if len(found) == len(wanted) and set(found) == wanted:
        return
    raise _wrong(index, sorted(wanted ^ set(found)), dists)


def _sources_must_hold(index: Path, entries: Sequence[Entry], component: str) -> None:
    wanted = {
        (e.package, e.version, e.path.rpartition("/")[0])
        for e in entries
        if e.component == component and e.kind == "dsc"
    }
    if not wanted and not index.exists():
        return
    found = [
        tuple(r.get(k, "") for k in ("Package", "Version", "Directory")) for r in records(index)
    ]
    if len(found) != len(wanted) or set(found) != wanted:
        raise _wrong(index, sorted(wanted ^ set(found)), index.parents[3])


def _wrong(index: Path, differences: Sequence[tuple[str, ...]], dists: Path) -> DebwrightError:
    return DebwrightError(
        f"the index {index.relative_to(dists)} does not say what is in the pool",
        evidence=[Evidence(text=" ".join(d)) for d in differences[:5]],
        cause="a package's control fields contradict its name, or a file in the pool was "
        "changed by hand",
        fix="debwright verify",
    )


def records(index: Path) -> Iterator[dict[str, str]]:
    """The single-line fields of each record; python-debian needs 20 times as long for this."""
    record: dict[str, str] = {}
    with index.open(encoding="utf-8", errors="surrogateescape", newline="\n") as lines:
        for line in lines:
            if line == "\n":
                if record:
                    yield record
                record = {}
            elif line[0] not in " \t":
                name, _, value = line.partition(":")
                if name in record:
                    record["Filename"] = f"{name} twice"  # never equal to a manifest's
                else:
                    record[name] = value.strip()
    if record:
        yield record
