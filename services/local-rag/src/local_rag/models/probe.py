"""Trying a model in a process of its own.

llama.cpp ends the whole process on some broken models. A model nobody has tried here yet is
therefore first loaded and run once in a child; if that dies, the service lives and can say why.

    python -m local_rag.models.probe embedding|llm FILE [exam]

With `exam` a language model is also put to a small test (`models.exam`).
"""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from local_rag.core import process as child
from local_rag.core.errors import CpuUnsupported, ModelError, RagError
from local_rag.models.sizing import ModelKind

TIMEOUT_S = 300.0
EXAM_TIMEOUT_S = 1800.0
_REFUSED = 3
_CONTEXT = 256


def probe(
    path: Path, kind: ModelKind, *, timeout_s: float = TIMEOUT_S, exam: bool = False
) -> dict[str, Any]:
    """Load a model in a child and run it once, or put it to the test; return what it found out.

    Raises CpuUnsupported or ModelError in words that say how the child ended.
    """
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            child.python("local_rag.models.probe", kind, str(path), *(["exam"] if exam else [])),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ModelError(
            f"{path.name} did not load within {timeout_s:.0f} s",
            hint="the machine may be too small for it; take a smaller model",
        ) from error
    if done.returncode < 0:
        raise _killed(path, -done.returncode)
    try:
        said: dict[str, Any] = json.loads(done.stdout.decode().splitlines()[-1])
    except (ValueError, IndexError) as error:
        trace = done.stderr.decode(errors="replace").strip()[-500:]
        raise ModelError(
            f"trying {path.name} failed with exit code {done.returncode}: {trace}",
            hint="install local-rag again; see which models there are: local-rag models list",
        ) from error
    if done.returncode == _REFUSED:
        kind_of_error = CpuUnsupported if said["code"] == CpuUnsupported.code else ModelError
        raise kind_of_error(said["message"], hint=said["hint"], details=said["details"])
    return said


def _killed(path: Path, number: int) -> ModelError:
    if number == signal.SIGILL:
        return CpuUnsupported(
            f"llama.cpp used an instruction this processor does not have while loading {path.name}",
            hint="install a build of local-rag made for this processor",
        )
    if number == signal.SIGKILL:
        return ModelError(
            f"loading {path.name} was killed, most likely because memory ran out",
            hint="take a smaller model, or set a smaller llm.context_tokens",
        )
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    return ModelError(
        f"llama.cpp crashes on {path.name} ({name}); the file is broken",
        hint="fetch it again, or take another model",
    )


def run(path: Path, kind: ModelKind, *, exam: bool = False) -> dict[str, Any]:
    """Load a model here and run it once, a language model through the whole test if wanted."""
    started = time.perf_counter()
    if kind == "embedding":
        from local_rag.models.embedder import load_embedder

        embedder = load_embedder(path, threads=1)
        vector = embedder.embed(["probe"])[0]
        found: dict[str, Any] = {"model_id": embedder.model_id, "dimensions": len(vector)}
        embedder.close()
    else:
        from local_rag.core.types import Message
        from local_rag.models.generator import load_generator

        threads = None if exam else 1
        generator = load_generator(
            path, threads=threads, context=4 * _CONTEXT if exam else _CONTEXT
        )
        generator.trial([Message(role="user", content="Say yes.")])
        found = {"model_id": generator.model_id}
        if exam:
            from local_rag.models.exam import examine

            outcome = examine(generator)
            found |= {"passed": outcome.passed, "summary": outcome.summary}
        generator.close()
    return {**found, "seconds": round(time.perf_counter() - started, 2)}


def main(arguments: list[str]) -> int:
    """Run as a child; says what happened in one line of JSON."""
    kind, path, *more = arguments
    try:
        said = run(Path(path), "embedding" if kind == "embedding" else "llm", exam=more == ["exam"])
    except RagError as error:
        said = {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            "details": error.details,
        }
        sys.stdout.write(json.dumps(said, default=str) + "\n")
        return _REFUSED
    sys.stdout.write(json.dumps(said) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
