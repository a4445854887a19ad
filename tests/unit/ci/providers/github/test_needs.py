"""What a repository on GitHub must have: the list, and what GitHub says of it."""

import json
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.kit.installing import LINE

from debwright.ci.context import context_of, top_context_of
from debwright.ci.needs import Need, checklist
from debwright.ci.providers.github.needs import WHOEVER, looked_at, needs_of
from debwright.ci.sync import sync
from debwright.config import load
from debwright.github.http import GithubError

PLACE = "example/greeter"
BASE = f"/repos/{PLACE}"
SET_UP: dict[str, Any] = {
    "/actions/permissions": {"enabled": True, "allowed_actions": "selected"},
    "/actions/permissions/selected-actions": {"github_owned_allowed": True},
    "/rulesets?targets=tag&per_page=100": [
        {"id": 7, "target": "tag", "enforcement": "active"},
        {"id": 8, "target": "tag", "enforcement": "disabled"},
    ],
    "/rulesets/7": {
        "conditions": {"ref_name": {"include": ["refs/tags/v*"], "exclude": []}},
        "rules": [{"type": "update"}, {"type": "deletion"}],
    },
    "/environments/release": {
        "protection_rules": [{"type": "required_reviewers"}, {"type": "branch_policy"}],
        "deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True},
    },
    "/environments/release/deployment-branch-policies?per_page=100": {
        "branch_policies": [{"name": "main"}, {"name": "v*", "type": "tag"}]
    },
    "/environments/release/secrets?per_page=100": {
        "secrets": [{"name": "DEBWRIGHT_SIGNING_KEY"}, {"name": "DEBWRIGHT_SIGNING_PASSPHRASE"}]
    },
    "/actions/secrets?per_page=100": {"secrets": []},
}


@dataclass
class Answers:
    """A GitHub that has `there`, and refuses or does not know all else."""

    there: dict[str, Any]
    status: int = 404

    def request(self, method: str, path: str) -> Any:
        assert method == "GET", "the list only looks"
        found = self.there.get(path.removeprefix(BASE))
        if found is None:
            raise GithubError("refused", status=self.status)
        return type("Answer", (), {"json": lambda _: json.loads(json.dumps(found))})()


def needs(directory: Path, text: str = "") -> list[Need]:
    (directory / "debwright.toml").write_text(f"{text}[workflows]\n{LINE}")
    subprocess.run(["git", "init", "-q", directory], check=True)
    return list(needs_of(context_of(load(directory))[1], PLACE))


def judged(wanted: list[Need], there: dict[str, Any], status: int = 404) -> dict[str, bool | None]:
    answers: Any = Answers(there, status)
    return {need.title: need.met for need in looked_at(wanted, answers, PLACE)}


def test_the_signing_key_reaches_the_release_of_a_project_that_names_none(tmp_path: Path) -> None:
    needs(tmp_path)
    sync(*context_of(load(tmp_path)))
    release = yaml.safe_load((tmp_path / ".github/workflows/release.yml").read_text())
    for job in ("preflight", "draft"):
        (step,) = [s for s in release["jobs"][job]["steps"] if "env" in s]
        assert step["env"]["DEBWRIGHT_SIGNING_KEY"] == "${{ secrets.DEBWRIGHT_SIGNING_KEY }}"
        assert "DEBWRIGHT_SIGNING_PASSPHRASE" in step["env"]


def test_the_list_has_every_secret_that_a_workflow_reads(tmp_path: Path) -> None:
    listed = needs(tmp_path, '[notify.webhook]\nurl_env = "CHAT_URL"\n')
    sync(*context_of(load(tmp_path)))
    text = (tmp_path / ".github/workflows/release.yml").read_text()
    names = {n.name.split(" of ")[0] for n in listed if n.kind == "secret"}
    assert names == {
        "DEBWRIGHT_SIGNING_KEY", "DEBWRIGHT_SIGNING_PASSPHRASE", "CHAT_URL",
    }  # fmt: skip
    assert all(f"secrets.{name} " in text for name in names)
    environments = {n.name for n in listed if n.kind == "environment"}
    written = yaml.safe_load(text)["jobs"].values()
    assert {j["environment"] for j in written if "environment" in j} == environments


def test_every_line_has_a_command_that_a_shell_can_read(tmp_path: Path) -> None:
    for need in needs(tmp_path):
        words = shlex.split(need.how)
        assert words[0] in ("gh", "gpg", "echo"), need
        if words[0] == "echo":
            assert isinstance(json.loads(words[1].replace(WHOEVER, "1")), dict)


def test_all_is_ticked_off_where_all_is_set_up(tmp_path: Path) -> None:
    found = judged(needs(tmp_path), SET_UP)
    assert set(found.values()) == {True}
    assert {"setting actions", "tag policy v*", "environment release",
            "deployment policy tag v* of release", "deployment policy branch main of release"
            } <= set(found)  # fmt: skip


@pytest.mark.parametrize(
    ("path", "answer", "title"),
    [
        ("/actions/permissions", {"enabled": False}, "setting actions"),
        ("/actions/permissions/selected-actions", {"github_owned_allowed": False},
         "setting actions"),
        ("/rulesets/7", {**SET_UP["/rulesets/7"], "rules": [{"type": "deletion"}]},
         "tag policy v*"),
        ("/environments/release", None, "environment release"),
        ("/environments/release", {"protection_rules": [], "deployment_branch_policy": {}},
         "environment release"),
        ("/environments/release/deployment-branch-policies?per_page=100",
         {"branch_policies": [{"name": "v*"}]}, "deployment policy tag v* of release"),
        ("/environments/release/secrets?per_page=100", {"secrets": []},
         "secret DEBWRIGHT_SIGNING_KEY of release"),
    ],
)  # fmt: skip
def test_what_is_missing_is_not_ticked_off(
    path: str, answer: Any, title: str, tmp_path: Path
) -> None:
    found = judged(needs(tmp_path), {**SET_UP, path: answer})
    assert found[title] is False


def test_what_may_not_be_read_is_neither_there_nor_missing(tmp_path: Path) -> None:
    listed = needs(tmp_path)
    assert set(judged(listed, {}, status=403).values()) == {None}
    assert set(judged(listed, {**SET_UP, "/environments/release": []}).values()) <= {None, True}
    lines = checklist(listed)
    assert lines[0].startswith("[?] setting actions: ")
    assert sum(line.startswith("[") for line in lines) == len(listed)


def test_a_project_below_the_top_has_the_workflows_of_the_top(tmp_path: Path) -> None:
    needs(tmp_path)
    text = (tmp_path / "debwright.toml").read_text()
    (tmp_path / "debwright.toml").write_text(f'{text}project = "a/b"\nenvironment = "live"\n')
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/debwright.toml").write_text('[package]\ntag_prefix = "b-"\n')
    context = top_context_of(load(tmp_path / "a/b"))
    assert (context.settings.environment, context.project) == ("live", "a/b")
    assert context.product.package.tag_prefix == "b-"
