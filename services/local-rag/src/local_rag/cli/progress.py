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
                finished = job["done"] + job["skipped"] + job["failed"]
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


def report(client: Client, jobs: list[dict[str, Any]], *, as_json: bool) -> int:
    """Print how jobs ended, and return the exit code."""
    failures = [item for job in jobs if job["failed"] for item in _failures(client, job)]
    if as_json:
        output.write_json({"jobs": jobs, "failures": failures})
    else:
        _print(jobs, failures)
    done = sum(job["done"] + job["skipped"] for job in jobs)
    if not failures and all(job["state"] == "done" for job in jobs):
        return Exit.OK
    return Exit.PARTLY if done else Exit.FAILED


def _failures(client: Client, job: dict[str, Any]) -> list[dict[str, Any]]:
    params = {"state": "failed", "limit": 1000}
    page = client.call("GET", f"/imports/{job['id']}/items", params=params)
    items: list[dict[str, Any]] = page["items"]
    return items


def _print(jobs: list[dict[str, Any]], failures: list[dict[str, Any]]) -> None:
    parts = [f"{sum(job['done'] for job in jobs)} imported"]
    for key, word in (("skipped", "unchanged"), ("failed", "failed")):
        count = sum(job[key] for job in jobs)
        if count:
            parts.append(f"{count} {word}")
    output.say(", ".join(parts) + ".")
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
