"""Known vulnerabilities: matching by the OSV schema, kinds, the sources, and what is no pass."""

import json
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from packaging.version import Version
from tests.kit.debs import build
from tests.kit.packages import context

from debwright.checks.engine.osv import Service, Unreachable, Vulnerability
from debwright.checks.files.vulnerabilities import VulnerabilitiesCheck
from debwright.model.results import Severity, Status

METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nLicense: MIT\n\ntext\n"


def record(
    identifier: str = "GHSA-aaaa-bbbb-cccc", name: str = "acme", *, cwes: tuple[str, ...] = (),
    events: list[dict[str, str]] | None = None, **more: Any,
) -> dict[str, Any]:  # fmt: skip
    return {
        "id": identifier, "summary": "acme mishandles input", "modified": "2026-01-01T00:00:00Z",
        "affected": [
            {"package": {"ecosystem": "PyPI", "name": name},
             "ranges": [{"type": "ECOSYSTEM",
                         "events": events or [{"introduced": "0"}, {"fixed": "2.0"}]}]}
        ],
        "database_specific": {"cwe_ids": list(cwes)}, **more,
    }  # fmt: skip


def bundle(directory: Path, **versions: str) -> Path:
    files: dict[str, Any] = {}
    for name, version in versions.items():
        base = f"/usr/lib/demo/{name}-{version}.dist-info"
        files[f"{base}/METADATA"] = METADATA.format(name=name, version=version)
        files[f"{base}/RECORD"] = f"{name}/__init__.py,,\n{name}-{version}.dist-info/METADATA,,\n"
        files[f"/usr/lib/demo/{name}/__init__.py"] = f"VERSION = {version!r}\n"
    return build(directory, files, arch="all")


def database(directory: Path, *records: dict[str, Any], zipped: bool = False) -> str:
    place = directory / "osv"
    place.mkdir()
    for each in records:
        (place / f"{each['id']}.json").write_text(json.dumps(each))
    if zipped:
        with zipfile.ZipFile(directory / "all.zip", "w") as archive:
            for path in place.iterdir():
                archive.write(path, path.name)
        return "all.zip"
    return "osv"


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(
    ("cwe", "summary", "severity", "kind"),
    [
        ("CWE-502", "unsafe", Severity.ERROR, "code-execution"),
        ("CWE-269", "rights", Severity.ERROR, "privilege-escalation"),
        ("CWE-89", "queries", Severity.ERROR, "injection"),
        ("CWE-400", "slow", Severity.WARNING, "known"),
        ("", "Remote code execution in acme", Severity.ERROR, "code-execution"),
        ("", "Denial of service in acme", Severity.WARNING, "known"),
    ],
)
def test_kinds_decide_what_blocks(
    tmp_path: Path, cwe: str, summary: str, severity: Severity, kind: str, *, zipped: bool
) -> None:
    deb = bundle(tmp_path, acme="1.4", other="3.0")
    made = record(cwes=(cwe,) if cwe else (), summary=summary, aliases=["CVE-2026-1"])
    policy = {"database": database(tmp_path, made, zipped=zipped)}
    result = VulnerabilitiesCheck().run(context(tmp_path, deb, vulnerabilities=policy))
    (finding,) = result.findings
    assert (finding.severity, finding.code) == (severity, f"vulnerabilities/{kind}")
    assert "acme 1.4 in demo" in finding.message
    assert "GHSA-aaaa-bbbb-cccc, CVE-2026-1" in finding.evidence[0].text
    assert finding.evidence[0].file == "/usr/lib/demo/acme-1.4.dist-info/METADATA"
    assert finding.fix == "use acme 2.0 or later"
    assert result.measurements["distributions"] == 2


def test_what_blocks_is_configured(tmp_path: Path) -> None:
    policy = {"database": database(tmp_path, record(cwes=("CWE-502",))), "block": []}
    result = VulnerabilitiesCheck().run(
        context(tmp_path, bundle(tmp_path, acme="1.0"), vulnerabilities=policy)
    )
    assert result.status is Status.PASSED
    assert [f.severity for f in result.findings] == [Severity.WARNING]


def test_aliases_are_one_vulnerability_and_withdrawn_ones_none(tmp_path: Path) -> None:
    records = [
        record("GHSA-1111-1111-1111", aliases=["CVE-2026-9"], cwes=("CWE-94",)),
        record("PYSEC-2026-1", aliases=["CVE-2026-9", "GHSA-1111-1111-1111"]),
        record("GHSA-2222-2222-2222", withdrawn="2026-01-02T00:00:00Z", cwes=("CWE-94",)),
    ]
    policy = {"database": database(tmp_path, *records)}
    result = VulnerabilitiesCheck().run(
        context(tmp_path, bundle(tmp_path, acme="1.0"), vulnerabilities=policy)
    )
    assert [f.severity for f in result.findings] == [Severity.ERROR]


@pytest.mark.parametrize(
    "policy",
    [
        {"url": "http://127.0.0.1:9", "timeout_seconds": 2},
        {"database": "not-there"},
        {"database": "empty"},
        {"database": "broken"},
    ],
)
def test_what_could_not_be_asked_is_skipped(tmp_path: Path, policy: dict[str, Any]) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/x.json").write_text("[1]")
    deb = bundle(tmp_path, acme="1.0")
    result = VulnerabilitiesCheck().run(context(tmp_path, deb, vulnerabilities=policy))
    assert result.status is Status.SKIPPED
    assert result.reason is not None
    assert result.reason.startswith("not checked: ")


