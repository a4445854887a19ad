"""`--cost N`: the N tests that took most of the processors, their processes counted in.

Two cores for half an hour are an hour of processor time, whatever runs next to what: a sum above
that cannot be waited for less. `--durations` says what waits; this says what computes.
"""

import resource
from collections import defaultdict
from collections.abc import Iterator

import pytest

# The name under which a report carries what its test cost, from a worker to the one who prints.
KEY = "cost"


def seconds() -> float:
    """Processor time of this process, and of all it started that have ended."""
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--cost", type=int, default=0, metavar="N", help="show the N tests that computed most"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--cost"):
        config.pluginmanager.register(Costs(config.getoption("--cost")), "costs")


class Costs:
    """What each test took of the processors, with what it had made for it and taken away."""

    def __init__(self, shown: int) -> None:
        self.shown = shown
        self.costs: dict[str, float] = defaultdict(float)
        self.waited: dict[str, float] = defaultdict(float)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        before = seconds()
        item.stash[BEFORE] = before
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Iterator[None]:
        report = yield
        now = seconds()
        report.user_properties.append((KEY, now - item.stash[BEFORE]))  # type: ignore[attr-defined]
        item.stash[BEFORE] = now
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        costs = [value for key, value in report.user_properties if key == KEY]
        self.costs[report.nodeid] += float(str(costs[-1])) if costs else 0.0
        self.waited[report.nodeid] += report.duration

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("processor time")
        total, waited = sum(self.costs.values()), sum(self.waited.values())
        terminalreporter.write_line(f"{total:8.1f}s of {waited:8.1f}s  all tests")
        files: dict[str, float] = defaultdict(float)
        for test, cost in self.costs.items():
            files[test.split("::")[0]] += cost
        for name, cost in sorted(files.items(), key=lambda entry: -entry[1])[: self.shown]:
            terminalreporter.write_line(f"{cost:8.1f}s  {name}")
        for test in sorted(self.costs, key=lambda name: -self.costs[name])[: self.shown]:
            line = f"{self.costs[test]:8.1f}s of {self.waited[test]:8.1f}s  {test}"
            terminalreporter.write_line(line)


BEFORE: pytest.StashKey[float] = pytest.StashKey()
