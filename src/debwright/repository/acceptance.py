"""Whether the apt of a suite takes a key: asked of that apt, in a root of its suite.

Which algorithms, lengths and digests are good enough is decided by apt and by what it calls (gpgv,
or sqv with the policy of /usr/share/apt), differs between suites, and changes with the calendar. So
a repository of one empty index is signed with the key, and apt reads it.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from debwright.host.files import atomic_write
from debwright.host.machine import host_arch
from debwright.isolation.namespaces import Bind
from debwright.keys.ring import CODES
from debwright.keys.signing import Signer
from debwright.model.errors import DebwrightError, Evidence
from debwright.model.fix import Command
from debwright.model.results import Finding
from debwright.model.targets import Target, suite_info
from debwright.repository import store
from debwright.repository.release import release_time
from debwright.roots.cache import Cache
from debwright.roots.layers import Roots
from debwright.roots.overlay import opened, throwaway
from debwright.roots.store import Layer

INSIDE = "/probe"
MEMORY = "accepted.json"
"""Below the private directory of a repository: what `require` keeps."""
_PACKAGE = (
    b"Package: probe\nVersion: 1\nArchitecture: all\nMaintainer: P <p@example.org>\n"
    b"Filename: probe.deb\nSize: 1\nSHA256: " + b"0" * 64 + b"\nDescription: nothing\n\n"
)
_CONF = """\
Dir::State "{0}/state"; Dir::State::status "/dev/null"; Dir::Cache "{0}/cache";
Dir::Etc::sourcelist "{0}/probe.list"; Dir::Etc::sourceparts "/dev/null";
Dir::Etc::trusted "/dev/null"; Dir::Etc::trustedparts "/dev/null";
APT::Sandbox::User "root"; APT::Update::Error-Mode "any"; Acquire::Languages "none";
"""


class KeyRefused(DebwrightError):
    """apt of a suite does not take a key."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What apt of a suite says of a key."""

    suite: str
    accepted: bool
    said: tuple[str, ...] = ()
    """apt's errors and warnings."""


def ask(signer: Signer, suite: str, layer: Layer, cache: Cache) -> Answer:
    """Let apt of the root `layer` read what `signer` has signed. Raises what signing raises."""
    with throwaway(cache, layer, "probe") as overlay:
        work = overlay.directory / "probe"
        _write(work, signer)
        bind = Bind(source=work, target=INSIDE, read_only=False)
        with opened(overlay, network=False, binds=[bind]) as inside:
            done = inside.run(
                ["apt-get", "-q", "update"], env={"APT_CONFIG": f"{INSIDE}/apt.conf"},
                merge=True, check=False,
            )  # fmt: skip
    lines = [line.strip() for line in done.output.splitlines()]
    said = [i for i in lines if i.startswith(("E:", "W:", "Err:", "Error:", "Warning:"))]
    return Answer(suite=suite, accepted=done.returncode == 0, said=tuple(said[-6:] or lines[-4:]))


def _write(work: Path, signer: Signer) -> None:
    place = work / "repo" / "dists" / "probe"
    index = place / "main" / "binary-all" / "Packages"
    for directory in (index.parent, work / "state/lists/partial", work / "cache/archives/partial"):
        directory.mkdir(parents=True)
    for name in ("binary-all", "binary-amd64", "binary-arm64"):
        (place / "main" / name).mkdir(exist_ok=True)
    index.write_bytes(_PACKAGE)
    digest = hashlib.sha256(_PACKAGE).hexdigest()
    release = (
        "Suite: probe\nCodename: probe\n"
        f"Date: {release_time(int(datetime.now(UTC).timestamp()))}\n"
        "Architectures: all\nComponents: main\nSHA256:\n"
        f" {digest} {len(_PACKAGE)} main/binary-all/Packages\n"
    ).encode()
    (place / "Release").write_bytes(release)
    (place / "InRelease").write_bytes(signer.clearsign(release))
    (work / "key.gpg").write_bytes(signer.public_key())
    entry = f"deb [arch=all signed-by={INSIDE}/key.gpg] file:{INSIDE}/repo probe main\n"
    (work / "probe.list").write_text(entry)
    (work / "apt.conf").write_text(_CONF.format(INSIDE))
    for path in [work, *work.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


def roots_of(roots: Roots, suites: Iterable[str]) -> tuple[dict[str, Layer], list[str]]:
    """The roots of distributions' suites that are there, and the suites that have none yet."""
    found, missing = {}, []
    for suite in dict.fromkeys(suites):
        try:
            request = roots.base_request(Target(suite_info(suite).codename, host_arch()))
        except DebwrightError:
            missing.append(suite)  # not a distribution's
            continue
        layer, _ = roots.store.find(request)
        if layer is None:
            missing.append(suite)
        else:
            found[suite] = layer
    return found, missing


def refusals(
    signer: Signer, roots: Roots, suites: Iterable[str]
) -> tuple[list[Finding], list[str]]:
    """What is wrong for apt of `suites`, and what was seen or could not be asked, in words."""
    layers, missing = roots_of(roots, suites)
    findings, lines = [], []
    for suite, layer in layers.items():
        answer = ask(signer, suite, layer, roots.cache)
        if answer.accepted:
            lines.append(f"apt of {suite} accepts it")
            continue
        findings.append(
            CODES.found(
                "key/refused-by-target",
                f"apt of {suite} does not accept signatures of {signer.fingerprint}",
                evidence=tuple(_evidence(answer.said)),
                fix=Command("debwright", "keys", "rotate"),
            )
        )
    lines += [f"apt of {suite} was not asked: there is no root of it yet" for suite in missing]
    return findings, lines


def require(
    signer: Signer, layers: Mapping[str, Layer], cache: Cache, *, memory: Path | None = None
) -> None:
    """Ask apt of every suite about the key of `signer`, once a day for each root.

    `memory` is a file that keeps the answers that were good. Raises KeyRefused when apt of a suite
    does not take the key, DebwrightError when a root cannot be entered.
    """
    key = f"{hashlib.sha256(signer.public_key()).hexdigest()} {signer.signs_with}"
    known = _read(memory)
    # What sequoia refuses depends on the day (its cutoffs are dates).
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    for suite, layer in layers.items():
        question = f"{today} {layer.id} {key}"
        if question in known:
            continue
        answer = ask(signer, suite, layer, cache)
        if not answer.accepted:
            raise _refused(signer, answer)
        known = [k for k in known if k.startswith(today)] + [question]
    if memory is not None and known != _read(memory):
        store.make_directories(memory.parent)
        atomic_write(memory, json.dumps(known))


def _read(memory: Path | None) -> list[str]:
    if memory is not None:
        with suppress(OSError, ValueError):
            found = json.loads(memory.read_text(encoding="utf-8"))
            return [str(line) for line in found] if isinstance(found, list) else []
    return []


def _refused(signer: Signer, answer: Answer) -> KeyRefused:
    return KeyRefused(
        f"apt of {answer.suite} does not accept signatures of the key {signer.fingerprint}",
        evidence=_evidence(answer.said),
        cause="its algorithm, its length, or the digest it was bound with is not good enough "
        "there; nothing was published",
        fix=Command("debwright", "keys", "rotate"),
    )


def _evidence(lines: Sequence[str]) -> list[Evidence]:
    return [Evidence(text=line) for line in lines]
