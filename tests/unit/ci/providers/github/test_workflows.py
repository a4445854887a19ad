"""The workflows that are written: what each step is, who may do what, and that they stay so."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from tests.kit.installing import INSTALL, LINE

from debwright.ci.context import Context, context_of
from debwright.ci.providers.github import actions
from debwright.ci.sync import check, sync, wanted_files
from debwright.ci.workflows import Validation, Workflows
from debwright.config import Config, load
from debwright.config.model import Companion
from debwright.config.publishing import Signing
from debwright.model.errors import CheckError, ConfigError, UsageError

TOP = Path(__file__).parents[5]
CONFIG = f"""\
[package]
version_from = "changelog"
[signing]
key = "6C43B96CE05479C89FFD561C3EA65BF54C7A49BC"
key_env = "SIGNING_KEY"
passphrase_env = "SIGNING_PASSPHRASE"
[workflows]
{LINE}[[workflows.jobs]]
name = "lint"
commands = ["true"]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "debwright.toml").write_text(CONFIG)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    return tmp_path


def written(directory: Path) -> dict[str, dict[str, Any]]:
    top, context = context_of(load(directory))
    sync(top, context)
    found = {p.name: yaml.safe_load(p.read_text()) for p in top.glob(".github/workflows/*.yml")}
    # To this reader of YAML the key `on` is a truth value.
    return {name: {**{k: v for k, v in d.items() if k is not True}, "on": d[True]}
            for name, d in found.items()}  # fmt: skip


