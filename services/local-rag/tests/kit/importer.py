"""A process that imports a folder until it is killed. Started by test_kill.py."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from kit.fakes import HashEmbedder, OpenGate
from local_rag.config.settings import Settings
from local_rag.documents.imports import ImportJobs
from local_rag.index import Store


def main() -> int:
    data, folder = Path(sys.argv[1]), sys.argv[2]
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
        print("begun", flush=True)
        seen = -1
        while not (state := jobs.get(job.id)).state.finished:
            if state.done != seen:
                seen = state.done
                print(seen, flush=True)
            time.sleep(0.001)
        print(f"finished {state.done} {state.failed}", flush=True)
        jobs.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
