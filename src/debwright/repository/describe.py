"""What apt-ftparchive(1) says of pool files that were never read before.

Its records are compared with what was judged when the files came, before they can get into an
index: a package's own fields cannot put anything there that does not belong to it.
"""

import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from debwright.host.process import CommandError, run
from debwright.model.errors import DebwrightError, Evidence, MissingError
from debwright.model.fix import Command, Install
from debwright.repository import store
from debwright.repository.cache import Record
from debwright.repository.model import Entry

# Only SHA-256: apt asks by-hash for the strongest digest a Release names, so naming more would
# mean a second set of links. Sources keep MD5 beside it, for their field Files.
CHECKSUMS = ("MD5", "SHA1", "SHA512")
OPTIONS = (
    *(f"APT::FTPArchive::Packages::{c}=false" for c in CHECKSUMS),
    *(f"APT::FTPArchive::Sources::{c}=false" for c in CHECKSUMS if c != "MD5"),
    *(f"APT::FTPArchive::Release::{c}=false" for c in CHECKSUMS),
    "APT::FTPArchive::AlwaysStat=true",
)
CONTROL_MAY_NOT_SAY = (b"md5sum", b"sha1", b"sha512")
"""Sums that apt-ftparchive is not asked for, and passes on from a package's own control file: apt
would compare them with the file, and refuse it."""
ALONE = 100
"""Files below which starting a second process would cost more than it saves."""


def ftparchive(repo: Path, arguments: Sequence[str], options: Iterable[str]) -> bytes:
    """Run apt-ftparchive in `repo` with nothing of this machine's apt configuration."""
    plain = store.work_directory(repo) / "apt.conf"
    store.write_once(plain, b'Dir::Etc::main "/dev/null"; Dir::Etc::parts "/dev/null";\n')
    argv = ["apt-ftparchive", "-qq", *(f"-o={o}" for o in options), *arguments]
    env = {"APT_CONFIG": str(plain.resolve()), "LC_ALL": "C.UTF-8"}
    try:
        return run(argv, cwd=repo, env=env).output.encode()
    except MissingError as error:
        raise MissingError("apt-ftparchive is not installed", fix=Install("apt-utils")) from error


def describe(repo: Path, entries: Sequence[Entry]) -> dict[str, Record]:
    """The records of packages and .dsc files in the pool, by path.

    Raises MissingError without apt-ftparchive, DebwrightError for a file that it cannot read or
    of which it says something else than was judged.
    """
    batches = list(_batches(entries))
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        jobs = [pool.submit(_describe, repo, n, batch) for n, batch in enumerate(batches)]
        return {path: record for job in jobs for path, record in job.result().items()}