def test_nothing_bundled_is_said(tmp_path: Path) -> None:
    deb = build(tmp_path, {"/usr/bin/demo": "#!/bin/sh\n"}, arch="all")
    result = VulnerabilitiesCheck().run(context(tmp_path, deb))
    assert result.status is Status.PASSED
    assert result.notes


VERSIONS = st.builds("{}.{}{}".format, st.integers(0, 9), st.integers(0, 9),
                     st.sampled_from(["", ".1", "rc1", ".post1", ".dev3"]))  # fmt: skip


@given(VERSIONS, VERSIONS, VERSIONS)
def test_ranges_are_evaluated_as_the_schema_says(first: str, second: str, here: str) -> None:
    low, high = sorted((first, second), key=Version)
    assume(Version(low) != Version(high))
    fixed = Vulnerability.model_validate(record(events=[{"introduced": low}, {"fixed": high}]))
    assert fixed.affects("acme", here) == (Version(low) <= Version(here) < Version(high))
    last = Vulnerability.model_validate(
        record(events=[{"last_affected": high}, {"introduced": low}])
    )
    assert last.affects("acme", here) == (Version(low) <= Version(here) <= Version(high))
    assert not fixed.affects("another", here)


class Answers(BaseHTTPRequestHandler):
    """Answers as OSV's service does, a page at a time."""

    records: dict[str, dict[str, Any]] = {}  # noqa: RUF012 - set for each test
    asked: list[Any] = []  # noqa: RUF012

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append(body)
        results = []
        for query in body["queries"]:
            ids = [i for i, r in sorted(self.records.items())
                   if r["affected"][0]["package"]["name"] == query["package"]["name"]]  # fmt: skip
            start = int(query.get("page_token", 0))
            page: dict[str, Any] = {"vulns": [{"id": i} for i in ids[start : start + 1]]}
            if len(ids) > start + 1:
                page["next_page_token"] = str(start + 1)
            results.append(page if page["vulns"] else {})
        self._answer({"results": results})

    def do_GET(self) -> None:
        self._answer(self.records[self.path.rsplit("/", 1)[-1]])

    def _answer(self, document: Any) -> None:
        data = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def service() -> Iterator[tuple[str, type[Answers]]]:
    handler = type("Handler", (Answers,), {"records": {}, "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", handler
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_service_is_asked_page_by_page(
    tmp_path: Path, service: tuple[str, type[Answers]]
) -> None:
    url, handler = service
    handler.records = {
        "GHSA-1": record("GHSA-1", cwes=("CWE-89",)),
        "GHSA-2": record("GHSA-2", cwes=("CWE-400",)),
    }
    deb = bundle(tmp_path, acme="1.0", other="2.0")
    subject = context(tmp_path, deb, vulnerabilities={"url": url})
    result = VulnerabilitiesCheck().run(subject)
    assert [f.severity for f in result.findings] == [Severity.ERROR, Severity.WARNING]
    first = handler.asked[0]["queries"]
    assert first[0] == {"package": {"ecosystem": "PyPI", "name": "acme"}, "version": "1.0"}
    assert len(handler.asked) == 2


def test_a_name_that_is_no_id_is_not_followed(service: tuple[str, type[Answers]]) -> None:
    url, _ = service
    with pytest.raises(Unreachable):
        Service(url, 5)._record("../../admin")


@pytest.mark.parametrize(
    "body",
    [
        b'{"results": [null]}',
        b'{"results": [{"vulns": [{"id": 5}]}]}',
        b'{"results": [{"vulns": ["GHSA-1"]}]}',
        b'{"results": [{}, {}]}',
        b'{"results": {}}',
        b"[" * 100_000,
        b'{"results": [{"next_page_token": "more"}]}',
    ],
)
def test_an_answer_that_is_not_osvs_is_no_pass(
    tmp_path: Path, service: tuple[str, type[Answers]], body: bytes
) -> None:
    url, handler = service

    def answer(self: Answers) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    handler.do_POST = answer  # type: ignore[method-assign]
    subject = context(tmp_path, bundle(tmp_path, acme="1.0"), vulnerabilities={"url": url})
    result = VulnerabilitiesCheck().run(subject)
    assert result.status is Status.SKIPPED
    assert str(result.reason).startswith("not checked: ")


def test_an_answer_that_breaks_off_is_no_pass(
    tmp_path: Path, service: tuple[str, type[Answers]]
) -> None:
    url, handler = service

    def answer(self: Answers) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b'{"results"')
        self.close_connection = True

    handler.do_POST = answer  # type: ignore[method-assign]
    subject = context(tmp_path, bundle(tmp_path, acme="1.0"), vulnerabilities={"url": url})
    assert VulnerabilitiesCheck().run(subject).status is Status.SKIPPED


def test_versions_are_compared_and_not_their_spelling() -> None:
    made = record()
    made["affected"][0] |= {"ranges": [], "versions": ["1.0-rc1", "not a version"]}
    found = Vulnerability.model_validate(made)
    assert found.affects("acme", "1.0rc1")
    assert not found.affects("acme", "1.0")
