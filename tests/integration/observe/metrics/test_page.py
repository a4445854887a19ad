"""The dashboard in a real browser, and Prometheus' files judged by promtool."""

import html
import json
import os
import random
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.integration.conftest import Debwright, Run
from tests.kit.records import CROSS, NATIVE, failed, run, target

from debwright.observe.metrics import Metrics
from debwright.observe.metrics.dashboard.data import Settings, gather
from debwright.observe.metrics.dashboard.page import as_json, render
from debwright.observe.metrics.dashboard.serve import Document, server
from debwright.observe.metrics.model import Problem, RunRecord
from debwright.observe.metrics.prometheus import exposition
from debwright.observe.metrics.store import Store

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# scripts/test.sh puts it beside Python: the package that has it would start a service.
PLACES = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent)])
PROMTOOL = os.environ.get("PROMTOOL") or shutil.which("promtool", path=PLACES)
SHARE = Path(__file__).parents[4] / "src/debwright/observe/metrics/share"
browser = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not installed (Debian: prometheus), nor in $PROMTOOL"
)


def history(end: datetime) -> list[RunRecord]:
    """Sixty days with a slower time, failures of both kinds, and two branches."""
    random_ = random.Random(7)
    made = []
    for number in range(240):
        slow = 1.5 if 100 <= number < 180 else 1.0
        parts = [
            target(NATIVE, build=60 * slow * random_.uniform(0.95, 1.05)),
            target(CROSS, build=66 * slow * random_.uniform(0.95, 1.05)),
        ]
        if number in (30, 31, 239):
            told = Problem(code="1042", title="a <b>header</b> is missing", confidence=0.98)
            parts[1] = failed(CROSS, problems=(told,), next="debwright shell bookworm-arm64")
        if number == 50:
            parts[0] = failed(NATIVE, infrastructure=True)
        when = end - timedelta(hours=6 * (240 - number))
        branch = "topic" if number % 5 == 0 else "main"
        made.append(run(number, *parts, started=when, branch=branch, queue_seconds=4.0))
    return made


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(tmp_path_factory.mktemp("metrics") / "runs.sqlite") as store:
        store.put(history(datetime.now(UTC)))
        yield store


@pytest.fixture(scope="module")
def page(filled: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(render(gathered(filled)))
    return path


def gathered(store: Store) -> dict[str, object]:
    return gather(store, Settings(metrics=Metrics(), now=datetime.now(UTC).timestamp() + 1))


def dom(url: str, profile: Path, *more: str) -> str:
    """The document after the page's script has run."""
    assert CHROMIUM is not None
    argv = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={profile}", *more, "--dump-dom", url,
    ]  # fmt: skip
    done = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=300)
    return done.stdout


def values(document: str, chart: str) -> int:
    """How many values a chart was given."""
    found = re.search(rf'id="{chart}"[^>]*data-values="(\d+)"', document)
    assert found, f"{chart} was not drawn"
    return int(found[1])


def text_of(document: str, id_: str) -> str:
    found = re.search(rf'id="{id_}"[^>]*>(.*?)</(?:section|table|dl|h1|p|div)>', document, re.S)
    assert found
    return html.unescape(re.sub(r"<[^>]*>", " ", found[1]))


@browser
def test_the_page_draws_everything_and_says_what_is_wrong(page: Path, tmp_path: Path) -> None:
    document = dom(f"file://{page}#days=0", tmp_path / "a", "--window-size=1280,900")
    assert "data-error" not in document
    assert "1 of 2 targets failed" in text_of(document, "verdict")
    for chart in ("c-success", "c-time", "c-overhead", "c-size", "c-queue"):
        assert values(document, chart) > 0, chart
    assert document.count('class="uplot') == 5
    changes = text_of(document, "changes")
    assert "+" in changes
    assert "\N{MINUS SIGN}" in changes
    assert "a &lt;b&gt;header&lt;/b&gt; is missing (1042, 98 % sure)" in document
    assert "debwright shell bookworm-arm64" in document
    assert "machine, not package" in document


