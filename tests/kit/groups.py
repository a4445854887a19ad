"""Which tests may run next to each other, and in what order, when several processes run them.

Tests of a file share fixtures, so a file is a group that one process runs. A file whose tests stand
alone says so (`pytestmark = pytest.mark.apart`), and all processes share them. Tests that share
something of the machine, or what another file has made, name their group (`group("docker")`).

What takes minutes says how many (`pytest.mark.minutes(3)`): the longest group begins first, so that
no process has the longest of them left when the others are done.

pytest-xdist's own `--dist loadgroup` puts the group into the test's name, which pytest 9 does not
let it change.
"""

import json
import tempfile
from collections import defaultdict
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

_KEY = "groups"
"""What the one that distributes tests hands to those that run them: where to write the groups."""


def pytest_configure(config: pytest.Config) -> None:
    for line in (
        "apart: every test of this file may run in a process of its own",
        "group(name): one process runs all tests of this name, whatever file they are in",
        "minutes(n): how long this test takes on two cores; of a group, the sum counts",
    ):
        config.addinivalue_line("markers", line)


def group_of(item: pytest.Item) -> str:
    """The name of the group that this test is in."""
    if named := item.get_closest_marker("group"):
        return str(named.args[0])
    return item.nodeid if item.get_closest_marker("apart") else item.nodeid.split("::")[0]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    minutes: dict[str, float] = defaultdict(float)
    for item in items:
        if marker := item.get_closest_marker("minutes"):
            minutes[group_of(item)] += marker.args[0]
    items.sort(key=lambda item: -minutes[group_of(item)])


# Before xdist says that this process has its list of tests.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    inputs = getattr(session.config, "workerinput", {})
    if _KEY in inputs:
        groups = {item.nodeid: group_of(item) for item in session.items}
        Path(inputs[_KEY]).write_text(json.dumps(groups))


class _Distribution:
    """What the process does that gives tests to the others."""

    def __init__(self, directory: str) -> None:
        self.directory = Path(directory)

    def pytest_configure_node(self, node: WorkerController) -> None:
        node.workerinput[_KEY] = str(self.directory / node.gateway.id)

    def pytest_xdist_make_scheduler(
        self, config: pytest.Config, log: Producer
    ) -> LoadScopeScheduling:
        config.option.loadscopereorder = False
        return _Scheduling(config, log, self.directory)


class _Scheduling(LoadScopeScheduling):  # type: ignore[misc]
    """By the groups, in the order in which they were collected."""

    def __init__(self, config: pytest.Config, log: Producer, directory: Path) -> None:
        super().__init__(config, log)
        self._directory = directory
        self._groups: dict[str, str] = {}

    def _split_scope(self, nodeid: str) -> str:
        if not self._groups:
            # Each of them has written the same.
            self._groups = json.loads(next(self._directory.iterdir()).read_text())
        return self._groups[nodeid]


def pytest_sessionstart(session: pytest.Session) -> None:
    config = session.config
    if getattr(config.option, "tx", None) and not hasattr(config, "workerinput"):
        directory = tempfile.TemporaryDirectory(prefix="groups-")
        config.add_cleanup(directory.cleanup)
        config.pluginmanager.register(_Distribution(directory.name), "distribution")
