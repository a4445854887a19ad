"""Follows import jobs with a progress bar, and says how they ended."""

import time
from typing import Any

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from local_rag.cli import output
from local_rag.cli.client import Client
from local_rag.cli.output import Exit

_ENDED = ("done", "failed", "cancelled")
_FIRST_WAIT_S = 0.1
_LONGEST_WAIT_S = 1.0
_SHOWN_FAILURES = 20
_SHOWN_PLACES = 3
_SHOWN_REASONS = 20
_COUNTED = ("done", "unchanged", "skipped", "failed")
# The state of what stayed here, in lists of items of the service.
NOT_SENT = "not-sent"


def say_started(jobs: list[dict[str, Any]]) -> None:
    """Say which imports run, and how to see them."""
    for job in jobs:
        output.say(f"Import {job['id']} has begun. See: local-rag imports show {job['id']}")


def follow(client: Client, job: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
    """Wait until a job has ended and return its last state.

    Interrupting this leaves the job running, and says so.
    """
    console = output.console(stderr=True)
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    )  # fmt: skip
    wait = _FIRST_WAIT_S
    last = ""
    try:
        with Progress(*columns, console=console, disable=quiet, transient=True) as bar:
            task = bar.add_task("Importing", total=None)
            while job["state"] not in _ENDED:
                time.sleep(wait)
                wait = min(wait * 1.3, _LONGEST_WAIT_S)
                job = client.call("GET", f"/imports/{job['id']}")
                finished = sum(job[state] for state in _COUNTED)
                bar.update(task, total=job["total"] or None, completed=finished)
                reason = job["error"] or ""
                if job["state"] == "paused" and reason != last and not quiet:
                    output.say(output.text("waiting: ", "yellow"), reason, stderr=True)
                    last = reason
    except KeyboardInterrupt:
        output.say(
            f"\nThe import goes on in the service. Stop it: local-rag imports cancel {job['id']}",
            stderr=True,
        )
        raise
    return job


def report(
    client: Client,
    jobs: list[dict[str, Any]],
    *,
    as_json: bool,
    left_out: list[dict[str, Any]],
) -> int:
    """Print how jobs ended, and return the exit code; `left_out` is what was not even sent."""
    failures = [item for job in jobs for item in _items(client, job, "failed")]
    skipped = left_out + [item for job in jobs for item in _items(client, job, "skipped")]
    if as_json:
        output.write_json({"jobs": jobs, "failures": failures, "skipped": skipped})
    else:
        _print(jobs, failures, skipped)
    done = sum(job["done"] + job["unchanged"] for job in jobs)
    if not failures and all(job["state"] == "done" for job in jobs) and (done or not skipped):
        return Exit.OK
    return Exit.PARTLY if done else Exit.FAILED


def _items(client: Client, job: dict[str, Any], state: str) -> list[dict[str, Any]]:
    if not job[state]:
        return []
    params = {"state": state, "limit": 1000}
    page = client.call("GET", f"/imports/{job['id']}/items", params=params)
    items: list[dict[str, Any]] = page["items"]
    return items


def _print(
    jobs: list[dict[str, Any]], failures: list[dict[str, Any]], skipped: list[dict[str, Any]]
) -> None:
    sent = sum(job["skipped"] for job in jobs)
    counts = {key: sum(job[key] for job in jobs) for key in _COUNTED}
    counts["skipped"] += sum(1 for item in skipped if item["state"] == NOT_SENT)
    parts = [f"{counts['done']} imported"]
    parts += [f"{counts[key]} {key}" for key in _COUNTED[1:] if counts[key]]
    output.say(", ".join(parts) + ".")
    _print_skipped(skipped, more=sent > 1000)
    for job in jobs:
        if job["state"] != "done":
            reason = f": {job['error']}" if job["error"] else ""
            output.say(f"Import {job['id']} ", output.state(job["state"]), reason, stderr=True)
            output.say(f"  try: local-rag imports resume {job['id']}", stderr=True)
    for item in failures[:_SHOWN_FAILURES]:
        output.say(
            output.text("failed: ", "red"),
            f"{output.place(item['uri'])}: {item['error']}",
            stderr=True,
        )
    if len(failures) > _SHOWN_FAILURES:
        output.say(f"and {len(failures) - _SHOWN_FAILURES} more", stderr=True)


def _print_skipped(skipped: list[dict[str, Any]], *, more: bool) -> None:
    """Print why files were skipped: one line a reason, with the first few of them."""
    reasons: dict[str, list[str]] = {}
    for item in skipped:
        reasons.setdefault(str(item["error"]), []).append(output.place(item["uri"]))
    often = sorted(reasons.items(), key=lambda pair: -len(pair[1]))
    for reason, places in often[:_SHOWN_REASONS]:
        shown = ", ".join(places[:_SHOWN_PLACES])
        rest = f" and {len(places) - _SHOWN_PLACES} more" if len(places) > _SHOWN_PLACES else ""
        output.say(output.text("skipped: ", "yellow"), f"{reason}: {shown}{rest}", stderr=True)
    if more or len(often) > _SHOWN_REASONS:
        output.say("and more; see: local-rag imports show ID --skipped", stderr=True)
