"""Events leave in order, and the thread behind them ends when the client goes."""

import asyncio
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_rag.api.sse import Named, encode, pump
from local_rag.cli.client import parse_events


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=30), max_size=3))
def test_any_text_survives_the_wire(data: dict[str, str]) -> None:
    wire = encode("token", data)
    assert wire.count(b"\n\n") == 1
    events = list(parse_events(iter(wire.decode().split("\n"))))
    expected = json.loads(json.dumps(data).encode().decode())
    if not any("\ud800" <= c <= "\udfff" for c in "".join([*data, *data.values()])):
        assert events == [("token", expected)]


def test_the_parser_skips_comments_and_joins_lines() -> None:
    lines = [": waiting", "", "event: a", 'data: {"x":', "data: 1}", "", 'data: {"y": 2}', ""]
    assert list(parse_events(iter(lines))) == [("a", {"x": 1}), ("message", {"y": 2})]


def test_events_come_in_order(executor: ThreadPoolExecutor) -> None:
    def start() -> Iterator[Named]:
        for number in range(50):
            yield "token", {"text": str(number)}

    async def work() -> list[bytes]:
        return [event async for event in pump(start, Event(), executor)]

    assert asyncio.run(work()) == [encode("token", {"text": str(n)}) for n in range(50)]


def test_a_slow_answer_is_kept_alive(executor: ThreadPoolExecutor) -> None:
    def start() -> Iterator[Named]:
        time.sleep(0.3)
        yield "done", {}

    async def work() -> list[bytes]:
        return [event async for event in pump(start, Event(), executor, heartbeat_s=0.05)]

    events = asyncio.run(work())
    assert events[0] == b": waiting\n\n"
    assert events[-1] == encode("done", {})


def test_the_thread_ends_when_the_client_goes(executor: ThreadPoolExecutor) -> None:
    stop = Event()
    ended = Event()

    def start() -> Iterator[Named]:
        try:
            while True:
                time.sleep(0.01)
                yield "token", {"text": "x"}
        finally:
            ended.set()

    async def work() -> None:
        stream = pump(start, stop, executor)
        async for _ in stream:
            break
        await stream.aclose()  # type: ignore[attr-defined]

    asyncio.run(work())
    assert stop.is_set()
    assert ended.wait(30)


def test_a_crash_in_the_thread_ends_the_stream(executor: ThreadPoolExecutor) -> None:
    def start() -> Iterator[Named]:
        yield "token", {"text": "x"}
        raise RuntimeError("boom")

    async def work() -> list[bytes]:
        return [event async for event in pump(start, Event(), executor)]

    assert asyncio.run(work()) == [encode("token", {"text": "x"})]


def test_what_waits_for_a_thread_is_dropped_when_the_client_goes(
    executor: ThreadPoolExecutor,
) -> None:
    gate = Event()
    executor.submit(gate.wait, 5)
    started = Event()

    def start() -> Iterator[Named]:
        started.set()
        yield "token", {}

    async def work() -> None:
        stream = pump(start, Event(), executor, heartbeat_s=0.02)
        async for event in stream:
            assert event == b": waiting\n\n"
            break
        await stream.aclose()  # type: ignore[attr-defined]

    asyncio.run(work())
    gate.set()
    executor.submit(lambda: None).result(5)
    assert not started.is_set()
