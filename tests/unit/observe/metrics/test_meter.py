"""What a stage's commands cost is counted for the stage."""

import sys
from contextvars import copy_context
from pathlib import Path
from threading import Thread

from debwright.host import process, usage


def test_commands_are_counted_with_their_children(tmp_path: Path) -> None:
    script = (
        "import os, subprocess, sys\n"
        "block = bytearray(64 << 20)\n"
        "end = os.times().user + 0.2\n"
        "while os.times().user < end: pass\n"
        f"with open({str(tmp_path / 'f')!r}, 'wb') as f: f.write(block); f.flush(); os.fsync(f)\n"
    )
    with usage.metered() as cost:
        process.run(["sh", "-c", '"$@" && :', "sh", sys.executable, "-c", script])
        usage.layer(made=True)
        usage.fetched(5)
    assert cost.cpu_seconds >= 0.2
    spent = cost.usage()
    assert spent.peak_memory_bytes is not None
    assert spent.peak_memory_bytes > 64 << 20
    assert spent.layers_made == 1
    assert spent.fetched_bytes == 5


def test_outside_of_a_stage_nothing_is_counted() -> None:
    with usage.metered() as cost:
        thread = Thread(target=lambda: usage.fetched(1))
        thread.start()
        thread.join()
        context = copy_context()
        thread = Thread(target=lambda: context.run(usage.fetched, 2))
        thread.start()
        thread.join()
        with usage.metered() as inner:
            usage.retried()
    usage.fetched(3)
    assert cost.fetched_bytes == 2
    assert (cost.retries, inner.retries) == (0, 1)
