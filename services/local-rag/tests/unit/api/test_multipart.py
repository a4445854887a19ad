"""Forms are received onto the disk, and nothing is left of those that fail."""

import errno
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local_rag.api.multipart import Form, FormReceiver
from local_rag.core.errors import InvalidInput, TooLarge, Unavailable

TYPE = "multipart/form-data; boundary=XyZ"


def part(head: str, body: bytes) -> bytes:
    return b"--XyZ\r\nContent-Disposition: " + head.encode() + b"\r\n\r\n" + body + b"\r\n"


def file_part(name: str, body: bytes) -> bytes:
    return part(f'form-data; name="file"; filename="{name}"', body)


END = b"--XyZ--\r\n"


def receive(
    body: bytes, staging: Path, *, limit: int = 10_000, step: int = 7, kind: str = TYPE
) -> tuple[Form, list[bytes]]:
    async def blocks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), step):
            yield body[start : start + step]

    async def work() -> tuple[Form, list[bytes]]:
        with FormReceiver(kind, staging, max_file_bytes=limit) as receiver:
            form = await receiver.read(blocks())
            return form, [file.path.read_bytes() for file in form.files]

    return anyio.run(work)


def leftovers(staging: Path) -> list[Path]:
    return list(staging.glob("*")) + list(staging.glob(".*"))


def test_files_and_fields_arrive_whole(tmp_path: Path) -> None:
    body = file_part("a.txt", b"one\r\ntwo") + part('form-data; name="replace"', b"true")
    form, contents = receive(body + file_part("b.txt", b"") + END, tmp_path)
    assert contents == [b"one\r\ntwo", b""]
    assert [file.name for file in form.files] == ["a.txt", "b.txt"]
    assert form.files[0].sha256 == hashlib.sha256(b"one\r\ntwo").hexdigest()
    assert form.files[0].size == 8
    assert form.fields == {"replace": "true"}


@settings(max_examples=40, deadline=None)
@given(content=st.binary(max_size=300), step=st.integers(1, 120))
def test_any_content_survives_any_splitting(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, step: int
) -> None:
    folder = tmp_path_factory.mktemp("staging")
    if b"\r\n--XyZ" in b"\r\n" + content:
        return
    _, contents = receive(file_part("x", content) + END, folder, step=step)
    assert contents == [content]
    assert leftovers(folder) == []


def test_files_nobody_took_are_removed(tmp_path: Path) -> None:
    receive(file_part("a.txt", b"one") + END, tmp_path)
    assert leftovers(tmp_path) == []


def test_a_file_over_the_limit_is_refused_and_removed(tmp_path: Path) -> None:
    with pytest.raises(TooLarge, match=r"big\.txt is over the limit"):
        receive(file_part("big.txt", b"x" * 101) + END, tmp_path, limit=100)
    assert leftovers(tmp_path) == []


def test_a_body_that_breaks_off_is_refused_and_removed(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="broke off"):
        receive(file_part("a.txt", b"half")[:-4], tmp_path)
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize(
    "kind",
    ["", "text/plain", "multipart/form-data", "multipart/mixed; boundary=XyZ", "\xff", "a" * 9000],
)
def test_other_types_are_refused(kind: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="multipart/form-data"):
        receive(b"", tmp_path, kind=kind)


@pytest.mark.parametrize(
    "body",
    [
        b"no boundary at all",
        part("attachment; filename=x", b"x") + END,
        part("form-data", b"x") + END,
        b"--XyZ\r\nBad Header\r\n\r\nx\r\n" + END,
        b"--XyZ\r\n" + b"A: b\r\n" * 100 + b"\r\nx\r\n" + END,
        b"--XyZ\r\nA: " + b"b" * 100_000 + b"\r\n\r\nx\r\n" + END,
    ],
)
def test_malformed_forms_are_refused(body: bytes, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        receive(body, tmp_path, step=4096)
    assert leftovers(tmp_path) == []


def test_fields_and_parts_have_limits_too(tmp_path: Path) -> None:
    with pytest.raises(TooLarge, match="field"):
        receive(part('form-data; name="meta.a"', b"x" * 20_000) + END, tmp_path, step=4096)
    with pytest.raises(TooLarge, match="parts"):
        receive(part('form-data; name="a"', b"") * 1001 + END, tmp_path, step=65536)


def test_the_staging_directory_is_private(tmp_path: Path) -> None:
    async def blocks() -> AsyncIterator[bytes]:
        yield file_part("a.txt", b"secret") + END

    async def work() -> int:
        with FormReceiver(TYPE, tmp_path / "new", max_file_bytes=100) as receiver:
            form = await receiver.read(blocks())
            return form.files[0].path.stat().st_mode & 0o777

    assert anyio.run(work) == 0o600


def test_a_full_disk_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Unavailable, match="No space left") as caught:
        receive(file_part("a.txt", b"words") + END, tmp_path)
    assert "df -h" in str(caught.value.hint)
    assert leftovers(tmp_path) == []
