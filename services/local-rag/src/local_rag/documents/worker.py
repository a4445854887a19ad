"""The process in which documents of others are parsed.

Run as `python -m local_rag.documents.worker`. It reads requests from standard input and writes
answers to standard output, each a length (8 bytes, big endian) and a JSON header, the request
followed by the file's bytes. Before an answer there may be frames `{"done": 3, "of": 40}`: it goes
on. Its memory and processor time are limited by itself before the first byte of a document is
looked at: the service kills it when it takes too long, but may be killed before that.
"""

import io
import json
import resource
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any

from local_rag.core.errors import RagError
from local_rag.documents.formats import Source, extract

LENGTH = 8


def read_frame(stream: IO[bytes]) -> bytes | None:
    """Return the next frame, or None at the end of the stream."""
    head = stream.read(LENGTH)
    if len(head) < LENGTH:
        return None
    size = int.from_bytes(head, "big")
    data = stream.read(size)
    return data if len(data) == size else None


def write_frame(stream: IO[bytes], data: bytes) -> None:
    """Write a frame and flush it."""
    stream.write(len(data).to_bytes(LENGTH, "big"))
    stream.write(data)
    stream.flush()


def limit(memory_bytes: int) -> None:
    """Give up memory, files and children that parsing has no use for."""
    for kind, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (value, value))


def limit_time(seconds: int) -> None:
    """End this process when it has used so much more processor time from now on."""
    with suppress(ValueError, OSError):
        used = int(time.process_time()) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (used + seconds, resource.RLIM_INFINITY))


def answer(
    header: dict[str, Any],
    data: bytes,
    alive: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, Any]:
    """Return the text of a document, or the error, as JSON values; `alive` hears of its pages."""
    begun = time.process_time()
    try:
        found = extract(
            Source(
                data=data,
                name=header["name"],
                media_type=header.get("media_type"),
                charset=header.get("charset"),
                languages=tuple(header.get("languages") or ()),
                alive=alive,
            )
        )
    except RagError as error:
        return {"error": error.code, "message": error.message, "hint": error.hint}
    except MemoryError:
        return {"error": "too-large", "message": f"{header['name']} needs too much memory to read"}
    except RecursionError:
        return {"error": "invalid-input", "message": f"{header['name']} is nested too deeply"}
    return {
        "title": found.title,
        "media_type": found.media_type,
        "metadata": found.metadata,
        "sections": [[s.text, s.page, s.heading] for s in found.sections],
        "seconds": time.process_time() - begun,
    }


def main() -> int:
    """Serve requests until standard input ends."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    # A library that prints must not break the protocol.
    sys.stdout = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    memory_bytes, seconds = map(int, sys.argv[1:3])
    limit(memory_bytes)
    write_frame(answers, b"{}")
    while True:
        header = read_frame(requests)
        data = read_frame(requests) if header is not None else None
        if header is None or data is None:
            return 0
        limit_time(seconds)

        def alive(done: int, total: int) -> None:
            limit_time(seconds)
            write_frame(answers, json.dumps({"done": done, "of": total}).encode("ascii"))

        try:
            reply = answer(json.loads(header), data, alive)
            packed = json.dumps(reply, ensure_ascii=True).encode("ascii")
        except Exception as error:  # noqa: BLE001 - a parser's bug must cost one document only
            kind = type(error).__name__
            packed = json.dumps(
                {"error": "invalid-input", "message": f"cannot be read ({kind}: {error})"}
            ).encode("ascii")
        write_frame(answers, packed)


if __name__ == "__main__":
    sys.exit(main())
