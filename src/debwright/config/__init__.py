"""The configuration: its model, where it is found, and what is said when it is wrong."""

from debwright.config.load import LoadedConfig, effective_json, load, validate_check_names
from debwright.config.model import (
    Build,
    Cache,
    Config,
    Limits,
    Lintian,
    Metrics,
    Package,
    Release,
    Repository,
    Roots,
    Service,
    Signing,
    Suite,
    Targets,
    Waiver,
)
from debwright.config.values import Port

__all__ = [
    "Build",
    "Cache",
    "Config",
    "Limits",
    "Lintian",
    "LoadedConfig",
    "Metrics",
    "Package",
    "Port",
    "Release",
    "Repository",
    "Roots",
    "Service",
    "Signing",
    "Suite",
    "Targets",
    "Waiver",
    "effective_json",
    "load",
    "validate_check_names",
]
