"""Known vulnerabilities in the Open Source Vulnerability format: records, matching, sources.

Source: the OSV schema 1.7 (evaluation of `affected`) and OSV's API, /v1/querybatch and /v1/vulns.
"""

import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version
from pydantic import BaseModel, ConfigDict, ValidationError

from debwright.host.http import ask, client, read
from debwright.host.retry import RetryPolicy
from debwright.model.errors import DebwrightError, Evidence, MissingError
from debwright.packages.distributions import Distribution

ANSWER_LIMIT = 32 * 1024**2
RECORD_LIMIT = 4 * 1024**2
MOST_PAGES = 100
"""Of answers, 500 distributions each: a service that never ends them is not believed."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,100}")

# Common Weakness Enumeration, by what an attacker gains.
_CODE = {"CWE-94", "CWE-95", "CWE-96", "CWE-98", "CWE-502", "CWE-913", "CWE-915", "CWE-77",
         "CWE-78", "CWE-88", "CWE-1321", "CWE-426", "CWE-427", "CWE-829"}  # fmt: skip
_PRIVILEGE = {"CWE-250", "CWE-264", "CWE-266", "CWE-267", "CWE-268", "CWE-269", "CWE-270",
              "CWE-271", "CWE-274", "CWE-276"}  # fmt: skip
_INJECTION = {"CWE-74", "CWE-75", "CWE-77", "CWE-78", "CWE-79", "CWE-80", "CWE-88", "CWE-89",
              "CWE-90", "CWE-91", "CWE-93", "CWE-94", "CWE-95", "CWE-113", "CWE-564", "CWE-643",
              "CWE-917", "CWE-943", "CWE-1236", "CWE-1336"}  # fmt: skip
_WORDS = {
    "code-execution": re.compile(
        r"(?i)\b(?:(?:remote|arbitrary|local)\s+(?:code|command)|code\s+execution|"
        r"execut\w+\s+(?:of\s+)?(?:arbitrary|malicious|attacker))"
    ),
    "privilege-escalation": re.compile(r"(?i)privilege\s+escalation|escalat\w+\s+(?:of\s+)?privil"),
    "injection": re.compile(r"(?i)\binjection\b|\binject(?:ing|s)?\s+(?:arbitrary|malicious)"),
}
_CWES = {"code-execution": _CODE, "privilege-escalation": _PRIVILEGE, "injection": _INJECTION}


class Unreachable(MissingError):
    """The database could not be asked: nothing is known of the distributions."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Range(_Record):
    type: str = ""
    events: tuple[dict[str, str], ...] = ()


class PackageName(_Record):
    ecosystem: str = ""
    name: str = ""


class Affected(_Record):
    package: PackageName = PackageName()
    ranges: tuple[Range, ...] = ()
    versions: tuple[str, ...] = ()


class Vulnerability(_Record):
    """One OSV record, as far as it is used."""

    id: str
    summary: str = ""
    details: str = ""
    aliases: tuple[str, ...] = ()
    withdrawn: str | None = None
    affected: tuple[Affected, ...] = ()
    database_specific: dict[str, Any] | None = None

    def kinds(self) -> list[str]:
        """What an attacker gains: by its CWE numbers, or by its summary where it has none."""
        said = (self.database_specific or {}).get("cwe_ids")
        cwes = {str(c) for c in said} if isinstance(said, list) else set()
        found = [kind for kind, numbers in _CWES.items() if numbers & cwes]
        text = self.summary if cwes else f"{self.summary}\n{self.details[:4000]}"
        found += [k for k, words in _WORDS.items() if k not in found and words.search(text)]
        return found

    def affects(self, name: str, version: str) -> bool:
        return any(
            a.package.ecosystem.split(":")[0] == "PyPI"
            and canonicalize_name(a.package.name) == name
            and (_listed(a.versions, version) or any(_within(r, version) for r in a.ranges))
            for a in self.affected
        )

    def fixed_in(self, name: str, version: str) -> str | None:
        """The lowest version above `version` in which it is mended."""
        fixes = {
            event["fixed"]
            for a in self.affected
            if canonicalize_name(a.package.name) == name
            for r in a.ranges
            if r.type == "ECOSYSTEM"
            for event in r.events
            if "fixed" in event
        }
        above = sorted(v for f in fixes if (v := _version(f)) and v > Version(version))
        return str(above[0]) if above else None


class _Named(_Record):
    id: str


class _Answer(_Record):
    vulns: tuple[_Named, ...] = ()
    next_page_token: str | None = None


class _Answers(_Record):
    """What /v1/querybatch answers: a list as long as the questions'."""

    results: tuple[_Answer, ...]


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return Version("0") if text == "0" else None


def _listed(versions: Iterable[str], version: str) -> bool:
    """Databases write versions as their projects did: 1.0-rc1 is 1.0rc1 (PEP 440)."""
    return any(v == version or _version(v) == Version(version) for v in versions)


def _within(span: Range, version: str) -> bool:
    """The schema's algorithm: sort the events, and let each switch the state."""
    if span.type != "ECOSYSTEM":
        return False
    here = Version(version)
    events = sorted(
        ((found, kind == "introduced", kind) for event in span.events
         for kind, text in event.items() if (found := _version(text)) is not None),
        key=lambda item: (item[0], item[1]),
    )  # fmt: skip
    affected = False
    for at, _, kind in events:
        if kind == "introduced" and here >= at:
            affected = True
        elif (kind == "fixed" and here >= at) or (kind == "last_affected" and here > at):
            affected = False
    return affected


