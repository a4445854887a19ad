"""Every check there is: those of `files` are found by themselves, the live ones are in order."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from debwright.checks import files
from debwright.checks.engine import policy
from debwright.checks.engine.base import Check, FileCheck
from debwright.checks.engine.session import LiveCheck
from debwright.checks.live.benchmarks import BenchmarksCheck
from debwright.checks.live.conffiles import ConffilesCheck
from debwright.checks.live.crash import CrashCheck
from debwright.checks.live.dependencies import DependenciesCheck
from debwright.checks.live.downgrade import DowngradeCheck
from debwright.checks.live.exposure import ExposureCheck
from debwright.checks.live.files import FilesCheck
from debwright.checks.live.install import InstallCheck
from debwright.checks.live.journal import JournalCheck
from debwright.checks.live.minimum import MinimumCheck
from debwright.checks.live.purge import PurgeCheck
from debwright.checks.live.reboot import RebootCheck
from debwright.checks.live.regression import RegressionCheck
from debwright.checks.live.reinstall import ReinstallCheck
from debwright.checks.live.reload import ReloadCheck
from debwright.checks.live.restart import RestartCheck
from debwright.checks.live.service import ServiceCheck
from debwright.checks.live.smoke import SmokeCheck
from debwright.checks.live.steady import SteadyCheck
from debwright.checks.live.stop import StopCheck
from debwright.checks.live.upgrade import UpgradeCheck
from debwright.checks.live.writes import WritesCheck

DEPENDENCIES = DependenciesCheck()
INSTALL = InstallCheck()

LIVE: tuple[LiveCheck, ...] = (
    ServiceCheck(),
    SmokeCheck(),
    ExposureCheck(),
    WritesCheck(),
    FilesCheck(),
    SteadyCheck(),
    RestartCheck(),
    ReloadCheck(),
    JournalCheck(),
    CrashCheck(),
    BenchmarksCheck(),
    ReinstallCheck(),
    ConffilesCheck(),
    StopCheck(),
    RebootCheck(),
    PurgeCheck(),
    UpgradeCheck(),
    DowngradeCheck(),
    RegressionCheck(),
    MinimumCheck(),
)
"""On a booted system with the package installed, one after the other on the same system.

The order spares restarts: what only looks comes while the wait of `steady` runs; the journal is
read before a crash fills it; the reboot starts what `stop` has stopped, so that removal meets a
running service; an upgrade needs a system from which the package is gone, and what is left out at
last nobody needs any more.
"""


@cache
def file_checks() -> tuple[FileCheck, ...]:
    """The checks on the files alone: the one of each module of `checks/files`, by name."""
    modules = [import_module(f"{files.__name__}.{m.name}") for m in iter_modules(files.__path__)]
    return tuple(
        kind()
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type)
        and issubclass(kind, FileCheck)
        and kind.__module__ == module.__name__
    )


def unasked() -> tuple[Check, ...]:
    """What every target passes, in order."""
    return (*file_checks(), DEPENDENCIES, INSTALL, *LIVE)


def every_check() -> tuple[Check, ...]:
    """Those that are only made when they are asked for included."""
    from debwright.checks.twice.equivalence import EquivalenceCheck
    from debwright.checks.twice.reproducible import ReproducibleCheck

    return (*unasked(), ReproducibleCheck(), EquivalenceCheck())


def settings() -> frozenset[str]:
    """The tables and keys of debwright.toml that decide what the checks of a target say."""
    return frozenset(policy.SETTINGS).union(*(c.settings for c in unasked()))
