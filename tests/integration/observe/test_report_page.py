"""report.html in a real browser: its filters, its times, and hostile text that runs nothing."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.kit import samples

from debwright.model.results import CheckResult, Finding, RunResult, Severity, Status
from debwright.observe.report.html import render

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
# Chooses what a reader would, and writes down what is seen then.
DRIVER = """<script>
const set = (id, value) => {
  const box = document.getElementById(id);
  box.value = value;
  box.dispatchEvent(new Event("change"));
};
const seen = (selector) => [...document.querySelectorAll(selector)]
  .filter((node) => node.getClientRects().length > 0).length;
const told = [];
for (const [target, severity] of CHOICES) {
  set("f-target", target);
  set("f-severity", severity);
  document.getElementById("f-open").click();
  if (!document.querySelector(".check details[open]")) document.getElementById("f-open").click();
  told.push([seen(".target"), seen(".target .finding"), seen(".timeline .lane[data-target]"),
             document.getElementById("f-count").textContent].join("|"));
}
document.body.dataset.told = told.join(";");
</script>"""


def dom(page: str, directory: Path) -> str:
    """The document after the page's scripts have run."""
    (directory / "page.html").write_text(page, errors="replace")
    assert CHROMIUM is not None
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--window-size=1200,4000", f"--user-data-dir={directory}/profile", "--dump-dom",
         f"file://{directory}/page.html"],
        check=True, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    return done.stdout


def two_targets() -> RunResult:
    """The first with an error, a warning and a note, the second with a warning."""

    def check(*severities: Severity) -> CheckResult:
        findings = tuple(
            Finding(severity=s, code=f"files/{s}", message=f"a {s}") for s in severities
        )
        return CheckResult(name="contents", status=Status.PASSED, seconds=2, findings=findings)

    run = samples.passing()
    first, second = run.targets[:2]
    every = (Severity.ERROR, Severity.WARNING, Severity.INFO)
    targets = (
        first.model_copy(update={"checks": (check(*every),)}),
        second.model_copy(update={"checks": (check(Severity.WARNING),)}),
    )
    return run.model_copy(update={"targets": targets, "companions": ()})


def test_filters_by_target_and_severity(tmp_path: Path) -> None:
    run = two_targets()
    page = render(run)
    name = run.targets[1].target
    choices = [["", "info"], ["", "warning"], ["", "error"], [name, "info"], [name, "error"]]
    # The page's own policy lets no other script run: the driver is not of the page.
    page = re.sub(r"<meta http-equiv=[^>]*>", "", page)
    page = page.replace("</body>", DRIVER.replace("CHOICES", str(choices)) + "</body>")
    told = re.search(r'data-told="([^"]*)"', dom(page, tmp_path))
    assert told is not None
    assert told[1].split(";") == [
        "2|4|2|4 of 4 findings shown",
        "2|3|2|3 of 4 findings shown",
        "2|1|2|1 of 4 findings shown",
        "1|1|1|1 of 4 findings shown",
        "1|0|1|0 of 4 findings shown",
    ]


def test_times_are_drawn(tmp_path: Path) -> None:
    document = dom(render(two_targets()), tmp_path)
    assert len(re.findall(r'<rect class="bar-[a-z]+"', document)) >= 4
    assert 'class="meter"' in document


def test_hostile_text_runs_nothing(tmp_path: Path) -> None:
    """Without the page's policy, too: it is the second wall, not the first."""
    texts = ["<script>document.title = 'owned'</script>",
             "<img src=x onerror=\"document.title = 'owned'\">",
             "\"><svg onload=\"document.title = 'owned'\">"]  # fmt: skip
    for number, text in enumerate(texts):
        page = re.sub(r"<meta http-equiv=[^>]*>", "", render(samples.hostile(text)))
        place = tmp_path / str(number)
        place.mkdir()
        document = dom(page, place)
        assert "<title>owned" not in document
        assert "owned" in document, "the text itself is shown"
