"""The parts of the pipeline that are on GitHub: workflows, settings, runners.

Of secrets only the names are asked for.
"""

import os
from collections.abc import Iterator

from debwright.config.load import LoadedConfig
from debwright.doctor import Health
from debwright.github.http import Http
from debwright.github.place import TOKENS, github_repository
from debwright.model.errors import DebwrightError


def workflows(loaded: LoadedConfig) -> Iterator[Health]:
    """Whether .github/workflows is what debwright.toml says."""
    from debwright.ci.context import context_of
    from debwright.ci.sync import check

    try:
        number = check(*context_of(loaded))
    except DebwrightError as problem:
        yield Health(name="workflows", ok=False, needed=False, found=problem.what, fix=problem.fix)
    else:
        yield Health(name="workflows", ok=True, found=f"{number} files, all as they are to be")


def github(loaded: LoadedConfig) -> Iterator[Health]:
    """What GitHub says: settings and runners. Skipped, and said so, without token or repository."""
    place = github_repository(loaded)
    token = next((name for name in TOKENS if os.environ.get(name)), None)
    if place is None or token is None:
        why = "no repository on GitHub is known" if place is None else f"no {' or '.join(TOKENS)}"
        for name in ("settings", "runners"):
            yield Health(name=name, ok=False, needed=False, found=f"not looked at: {why}")
        return
    yield from _needs(loaded)
    with Http.from_environment() as http:
        yield from _runners(http, place)


def _needs(loaded: LoadedConfig) -> Iterator[Health]:
    from debwright.ci.context import top_context_of
    from debwright.ci.provider import provider_named

    try:
        context = top_context_of(loaded)
        provider = provider_named(context.settings.provider)
        needs = provider.look_at(list(provider.needs(context, loaded)), loaded)
    except DebwrightError as problem:
        yield _unseen("settings", problem)
        return
    for need in needs:
        yield Health(
            name=need.title, ok=need.met is True, needed=False,
            found=need.found or ("there" if need.met else "missing"),
            fix=None if need.met else need.how,
        )  # fmt: skip


def _runners(http: Http, place: str) -> Iterator[Health]:
    try:
        answer = http.request("GET", f"/repos/{place}/actions/runners", params={"per_page": 100})
        own = list(answer.json()["runners"])
    except (DebwrightError, KeyError, TypeError, ValueError) as problem:
        yield _unseen("runners", problem)
        return
    if not own:
        yield Health(name="runners", ok=True, found="GitHub's own alone")
    for runner in own:
        online = runner.get("status") == "online"
        yield Health(
            name=f"runner {runner.get('name')}", ok=online, needed=False,
            found=f"{runner.get('status')}{', busy' if runner.get('busy') else ''}",
            fix=None if online else "start its service there: ./svc.sh start",
        )  # fmt: skip


def _unseen(name: str, problem: Exception) -> Health:
    said = problem.what if isinstance(problem, DebwrightError) else "the answer is not GitHub's"
    return Health(
        name=name, ok=False, needed=False, found=f"not looked at: {said}",
        fix="a token that may read the repository's actions settings",
    )  # fmt: skip
