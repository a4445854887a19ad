"""How often `debwright diagnose` is right on logs that no rule was written with, and how fast.

    python bench/diagnose.py [--peer PYTHON] [--gigabytes N]

Beside it, what buildlog-consultant says of the same logs; PYTHON is an interpreter that has it
(it pins other versions of libraries, so an environment of its own). Its problems have other names
than ours: counted is whether it names a cause at all, and each is printed for a reader to judge.
"""

import argparse
import io
import json
import lzma
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import records

TOP = Path(__file__).parent.parent
sys.path.insert(0, str(TOP))

from tests.corpus.cases import Case, everything  # noqa: E402

from debwright.observe.diagnose.diagnose import diagnose_file, diagnose_stream  # noqa: E402

LOGS = TOP / "tests/corpus/logs"
PRECISION, RECALL, SPEED = 97.0, 85.0, 50.0
SUCCESS = ("build-ok", "build-ok-c", "python-ok", "apt-ok", "install-ok", "docker-ok", "journal-ok")
PEER = """
import json, sys
from buildlog_consultant.common import find_build_failure_description
from buildlog_consultant.sbuild import worker_failure_from_sbuild_log, SbuildLog
for path in sys.stdin.read().split():
    lines = open(path, errors="replace").read().splitlines(True)
    try:
        match, problem = find_build_failure_description(lines)
        said = None if problem is None else f"{problem.kind}: {problem}"
    except BaseException as error:  # its Rust part panics
        said = f"it crashed: {type(error).__name__}"
    print(json.dumps(said))
"""


class Log(io.RawIOBase):
    """A build's log again and again, to the size asked for."""

    def __init__(self, block: bytes, size: int) -> None:
        self.block, self.left, self.at = block, size, 0

    def read(self, size: int = -1) -> bytes:
        size = min(size, self.left, len(self.block) - self.at)
        part = self.block[self.at : self.at + size]
        self.at = (self.at + size) % len(self.block)
        self.left -= size
        return part


def there(cases: Sequence[Case]) -> list[Case]:
    return [c for c in cases if (LOGS / f"{c.name}.log.xz").exists()]


def judged(name: str, cases: Sequence[Case]) -> list[records.Row]:
    """Precision and recall; a case whose cause nobody could know counts as wrong if answered."""
    right = wrong = 0
    for case in cases:
        found = diagnose_file(LOGS / f"{case.name}.log.xz")
        said = found.root.code if found.root else 0
        right += said == case.code and said != 0
        wrong += said not in (0, case.code)
        if said != case.code:
            print(f"    {case.name}: {case.code} was wanted, {said or 'unknown'} was said")
    knowable = sum(1 for c in cases if c.code)
    precision = 100 * right / max(1, right + wrong)
    recall = 100 * right / max(1, knowable)
    count = f"{len(cases)} logs, {knowable} with a cause that can be known"
    rows = [
        records.at_least(f"precision, {name}", precision, PRECISION, " %", count),
        records.at_least(f"recall, {name}", recall, RECALL, " %", count),
    ]
    print(f"\n{records.table(rows)}\n", flush=True)
    return rows


def silent() -> records.Row:
    """Logs of work that ended well, and texts that are no logs: nothing may be said."""
    paths = [LOGS / f"{name}.log.xz" for name in SUCCESS]
    paths += [*TOP.glob("docs/**/*.md"), *TOP.glob("src/**/*.py"), *TOP.glob("services/**/*.md")]
    paths += [p for p in Path("/usr/share/doc").glob("*/copyright") if p.is_file()][:200]
    paths = [p for p in paths if "docs/diagnosis" not in str(p)]
    wrong = [p for p in paths if diagnose_file(p).problems]
    print(f"success and unrelated text: {len(paths)} files, {len(wrong)} wrong (0 wanted)")
    for path in wrong[:10]:
        print(f"    {path.name}: {diagnose_file(path).problems[0].code}")
    return records.row("answers to logs of success and other texts", len(wrong), 0, "",
                       f"{len(paths)} files")  # fmt: skip


def peer(python: str, cases: Sequence[Case], scratch: Path) -> list[records.Row]:
    """What buildlog-consultant says."""
    paths = []
    for case in cases:
        path = scratch / f"{case.name}.log"
        path.write_bytes(lzma.decompress((LOGS / f"{case.name}.log.xz").read_bytes()))
        paths.append(str(path))
    done = subprocess.run(
        [python, "-c", PEER], input="\n".join(paths), capture_output=True, text=True, check=False
    )
    said = [json.loads(line) for line in done.stdout.splitlines()]
    if len(said) != len(cases):
        print(f"buildlog-consultant did not come to its end: {done.stderr.strip()[-300:]}")
        return []
    named = sum(1 for s in said if s is not None and not s.startswith("it crashed"))
    print(f"buildlog-consultant: names a cause for {named} of {len(cases)} held-out logs")
    for case, text in zip(cases, said, strict=True):
        print(f"    {case.name} ({case.code}): {text}")
    name = "buildlog-consultant on the same held-out logs"
    return [records.Row(name, f"{named} of {len(cases)}", "for the record", None,
                        "it names some cause, right or wrong")]  # fmt: skip


def speed(gigabytes: float) -> list[records.Row]:
    names = [c.name for c in everything() if c.where == "build"]
    real = [lzma.decompress((LOGS / f"{n}.log.xz").read_bytes()) for n in names
            if (LOGS / f"{n}.log.xz").exists()]  # fmt: skip
    compile_line = b"cc -g -O2 -fstack-protector-strong -Wformat -Werror=format-security -c %d.c\n"
    block = b"".join(compile_line % n for n in range(200_000)) + b"".join(real[:40])
    started, cpu = time.monotonic(), time.process_time()
    size = int(gigabytes * 1e9)
    found = diagnose_stream(Log(block, size), "bench")  # type: ignore[arg-type]
    seconds, used = time.monotonic() - started, time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    detail = f"{gigabytes:g} GB in {seconds:.1f} s ({used:.1f} s of processor time)"
    return [
        records.at_least("speed", found.size / 1e6 / seconds, SPEED, " MB/s", detail),
        records.Row("peak memory", f"{memory:.0f} MB", "for the record", None, "on that log"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", metavar="PYTHON")
    parser.add_argument("--gigabytes", type=float, default=0.2)
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    arguments = parser.parse_args()
    cases = there(everything())
    rows = judged("logs the rules were written with",
                  [c for c in cases if not c.held_out and not c.succeeds])  # fmt: skip
    rows += judged("held-out logs", [c for c in cases if c.held_out and not c.later])
    rows += judged("logs written later", [c for c in cases if c.later])
    rows.append(silent())
    rows += speed(arguments.gigabytes)
    if arguments.peer:
        with tempfile.TemporaryDirectory() as scratch:
            rows += peer(arguments.peer, [c for c in cases if c.held_out], Path(scratch))
    print(f"\n{records.table(rows)}\n")
    if arguments.write:
        records.save("diagnose", "Diagnosis", "", rows)


if __name__ == "__main__":
    main()
