"""The page's data, its size and its harmlessness; the badge; Prometheus' text; the server."""

import html
import json
import re
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.kit.records import BEGIN, CROSS, failed, run, target
from tests.kit.samples import HOSTILE

from debwright.model.errors import UsageError
from debwright.observe.metrics import Metrics
from debwright.observe.metrics.dashboard.badge import badge, state
from debwright.observe.metrics.dashboard.bins import MOST_BINS
from debwright.observe.metrics.dashboard.data import Data, Settings, gather, read_doctor
from debwright.observe.metrics.dashboard.page import as_json, render
from debwright.observe.metrics.dashboard.serve import Document, parse_address, server
from debwright.observe.metrics.model import Problem, RunRecord, plain
from debwright.observe.metrics.prometheus import exposition
from debwright.observe.metrics.store import Store

NOW = BEGIN.timestamp() + 40 * 86400


def gathered(*records: RunRecord, doctor: Path | None = None) -> Data:
    with Store.open(Path(":memory:")) as store:
        store.put(records)
        return gather(store, Settings(metrics=Metrics(), now=NOW, doctor=doctor))


def test_states_are_those_of_the_newest_builds() -> None:
    cached = target(result="cached", stages=())
    data = gathered(
        run(0, target(), target(CROSS)), run(1, target(), failed(CROSS)),
        run(2, cached, failed(CROSS, infrastructure=True)), run(3, target(), branch="topic"),
    )  # fmt: skip
    states = {(s["target"], s["branch"]): s for s in data["states"]}
    native = states["bookworm-amd64", "main"]
    assert (native["result"], native["streak"], native["version"]) == ("passed", 2, "1.0.1-1")
    assert native["seen"] > native["started"]
    cross = states[CROSS, "main"]
    assert (cross["result"], cross["infrastructure"], cross["streak"]) == ("failed", True, 2)
    assert states["bookworm-amd64", "topic"]["streak"] == 1
    assert [f["version"] for f in data["failures"]] == ["1.0.2-1", "1.0.1-1"]
    assert state(data) == ("unknown", "1 of 2 passing")
    assert state(data, "topic") == ("passing", "1 target passing")
    assert state(gathered(run(0, failed())))[0] == "failing"
    assert state(gathered()) == ("unknown", "no builds")


def test_many_builds_and_branches_make_no_large_page() -> None:
    records = [
        run(n, target(), target(CROSS), branch=f"topic-{n % 900}") for n in range(4000)
    ]  # fmt: skip
    data = gathered(*records)
    assert len(data["bins"]["day"]) <= MOST_BINS
    assert len(data["branches"]) <= 8
    assert not data["complete"]
    everything = [
        p for p, b in zip(data["bins"]["passed"], data["bins"]["branch"], strict=True) if b == -1
    ]
    assert sum(everything) == 8000
    assert len(render(data)) < 1_500_000


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_markup(text: str) -> None:
    shown = plain(text, 200)
    bad = failed(
        message=shown, code=shown, next=shown,
        problems=(Problem(code=shown, title=shown, confidence=0.5),),
    )  # fmt: skip
    data = gathered(
        run(0, bad, branch=shown, package=shown, version=shown, url="javascript:alert(1)")
    )
    page = render(data)
    inside = re.search(r'id="data">(.*?)</script>', page, re.S)
    assert inside is not None
    assert json.loads(inside[1]) == data
    assert page.count("<script") == 2
    assert "javascript:" not in page
    assert ET.fromstring(badge(data)).tag.endswith("svg")  # noqa: S314 - our own


def test_the_page_loads_nothing() -> None:
    page = html.unescape(render(gathered(run(0))))
    assert "connect-src 'none'" in page
    outside = re.sub(r"<!--.*?-->|/\*!.*?\*/", "", page, flags=re.S)
    links = re.findall(r'(?:src|href)="([^"#]*)"', outside)
    assert links == []
    assert "connect-src 'self'" in html.unescape(render(gathered(run(0)), live=True))
    assert "Permission is hereby granted" in page, "uPlot's licence goes with it"


