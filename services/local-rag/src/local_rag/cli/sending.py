"""Sends local files to the service."""

import contextlib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from local_rag.cli import output
from local_rag.cli.client import LONG_TIMEOUT, Client, CommandError
from local_rag.cli.progress import NOT_SENT
from local_rag.documents.formats import described

_BATCH_FILES = 40
_BATCH_BYTES = 32_000_000


@dataclass(slots=True)
class Begun:
    """The imports that began, and what was not even sent, as items of the service are written."""

    jobs: list[dict[str, Any]] = field(default_factory=list)
    left_out: list[dict[str, Any]] = field(default_factory=list)


def collect(paths: list[Path], recursive: bool) -> tuple[list[Path], list[dict[str, Any]]]:
    """Return the files to send, and what of the folders is left out, each with the reason.

    As the service does with folders that it reads itself: named files are sent as they are.
    """
    # Only where there are folders: it takes a while to import on a small machine.
    from local_rag.config.settings import Settings
    from local_rag.documents.imports.sources import Policy, path_of

    policy = Policy(Settings(), guarded=False)
    found: list[Path] = []
    left_out: list[dict[str, Any]] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        for entry in policy.walk(path, recursive=recursive):
            reason = entry.skipped or entry.error
            if reason is None:
                found.append(path_of(entry.uri))
            else:
                left_out.append({"uri": entry.uri, "state": NOT_SENT, "error": reason})
    return found, left_out


def send_files(
    client: Client,
    begun: Begun,
    paths: list[Path],
    recursive: bool,
    metadata: dict[str, str],
    *,
    quiet: bool,
) -> None:
    """Upload the files in batches, and note the import jobs that begin."""
    files, left_out = collect(paths, recursive)
    begun.left_out += left_out
    if not files:
        reasons = Counter(item["error"] for item in left_out).most_common(3)
        raise CommandError(
            f"there is nothing to import in {paths[0]}"
            + "".join(f"; {count} skipped: {reason}" for reason, count in reasons),
            hint=f"these can be imported: {described()}",
        )
    limit = int(client.call("GET", "/system")["max_upload_mb"]) * 1_000_000
    for file in files:
        if file.stat().st_size > limit:
            raise CommandError(
                f"{file} is over the limit of {output.size(limit)}",
                hint="the limit is server.max_upload_mb in the configuration",
            )
    progress = Progress(
        TextColumn("Sending"), BarColumn(), DownloadColumn(),
        console=output.console(stderr=True), disable=quiet, transient=True,
    )  # fmt: skip
    with progress:
        total = sum(file.stat().st_size for file in files)
        task = progress.add_task("send", total=total)
        for batch in _batches(files, min(_BATCH_BYTES, limit)):
            begun.jobs.append(_send(client, batch, metadata))
            progress.advance(task, sum(file.stat().st_size for file in batch))


def _batches(files: list[Path], most: int) -> Iterator[list[Path]]:
    batch: list[Path] = []
    size = 0
    for file in files:
        length = file.stat().st_size
        if batch and (len(batch) >= _BATCH_FILES or size + length > most):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += length
    if batch:
        yield batch


def _send(client: Client, batch: list[Path], metadata: dict[str, str]) -> dict[str, Any]:
    with contextlib.ExitStack() as stack:
        parts: list[tuple[str, tuple[str, IO[bytes]]]] = []
        for file in batch:
            try:
                stream = stack.enter_context(file.open("rb"))
            except OSError as error:
                raise CommandError(f"{file} cannot be read: {error.strerror}") from error
            # The whole path is the name, so that a later import of the file replaces this one.
            name = str(file) if is_text(file) else os.fsencode(file).decode("latin-1")
            parts.append(("file", (name, stream)))
        fields = {"replace": "true", **{f"meta.{key}": value for key, value in metadata.items()}}
        job: dict[str, Any] = client.call(
            "POST", "/documents", files=parts, data=fields, timeout=LONG_TIMEOUT
        )
    return job


def is_text(path: Path) -> bool:
    """Return whether a path can be sent as text; names of old systems hold other bytes."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True
