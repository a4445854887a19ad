"""The keyring packages that go into the repository with what is published."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from debian.deb822 import Deb822

from debwright.keys.signing import Signer
from debwright.model.targets import Target, suite_info
from debwright.pipeline.stages.base import Job
from debwright.repository.keyring import build_keyring, keyring_of, next_version, published_version
from debwright.repository.model import PackageFile, RepositorySettings
from debwright.repository.plan import load
from debwright.roots.cache import Cache
from debwright.roots.store import Layer


def keyring_packages(
    job: Job, repository: Path, settings: RepositorySettings, signer: Signer,
    suites: Mapping[str, str],
) -> list[PackageFile]:  # fmt: skip
    """A new keyring package for each suite whose keys or settings have changed.

    `suites` are the repository's, each with the distribution's that its packages are built for.
    None with a throw-away key, which nobody should keep, and none before it is known where
    users will find the repository.
    """
    if signer.throwaway:
        return []
    if settings.url is None:
        job.reporter.note("no keyring package: repository.url is not set, which users' apt needs")
        return []

    def layer(suite: str) -> Layer:
        return job.roots.base(Target(suite_info(suites[suite]).codename, job.plan.host.arch))

    return make_keyrings(
        repository, settings, signer, maintainers=dict.fromkeys(suites, _maintainer(job)),
        output=job.home / "keyring", layer=layer, cache=job.roots.cache,
    )  # fmt: skip


def make_keyrings(
    repository: Path, settings: RepositorySettings, signer: Signer, *,
    maintainers: Mapping[str, str], output: Path, layer: Callable[[str], Layer], cache: Cache,
) -> list[PackageFile]:  # fmt: skip
    """New keyring packages of suites, each with its maintainer, where the current one is another.

    `layer` gives the root in which a suite's package is packed.
    """
    state = load(repository) if (repository / "dists").is_symlink() else None
    made = []
    for suite, maintainer in maintainers.items():
        keyring = keyring_of(
            settings, repository, suite, keys=signer.public_key(), maintainer=maintainer
        )
        previous = published_version(repository, state, keyring)
        version = next_version(keyring, previous, datetime.now(UTC).date())
        if version is None:
            continue
        path = build_keyring(keyring, version, output, layer=layer(suite), cache=cache)
        made.append(PackageFile(path=path, suite=suite, component=settings.component))
    return made


def _maintainer(job: Job) -> str:
    if job.plan.tree is not None:
        return job.plan.tree.maintainer
    assert job.plan.dsc is not None
    return str(Deb822(job.plan.dsc.dsc.read_text(encoding="utf-8"))["Maintainer"])
