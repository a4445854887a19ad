"""This version against the release before it: both in one run, taking turns.

Run: python bench/compare.py [--before REVISION|DIRECTORY] [--rounds N] [--write]

The release before is the commit in bench/baseline.json, taken out of git. Each round starts either
service once on an empty index, with the real embedding model if it is there, and measures from
outside, by the interface that users have:

- start: processor time until /health answers
- import: processor time of an upload of documents, until it is done
- question: processor time of questions, passages only
- memory: resident after that

Processor time, since a busy machine changes it less than the clock; the clock is printed beside it.
A figure is the median over the rounds of this version's over the other's in the same round. More
than 1.05 is a loss: exit code 1. 5: something that is needed is missing. `--write` keeps the
figures in bench/compared.json and docs/benchmarks.md.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from statistics import median

import httpx

import startup

TOP = Path(__file__).parents[1]
BASELINE = TOP / "bench/baseline.json"
COMPARED = TOP / "bench/compared.json"
PAGE = TOP / "docs/benchmarks.md"
BEGIN, END = "<!-- bench/compare.py: begin -->", "<!-- bench/compare.py: end -->"
MOST = 1.05
"""At most 5 % worse than the release before."""
NOISE = 0.05
PATIENCE_S = 600.0
DOCUMENTS = 12
QUESTIONS = (
    "When does the lease of the garden end?",
    "How is a backup made?",
    "Who pays for the repair of the roof?",
    "number of the invoice",
)
TURNS = 15


class Missing(Exception):
    """Something that is needed is not there; says what, and what to do."""


@dataclass(frozen=True)
class Measured:
    """One start of one version. Seconds, MiB."""

    start_cpu: float
    import_cpu: float
    question_cpu: float
    memory: float
    start_clock: float
    import_clock: float
    question_clock: float


@dataclass(frozen=True)
class Row:
    """A figure of this version over that of the release before."""

    name: str
    before: float
    after: float
    ratio: float
    noise: float
    """How far the release before differs from itself between rounds: greatest less least, over
    the median."""
    bound: float | None

    @property
    def kept(self) -> bool:
        return self.bound is None or self.ratio <= self.bound


ROWS = {
    "start_cpu": ("start, processor s", MOST),
    "import_cpu": ("import, processor s", MOST),
    "question_cpu": ("questions, processor s", MOST),
    "memory": ("memory, MiB", MOST),
    "start_clock": ("start, clock s", None),
    "import_clock": ("import, clock s", None),
    "question_clock": ("questions, clock s", None),
}


def compared(rounds: Sequence[tuple[Measured, Measured]]) -> list[Row]:
    """The rows of rounds of (before, after)."""
    rows = []
    for field, (name, bound) in ROWS.items():
        pairs = [(getattr(b, field), getattr(a, field)) for b, a in rounds]
        before = [b for b, _ in pairs]
        middle = median(before)
        rows.append(
            Row(
                name=name,
                before=middle,
                after=median(a for _, a in pairs),
                ratio=median(a / b for b, a in pairs),
                noise=(max(before) - min(before)) / middle,
                bound=bound,
            )
        )
    return rows


def baseline() -> Mapping[str, str]:
    """What is the release before."""
    return dict(json.loads(BASELINE.read_text(encoding="utf-8")))


def source_of(revision: str, work: Path, top: Path = TOP) -> Path:
    """The `src` of a revision in git, or of a directory. Raises Missing."""
    if Path(revision).is_dir():
        return Path(revision).resolve() / "src"
    archive = work / "source.tar"
    done = subprocess.run(
        ["git", "-C", str(top), "archive", f"--output={archive}", revision, "src"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise Missing(
            f"{revision} cannot be had from git: {done.stderr.strip()}\n"
            "a shallow clone lacks it: git fetch --unshallow; or --before DIRECTORY"
        )
    subprocess.run(["tar", "-x", "-C", str(work), "-f", str(archive)], check=True)
    return work / "src"


def model() -> Path | None:
    """MiniLM as the tests make it; None when its packages are not installed."""
    from models import minilm

    try:
        return minilm()
    except BaseException as error:  # pytest's Skipped is no Exception
        if type(error).__name__ != "Skipped":
            raise
        return None


def cpu_seconds(pid: int) -> float:
    """Processor time of a process and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def measure(source: Path, documents: Sequence[Path], gguf: Path | None) -> Measured:
    """Start the version of `source`, use it, end it."""
    with tempfile.TemporaryDirectory(prefix="local-rag-bench-") as folder:
        place, port = Path(folder), startup.free_port()
        environment = {**startup.prepare(place, port, gguf), "PYTHONPATH": str(source)}
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-c", "from local_rag.cli import main; main()", "serve"],
            env=environment, stdout=subprocess.DEVNULL, stderr=(place / "log").open("wb"),
        )  # fmt: skip
        try:
            startup.wait_for(process, port, place, lambda _: True)
            start_clock = time.perf_counter() - began
            start_cpu = cpu_seconds(process.pid)
            if gguf is not None:
                startup.wait_for(process, port, place, startup.embedding_loaded)
            with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=120) as client:
                imported = spent(process.pid, lambda: import_all(client, documents))
                asked = spent(process.pid, lambda: ask_all(client, has_model=gguf is not None))
            memory = startup.resident_mib(process.pid)
        finally:
            startup.end(process)
    return Measured(
        start_cpu=start_cpu, import_cpu=imported[0], question_cpu=asked[0], memory=memory,
        start_clock=start_clock, import_clock=imported[1], question_clock=asked[1],
    )  # fmt: skip