@browser
def test_filters_by_target_branch_and_time(page: Path, tmp_path: Path) -> None:
    every = dom(f"file://{page}#days=0", tmp_path / "a")
    week = dom(f"file://{page}#days=7", tmp_path / "a")
    one = dom(f"file://{page}#days=0&target={CROSS}", tmp_path / "a")
    topic = dom(f"file://{page}#days=0&branch=topic", tmp_path / "a")
    assert values(week, "c-time") < values(every, "c-time")
    assert values(one, "c-time") < values(every, "c-time")
    assert values(topic, "c-time") < values(every, "c-time")
    assert "The target" in text_of(topic, "verdict") or "targets" in text_of(topic, "verdict")
    assert "1 of 1 target failed" in text_of(one, "verdict")
    assert "Both targets work" in text_of(topic, "verdict")
    assert re.search(r"data-series=\"1\"[^>]*", one)
    wrong = dom(f"file://{page}#days=x&target=%3Cscript%3E&branch=nothing", tmp_path / "a")
    assert "data-error" not in wrong
    assert values(wrong, "c-time") > 0


@browser
@pytest.mark.parametrize("more", [("--force-dark-mode",), ()])
def test_nothing_is_wider_than_a_phone(page: Path, tmp_path: Path, more: tuple[str, ...]) -> None:
    probe = tmp_path / "probe.html"
    # A frame as wide as a phone: headless Chromium's own window is never that narrow.
    script = (
        "<iframe id=f style='width:390px;height:844px;border:0'></iframe><script>"
        f"f.src={str(page.name)!r};f.onload=()=>setTimeout(()=>{{const e=f.contentDocument"
        ".documentElement;document.title=e.scrollWidth+' '+e.clientWidth},500)</script>"
    )
    probe = page.parent / "probe.html"
    probe.write_text(f"<!doctype html><title>none</title>{script}")
    document = dom(
        f"file://{probe}", tmp_path / "a", "--allow-file-access-from-files",
        "--virtual-time-budget=4000", *more,
    )  # fmt: skip
    found = re.search(r"<title>(\d+) (\d+)</title>", document)
    assert found, document[:300]
    assert int(found[1]) <= int(found[2])


@browser
def test_a_served_page_keeps_up(filled: Store, tmp_path: Path) -> None:
    path = filled.path

    def now() -> dict[str, object]:
        with Store.open(path) as store:
            return gathered(store)

    documents = {
        "/": Document(content_type="text/html", make=lambda: render(now(), live=True)),
        "/data.json": Document(content_type="application/json", make=lambda: as_json(now())),
    }
    running = server(("127.0.0.1", 0), documents, print)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{running.server_address[1]}/"
        document = dom(url, tmp_path / "a", "--virtual-time-budget=12000")
    finally:
        running.shutdown()
        running.server_close()
    assert re.search(r'data-updates="[1-9]', document)
    assert "data-error" not in document


