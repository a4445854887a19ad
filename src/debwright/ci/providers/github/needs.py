"""What a repository on GitHub must have for these workflows, and whether it has.

Sources: docs.github.com, "Managing environments for deployment", "REST API endpoints for
deployment environments", "... deployment branch policies", "... rules", "... GitHub Actions
permissions", "... GitHub Actions secrets".
"""

import json
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any
from urllib.parse import quote

from debwright.ci.context import Context
from debwright.ci.needs import Need
from debwright.config.publishing import Signing
from debwright.github.http import GithubError, Http
from debwright.model.errors import DebwrightError
from debwright.model.fix import Command

SECRET, ENVIRONMENT, POLICY, TAGS, SETTING = (
    "secret", "environment", "deployment policy", "tag policy", "setting",
)  # fmt: skip
MISSING = 404
WHOEVER = "$(gh api user --jq .id)"


def needs_of(context: Context, repository: str | None) -> Iterator[Need]:
    """All of them, in the order in which a person sets them up."""
    settings, prefix = context.settings, context.product.package.tag_prefix
    api = f"repos/{repository or '{owner}/{repo}'}"
    yield Need(
        kind=SETTING, name="actions",
        why="workflows run, and may use the actions of GitHub (actions/*, github/*)",
        how=Command("gh", "api", "--method", "PUT", f"{api}/actions/permissions",
                    "-F", "enabled=true", "-f", "allowed_actions=all"),
    )  # fmt: skip
    yield Need(
        kind=TAGS, name=f"{prefix}*",
        why="nobody moves or deletes the tag of a release",
        how=_sent("POST", f"{api}/rulesets", {
            "name": "releases", "target": "tag", "enforcement": "active",
            "conditions": {"ref_name": {"include": [f"refs/tags/{prefix}*"], "exclude": []}},
            "rules": [{"type": "update"}, {"type": "deletion"}],
        }),
    )  # fmt: skip
    if (pages := context.product.given_below("repository").get("pages")) is not None:
        branch = str(getattr(pages, "branch", "gh-pages"))
        yield Need(
            kind=SETTING, name=f"pages of {branch}",
            why="GitHub Pages serves the branch that publish.yml writes, once it is there",
            how=Command("gh", "api", "--method", "POST", f"{api}/pages",
                        "-f", f"source[branch]={branch}", "-f", "source[path]=/"),
        )  # fmt: skip
    for name in _environments(context):
        reviewed = name == settings.environment
        why = "its reviewers let a release begin" if reviewed else "it signs without a reviewer"
        named = {"protected_branches": False, "custom_branch_policies": True}
        body: dict[str, Any] = {"deployment_branch_policy": named}
        if reviewed:
            body["reviewers"] = [{"type": "User", "id": 0}]
        how = _sent("PUT", f"{api}/environments/{quote(name, safe='')}", body)
        # The person who types it becomes the first reviewer.
        how = how.replace('"id":0', f'"id":\'"{WHOEVER}"\'')
        yield Need(kind=ENVIRONMENT, name=name, why=why, how=how)
        path = f"{api}/environments/{quote(name, safe='')}/deployment-branch-policies"
        # A run by hand is of the branch that the button is pressed on, whatever tag it is given.
        kinds = [(settings.main, "branch"), *([(f"{prefix}*", "tag")] if reviewed else [])]
        for pattern, kind in kinds:
            yield Need(
                kind=POLICY, name=f"{kind} {pattern} of {name}",
                why=f"runs of this {kind}, and of nothing that is not named, get the secrets",
                how=Command("gh", "api", "--method", "POST", path, "-f", f"name={pattern}",
                            "-f", f"type={kind}"),
            )  # fmt: skip
        for secret in context.secrets:
            yield Need(
                kind=SECRET, name=f"{secret} of {name}", why=_purpose(secret, context),
                how=_set(secret, name, repository, context),
            )  # fmt: skip


def _environments(context: Context) -> list[str]:
    names = [context.settings.environment]
    if context.renewed:
        names.append(context.settings.renew_environment or context.settings.environment)
    return list(dict.fromkeys(names))


def _sent(method: str, path: str, body: dict[str, Any]) -> str:
    """A shell's line: gh takes nested values from its standard input only."""
    command = shlex.join(["gh", "api", "--method", method, path, "--input", "-"])
    return f"echo {shlex.quote(json.dumps(body, separators=(',', ':')))} | {command}"


def _purpose(secret: str, context: Context) -> str:
    signing = context.product.signing
    passphrases = [Signing.fixed_secrets[1], signing.passphrase_env]
    if secret == signing.key_of_jobs:
        return "the secret key that signs"
    if secret in passphrases:
        return "the key's passphrase; not set where the key has none"
    return "debwright.toml names it"


def _set(secret: str, environment: str, repository: str | None, context: Context) -> str:
    place = ("--repo", repository) if repository else ()
    command = Command("gh", "secret", "set", secret, "--env", environment, *place)
    if secret != context.product.signing.key_of_jobs:
        return command
    key = context.product.signing.key or "FINGERPRINT"
    return f"gpg --armor --export-secret-keys {key} | {command}"


