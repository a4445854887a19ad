"""Models that come when wanted and go when idle."""

import threading

import pytest

from local_rag.core.errors import ModelError, ModelMissing
from local_rag.models.lazy import RETRY_AFTER_S, LazyModel


class FakeModel:
    def __init__(self) -> None:
        self.closed = False
        self.busy = False

    def close(self) -> None:
        self.closed = True


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_it_loads_once_and_only_when_wanted() -> None:
    made: list[FakeModel] = []

    def load() -> FakeModel:
        made.append(FakeModel())
        return made[-1]

    lazy = LazyModel(load)
    assert lazy.state == "unloaded"
    assert made == []
    assert lazy.get() is lazy.get()
    assert len(made) == 1
    assert lazy.state == "loaded"
    assert lazy.load_seconds is not None


def test_many_threads_load_it_once() -> None:
    made: list[FakeModel] = []
    entered, go = threading.Event(), threading.Event()

    def load() -> FakeModel:
        entered.set()
        assert go.wait(30)
        made.append(FakeModel())
        return made[-1]

    lazy = LazyModel(load)
    threads = [threading.Thread(target=lazy.get) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert entered.wait(30)
    assert lazy.state == "loading"  # health is told without waiting
    go.set()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_a_failure_is_remembered_for_a_minute() -> None:
    clock, tries = Clock(), 0

    def load() -> FakeModel:
        nonlocal tries
        tries += 1
        raise ModelError("broken", hint="mend it")

    lazy = LazyModel(load, clock=clock)
    for _ in range(3):
        with pytest.raises(ModelError, match="broken"):
            lazy.get()
    assert tries == 1
    assert lazy.state == "failed"
    assert lazy.error is not None
    clock.now += RETRY_AFTER_S + 1
    with pytest.raises(ModelError):
        lazy.get()
    assert tries == 2


def test_it_recovers_when_the_cause_is_gone() -> None:
    clock, works = Clock(), False

    def load() -> FakeModel:
        if not works:
            raise ModelError("too little memory")
        return FakeModel()

    lazy = LazyModel(load, clock=clock)
    with pytest.raises(ModelError):
        lazy.get()
    works = True
    clock.now += RETRY_AFTER_S + 1
    lazy.get()
    assert lazy.state == "loaded"
    assert lazy.error is None


def test_surprises_become_model_errors() -> None:
    def load() -> FakeModel:
        raise ZeroDivisionError("oops")

    lazy = LazyModel(load)
    with pytest.raises(ModelError, match="oops"):
        lazy.get()
    assert lazy.state == "failed"


def test_idle_models_go_and_come_back() -> None:
    clock = Clock()
    lazy = LazyModel(FakeModel, idle_unload_s=60, clock=clock)
    first = lazy.get()
    clock.now += 59
    assert not lazy.unload_if_idle()
    clock.now += 2
    assert lazy.unload_if_idle()
    assert first.closed
    assert lazy.state == "unloaded"
    assert lazy.get() is not first


def test_use_counts_from_the_last_answer() -> None:
    clock = Clock()
    lazy = LazyModel(FakeModel, idle_unload_s=60, clock=clock)
    model = lazy.get()
    clock.now += 100
    model.last_used = clock.now  # type: ignore[attr-defined]
    assert not lazy.unload_if_idle()


def test_a_busy_model_stays() -> None:
    clock = Clock()
    lazy = LazyModel(FakeModel, idle_unload_s=1, clock=clock)
    lazy.get().busy = True
    clock.now += 1000
    assert not lazy.unload_if_idle()


def test_without_a_limit_it_stays_for_good() -> None:
    clock = Clock()
    lazy = LazyModel(FakeModel, clock=clock)
    lazy.get()
    clock.now += 1e9
    assert not lazy.unload_if_idle()


def test_unload_forgets_an_error() -> None:
    lazy = LazyModel(lambda: (_ for _ in ()).throw(ModelError("no")))
    with pytest.raises(ModelError):
        lazy.get()
    lazy.unload()
    assert lazy.state == "unloaded"
    assert lazy.error is None


def test_that_none_is_installed_is_not_remembered() -> None:
    found: list[FakeModel] = []

    def load() -> FakeModel:
        if not found:
            raise ModelMissing("none is installed")
        return found[0]

    lazy = LazyModel(load, clock=Clock())
    with pytest.raises(ModelMissing):
        lazy.get()
    assert lazy.state == "unloaded"
    assert lazy.error is None
    found.append(FakeModel())
    assert lazy.get() is found[0]