@promtool
def test_promtool_takes_what_is_written(filled: Store) -> None:
    text = exposition(filled, Metrics(), datetime.now(UTC).timestamp())
    assert PROMTOOL is not None
    done = subprocess.run(
        [PROMTOOL, "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@promtool
def test_promtool_takes_the_rules_and_they_fire(tmp_path: Path) -> None:
    assert PROMTOOL is not None
    directory = tmp_path / "rules"
    done = Debwright(tmp_path)("metrics", "rules", str(directory))
    assert done.code == 0, done.said
    subprocess.run([PROMTOOL, "check", "rules", directory / "debwright-alerts.yml"], check=True)
    labels = 'package="greeter", target="bookworm-arm64"'
    tests = {
        "rule_files": [str(directory / "debwright-alerts.yml")],
        "evaluation_interval": "5m",
        "tests": [{
            "interval": "5m",
            "input_series": [
                {"series": f"cicd_build_success_ratio{{{labels}}}", "values": "0.9x40"},
                {"series": 'cicd_build_success_aim_ratio{package="greeter"}', "values": "0.95x40"},
                {"series": f'cicd_builds_total{{{labels}, result="failed"}}', "values": "0+1x40"},
                {"series": f'cicd_builds_total{{{labels}, result="passed"}}', "values": "5x40"},
            ],
            "alert_rule_test": [
                {"eval_time": "3h", "alertname": name, "exp_alerts": [{"exp_labels": wanted}]}
                for name, wanted in (
                    ("BuildSuccessLow", {"severity": "warning", "package": "greeter",
                                         "target": "bookworm-arm64"}),
                    ("BuildFailing", {"severity": "critical", "package": "greeter",
                                      "target": "bookworm-arm64", "result": "failed"}),
                )
            ] + [{"eval_time": "3h", "alertname": "MachinesBroken", "exp_alerts": []}],
        }],
    }  # fmt: skip
    for test in tests["tests"][0]["alert_rule_test"]:  # type: ignore[index]
        for alert in test["exp_alerts"]:
            alert["exp_annotations"] = annotations(test["alertname"])
    path = tmp_path / "test.yml"
    path.write_text(json.dumps(tests))  # JSON is YAML
    told = subprocess.run(
        [PROMTOOL, "test", "rules", path], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr


def annotations(name: str) -> dict[str, str]:
    if name == "BuildSuccessLow":
        return {
            "summary": "bookworm-arm64 of greeter succeeds in 90% of builds",
            "description": "Failures of machines and of the network are not counted. "
            "`debwright metrics trends -t bookworm-arm64` says more.",
        }
    return {
        "summary": "bookworm-arm64 of greeter failed twice and did not pass within a day",
        "description": "`debwright metrics show last` says why.",
    }


@promtool
def test_promtool_takes_every_question_of_the_grafana_dashboard(tmp_path: Path) -> None:
    assert PROMTOOL is not None
    board = json.loads((SHARE / "grafana.json").read_text())
    asked = [t["expr"] for p in board["panels"] for t in p["targets"]]
    assert len(asked) >= 7
    rules = [{"record": f"r{n}", "expr": q.replace("$package", ".*").replace("$target", ".*")}
             for n, q in enumerate(asked)]  # fmt: skip
    path = tmp_path / "rules.yml"
    path.write_text(json.dumps({"groups": [{"name": "grafana", "rules": rules}]}))
    subprocess.run([PROMTOOL, "check", "rules", path], check=True)
    known = set(re.findall(r"cicd_\w+", exposition_names()))
    used = {re.sub(r"_(bucket|sum|count)$", "", n) for q in asked
            for n in re.findall(r"cicd_\w+", q)}  # fmt: skip
    assert used <= known


def exposition_names() -> str:
    with Store.open(Path(":memory:")) as store:
        text = exposition(store, Metrics(), 0.0)
    return "\n".join(re.findall(r"^# TYPE (\w+)", text, re.M))


def test_a_real_run_is_recorded(greeter_run: tuple[Debwright, Run]) -> None:
    debwright, done = greeter_run
    shown = json.loads(debwright("--json", "metrics", "show", "last").output)
    assert shown["package"] == "greeter"
    by_name = {t["target"]: t for t in shown["targets"]}
    for name in (NATIVE, CROSS):
        build = by_name[name]
        assert build["result"] == "passed", done.said[-2000:]
        stages = {s["name"]: s for s in build["stages"]}
        for stage in ("build", "check"):
            assert stages[stage]["seconds"] > 0
            assert stages[stage]["cpu_seconds"] > 0
            assert stages[stage]["peak_memory_bytes"] > 1_000_000
            assert stages[stage]["layers_found"] + stages[stage]["layers_made"] > 0
        assert stages["build"]["written_bytes"] > 0
        assert build["packages"]["greeter"] > 0
        assert build["checks"]["service"] == "passed"
    assert debwright("dashboard").code == 0
    written = debwright.directory / "dist/dashboard"
    assert {p.name for p in written.iterdir()} == {"index.html", "badge.svg", "metrics.prom"}
    assert "2 targets passing" in (written / "badge.svg").read_text()
