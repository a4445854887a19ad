"""Tables of what is signed, published and released."""

from collections.abc import Iterator
from datetime import date
from typing import Literal

from pydantic import Field

from debwright.config import values as v
from debwright.config.section import Problem, Raw, Section


class Rotation(Section):
    """Both keys sign until a day; from then on the new one signs alone."""

    new_key: v.Fingerprint = Field(description="Fingerprint of the key that takes over.")
    drop: v.Day = Field(description="First day on which the old key signs no more, as 2027-06-01.")
    passphrase_env: v.SecretVariable | None = Field(
        None,
        description="Name of the environment variable that holds the new key's passphrase; "
        "default: signing.passphrase_env.",
    )

    def over(self, today: date) -> bool:
        """Whether the old key has been dropped."""
        return today >= self.drop


class Signing(Section):
    """The key that signs. Without one the project gets a lasting key of its own.

    In CI that is the key of the variable DEBWRIGHT_SIGNING_KEY: machines there are gone after the
    job, so no key is made on them.
    """

    fixed_secrets = ("DEBWRIGHT_SIGNING_KEY", "DEBWRIGHT_SIGNING_PASSPHRASE")

    key: v.Fingerprint | None = Field(None, description="Fingerprint of the key, 40 hex digits.")
    home: v.Line | None = Field(
        None,
        description="GNUPGHOME that holds the key, relative to this file; default: gpg's own.",
    )
    key_env: v.SecretVariable | None = Field(
        None,
        description="Name of the environment variable that holds the secret key itself, armoured "
        "or in base64, as CI systems hand it over; it is used in memory only, and instead of home.",
    )
    passphrase_env: v.SecretVariable | None = Field(
        None, description="Name of the environment variable that holds the key's passphrase."
    )
    rotation: Rotation | None = Field(
        None, description="The change to another key, while it lasts; see `debwright keys rotate`."
    )

    @property
    def key_of_jobs(self) -> str | None:
        """The variable that holds the key in a job; None where the key is in a home."""
        return self.key_env or (self.fixed_secrets[0] if self.home is None else None)

    @property
    def secrets_of_jobs(self) -> tuple[str, ...]:
        """Variables that a job gets without any key of debwright.toml that names them."""
        if self.key_env is not None or self.home is not None:
            return ()
        return self.fixed_secrets[:1] if self.passphrase_env else self.fixed_secrets

    @classmethod
    def contradictions(cls, raw: Raw) -> Iterator[Problem]:
        rotation = raw.get("rotation")
        if not isinstance(rotation, dict):
            rotation = {}
        if rotation and "key" not in raw:
            yield Problem(
                path=("rotation",),
                what="signing.rotation has no effect without signing.key",
                expected="the key that signs until the day of signing.rotation.drop",
                fix='add `key = "FINGERPRINT"` to [signing]',
            )
        elif rotation and rotation.get("new_key") == raw.get("key"):
            yield Problem(
                path=("rotation", "new_key"),
                what="signing.rotation.new_key is the key that signs already",
                expected="another key than signing.key",
                fix="remove [signing.rotation]",
            )
        for name in ("key_env", "passphrase_env"):
            if name in raw and "key" not in raw:
                yield Problem(
                    path=(name,),
                    what=f"signing.{name} has no effect without signing.key",
                    expected="the fingerprint of the key, so that no other one signs",
                    fix='add `key = "FINGERPRINT"` to [signing]',
                )
        if "home" in raw and "key_env" in raw:
            yield Problem(
                path=("home",),
                what="signing.home and signing.key_env both say where the key is",
                expected="one of them",
                fix="remove `home`",
            )


class Repository(Section):
    """The APT repository that is written."""

    path: v.PathBelowDist = Field("apt", description="Its directory, below dist/.")
    origin: v.Line | None = Field(
        None, description="Origin in its Release files; default: the source package's name."
    )
    label: v.Line | None = Field(
        None, description="Label in its Release files; default: the origin."
    )
    description: v.Line | None = Field(None, description="Description in its Release files.")
    component: v.Component = Field("main", description="The component packages are put into.")
    url: v.HttpUrl | None = Field(
        None,
        description="Where it will be served; the printed .sources names it. Default: its path "
        "on this machine.",
    )
    keep: int = Field(
        0, ge=0, description="Versions of each package that are kept, newest first; 0: all."
    )
    publications: int = Field(
        10, ge=1, description="Publications that can be gone back to, the current one among them."
    )
    valid_days: int = Field(
        30,
        ge=0,
        description="Days for which users' apt takes what was signed for current (Valid-Until); "
        "before they are over it must be signed again, by `debwright repo renew` or any "
        "publication. 0: for ever, and an old state can be served unnoticed.",
    )
    sources: bool = Field(
        True,
        description="Whether source packages are published too. Where they are too large for the "
        "repository's host they can be left to the GitHub release.",
    )
    channel: Literal["stable", "candidate", "nightly", "auto"] = Field(
        "stable",
        description="Where `debwright publish` puts packages: stable is the suite itself, as "
        "bookworm; the others are bookworm-candidate and bookworm-nightly. auto: by the version, "
        "releases to stable, pre-releases to candidate, all others to nightly.",
    )
    codename_suffix: v.CodenameSuffix = Field(
        "", description="What is added to a suite's name to make the repository's codename."
    )


class ReleaseDocument(Section):
    """A document that is always about the newest release."""

    template: v.Line = Field(description="Its Jinja template, relative to this file.")
    output: v.Line = Field(description="What is written, relative to this file.")


class Release(Section):
    """The release on the hosting service."""

    fixed_secrets = ("GITHUB_TOKEN", "GH_TOKEN")

    provider: Literal["github"] = Field("github", description="The hosting service.")
    repository: v.GithubRepository | None = Field(
        None, description="owner/name; default: that of the git remote `origin`."
    )
    draft: bool = Field(True, description="Whether the release is left as a draft to be reviewed.")
    prerelease: v.AutoOrBool = Field(
        "auto",
        description="Whether it is marked as a pre-release; auto: when its tag is one, as "
        "v1.2.3-rc1.",
    )
    notes_file: v.Line | None = Field(
        None,
        description="File with the release notes, relative to this file; default: made from "
        "the commits.",
    )
    documents: list[ReleaseDocument] = Field(
        [],
        description="Documents that `debwright documents`, and each published release, writes "
        "from templates: install instructions, version tables, downloads.",
    )
