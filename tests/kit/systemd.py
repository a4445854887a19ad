"""A system whose units say what a test wants, for what looks at units without booting anything."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

from debwright.checks.engine.base import CheckContext, shell_on
from debwright.checks.engine.session import Session
from debwright.config import Config
from debwright.host.process import Completed
from debwright.model.targets import Target
from debwright.systems.base import BootedSandbox, FileMark

State = Mapping[str, str]
RUNNING = {
    "LoadState": "loaded", "ActiveState": "active", "SubState": "running", "Result": "success",
    "MainPID": "100", "NRestarts": "0", "Type": "simple", "UnitFileState": "enabled",
    "ExecMainStartTimestampMonotonic": "5", "ActiveEnterTimestampMonotonic": "5",
    "ExecMainStatus": "0", "InvocationID": "a1",
}  # fmt: skip
"""What systemctl shows of a service that runs."""


class Systemd:
    """Answers systemctl, journalctl and what else checks run; keeps every command."""

    emulated = False
    without_init = None

    def __init__(self, **units: State | Sequence[State]) -> None:
        """A unit's states in turn; the last one stays. `_` in a name stands for `.`."""
        self.states = {
            name.replace("_", "."): [states] if isinstance(states, Mapping) else list(states)
            for name, states in units.items()
        }
        self.ran: list[list[str]] = []
        self.errors: list[str] = []
        self.scripts = ""

    def run(self, argv: Sequence[str], **_: Any) -> Completed:
        words = [str(a) for a in argv]
        self.ran.append(words)
        return Completed(argv=tuple(words), returncode=0, output=self._said(words))

    def _said(self, words: list[str]) -> str:
        if words[:2] == ["systemctl", "show"]:
            return "\n\n".join(self._shown(name) for name in words[words.index("--") + 1 :])
        if words[0] == "journalctl" and "--priority=err" in words:
            rows = ({"PRIORITY": "3", "MESSAGE": e, "_PID": "9"} for e in self.errors)
            return "\n".join(json.dumps(row) for row in rows)
        return self.scripts if words[0] == "sh" else ""

    def _shown(self, name: str) -> str:
        states = self.states.get(name, [{"LoadState": "not-found", "ActiveState": "inactive"}])
        now = states.pop(0) if len(states) > 1 else states[0]
        return "\n".join(f"{k}={v}" for k, v in {"Id": name, **now}.items())

    def ran_systemctl(self, verb: str) -> list[str]:
        """The units that `systemctl VERB` was run for."""
        return [w[-1] for w in self.ran if w[:2] == ["systemctl", verb]]


def session(system: Systemd, *packages: str, **tables: Any) -> Session:
    """A session on that system, with the packages installed."""
    context = SimpleNamespace(
        config=Config.model_validate(tables), target=Target("bookworm", "amd64"),
        installable=[SimpleNamespace(package=name) for name in packages or ("demo",)],
        activity=lambda _: None, shell=partial(shell_on, "bookworm-amd64"),
    )  # fmt: skip
    return Session(
        cast(CheckContext, context), cast(BootedSandbox, system), before=cast(FileMark, None)
    )