class Database(Protocol):
    """Where vulnerabilities are looked up."""

    def find(
        self, distributions: Sequence[Distribution]
    ) -> list[tuple[Distribution, Vulnerability]]:
        """What is known of each. Raises Unreachable when that is not known of every one."""


class Files:
    """OSV records in a directory or a .zip file, as OSV exports them for each ecosystem."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def find(
        self, distributions: Sequence[Distribution]
    ) -> list[tuple[Distribution, Vulnerability]]:
        wanted = {d.name for d in distributions}
        hits = []
        for record in self._records():
            if record.withdrawn or not any(
                canonicalize_name(a.package.name) in wanted for a in record.affected
            ):
                continue
            hits += [(d, record) for d in distributions if record.affects(d.name, d.version)]
        return hits

    def _records(self) -> Iterator[Vulnerability]:
        read = 0
        for name, data in self._documents():
            try:
                yield Vulnerability.model_validate_json(data)
                read += 1
            except ValidationError as problem:
                raise Unreachable(
                    f"{self._path} holds {name}, which is no OSV record",
                    evidence=[Evidence(text=str(problem).splitlines()[0], file=name)],
                ) from problem
        if not read:
            raise Unreachable(f"{self._path} holds no OSV records")

    def _documents(self) -> Iterator[tuple[str, bytes]]:
        try:
            if self._path.is_dir():
                for path in sorted(self._path.rglob("*.json")):
                    with path.open("rb") as file:
                        yield path.name, file.read(RECORD_LIMIT)
                return
            with zipfile.ZipFile(self._path) as archive:
                for item in archive.infolist():
                    if item.filename.endswith(".json"):
                        with archive.open(item) as member:
                            yield item.filename, member.read(RECORD_LIMIT)
        except (OSError, zipfile.BadZipFile) as problem:
            raise Unreachable(
                f"the vulnerability database {self._path} cannot be read: {problem}"
            ) from problem


class Service:
    """OSV's service, or one that answers as it does."""

    def __init__(self, url: str, timeout: float) -> None:
        self._url = url.rstrip("/")
        self._timeout = timeout

    def find(
        self, distributions: Sequence[Distribution]
    ) -> list[tuple[Distribution, Vulnerability]]:
        hits: list[tuple[Distribution, str]] = []
        pending: list[tuple[Distribution, str | None]] = [(d, None) for d in distributions]
        asked = 0
        while pending:
            if (asked := asked + 1) > MOST_PAGES:
                raise Unreachable(f"{self._url} gave more than {MOST_PAGES} pages of answers")
            batch, pending = pending[:500], pending[500:]
            queries = [
                {"package": {"ecosystem": "PyPI", "name": d.name}, "version": d.version,
                 **({"page_token": token} if token else {})}
                for d, token in batch
            ]  # fmt: skip
            answer = self._ask("/v1/querybatch", {"queries": queries})
            try:
                results = _Answers.model_validate(answer).results
            except ValidationError as problem:
                raise Unreachable(f"{self._url} gave an answer that is not OSV's") from problem
            if len(results) != len(batch):
                raise Unreachable(f"{self._url} gave an answer that is not OSV's")
            for (d, _), result in zip(batch, results, strict=True):
                hits += [(d, v.id) for v in result.vulns]
                if token := result.next_page_token:
                    pending.append((d, token))
        records = {i: self._record(i) for i in dict.fromkeys(i for _, i in hits)}
        return [(d, records[i]) for d, i in hits if not records[i].withdrawn]

    def _record(self, identifier: str) -> Vulnerability:
        if not _ID.fullmatch(identifier):
            raise Unreachable(f"{self._url} named a vulnerability {identifier[:80]!r}")
        try:
            return Vulnerability.model_validate(self._ask(f"/v1/vulns/{identifier}", None))
        except ValidationError as problem:
            raise Unreachable(f"{self._url} gave a record that is not OSV's") from problem

    def _ask(self, path: str, body: object) -> dict[str, Any]:
        method = "GET" if body is None else "POST"
        try:
            with client(seconds=self._timeout) as http:
                data = ask(
                    http, method, self._url + path, partial(read, limit=ANSWER_LIMIT), json=body,
                    policy=RetryPolicy(attempts=3, seconds=2 * self._timeout),
                )  # fmt: skip
            document = json.loads(data)
        except DebwrightError as problem:
            said = problem.evidence[0].text if problem.evidence else problem.what
            raise Unreachable(f"{self._url} could not be asked: {said}") from problem
        # RecursionError: hostile JSON.
        except (ValueError, RecursionError) as problem:
            raise Unreachable(f"{self._url} could not be asked: {problem}") from problem
        if not isinstance(document, dict):
            raise Unreachable(f"{self._url} gave an answer that is not OSV's")
        return document


def merged(
    hits: Iterable[tuple[Distribution, Vulnerability]],
) -> list[tuple[Distribution, Vulnerability]]:
    """Each vulnerability once for a distribution: databases repeat each other under aliases."""
    kept: list[tuple[Distribution, Vulnerability]] = []
    for distribution, record in sorted(hits, key=lambda h: (h[0].name, h[0].path, h[1].id)):
        names = {record.id, *record.aliases}
        twin = next(
            (i for i, (d, r) in enumerate(kept)
             if d == distribution and names & {r.id, *r.aliases}), None,
        )  # fmt: skip
        if twin is None:
            kept.append((distribution, record))
        elif len(record.kinds()) > len(kept[twin][1].kinds()):
            kept[twin] = (distribution, record)
    return kept
