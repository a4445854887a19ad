"""Every check there is: those of `files` are found by themselves, the live ones are in order."""

from functools import cache

from debwright.checks.engine.base import Check, FileCheck
from debwright.checks.engine.session import LiveCheck
from debwright.checks.live.autopkgtest import AutopkgtestCheck
from debwright.checks.live.benchmarks import BenchmarksCheck
from debwright.checks.live.conffiles import ConffilesCheck
from debwright.checks.live.crash import CrashCheck
from debwright.checks.live.dependencies import DependenciesCheck
from debwright.checks.live.distributions import DistributionsCheck
from debwright.checks.live.downgrade import DowngradeCheck
from debwright.checks.live.exposure import ExposureCheck
from debwright.checks.live.files import FilesCheck
from debwright.checks.live.install import InstallCheck
from debwright.checks.live.journal import JournalCheck
from debwright.checks.live.minimum import MinimumCheck
from debwright.checks.live.pages import PagesCheck
from debwright.checks.live.programs import ProgramsCheck
from debwright.checks.live.purge import PurgeCheck
from debwright.checks.live.reboot import RebootCheck
from debwright.checks.live.regression import RegressionCheck
from debwright.checks.live.reinstall import ReinstallCheck
from debwright.checks.live.reload import ReloadCheck
from debwright.checks.live.restart import RestartCheck
from debwright.checks.live.service import ServiceCheck
from debwright.checks.live.smoke import SmokeCheck
from debwright.checks.live.states import StatesCheck
from debwright.checks.live.steady import SteadyCheck
from debwright.checks.live.stop import StopCheck
from debwright.checks.live.units import UnitsCheck
from debwright.checks.live.upgrade import UpgradeCheck
from debwright.checks.live.versions import VersionsCheck
from debwright.checks.live.writes import WritesCheck
from debwright.model import registry

DEPENDENCIES = DependenciesCheck()
INSTALL = InstallCheck()

LIVE: tuple[LiveCheck, ...] = (
    ServiceCheck(),
    SmokeCheck(),
    ProgramsCheck(),
    DistributionsCheck(),
    ExposureCheck(),
    WritesCheck(),
    FilesCheck(),
    SteadyCheck(),
    UnitsCheck(),
    RestartCheck(),
    ReloadCheck(),
    JournalCheck(),
    PagesCheck(),
    CrashCheck(),
    BenchmarksCheck(),
    ReinstallCheck(),
    ConffilesCheck(),
    StopCheck(),
    RebootCheck(),
    StatesCheck(),
    PurgeCheck(),
    UpgradeCheck(),
    DowngradeCheck(),
    RegressionCheck(),
    MinimumCheck(),
    VersionsCheck(),
    AutopkgtestCheck(),
)
"""On a booted system with the package installed, one after the other on the same system.

The order spares restarts: what only looks comes while the wait of `steady` runs; the journal is
read before pages are asked for that may not be there, and before a crash fills it; the reboot
starts what `stop` has stopped, so that removal meets a running service; an upgrade needs a system
from which the package is gone, and what is left out at last nobody needs any more. Upgrades from
older versions, and the package's own tests, have systems of their own.
"""


@cache
def file_checks() -> tuple[FileCheck, ...]:
    """The checks on the files alone: the one of each module of `checks/files`, by name."""
    package = "debwright.checks.files"
    return tuple(
        kind()
        for name in registry.names(package)
        for kind in registry.classes(f"{package}.{name}", FileCheck)
    )


def unasked() -> tuple[Check, ...]:
    """What every target passes, in order."""
    return (*file_checks(), DEPENDENCIES, INSTALL, *LIVE)


def every_check() -> tuple[Check, ...]:
    """Those that are only made when they are asked for included."""
    from debwright.checks.twice.compared import EquivalenceCheck
    from debwright.checks.twice.reproducible import ReproducibleCheck

    return (*unasked(), ReproducibleCheck(), EquivalenceCheck())
