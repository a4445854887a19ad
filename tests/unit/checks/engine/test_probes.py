"""What is asked inside of a system: a command, the unit's own word, its journal."""

from typing import Any

import pytest
from tests.kit.systemd import RUNNING, Systemd, session

from debwright.checks.engine import probes
from debwright.checks.engine.probes import Answer
from debwright.config import Service
from debwright.host.process import Completed


class Answering(Systemd):
    """Ends every other command with a status, and with what it says."""

    def __init__(self, status: int, said: str, **units: Any) -> None:
        super().__init__(**units)
        self.status, self.said = status, said

    def run(self, argv: Any, **more: Any) -> Completed:
        done = super().run(argv, **more)
        if argv[0] == "systemctl":
            return done
        return Completed(argv=done.argv, returncode=self.status, output=self.said)


def ask(system: Systemd, **probe: Any) -> Answer:
    service = Service.model_validate({"unit": "demo", "probe": probe})
    return probes.ask(session(system), service, 1.0)


@pytest.mark.parametrize(
    ("status", "said", "error"),
    [(0, "all is well", None), (3, "no queue\n", "it ended with status 3: no queue"),
     (124, "", "it did not end within 30 s: it said nothing")],
)  # fmt: skip
def test_a_command(status: int, said: str, error: str | None) -> None:
    answer = ask(Answering(status, said), command="ping")
    assert (answer.ok, answer.error) == (error is None, error)


def test_a_command_is_run_as_the_user_named_and_its_output_is_looked_at() -> None:
    system = Answering(0, "queue: 7 jobs")
    assert ask(system, command="ping a b", user="demo", expect="7 jobs").ok
    assert system.ran[-1][-7:] == ["runuser", "-u", "demo", "--", "sh", "-c", "ping a b"]
    assert "'8 jobs' is not in" in (ask(system, command="ping", expect="8 jobs").error or "")


def test_ready_is_the_units_own_word() -> None:
    told = {**RUNNING, "Type": "notify", "StatusText": "7 jobs wait"}
    assert ask(Systemd(demo_service=told), notify=True, expect="7 jobs").ok
    warming = {**told, "ActiveState": "activating"}
    assert "no READY=1 yet" in (ask(Systemd(demo_service=warming), notify=True).error or "")
    never = ask(Systemd(demo_service=RUNNING), notify=True).error
    assert never == "Type=simple: such a unit never says READY=1"


def test_a_line_of_the_journal_since_the_start() -> None:
    system = Answering(0, "listening on 53", demo_service=RUNNING)
    assert ask(system, journal="listening on [0-9]+").ok
    assert system.ran[-1][-2:] == ["a1", "listening on [0-9]+"]
    silent = Answering(1, "", demo_service=RUNNING)
    assert "no such line" in (ask(silent, journal="x").error or "")
    assert "not been started" in (ask(Answering(0, ""), journal="x").error or "")
