"""A new stage is a module and a line: it runs, and console, timeline, report and docs have it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[3]
LIST = "src/debwright/pipeline/stages/__init__.py"

STAGE = '''
"""The stage that counts the packages of a target."""

from debwright.model.details import StageDetails
from debwright.observe.report.timeline import Color
from debwright.pipeline.stages.base import Outcome, TargetStage, common_inputs, digests


class CountStage(TargetStage):
    name = "count"
    color = Color.AMBER
    does = "counts the packages"

    def inputs(self, on):
        return {**common_inputs(on.job), "packages": digests(on.packages())}

    def work(self, on):
        return Outcome(details=StageDetails(packages=len(on.packages())))
'''

RUN = """
import sys
from pathlib import Path

from debwright.cli.common import write_reports
from debwright.config import Config, LoadedConfig
from debwright.model.events import Silent
from debwright.model.results import StageResult, Status
from debwright.model.targets import Choice, HostFacts, Strategy, Target
from debwright.pipeline.plan import Plan, TargetPlan
from debwright.pipeline.run import run
from debwright.pipeline.stages.base import Job, Wanted
from debwright.pipeline.stages.build import BuildStage
from debwright.pipeline.stages.sbom import SbomStage
from debwright.pipeline.stages.source import SourceStage
from debwright.roots.cache import Cache
from debwright.roots.layers import Roots
from debwright.source.make import SourcePackage

home = Path(sys.argv[1])
config = Config.model_validate({"targets": {"build": ["bookworm-amd64"]}})
choice = Choice(strategy=Strategy.NATIVE, reason="x")
target = TargetPlan(target=Target("bookworm", "amd64"), choice=choice, build_all=True)
source = SourcePackage(dsc=home / "demo.dsc", name="demo", version="1-1", files=(),
                       architectures=frozenset({"any"}), binaries=())
plan = Plan(loaded=LoadedConfig(config=config, start=home), host=HostFacts(arch="amd64"),
            package="demo", version=None, tree=None, dsc=source, targets=(target,),
            source_digest="d")


class Columns(Silent):
    def begin(self, title, targets, stages):
        print(*stages)


def built(_, on):
    on.directory.mkdir(parents=True, exist_ok=True)
    (on.directory / "demo_1-1_amd64.deb").write_bytes(b"a package")
    on.stages.append(StageResult(stage="build", status=Status.PASSED, seconds=1))
    return True


BuildStage.run = built
SbomStage.run = lambda _, on: True
for _ in range(2):
    cache = Cache(home / "cache")
    job = Job(plan, home / "dist", Roots(cache, config), Columns())
    result = run(job, Wanted(check=False, publish=False))
    print([(s.stage, str(s.status)) for s in result.targets[0].stages])
    write_reports(result, job.home)
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    top = tmp_path / "tree"
    for name in ("src", "tools"):
        shutil.copytree(TOP / name, top / name, ignore=shutil.ignore_patterns("__pycache__"))
    for page in ("docs", "share", "requirements"):
        shutil.copytree(TOP / page, top / page)
    shutil.copy(TOP / "pyproject.toml", top)
    (top / "src/debwright/pipeline/stages/count.py").write_text(STAGE)
    text = (top / LIST).read_text()
    text = text.replace(
        "    SbomStage(),\n",
        "    SbomStage(),\n"
        "    __import__('debwright.pipeline.stages.count', fromlist=['x']).CountStage(),\n",
    )
    (top / LIST).write_text(text)
    return top


def python(top: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=top, env={"PYTHONPATH": f"{top}/src:{top}"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_runs_and_everything_that_shows_stages_has_it(copy: Path, tmp_path: Path) -> None:
    columns, first, _, second = python(copy, "-c", RUN, str(tmp_path)).splitlines()
    assert columns.split() == ["build", "test", "sbom", "count"]
    assert "('count', 'passed')" in first
    assert "('count', 'cached')" in second
    report = json.loads((tmp_path / "dist/1-1/report.json").read_text())
    count = report["targets"][0]["stages"][-1]
    assert (count["stage"], count["details"]) == ("count", {"packages": 1})
    page = (tmp_path / "dist/1-1/report.html").read_text()
    assert '<rect class="bar-amber"' in page
    python(copy, "-m", "tools.reference")
    architecture = (copy / "docs/architecture.md").read_text()
    assert "| count | counts the packages | `pipeline/stages/count.py` |" in architecture
    assert (TOP / "docs/architecture.md").read_text() == architecture.replace(
        "| count | counts the packages | `pipeline/stages/count.py` |\n", ""
    )