def jobs(workflows: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for file, document in workflows.items():
        for name, job in document["jobs"].items():
            yield file, name, job


def steps(workflows: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for _, _, job in jobs(workflows):
        yield from job.get("steps", ())


def test_every_step_is_one_debwright_command_or_a_pinned_action(project: Path) -> None:
    for step in steps(written(project)):
        if "run" in step:
            assert re.fullmatch(r"debwright [^;&|`\n]*", step["run"]), step
            assert "${{" not in step["run"], "text of the run would become a part of the command"
        else:
            assert step["uses"].startswith("./") or re.search(r"@[0-9a-f]{40}$", step["uses"])


def test_no_variable_in_a_command_goes_unquoted(project: Path) -> None:
    for step in steps(written(project)):
        unquoted = re.sub(r'"[^"]*"', "", step.get("run", ""))
        assert "$" not in unquoted


def test_every_job_has_a_time_limit_and_its_own_permissions(project: Path) -> None:
    workflows = written(project)
    assert set(workflows) == {
        "build-packages.yml", "pr-validation.yml", "release.yml",
    }  # fmt: skip
    for document in workflows.values():
        assert document["permissions"] == {}
        assert document["concurrency"]["group"]
    for file, name, job in jobs(workflows):
        assert "permissions" in job, (file, name)
        assert "uses" in job or 1 <= job["timeout-minutes"] <= 360, (file, name)


def test_who_may_write(project: Path) -> None:
    allowed = {
        (file, name): {k for k, v in job["permissions"].items() if v == "write"}
        for file, name, job in jobs(written(project))
        if "write" in job["permissions"].values()
    }
    assert allowed == {
        ("build-packages.yml", "report"): {"security-events"},
        ("build-packages.yml", "prune"): {"actions"},
        ("release.yml", "preflight"): {"contents"},
        ("release.yml", "build"): {"security-events", "actions"},
        ("release.yml", "attest"): {"id-token", "attestations"},
        ("release.yml", "draft"): {"contents"},
    }


def test_secrets_are_for_single_steps_of_the_environment(project: Path) -> None:
    for file, name, job in jobs(written(project)):
        for step in job.get("steps", ()):
            secrets = [v for v in step.get("env", {}).values() if "secrets." in str(v)]
            assert not secrets or job["environment"] == "release", (file, name)
            if secrets:
                assert step["run"].startswith("debwright release")
        assert "secrets." not in str({k: v for k, v in job.items() if k != "steps"})


def test_every_secret_that_the_configuration_names_is_passed_to_those_who_sign_alone(
    project: Path,
) -> None:
    with (project / "debwright.toml").open("a") as config:
        config.write(
            '[repository.s3]\nbucket = "packages"\nsecret_key_env = "BUCKET_SECRET"\n'
            '[notify.webhook]\nurl_env = "HOOK"\n'
            '[notify.email]\nto = ["a@example.org"]\nsender = "b@example.org"\n'
            'host = "mail.example.org"\nuser = "b"\npassword_env = "MAIL_PASSWORD"\n'
        )
    passed: dict[tuple[str, str], set[str]] = {}
    for file, name, job in jobs(written(project)):
        texts = [str(t) for step in job.get("steps", ()) for t in step.get("env", {}).values()]
        if found := set(re.findall(r"secrets\.(\w+)", " ".join(texts))):
            passed[file, name] = found
    wanted = {
        "SIGNING_KEY", "SIGNING_PASSPHRASE", "BUCKET_SECRET", "AWS_ACCESS_KEY_ID",
        "AWS_SESSION_TOKEN", "HOOK", "MAIL_PASSWORD",
    }  # fmt: skip
    with_key = [
        "release.yml/preflight", "release.yml/draft", "renew.yml/renew", "publish.yml/publish",
    ]  # fmt: skip
    assert passed == {tuple(place.split("/")): wanted for place in with_key}


def test_every_job_of_a_run_has_the_commit_of_its_event(project: Path) -> None:
    """A branch that is named is its newest commit: another one in a job that starts later.

    Without a name the action takes the event's commit (src/input-helper.ts of actions/checkout).
    """
    found = {
        (file, step["with"].get("ref", ""))
        for file, _, job in jobs(written(project))
        for step in job.get("steps", ())
        if "actions/checkout" in step.get("uses", "")
    }
    by_hand = "${{ inputs.tag && format('refs/tags/{0}', inputs.tag) || '' }}"
    assert found == {
        ("build-packages.yml", "${{ inputs.ref }}"), ("build-packages.yml", ""),
        ("pr-validation.yml", ""), ("release.yml", by_hand),
    }  # fmt: skip
    assert written(project)["release.yml"]["jobs"]["build"]["with"]["ref"] == by_hand


def test_findings_of_main_are_those_of_its_newest_commit(project: Path) -> None:
    """A release by hand is a run of the main branch, of whatever commit the tag is."""
    report = written(project)["build-packages.yml"]["jobs"]["report"]
    (step,) = [s for s in report["steps"] if "upload-sarif" in s.get("uses", "")]
    assert "!inputs.ref" in step["if"]
    assert "refs/heads/main" in step["if"]
    # It asks for its own run, which a private repository does not tell everybody.
    assert report["permissions"]["actions"] == "read"


@pytest.mark.parametrize(("minutes", "step", "job"), [(45, 45, 75), (360, 330, 360)])
def test_a_build_that_hangs_is_stopped_before_its_job(
    project: Path, minutes: int, step: int, job: int
) -> None:
    """A job that is stopped runs no further step: its log would not be handed over."""
    more = f"[workflows]\nbuild_minutes = {minutes}\n"
    (project / "debwright.toml").write_text(CONFIG.replace("[workflows]\n", more))
    workflows = written(project)
    for found in (workflows["build-packages.yml"]["jobs"]["build"],
                  workflows["pr-validation.yml"]["jobs"]["packages"]):  # fmt: skip
        assert found["timeout-minutes"] == job
        (build,) = [s for s in found["steps"] if s["name"] == "Build and check"]
        assert build["timeout-minutes"] == step


def test_only_what_saves_time_may_fail(project: Path) -> None:
    """A broken pack of roots would be restored, and fail, again and again."""
    optional = {
        (file, step["name"])
        for file, _, job in jobs(written(project))
        for step in job.get("steps", ())
        if "continue-on-error" in step
    }
    assert optional == {
        ("build-packages.yml", "Unpack them"), ("build-packages.yml", "Pack the roots"),
        ("pr-validation.yml", "Unpack them"),
    }  # fmt: skip


def test_no_matrix_ends_when_one_target_fails(project: Path) -> None:
    matrices = [j["strategy"] for _, _, j in jobs(written(project)) if "strategy" in j]
    assert len(matrices) == 4
    assert all(m["fail-fast"] is False for m in matrices)


def test_packages_stay_for_ninety_days_and_all_artifacts_are_under_names_of_their_own(
    project: Path,
) -> None:
    uploads = [s for s in steps(written(project)) if "upload-artifact" in s.get("uses", "")]
    assert {s["with"]["name"] for s in uploads} == {
        "packages", "packages-${{ matrix.target }}", "preview-${{ matrix.target }}",
        "proof-${{ matrix.target }}",
    }  # fmt: skip
    days = {s["with"]["name"]: s["with"]["retention-days"] for s in uploads}
    assert days.pop("packages") == 90
    assert set(days.values()) == {30}, "jobs can be run again, and reviewers wait, for so long"


def test_a_change_is_superseded_by_the_next_and_keeps_no_roots(project: Path) -> None:
    document = written(project)["pr-validation.yml"]
    assert "refs/heads/main" in document["concurrency"]["cancel-in-progress"]
    # Of the runs that wait in a group GitHub keeps one: each commit of main has its own.
    assert "'refs/heads/main' && github.sha" in document["concurrency"]["group"]
    assert "cache/save" not in str(document)
    assert set(document["jobs"]) == {"plan", "workflows", "lint", "packages"}


def test_a_release_builds_from_fresh_roots_after_the_preflight(project: Path) -> None:
    release = written(project)["release.yml"]
    assert release["on"]["push"]["tags"] == [
        "v[0-9]+.[0-9]+.[0-9]+",
        "v[0-9]+.[0-9]+.[0-9]+-rc[0-9]+",
    ]
    build = release["jobs"]["build"]
    assert build["needs"] == ["preflight"]
    assert build["with"]["force"] is True
    packages = written(project)["build-packages.yml"]
    for step in packages["jobs"]["build"]["steps"]:
        if "cache/restore" in step.get("uses", ""):
            assert step["if"] == "${{ !inputs.force }}"


def test_companions_are_attested_by_the_first_job(tmp_path: Path) -> None:
    shutil.copytree(TOP / "tests/projects/lexicon", tmp_path / "work")
    subprocess.run(["git", "init", "-q", tmp_path / "work"], check=True)
    (tmp_path / "work/debwright.toml").write_text(f'[workflows]\n{LINE}project = "lexicon"\n')
    evil = "${{ github.token }}"
    (tmp_path / "work/lexicon-data").rename(tmp_path / "work" / evil)
    config = tmp_path / "work/lexicon/debwright.toml"
    config.write_text(config.read_text().replace("lexicon-data", evil))
    attest = written(tmp_path / "work")["release.yml"]["jobs"]["attest"]
    steps = [s for s in attest["steps"] if "actions/attest" in s["uses"]]
    assert ["sbom-path" in s["with"] for s in steps] == [False, True, False, True]
    assert [s["name"].partition(": ")[2] for s in steps] == ["", "", *["-github.token-"] * 2]
    for step in steps[2:]:
        assert step["if"] == "${{ matrix.companions[0].sbom }}"
        assert step["with"]["subject-path"].endswith("/${{ matrix.companions[0].debs }}")


def test_signatures_are_renewed_in_time_where_a_job_can(project: Path) -> None:
    assert "renew.yml" not in written(project)  # it is brought nowhere
    config = project / "debwright.toml"
    config.write_text(CONFIG + '[repository.s3]\nbucket = "packages"\n')
    document = written(project)["renew.yml"]
    assert document["on"]["schedule"] == [{"cron": "23 4 * * 1"}]
    steps = document["jobs"]["renew"]["steps"]
    commands = [s["run"] for s in steps if " repo " in s.get("run", "")]
    assert commands == [f"debwright repo {name}" for name in ("pull", "renew")]
    secret = {"SIGNING_KEY", "SIGNING_PASSPHRASE", "AWS_SECRET_ACCESS_KEY"}
    assert all(secret <= s["env"].keys() for s in steps if " repo " in s.get("run", ""))
    config.write_text(config.read_text() + "[repository]\nvalid_days = 7\n")
    assert written(project)["renew.yml"]["on"]["schedule"] == [{"cron": "23 4 * * *"}]


def test_attestations_can_be_left_out(project: Path) -> None:
    """Private repositories have none: a release would end there."""
    more = "[workflows]\nattestations = false\n"
    (project / "debwright.toml").write_text(CONFIG.replace("[workflows]\n", more))
    release = written(project)["release.yml"]
    assert set(release["jobs"]) == {"preflight", "build", "draft"}
    assert release["jobs"]["draft"]["needs"] == ["build"]
    assert "attest" not in str(release)


def test_only_a_push_to_main_prunes(project: Path) -> None:
    """A called workflow has its caller's event: that of a release is a push, too."""
    condition = written(project)["build-packages.yml"]["jobs"]["prune"]["if"]
    assert "github.event_name == 'push'" in condition
    assert "github.ref == 'refs/heads/main'" in condition


def test_pins_are_whole_commits() -> None:
    for action in actions.ALL:
        assert re.fullmatch(r"[0-9a-f]{40}", action.commit)
        assert re.fullmatch(r"v\d+\.\d+\.\d+", action.version)


def test_what_is_edited_is_told_with_its_lines(project: Path) -> None:
    top, context = context_of(load(project))
    assert len(sync(top, context)) == 7
    assert sync(top, context) == [], "nothing is written twice"
    assert check(top, context) == 7
    path = project / ".github/workflows/release.yml"
    path.write_text(path.read_text().replace("environment: release", "environment: none"))
    with pytest.raises(CheckError) as caught:
        check(top, context)
    said = caught.value.render()
    assert "-    environment: none" in said
    assert "+    environment: release" in said
    assert "debwright workflows sync" in said
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("spoil", ["missing", "mode"])
def test_a_file_that_is_gone_or_cannot_be_run_is_told(project: Path, spoil: str) -> None:
    top, context = context_of(load(project))
    sync(top, context)
    path = project / ".github/actions/debwright/setup.sh"
    if spoil == "missing":
        path.unlink()
    else:
        path.chmod(0o644)
    with pytest.raises(CheckError, match="not what debwright"):
        check(top, context)
    assert sync(top, context) == [path]
    assert path.stat().st_mode & 0o111 == 0o111


def test_nothing_is_written_through_a_link(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (project / ".github").symlink_to(elsewhere)
    top, context = context_of(load(project))
    with pytest.raises(UsageError, match="symbolic link"):
        sync(top, context)
    assert list(elsewhere.iterdir()) == []


def test_a_product_below_the_top(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "services/bell").mkdir(parents=True)
    (tmp_path / "services/bell/debwright.toml").write_text(
        '[package]\nversion_from = "changelog"\n'
    )
    (tmp_path / "debwright.toml").write_text(f'[workflows]\n{LINE}project = "services/bell"\n')
    document = written(tmp_path)["build-packages.yml"]
    runs = [s["run"] for s in document["jobs"]["build"]["steps"] if "run" in s]
    assert 'debwright -C services/bell check -t "$TARGET" --strategy "$STRATEGY"' in runs
    assert "debwright -C services/bell/dist" not in str(document)
    uploads = [s for s in document["jobs"]["build"]["steps"] if "upload" in s.get("uses", "")]
    assert uploads[0]["with"]["path"].splitlines()[0] == "services/bell/dist"


def test_a_product_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "debwright.toml").write_text('[workflows]\nproject = "services/bell"\n')
    (tmp_path / "services/bell").mkdir(parents=True)
    with pytest.raises(UsageError, match="services/bell"):
        context_of(load(tmp_path))


@pytest.mark.parametrize(
    "line",
    [
        'project = "../elsewhere"', 'project = "$(id)"', 'project = "a b"', 'main = "a b"',
        'main = "x\'||true"', 'install = "x\' ; id"', 'runner = "${{ github.token }}"',
        'requirements = ["$(id)"]', "retention_days = 91", 'environment = "a: b"',
        'jobs = [{ name = "plan", commands = ["true"] }]', 'arm64 = "fast"',
        'jobs = [{ name = "a b", commands = ["true"] }]', 'jobs = [{ name = "a", commands = [] }]',
    ],
)  # fmt: skip
def test_what_could_mean_something_else_is_refused(tmp_path: Path, line: str) -> None:
    """A configuration is reviewed less closely than a workflow, and becomes one."""
    (tmp_path / "debwright.toml").write_text(f"[workflows]\n{line}\n")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    assert "debwright.toml:2" in caught.value.render()


SAFE = {
    "main": "main", "runner": "ubuntu", "environment": "release", "job": "lint", "prefix": "v",
    "secret": "KEY", "directory": "services/bell", "companion": "../data",
}  # fmt: skip
ODD = (
    "on", "null", "1.5", "007", "a: b", "a #b", "- a", "'", '"', "$(id)", "`id`", "${{ x }}", "{",
    "*", "x'||true", "a\nb", "refs/heads/main", "v", "-", ".", "a-b", "",
)  # fmt: skip


@examples(max_examples=60)
@given(st.sampled_from(sorted(SAFE)), st.text(max_size=12) | st.sampled_from(ODD))
def test_no_text_breaks_out(which: str, text: str) -> None:
    """Even what the configuration would refuse, since the templates do not rely on it."""
    given_ = {**SAFE, which: text}
    main, job, secret, directory = (given_[k] for k in ("main", "job", "secret", "directory"))
    settings = Workflows.model_construct(
        main=main, runner=given_["runner"], environment=given_["environment"], install=INSTALL,
        jobs=[Validation.model_construct(name=job, commands=["true"])],
    )  # fmt: skip
    product = Config.model_construct(
        package=Config().package.model_copy(update={"tag_prefix": given_["prefix"]}),
        signing=Signing.model_construct(key_env=secret),
        companions=[Companion.model_construct(source=given_["companion"])],
    )
    context = Context(
        settings=settings, product=product, top=directory, project=directory, directory=TOP
    )
    try:
        files = wanted_files(context)
    except UsageError:
        assert text not in SAFE.values()
        return
    reader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = {
        Path(f.path).name: yaml.load(f.text, reader)  # noqa: S506
        for f in files
        if f.path.endswith(".yml")
    }
    build, change, release = (
        found[name] for name in ("build-packages.yml", "pr-validation.yml", "release.yml")
    )
    assert build[True]["push"]["branches"] == change[True]["push"]["branches"] == [main]
    assert f"refs/heads/{main}'" in build["jobs"]["prune"]["if"]
    assert list(change["jobs"]) == ["plan", "workflows", job, "packages"]
    assert change["jobs"][job]["runs-on"] == given_["runner"]
    draft = release["jobs"]["draft"]
    assert draft["environment"] == given_["environment"]
    assert release[True]["push"]["tags"][0] == f"{given_['prefix']}[0-9]+.[0-9]+.[0-9]+"
    last = draft["steps"][-1]
    assert last["env"] == {
        "TAG": "${{ inputs.tag || github.ref_name }}", "GITHUB_TOKEN": "${{ github.token }}",
        secret: f"${{{{ secrets.{secret} }}}}",
    }  # fmt: skip
    where = "" if directory == "." else f" -C {directory}"
    assert last["run"] == f'debwright{where} release --tag "$TAG" --collected'
    assert not any("${{" in step["name"] for step in release["jobs"]["attest"]["steps"])


@pytest.mark.parametrize("name", ["TAG", "GITHUB_TOKEN"])
def test_a_secret_takes_no_variable_of_the_release_itself(project: Path, name: str) -> None:
    """The tag was replaced by the secret's value, silently."""
    path = project / "debwright.toml"
    path.write_text(path.read_text().replace("SIGNING_KEY", name))
    with pytest.raises(UsageError, match=name):
        written(project)


def test_two_jobs_of_one_name_are_refused(project: Path) -> None:
    """The second took the place of the first, silently."""
    with (project / "debwright.toml").open("a") as file:
        file.write('[[workflows.jobs]]\nname = "lint"\ncommands = ["false"]\n')
    with pytest.raises(ConfigError) as caught:
        load(project)
    assert "lint" in caught.value.render()


def test_the_workflows_of_this_repository_are_as_configured() -> None:
    top, context = context_of(load(TOP))
    assert check(top, context) == len(wanted_files(context))


def test_native_runners_are_a_switch(project: Path) -> None:
    """The matrix names the runner; the workflow is the same."""
    document = written(project)["build-packages.yml"]
    assert document["jobs"]["build"]["runs-on"] == "${{ matrix.runner }}"


def test_private_repositories_have_no_step_that_github_refuses_them(project: Path) -> None:
    workflows = written(project)
    private = "!github.event.repository.private"
    (scan,) = [s for s in workflows["build-packages.yml"]["jobs"]["report"]["steps"]
               if "codeql-action" in s.get("uses", "")]  # fmt: skip
    assert private in scan["if"]
    jobs_of = workflows["release.yml"]["jobs"]
    assert jobs_of["attest"]["if"] == f"${{{{ {private} }}}}"
    # A job after one that was skipped is skipped, too, unless it says otherwise.
    assert "needs.attest.result == 'skipped'" in jobs_of["draft"]["if"]
    assert "needs.build.result == 'success'" in jobs_of["draft"]["if"]
    text = (project / "debwright.toml").read_text()
    for setting, wanted in (("true", 1), ("false", 0)):
        more = f"code_scanning = {setting}\nattestations = {setting}\n"
        (project / "debwright.toml").write_text(
            text.replace("[workflows]\n", f"[workflows]\n{more}")
        )
        found = written(project)
        report = found["build-packages.yml"]["jobs"]["report"]
        assert private not in str([report, found["release.yml"]])
        assert str(found).count("github/codeql-action/upload-sarif") == wanted
        assert ("attest" in found["release.yml"]["jobs"]) is bool(wanted)


def test_the_previous_release_is_fetched_by_the_only_step_with_a_token_before_the_build(
    project: Path,
) -> None:
    workflows = written(project)
    for file, job in (("build-packages.yml", "build"), ("pr-validation.yml", "packages")):
        found = workflows[file]["jobs"][job]["steps"]
        (fetch,) = [n for n, s in enumerate(found) if " workflows previous " in s.get("run", "")]
        (build,) = [
            n for n, s in enumerate(found) if s.get("run", "").startswith("debwright check")
        ]
        assert fetch < build
        with_token = [n for n, s in enumerate(found) if "token" in str(s.get("env", ""))]
        assert with_token == [fetch], "what runs code of the package has no token"


def test_an_artifact_has_what_other_jobs_have_too_only_in_the_first(project: Path) -> None:
    found = written(project)["build-packages.yml"]["jobs"]["build"]["steps"][-1]["with"]
    lines = found["path"].splitlines()
    assert lines[:2] == ["dist", "!dist/previous/**"]
    assert all(line.startswith("${{ !matrix.whole && '!dist/") for line in lines[2:])
    assert found["retention-days"] == 30
    report = written(project)["build-packages.yml"]["jobs"]["report"]["steps"]
    (packages,) = [s for s in report if s.get("with", {}).get("name") == "packages"]
    assert packages["with"]["retention-days"] == 90


def test_publishing_a_release_publishes_the_apt_repository(project: Path) -> None:
    assert "publish.yml" not in written(project)  # it is brought nowhere
    text = (project / "debwright.toml").read_text()
    (project / "debwright.toml").write_text(
        text + '[repository]\nurl = "https://a.github.io/b"\n[repository.pages]\n'
    )
    document = written(project)["publish.yml"]
    assert document["on"]["release"] == {"types": ["published"]}
    (job,) = document["jobs"].values()
    steps_of = [s for s in job["steps"] if s.get("run", "").startswith("debwright repo ")]
    assert [s["run"].removeprefix("debwright repo ") for s in steps_of] == [
        "pull --may-be-empty", 'add-release "$TAG"', 'rollback "$PUBLICATION"', "served",
    ]  # fmt: skip
    assert job["environment"] == "release"
    assert all("SIGNING_KEY" in s["env"] for s in steps_of)
    # A button goes back; the event of a release never does.
    assert steps_of[1]["if"] == "${{ !inputs.rollback }}"
    assert steps_of[2]["if"] == "${{ inputs.rollback }}"
    assert set(document["on"]["workflow_dispatch"]["inputs"]) == {"tag", "rollback"}
    renew = written(project)["renew.yml"]
    assert document["concurrency"] == renew["concurrency"], "they never run side by side"
    assert document["concurrency"]["cancel-in-progress"] is False


def test_without_an_address_nothing_served_is_looked_at(project: Path) -> None:
    text = (project / "debwright.toml").read_text()
    (project / "debwright.toml").write_text(text + "[repository.pages]\n")
    assert "repo served" not in str(written(project)["publish.yml"])


def test_a_pull_request_gets_a_preview_of_what_passed(project: Path) -> None:
    found = written(project)["pr-validation.yml"]["jobs"]["packages"]["steps"]
    make, upload = found[-2:]
    assert make["run"] == 'debwright workflows preview -t "$TARGET"'
    assert upload["with"]["name"] == "preview-${{ matrix.target }}"
    assert upload["with"]["path"] == "dist/preview"
    assert "if" not in make, "what failed is not for trying"


def test_metrics_are_kept_on_a_branch_and_looked_at_by_a_schedule(project: Path) -> None:
    before = written(project)
    assert "metrics.yml" not in before
    assert "metrics" not in before["build-packages.yml"]["jobs"]
    text = (project / "debwright.toml").read_text()
    (project / "debwright.toml").write_text(
        text.replace("[workflows]\n", "[workflows]\nmetrics = true\n")
    )
    found = written(project)
    job = found["build-packages.yml"]["jobs"]["metrics"]
    assert "github.event_name == 'push'" in job["if"], "a release is not of the main branch"
    assert job["steps"][-1]["run"] == "debwright metrics sync"
    assert job["permissions"] == {"contents": "write"}
    document = found["metrics.yml"]
    assert document["on"]["schedule"]
    (scheduled,) = document["jobs"].values()
    runs = [s["run"] for s in scheduled["steps"] if "run" in s]
    assert runs == [
        "debwright metrics sync", "debwright metrics ingest --github", "debwright metrics notify",
        "debwright metrics sync", "debwright dashboard",
    ]  # fmt: skip
    assert scheduled["steps"][-1]["with"]["path"] == "dist/dashboard"


def test_what_was_cross_built_is_checked_on_real_hardware_of_public_repositories(
    project: Path,
) -> None:
    jobs_of = written(project)["build-packages.yml"]["jobs"]
    job = jobs_of["arm"]
    assert "!github.event.repository.private" in job["if"]
    assert "needs.plan.outputs.arm != '[]'" in job["if"]
    assert job["runs-on"] == "${{ matrix.runner }}"
    (check,) = [s["run"] for s in job["steps"] if " check " in s.get("run", "")]
    assert "--sandbox nspawn-or-docker" in check


def test_a_release_may_call_every_job_of_the_build(project: Path) -> None:
    """GitHub begins no workflow whose called jobs ask for more than the caller grants."""
    text = (project / "debwright.toml").read_text()
    for metrics in ("false", "true"):
        (project / "debwright.toml").write_text(
            text.replace("[workflows]\n", f"[workflows]\nmetrics = {metrics}\n")
        )
        found = written(project)
        granted = found["release.yml"]["jobs"]["build"]["permissions"]
        for job in found["build-packages.yml"]["jobs"].values():
            for name, level in job["permissions"].items():
                assert granted.get(name) in {level, "write"}, (metrics, name)


def test_no_workflow_has_a_word_that_act_does_not_know(project: Path) -> None:
    """`debwright ci` could not run it: act 0.2.89 refuses concurrency.queue."""
    text = (project / "debwright.toml").read_text()
    (project / "debwright.toml").write_text(text + "[repository.pages]\n")
    for document in written(project).values():
        assert set(document["concurrency"]) == {"group", "cancel-in-progress"}
