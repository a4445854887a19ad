"""The configuration: its model, where it is found, and what is said when it is wrong."""

from debwright.config.checking import Limits, Upgrade, Waiver
from debwright.config.load import (
    LoadedConfig,
    effective_json,
    load,
    validate_check_names,
    write_effective,
)
from debwright.config.model import Build, Cache, Config, Package, Roots, Suite, Targets
from debwright.config.publishing import Release, Repository, Signing
from debwright.config.service import Address, Probe, Service
from debwright.config.values import Port

__all__ = [
    "Address",
    "Build",
    "Cache",
    "Config",
    "Limits",
    "LoadedConfig",
    "Package",
    "Port",
    "Probe",
    "Release",
    "Repository",
    "Roots",
    "Service",
    "Signing",
    "Suite",
    "Targets",
    "Upgrade",
    "Waiver",
    "effective_json",
    "load",
    "validate_check_names",
    "write_effective",
]
