"""The pipeline that is written for GitLab: what each job is, and that none is in another's way."""

import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.kit.installing import LINE

from debwright.ci.context import context_of
from debwright.ci.provider import provider_named
from debwright.ci.sync import check, sync, wanted_files
from debwright.config import load
from debwright.model.errors import UsageError

CONFIG = f"""\
[targets]
build = ["bookworm-amd64", "bookworm-arm64", "trixie-amd64"]
[workflows]
{LINE}provider = "gitlab"
main = "trunk"
[[workflows.jobs]]
name = "lint"
commands = ["true"]
"""
KEYWORDS = {"workflow", "stages", "variables", "default"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "debwright.toml").write_text(CONFIG)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    return tmp_path


def written(directory: Path) -> dict[str, Any]:
    top, context = context_of(load(directory))
    sync(top, context)
    assert check(top, context) == 3
    found: dict[str, Any] = yaml.safe_load((top / ".gitlab-ci.yml").read_text())
    return found


def test_every_script_is_one_debwright_command_without_an_unquoted_variable(project: Path) -> None:
    pipeline = written(project)
    jobs = {name: job for name, job in pipeline.items() if name not in KEYWORDS}
    assert set(jobs) == {"workflows", "lint", "packages", "change", "report"}
    for job in jobs.values():
        for line in job["script"]:
            assert re.fullmatch(r"debwright [^;&|`\n]*", line)
            assert "$" not in re.sub(r'"[^"]*"', "", line)
        assert job["timeout"].endswith(" minutes")
    assert set(pipeline["stages"]) == {job["stage"] for job in jobs.values()}


def test_a_merge_request_is_built_for_a_few_targets_and_the_main_branch_for_all(
    project: Path,
) -> None:
    pipeline = written(project)
    assert pipeline["packages"]["parallel"]["matrix"] == [
        {"TARGET": ["bookworm-amd64", "bookworm-arm64", "trixie-amd64"]}
    ]
    assert pipeline["change"]["parallel"]["matrix"] == [{"TARGET": ["bookworm-amd64"]}]
    only = {n: pipeline[n]["rules"][0]["if"] for n in ("packages", "change", "report")}
    assert only["change"] == '$CI_PIPELINE_SOURCE == "merge_request_event"'
    assert only["packages"] == only["report"] == '$CI_PIPELINE_SOURCE != "merge_request_event"'
    assert {"if": '$CI_COMMIT_BRANCH == "trunk"'} in pipeline["workflow"]["rules"]


def test_no_job_writes_where_another_does(project: Path) -> None:
    """GitLab unpacks the artifacts of all jobs before into one directory."""
    pipeline = written(project)
    assert pipeline["packages"]["artifacts"]["paths"] == ["jobs/$TARGET"]
    assert '--output "$CI_PROJECT_DIR/jobs/$TARGET"' in pipeline["packages"]["script"][-1]
    assert pipeline["report"]["needs"] == [{"job": "packages", "artifacts": True}]
    assert pipeline["report"]["script"] == ['debwright collect "$CI_PROJECT_DIR/jobs"']
    assert pipeline["report"]["rules"][0]["when"] == "always", "a failed target is reported, too"
    assert pipeline["variables"]["GIT_DEPTH"] == 0


def test_runner_and_image_are_configured(project: Path) -> None:
    pipeline = written(project)
    assert pipeline["default"]["image"] == "debian:trixie"
    assert "tags" not in pipeline["default"], "the default is a label of GitHub's"
    text = CONFIG.replace(
        'main = "trunk"', f'runner = "big"\nimage = "debian@sha256:{"a" * 64}"\nproject = "bells"'
    )
    (project / "debwright.toml").write_text(text)
    (project / "bells").mkdir()
    (project / "bells/debwright.toml").write_text('[targets]\nbuild = ["sid-amd64"]\n')
    pipeline = written(project)
    assert pipeline["default"]["tags"] == ["big"]
    assert pipeline["default"]["image"] == f"debian@sha256:{'a' * 64}"
    assert pipeline["packages"]["script"][0] == "debwright -C bells doctor --install"
    assert pipeline["report"]["artifacts"]["paths"] == ["bells/dist"]


def test_a_job_with_a_name_of_gitlabs_is_refused(project: Path) -> None:
    (project / "debwright.toml").write_text(CONFIG.replace('"lint"', '"cache"'))
    with pytest.raises(UsageError, match="a word of GitLab's"):
        written(project)


def test_its_linters_have_nothing_to_say_and_would_have(project: Path) -> None:
    written(project)
    _, context = context_of(load(project))
    files = [project / file.path for file in wanted_files(context)]
    programs = Path(sysconfig.get_path("scripts"))

    def judged() -> list[int]:
        linters = provider_named("gitlab").linters(files)
        return [
            subprocess.run([programs / name, *rest], check=False, capture_output=True).returncode
            for name, *rest in linters
        ]

    assert judged() == [0, 0]
    path = project / ".gitlab-ci.yml"
    path.write_text(path.read_text().replace("when: always", "when: sometimes"))
    assert judged()[0] != 0


def test_the_installation_has_gitlabs_variables(project: Path) -> None:
    written(project)
    text = (project / ".gitlab/debwright/setup.sh").read_text()
    assert "GITHUB_" not in text
    assert "RUNNER_TEMP" not in text
    assert 'cd "$CI_PROJECT_DIR"' in text