def _batches(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Groups of one architecture in which no package is twice.

    Contents names packages without their versions, so two versions are asked of separately.
    """
    groups: dict[tuple[str, int], list[Entry]] = defaultdict(list)
    seen: dict[tuple[str, str, str], int] = defaultdict(int)
    for entry in entries:
        key = (entry.kind, entry.architecture, entry.package)
        groups[entry.architecture, seen[key]].append(entry)
        seen[key] += 1
    for group in groups.values():
        size = max(ALONE, -(-len(group) // (os.cpu_count() or 1)))
        yield from (group[i : i + size] for i in range(0, len(group), size))


def _describe(repo: Path, number: int, batch: Sequence[Entry]) -> dict[str, Record]:
    work = store.work_directory(repo) / f"describe-{number}"
    store.make_directories(work)
    (work / "files").write_text("".join(f"{e.path}\n" for e in batch), encoding="utf-8")
    sources = batch[0].kind == "dsc"
    (work / "generate.conf").write_text(
        _configuration(work.relative_to(repo), "source" if sources else batch[0].architecture),
        encoding="utf-8",
    )
    try:
        ftparchive(repo, ["generate", str(work.relative_to(repo) / "generate.conf")], OPTIONS)
    except CommandError as error:
        raise DebwrightError(
            "apt-ftparchive could not read the packages",
            evidence=error.evidence,
            cause="a package it cannot read, or a full disk",
            fix=Command("df", "-h", repo),
        ) from error
    if sources:
        return _sources(work / "Sources", batch)
    return _packages(work / "Packages", work / "Contents", batch)


def _configuration(work: Path, architecture: str) -> str:
    # Paths are relative to the repository, so that no character of its own path needs quoting.
    return f"""\
Dir {{ ArchiveDir "."; CacheDir "{work}"; FileListDir "{work}"; }};
Default {{ Packages::Compress "."; Sources::Compress "."; Contents::Compress "."; FileMode 0644; }};
Tree "." {{
  Sections "."; Architectures "{architecture}"; FileList "files"; SourceFileList "files";
  Packages "{work}/Packages"; Sources "{work}/Sources"; Contents "{work}/Contents";
}};
"""


def _packages(index: Path, contents: Path, batch: Sequence[Entry]) -> dict[str, Record]:
    lines = _lines_by_package(contents)
    said = {fields.get("Filename", ""): (fields, text) for fields, text in paragraphs(index)}
    found = {}
    for entry in batch:
        fields, text = said.pop(entry.path, ({}, b""))
        wanted = {
            "Filename": entry.path, "SHA256": entry.sha256, "Size": str(entry.size),
            "Package": entry.package, "Version": entry.version,
            "Architecture": entry.architecture,
        }  # fmt: skip
        _must_be(wanted, fields, entry)
        plain = without_fields(text, CONTROL_MAY_NOT_SAY)
        found[entry.path] = Record(text=plain, contents=lines.get(entry.package.encode(), b""))
    if said:
        raise _wrong("; ".join(said), "nobody asked about it")
    return found


def without_fields(text: bytes, names: Collection[bytes]) -> bytes:
    """A paragraph without some fields, named in lower case."""
    kept, out = [], False
    for line in text.splitlines(keepends=True):
        if not line.startswith((b" ", b"\t")):
            out = line.partition(b":")[0].strip().lower() in names
        if not out:
            kept.append(line)
    return b"".join(kept)


def _sources(index: Path, batch: Sequence[Entry]) -> dict[str, Record]:
    keys = ("Package", "Version", "Directory")
    said = {tuple(f.get(k, "") for k in keys): (f, text) for f, text in paragraphs(index)}
    found = {}
    for entry in batch:
        where, _, name = entry.path.rpartition("/")
        wanted = (entry.package, entry.version, where)
        fields, text = said.pop(wanted, ({}, b""))
        _must_be(dict(zip(keys, wanted, strict=True)), fields, entry)
        if f"\n {entry.sha256} {entry.size} {name}\n".encode() not in text:
            raise _wrong(entry.path, "its checksum is missing")
        found[entry.path] = Record(text=text)
    if said:
        raise _wrong(" ".join(next(iter(said))), "nobody asked about it")
    return found


def _must_be(wanted: dict[str, str], fields: dict[str, str], entry: Entry) -> None:
    for name, value in wanted.items():
        if fields.get(name) != value:
            raise _wrong(entry.path, f"{name} is {fields.get(name)!r} instead of {value!r}")


def _wrong(path: str, why: str) -> DebwrightError:
    return DebwrightError(
        f"the record of {path} does not say what the package is",
        evidence=[Evidence(text=why[:300], file=path[:300])],
        cause="a package's control fields contradict its name, or a file in the pool was "
        "changed by hand",
        fix=Command("debwright", "repo", "list", "--packages"),
    )


def paragraphs(index: Path) -> Iterator[tuple[dict[str, str], bytes]]:
    """The paragraphs of an index: fields of one line, and the text with an empty line after it.

    python-debian needs 20 times as long for this.
    """
    for paragraph in index.read_bytes().split(b"\n\n"):
        text = paragraph.strip(b"\n")
        if not text:
            continue
        fields: dict[str, str] = {}
        for line in text.split(b"\n"):
            if line[:1] in (b" ", b"\t"):
                continue
            name, _, value = line.decode("utf-8", "surrogateescape").partition(":")
            # A field that is there twice is never equal to what is wanted.
            fields[name] = f"{name} twice" if name in fields else value.strip()
        yield fields, text + b"\n\n"


def _lines_by_package(contents: Path) -> dict[bytes, bytes]:
    """The lines of Contents by package; a line of several packages is given to each alone."""
    found: dict[bytes, list[bytes]] = defaultdict(list)
    for line in contents.read_bytes().splitlines():
        path, _, owners = line.rpartition(b" ")
        for owner in owners.split(b","):
            found[owner.rpartition(b"/")[2]].append(path + b" " + owner + b"\n")
    return {package: b"".join(lines) for package, lines in found.items()}
