"""Sends local files to the service."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from local_rag.cli import output
from local_rag.cli.client import LONG_TIMEOUT, Client, CommandError
from local_rag.documents.formats import described, promised

_BATCH_FILES = 40
_BATCH_BYTES = 32_000_000


def collect(paths: list[Path], recursive: bool) -> list[Path]:
    """Return the files to send: named ones as they are, folders for what can be imported.

    Hidden files and links are left out of folders: neither is what people mean by a folder.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        for folder, folders, files in os.walk(path):
            folders[:] = sorted(d for d in folders if not d.startswith(".")) if recursive else []
            candidates = (Path(folder, name) for name in sorted(files) if name[0] != ".")
            found += [file for file in candidates if promised(file.name) and not file.is_symlink()]
    return found


def send_files(
    client: Client,
    paths: list[Path],
    recursive: bool,
    metadata: dict[str, str],
    *,
    quiet: bool,
) -> list[dict[str, Any]]:
    """Upload the files in batches and return the import jobs that began."""
    files = collect(paths, recursive)
    if not files:
        raise CommandError(
            f"there is nothing to import in {paths[0]}",
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
    jobs = []
    with progress:
        total = sum(file.stat().st_size for file in files)
        task = progress.add_task("send", total=total)
        for batch in _batches(files, min(_BATCH_BYTES, limit)):
            jobs.append(_send(client, batch, metadata))
            progress.advance(task, sum(file.stat().st_size for file in batch))
    return jobs


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
