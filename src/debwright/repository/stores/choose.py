"""Which stores a configuration asks for."""

import os
from collections.abc import Iterator
from pathlib import Path

from debwright.config import LoadedConfig
from debwright.config.stores import S3Store as S3Table
from debwright.host.git import git
from debwright.model.errors import DebwrightError, MissingError, UsageError
from debwright.repository.stores.base import Store


def configured_stores(loaded: LoadedConfig) -> list[Store]:
    """The stores of [repository]; none when the directory below dist/ is all there is.

    Raises MissingError for a variable that is not set, UsageError for a git remote that is not
    there.
    """
    return list(_stores(loaded))


def any_configured(loaded: LoadedConfig) -> bool:
    tables = loaded.config.repository
    declared = loaded.config.given_below("repository")
    return any((declared, tables.pages, tables.s3, tables.rsync))


def _stores(loaded: LoadedConfig) -> Iterator[Store]:
    tables = loaded.config.repository
    if "directory" in loaded.config.given_below("repository"):
        from debwright.repository.stores.directory import Directory, DirectoryStore

        yield DirectoryStore(loaded.resolve(loaded.config.section(Directory).path))
    if tables.pages is not None:
        from debwright.repository.stores.pages import PagesStore

        yield PagesStore(_remote(loaded, tables.pages.remote), tables.pages.branch)
    if tables.s3 is not None:
        yield _s3(tables.s3)
    if tables.rsync is not None:
        from debwright.repository.stores.rsync import RsyncStore

        identity, known = tables.rsync.identity, tables.rsync.known_hosts
        yield RsyncStore(
            tables.rsync.to,
            port=tables.rsync.port,
            identity=loaded.resolve(identity) if identity else None,
            known_hosts=loaded.resolve(known) if known else None,
        )


def _remote(loaded: LoadedConfig, remote: str) -> str:
    """A URL or an absolute path; the name of a remote is looked up in the project's repository."""
    if "/" in remote or ":" in remote:
        return remote if ":" in remote else str(loaded.resolve(remote))
    try:
        found = git(loaded.directory, "config", "--get", f"remote.{remote}.url").output.strip()
    except DebwrightError as error:
        raise UsageError(
            f"git has no remote {remote}",
            cause="repository.pages.remote names one of the project's git repository",
            fix='[repository.pages] remote = "https://github.com/owner/name.git"',
        ) from error
    relative = ":" not in found and not Path(found).is_absolute()
    return str(loaded.directory / found) if relative else found


def _s3(table: S3Table) -> Store:
    from debwright.repository.stores.s3 import S3Store
    from debwright.repository.stores.signature import Credentials

    return S3Store(
        table.bucket,
        table.prefix or "",
        region=table.region,
        endpoint=table.endpoint,
        credentials=Credentials(
            access_key=_variable(table.access_key_env),
            secret_key=_variable(table.secret_key_env),
            session_token=os.environ.get(table.session_token_env) or None,
        ),
    )


def _variable(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise MissingError(
            f"the environment variable {name} is not set",
            cause="[repository.s3] needs the keys of the bucket",
            fix=f"read -rs {name} && export {name}",
        )
    return value
