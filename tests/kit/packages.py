"""The context that checks of package files are run in."""

from pathlib import Path
from typing import Any

from debwright.checks.engine import policy
from debwright.checks.engine.base import CheckContext, FileCheck
from debwright.config import Config
from debwright.model.results import CheckResult
from debwright.model.targets import Target
from debwright.packages.debs import read_deb
from debwright.packages.unpacked import Unpacked
from debwright.roots.cache import Cache
from debwright.roots.layers import Roots


def context(directory: Path, *debs: Path, **config: Any) -> CheckContext:
    made = Config.model_validate(config)
    cache = Cache(directory / "cache")
    cache.prepare()
    spool = directory / "spool"
    spool.mkdir(exist_ok=True)
    return CheckContext(
        target=Target("bookworm", "amd64"), host_arch="amd64", config=made,
        debs=[read_deb(d) for d in debs], changes=None, roots=Roots(cache, made),
        output=directory, log=lambda _: None, activity=lambda _: None, project=directory,
        unpacked=Unpacked(spool),
    )  # fmt: skip


def judged(check: FileCheck, subject: CheckContext) -> CheckResult:
    """The check's result, as severe as the configuration has it."""
    return policy.judge(check.run(subject), check, subject.config, subject.target)