def looked_at(needs: Iterable[Need], http: Http, repository: str) -> Iterator[Need]:
    """The same, each with what GitHub says of it. What cannot be asked stays not looked at."""
    seen = _Seen(http, repository)
    for need in needs:
        try:
            met, found = seen.judge(need)
        except DebwrightError as problem:
            yield replace(need, found=f"not looked at: {problem.what}")
        except (KeyError, TypeError, ValueError, AttributeError):
            yield replace(need, found="not looked at: the answer is not GitHub's")
        else:
            yield replace(need, met=met, found=found)


class _Seen:
    """What GitHub has; each thing is asked for once."""

    def __init__(self, http: Http, repository: str) -> None:
        self._http, self._base = http, f"/repos/{repository}"
        self._answers: dict[str, Any] = {}

    def judge(self, need: Need) -> tuple[bool, str]:
        """Whether it is met, and what was found. Raises DebwrightError."""
        if need.kind == SETTING:
            return self._pages(need.name) if need.name.startswith("pages ") else self._actions()
        if need.kind == TAGS:
            return self._tags(need.name)
        if need.kind == ENVIRONMENT:
            return self._environment(need)
        name, _, environment = need.name.rpartition(" of ")
        if need.kind == SECRET:
            return self._secret(name, environment)
        return self._policy(name, environment)

    def _actions(self) -> tuple[bool, str]:
        told = self._ask("/actions/permissions")
        allowed = told.get("allowed_actions", "all")
        if not told["enabled"] or allowed == "local_only":
            return False, f"enabled: {told['enabled']}; allowed: {allowed}"
        if allowed == "selected":
            chosen = self._ask("/actions/permissions/selected-actions")
            if not chosen["github_owned_allowed"]:
                return False, "only selected actions are allowed, and GitHub's own are not"
        return True, ""

    def _pages(self, name: str) -> tuple[bool, str]:
        told = self._ask("/pages", may_lack=True)
        if told is None:
            return False, "Pages is not enabled"
        source = told.get("source") or {}
        wanted = name.removeprefix("pages of ")
        return source.get("branch") == wanted, f"it serves {source.get('branch', 'no branch')}"

    def _tags(self, pattern: str) -> tuple[bool, str]:
        for rules in self._rulesets:
            included = rules["conditions"]["ref_name"]["include"]
            kinds = {rule["type"] for rule in rules["rules"]}
            covers = "~ALL" in included or f"refs/tags/{pattern}" in included
            if covers and {"update", "deletion"} <= kinds:
                return True, ""
        return False, "no active ruleset keeps these tags from being moved and deleted"

    @cached_property
    def _rulesets(self) -> list[Any]:
        listed = self._ask("/rulesets?targets=tag&per_page=100")
        active = [r for r in listed if r["target"] == "tag" and r["enforcement"] == "active"]
        return [self._ask(f"/rulesets/{int(r['id'])}") for r in active]

    def _environment(self, need: Need) -> tuple[bool, str]:
        told = self._environment_of(need.name)
        if told is None:
            return False, "there is none of this name"
        kinds = {rule["type"] for rule in told.get("protection_rules", ())}
        if "reviewers" in need.how and "required_reviewers" not in kinds:
            return False, "it has no required reviewers"
        if told.get("deployment_branch_policy") is None:
            return False, "every branch and tag may use it"
        return True, ""

    def _environment_of(self, name: str) -> Any:
        return self._ask(f"/environments/{quote(name, safe='')}", may_lack=True)

    def _policy(self, name: str, environment: str) -> tuple[bool, str]:
        told = self._environment_of(environment)
        if told is None:
            return False, "the environment is not there"
        if told.get("deployment_branch_policy") is None:
            return False, "every branch and tag may use the environment"
        kind, _, wanted = name.partition(" ")
        if told["deployment_branch_policy"].get("protected_branches"):
            return kind == "branch", "protected branches, and no tag, may use the environment"
        path = f"/environments/{quote(environment, safe='')}/deployment-branch-policies"
        # GitHub's older answers have no type: those are of branches.
        there = [
            str(p["name"])
            for p in self._ask(f"{path}?per_page=100")["branch_policies"]
            if p.get("type", "branch") == kind
        ]
        return any(fnmatchcase(wanted, pattern) for pattern in there), ", ".join(there) or "none"

    def _secret(self, name: str, environment: str) -> tuple[bool, str]:
        path = f"/environments/{quote(environment, safe='')}/secrets?per_page=100"
        of_environment = self._ask(path, may_lack=True) or {"secrets": []}
        if name in _names(of_environment):
            return True, ""
        if name in _names(self._ask("/actions/secrets?per_page=100")):
            return True, "set for the whole repository; an environment's own is for its jobs alone"
        return False, "not set"

    def _ask(self, path: str, *, may_lack: bool = False) -> Any:
        if path not in self._answers:
            try:
                answer = self._http.request("GET", self._base + path).json()
            except GithubError as error:
                if not may_lack or error.status != MISSING:
                    raise
                answer = None
            self._answers[path] = answer
        return self._answers[path]


def _names(answer: Any) -> set[str]:
    return {str(secret["name"]) for secret in answer["secrets"]}