def spent(pid: int, work: Callable[[], None]) -> tuple[float, float]:
    """Processor and clock seconds of some work."""
    cpu, clock = cpu_seconds(pid), time.perf_counter()
    work()
    return cpu_seconds(pid) - cpu, time.perf_counter() - clock


def import_all(client: httpx.Client, documents: Sequence[Path]) -> None:
    """Upload and wait. Raises SystemExit when one was not taken."""
    files = [("file", (path.name, path.read_bytes())) for path in documents]
    answer = client.post("/documents", files=files).raise_for_status().json()
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        job = client.get(f"/imports/{answer['id']}").raise_for_status().json()
        if job["state"] in ("done", "failed", "cancelled"):
            break
        time.sleep(0.05)
    if job["state"] != "done" or job["failed"]:
        raise SystemExit(f"the import did not end well: {job}")


def ask_all(client: httpx.Client, *, has_model: bool) -> None:
    """Every question a few times. Raises SystemExit when one finds nothing at all."""
    mode = "hybrid" if has_model else "keyword"
    for _ in range(TURNS):
        for question in QUESTIONS:
            body = {"question": question, "passages_only": True, "mode": mode}
            answer = client.post("/query", json=body).raise_for_status().json()
            if "passages" not in answer:
                raise SystemExit(f"no answer: {answer}")


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown."""
    lines = [
        "| what | before | now | now / before | at most |",
        "|------|-------:|----:|-------------:|--------:|",
    ]
    for row in rows:
        bound = "for the record" if row.bound is None else f"{row.bound:.2f}"
        mark = "" if row.kept else " **loss**"
        lines.append(
            f"| {row.name} | {row.before:.2f} | {row.after:.2f} | {row.ratio:.3f}{mark} | {bound} |"
        )
    return "\n".join(lines)


def section(record: Mapping[str, object]) -> str:
    """What docs/benchmarks.md says of a run that was kept."""
    rows = [Row(**row) for row in record["rows"]]  # type: ignore[attr-defined]
    return (
        f"{BEGIN}\n"
        f"Measured on {record['date']}, {record['machine']}; {record['rounds']} rounds, "
        f"against {record['version']} ({str(record['commit'])[:12]}).\n\n{table(rows)}\n{END}"
    )


def write(record: Mapping[str, object], page: Path = PAGE, kept: Path = COMPARED) -> None:
    """Keep a run; the page has the table between two marks."""
    text = page.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    kept.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    page.write_text(head + section(record) + tail, encoding="utf-8")


def documents_in(folder: Path) -> list[Path]:
    """Documents of some pages, the same for both versions."""
    import import_ as importing

    importing.write_documents(folder, DOCUMENTS, turn=1)
    return sorted(folder.iterdir())


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say whether anything was lost."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    known = baseline()
    parser.add_argument("--before", default=known["commit"], metavar="REVISION|DIRECTORY")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="local-rag-compare-") as folder:
        work = Path(folder)
        try:
            before, gguf = source_of(options.before, work), model()
        except Missing as missing:
            print(missing, file=sys.stderr)
            return 5
        if gguf is None:
            print("without an embedding model: its packages are not installed", file=sys.stderr)
        documents = documents_in(work / "documents")
        rounds = []
        for number in range(options.rounds):
            # Whoever is second finds a machine that the first has warmed: they change places.
            order = [before, TOP / "src"] if number % 2 == 0 else [TOP / "src", before]
            found = {source: measure(source, documents, gguf) for source in order}
            rounds.append((found[before], found[TOP / "src"]))
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)
    rows = compared(rounds)
    print(table(rows))
    noisy = [row.name for row in rows if row.bound is not None and row.noise > NOISE]
    if noisy:
        print(f"the machine was not quiet: the release before differs from itself in {noisy}")
    if options.write:
        write(
            {
                "version": known["version"], "commit": options.before, "rounds": options.rounds,
                "date": datetime.now(timezone.utc).date().isoformat(),
                "machine": f"{os.cpu_count()} cores, {platform.machine()}, "
                f"Python {platform.python_version()}",
                "rows": [asdict(row) for row in rows],
            }
        )  # fmt: skip
    return 0 if all(row.kept for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
