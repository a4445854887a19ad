"""Where and on what a run happens: the class of the machine, the branch, the CI run."""

import math
import os
import re
from dataclasses import dataclass
from pathlib import Path

MEMINFO = Path("/proc/meminfo")


@dataclass(frozen=True, kw_only=True)
class Ci:
    """The run of a workflow that debwright was started by."""

    key: str
    url: str


def machine_class(host: str) -> str:
    """What decides how fast a machine is, and nothing that names it: runs of one class compare.

    `host` is what `describe_host` says of it.
    """
    cores = len(os.sched_getaffinity(0))
    memory = _memory_gib()
    arch, _, system = host.partition(" ")
    parts = [arch, f"{cores} core{'' if cores == 1 else 's'}"]
    if memory:
        parts.append(f"{memory} GiB")
    parts.append(system)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        parts.append("github")
    return " ".join(parts)


def _memory_gib() -> int | None:
    """Memory to the nearest power of two: firmware and kernel take some, differently each time."""
    try:
        match = re.search(r"^MemTotal:\s+(\d+) kB", MEMINFO.read_text(), re.M)
    except OSError:
        return None
    return None if match is None else 1 << max(0, round(math.log2(int(match[1]) / 1024**2)))


def ci_run() -> Ci | None:
    """From the variables that GitHub Actions sets; None elsewhere."""
    repository, run = os.environ.get("GITHUB_REPOSITORY", ""), os.environ.get("GITHUB_RUN_ID", "")
    if os.environ.get("GITHUB_ACTIONS") != "true" or not repository or not run.isdecimal():
        return None
    attempt = os.environ.get("GITHUB_RUN_ATTEMPT", "1")
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
    return Ci(key=ci_key(repository, run, attempt), url=f"{server}/{repository}/actions/runs/{run}")


def ci_key(repository: str, run: int | str, attempt: int | str) -> str:
    return f"github:{repository}:{run}:{attempt}"


def branch_of(directory: Path) -> str | None:
    """The branch that is worked on; None when HEAD is detached, or outside git.

    Read without starting git (gitrepository-layout(7)): it is asked at the end of every run.
    """
    for name in ("GITHUB_HEAD_REF", "GITHUB_REF_NAME"):
        if value := os.environ.get(name):
            return value
    for parent in (directory.absolute(), *directory.absolute().parents):
        git = parent / ".git"
        if git.is_file():
            pointer = git.read_text(errors="replace").removeprefix("gitdir:").strip()
            git = parent / pointer
        try:
            head = (git / "HEAD").read_text(errors="replace").strip()
        except OSError:
            continue
        return head.removeprefix("ref: refs/heads/") if head.startswith("ref: ") else None
    return None
