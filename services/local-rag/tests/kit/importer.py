"""A process that imports a folder until it is killed."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from unittest.mock import patch

from kit.fakes import HashEmbedder, OpenGate
from local_rag.config.settings import Settings
from local_rag.documents.imports import ImportJobs
from local_rag.index import Store

# Forked from a process that has imported all of this, so that a run begins at once.
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload([__name__])


def _import(data: Path, folder: str, said: Connection) -> None:
    os.setsid()
    settings = Settings.model_validate(
        {
            "storage": {"data_dir": data},
            "chunking": {"max_tokens": 48, "overlap_tokens": 4},
            "embedding": {"batch_size": 8},
        }
    )
    words = HashEmbedder()
    with Store(settings.storage.database) as store:
        jobs = ImportJobs(store, lambda: words, settings, OpenGate())
        jobs.start()
        unfinished = store.jobs.unfinished()
        job = unfinished[0] if unfinished else jobs.submit([folder])
        said.send("begun")
        seen = -1
        while not (state := jobs.get(job.id)).state.finished:
            if state.done != seen:
                seen = state.done
                said.send(str(seen))
            time.sleep(0.001)
        said.send(f"finished {state.done} {state.failed}")
        jobs.stop()


class Importing:
    """An import in a process of its own."""

    def __init__(self, process: "multiprocessing.process.BaseProcess", ear: Connection) -> None:
        self._process = process
        self._ear = ear

    def hear(self) -> str | None:
        """Return what the process says next, or None when it has ended."""
        try:
            said: str = self._ear.recv()
        except (EOFError, OSError):
            return None
        return said

    def kill(self) -> None:
        """End it and all that it started, at once."""
        assert self._process.pid is not None
        os.killpg(self._process.pid, signal.SIGKILL)


@contextmanager
def importing(data: Path, folder: Path) -> Iterator[Importing]:
    # Some Pythons do not hand the path on to the server, and it then imports nothing beforehand.
    with patch.dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)):
        forkserver.ensure_running()
    ear, mouth = _SERVER.Pipe(duplex=False)
    process = _SERVER.Process(target=_import, args=(data, str(folder), mouth), daemon=True)
    process.start()
    mouth.close()
    with ear:
        yield Importing(process, ear)
    process.join(120)
    assert not process.is_alive()
