"""The keyring packages that go into the repository with what is published."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from debian.deb822 import Deb822

from debwright.plan import TargetPlan
from debwright.repo import PackageFile, RepositorySettings
from debwright.repo.keyring import build_keyring, keyring_of, next_version, published_version
from debwright.repo.plan import load
from debwright.sign import Signer
from debwright.stages.base import Job
from debwright.targets import Target, suite_info


def keyring_packages(
    job: Job, repository: Path, settings: RepositorySettings, signer: Signer,
    targets: Sequence[TargetPlan],
) -> list[PackageFile]:  # fmt: skip
    """A new keyring package for each suite whose keys or settings have changed.

    None with a throw-away key, which nobody should keep, and none before it is known where
    users will find the repository.
    """
    if signer.throwaway:
        return []
    if settings.url is None:
        job.reporter.note("no keyring package: repository.url is not set, which users' apt needs")
        return []
    state = load(repository) if (repository / "dists").is_symlink() else None
    made = []
    for suite in dict.fromkeys(t.target.suite for t in targets):
        keyring = keyring_of(
            settings, repository, suite, keys=signer.public_key(), maintainer=_maintainer(job)
        )
        previous = published_version(repository, state, keyring)
        version = next_version(keyring, previous, datetime.now(UTC).date())
        if version is None:
            continue
        machine = Target(suite_info(suite).codename, job.plan.host.arch)
        path = build_keyring(
            keyring, version, job.home / "keyring", layer=job.roots.base(machine),
            cache=job.roots.cache,
        )  # fmt: skip
        made.append(PackageFile(path=path, suite=suite, component=settings.component))
    return made


def _maintainer(job: Job) -> str:
    if job.plan.tree is not None:
        return job.plan.tree.maintainer
    assert job.plan.dsc is not None
    return str(Deb822(job.plan.dsc.dsc.read_text(encoding="utf-8"))["Maintainer"])