def test_what_the_doctor_said_is_shown_if_it_can_be(tmp_path: Path) -> None:
    path = tmp_path / "doctor.json"
    good = {"found": [{"name": "gpg", "ok": True, "found": "2.2", "needed": True, "fix": None}]}
    for text in ("", "[]", "{}", '{"found": 5}', '{"found": [{}]}', '{"found": [5, null]}'):
        path.write_text(text)
        assert (read_doctor(path) or {"found": []})["found"] == []
    path.write_text(json.dumps(good))
    found = read_doctor(path)
    assert found is not None
    assert found["found"][0]["name"] == "gpg"
    assert read_doctor(tmp_path / "none") is None


def test_prometheus_text() -> None:
    with Store.open(Path(":memory:")) as store:
        store.put([run(n, target(), target(CROSS, build=500.0)) for n in range(3)])
        store.put([run(3, failed()), run(4, failed(infrastructure=True))])
        store.put([run(5, target(checks={'ser"v\\ice': "failed"}))])
        text = exposition(store, Metrics(), NOW - 30 * 86400)
    lines = text.splitlines()
    labels = 'package="greeter",target="bookworm-amd64",strategy="native"'
    assert f'cicd_build_duration_seconds_bucket{{{labels},le="60"}} 0' in lines
    assert f'cicd_build_duration_seconds_bucket{{{labels},le="120"}} 4' in lines
    assert f'cicd_build_duration_seconds_bucket{{{labels},le="+Inf"}} 4' in lines
    assert f"cicd_build_duration_seconds_sum{{{labels}}} 320" in lines
    assert 'cicd_build_success_ratio{package="greeter",target="bookworm-amd64"} 0.8' in lines
    artifact = 'package="greeter",target="bookworm-amd64",artifact="greeter"'
    assert f"cicd_artifact_size_bytes{{{artifact}}} 2400000" in lines
    check = 'package="greeter",target="bookworm-amd64",check="service",result="passed"'
    assert f"cicd_validation_result_total{{{check}}} 3" in lines
    assert r'check="ser\"v\\ice",result="failed"} 1' in text
    broken = 'package="greeter",target="bookworm-amd64",result="broken"'
    assert f"cicd_builds_total{{{broken}}} 1" in lines


@pytest.fixture
def served() -> Iterator[tuple[str, list[str]]]:
    contents = ["one"]
    documents = {"/": Document(content_type="text/html", make=lambda: contents[-1])}
    running = server(("127.0.0.1", 0), documents, print)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_address[1]}", contents
    running.shutdown()
    running.server_close()


def test_only_what_is_listed_is_served_and_only_under_its_name(
    served: tuple[str, list[str]],
) -> None:
    url, _ = served
    first = httpx.get(url)
    assert (first.status_code, first.text) == (200, "one")
    assert httpx.get(url, headers={"If-None-Match": first.headers["etag"]}).status_code == 304
    assert httpx.get(f"{url}/../../etc/passwd").status_code == 404
    assert httpx.get(url, headers={"Host": "evil.example.org"}).status_code == 421
    assert httpx.get(url, headers={"Host": "[::1]:80"}).status_code == 200
    assert httpx.post(url).status_code == 501
    assert httpx.head(url).text == ""


def test_addresses() -> None:
    assert parse_address("8000") == ("127.0.0.1", 8000)
    assert parse_address("0.0.0.0:80") == ("0.0.0.0", 80)
    assert parse_address("[::1]:80") == ("::1", 80)
    for wrong in ("", "host", "host:", "1:99999", "x:y"):
        with pytest.raises(UsageError):
            parse_address(wrong)
    assert as_json({"a": "</script>"}) == '{"a":"\\u003c/script\\u003e"}'
