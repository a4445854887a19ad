"""The parts of the pipeline that are here: the mirror as it answers, cache, keys, repository."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from debwright.config import Suite
from debwright.config.load import LoadedConfig
from debwright.doctor import Health
from debwright.host.files import human_size
from debwright.model.errors import DebwrightError
from debwright.model.fix import Command
from debwright.model.results import Severity
from debwright.model.suites import suite_info
from debwright.model.targets import Target
from debwright.roots.cache import Cache, default_cache
from debwright.roots.store import LayerStore

MIRROR_SECONDS = 10.0
OLD_DAYS = 90
"""A repository that was published longer ago is worth a look."""


def mirrors(loaded: LoadedConfig) -> Iterator[Health]:
    """Whether each suite's archive answers, by asking for its InRelease."""
    asked: dict[str, str] = {}
    for name in loaded.config.targets.build:
        target = Target.parse(name)
        suite = loaded.config.suites.get(target.suite) or Suite()
        info = suite_info(target.suite)
        url = suite.mirror or info.archive.urls(target.arch)[0]
        asked.setdefault(target.suite, f"{url.rstrip('/')}/dists/{info.codename}/InRelease")
    for suite_name, url in asked.items():
        yield _mirror(suite_name, url)


def _mirror(suite: str, url: str) -> Health:
    import httpx

    from debwright.host.deadline import until
    from debwright.host.http import client

    name, host = f"mirror of {suite}", urlsplit(url).hostname or url
    if urlsplit(url).scheme not in ("http", "https"):
        return Health(
            name=name, ok=True, found=f"{url.split(':', 1)[0]}: it is not asked over HTTP"
        )
    fix = f'curl -I {url}; another one: [suites.{suite}] mirror = "..."'
    try:
        with (
            until(time.monotonic() + MIRROR_SECONDS),
            client(seconds=MIRROR_SECONDS) as http,
            http.stream("GET", url) as answer,
        ):
            pass  # what it says is in its headers
    except httpx.HTTPError as error:
        said = str(error) or type(error).__name__
        return Health(name=name, ok=False, needed=False, found=f"{host}: {said}", fix=fix)
    if not answer.is_success:
        found = f"{host}: HTTP status {answer.status_code}"
        return Health(name=name, ok=False, needed=False, found=found, fix=fix)
    return Health(name=name, ok=True, found=f"{host} answers")


def cache() -> Iterator[Health]:
    """What is cached, and since when."""
    store = LayerStore(Cache(default_cache()))
    try:
        layers = store.all()
    except (OSError, DebwrightError):
        layers = []
    if not layers:
        yield Health(
            name="cache", ok=True, found="empty: the first run makes the roots, in minutes"
        )
        return
    bases = sum(1 for _, manifest in layers if manifest.name == "base")
    yield Health(name="cache", ok=True, found=f"{len(layers)} layers, {bases} of them base roots")


def keys(loaded: LoadedConfig) -> Iterator[Health]:
    """The keys that sign: there, strong, and valid for a while."""
    from debwright.keys.configured import IN_CI, configured_keys, home_of, key_variable
    from debwright.keys.gnupg.home import open_home
    from debwright.keys.project import in_ci
    from debwright.keys.ring import health, list_keys

    signing = loaded.config.signing
    variable = key_variable(loaded)
    if signing.key is None and variable is None and in_ci():
        yield Health(name="signing key", ok=True, needed=False, found=IN_CI)
        return
    if variable is None and not configured_keys(loaded):
        yield Health(
            name="signing key", ok=True, needed=False,
            found="none yet: the first publication makes one for the project, which lasts",
        )  # fmt: skip
        return
    if variable is not None:
        there = bool(os.environ.get(variable))
        yield Health(
            name="signing key", ok=there, needed=False,
            found=f"{variable} is {'set' if there else 'not set here'}",
            fix=None if there else f"export {variable}=..., where it signs (CI)",
        )  # fmt: skip
        return
    home = home_of(loaded) or Path(os.environ.get("GNUPGHOME") or Path.home() / ".gnupg")
    for signer in configured_keys(loaded):
        name = f"signing key {signer.fingerprint[-16:]}"
        try:
            with open_home(home) as opened:
                (key,) = list_keys(opened, signer.fingerprint)
        except (DebwrightError, ValueError, OSError) as problem:
            said = problem.what if isinstance(problem, DebwrightError) else "it is not in its home"
            yield Health(name=name, ok=False, found=said, fix=Command("debwright", "keys", "list"))
            continue
        finding = health(key, datetime.now(UTC))
        days = key.days_left(datetime.now(UTC))
        valid = "never expires" if days is None else f"valid for {days} days"
        yield Health(
            name=name, ok=finding is None or finding.severity is not Severity.ERROR,
            found=finding.message if finding else valid, fix=finding.fix if finding else None,
        )  # fmt: skip


def repository(loaded: LoadedConfig, dist: Path) -> Iterator[Health]:
    """The repository below dist/: there, signed by its own keyring, and not forgotten."""
    path = dist / loaded.config.repository.path
    current = path / "dists"
    if not current.exists():
        yield Health(
            name="repository", ok=True, needed=False, found="nothing has been published here yet"
        )
        return
    age = (time.time() - current.resolve().stat().st_mtime) / 86400
    when = f"published {age:.0f} days ago" if age >= 1 else "published today"
    keyring = next(iter(sorted(path.glob("*.gpg"))), None)
    if keyring is None:
        yield Health(
            name="repository", ok=False, found=f"{when}; it has no key to verify it with",
            fix=Command("debwright", "publish"),
        )  # fmt: skip
        return
    from debwright.repository.verify.local import verify_directory

    try:
        result = verify_directory(path, keyring)
        wrong = [f.message for f in result.findings if f.severity is Severity.ERROR]
    except DebwrightError as problem:
        wrong = [problem.what]
    if wrong:
        yield Health(
            name="repository", ok=False, found=wrong[0], fix=Command("debwright", "verify", path)
        )
    else:
        yield Health(
            name="repository", ok=age <= OLD_DAYS, needed=False, found=f"signed; {when}",
            fix=None if age <= OLD_DAYS else "debwright run, to publish what is there now",
        )  # fmt: skip


def dist_size(dist: Path) -> Iterator[Health]:
    """What the results of earlier runs take."""
    total = sum(p.lstat().st_size for p in dist.rglob("*") if p.is_file()) if dist.is_dir() else 0
    yield Health(name="results", ok=True, found=f"{human_size(total)} in {dist.name}/")
