"""What was once published stays: real apt of several architectures, before and after."""
# ruff: noqa: PLR0917 - fixtures come by name

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from debwright.keys.signing.gpg import GpgSigner
from debwright.model.errors import DebwrightError, UsageError
from debwright.repository.edits import remove, rename, withdraw
from debwright.repository.model import PackageFile, RepositorySettings
from debwright.repository.promises import Withdrawal
from debwright.repository.publish import publish
from debwright.repository.sources import sources_text
from debwright.repository.verify.repository import verify_repository

pytestmark = [pytest.mark.minutes(0.1), pytest.mark.integration]

MakeDeb = Callable[..., Path]
Files = Callable[..., list[PackageFile]]


def named(repo: Path, field: str) -> list[str]:
    for line in (repo / "dists/bookworm/Release").read_text().splitlines():
        if line.startswith(f"{field}: "):
            return line.split()[1:]
    return []


def test_what_was_published_is_not_taken_from_users_by_todays_packages(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files, keyring: Path, make_apt: Any,
) -> None:  # fmt: skip
    repo = tmp_path / "repo"
    publish(repo, files(make_deb("scripts", architecture="all")), signer, settings)
    assert named(repo, "Architectures") == ["all", "amd64", "arm64"]
    key = (repo / "key.asc").read_text()
    text = sources_text(settings, repo, "bookworm", key=key)
    apts = {a: make_apt(text, a, name=a) for a in ("amd64", "arm64")}
    # An architecture nobody has thought of sees them, too; apt notes that there is no index.
    other = make_apt(text, "riscv64", name="riscv64")
    assert "E: " not in (out := other.get("update", check=False)), out
    assert other.versions("scripts") == ["1.0-1"]

    publish(repo, files(make_deb("tool", architecture="riscv64")), signer, settings)
    extra = files(make_deb("extra", architecture="all"), component="extra")
    publish(repo, extra, signer, settings)
    everything = ["all", "amd64", "arm64", "riscv64"]
    assert named(repo, "Architectures") == everything
    remove(repo, "bookworm", ["tool", "extra"], signer, settings)
    assert named(repo, "Architectures") == everything
    assert named(repo, "Components") == ["extra", "main"]
    for apt in (*apts.values(), other):
        apt.get("update")
        assert set(apt.versions("scripts")) == {"1.0-1"}
    remove(repo, "bookworm", ["*"], signer, settings)
    for apt in apts.values():
        apt.get("update")  # an empty suite is one; one that is gone is an error
    assert verify_repository(repo, keyring) == []
    publish(repo, files(make_deb("scripts", "2-1", architecture="all")), signer, settings)
    with pytest.raises(UsageError, match="still has packages"):
        withdraw(repo, Withdrawal(suite="bookworm"), signer, settings)
    with pytest.raises(UsageError, match="does not have mips"):
        withdraw(repo, Withdrawal(suite="bookworm", architectures=("mips",)), signer, settings)
    wanted = Withdrawal(suite="bookworm", architectures=("riscv64",), components=("extra",))
    withdraw(repo, wanted, signer, settings)
    assert named(repo, "Architectures") == ["all", "amd64", "arm64"]
    assert named(repo, "Components") == ["main"]
    publish(repo, files(make_deb("only"), suite="trixie"), signer, settings)
    remove(repo, "trixie", ["only"], signer, settings)
    assert withdraw(repo, Withdrawal(suite="trixie"), signer, settings).suites == ("bookworm",)


def test_a_name_that_users_would_have_to_confirm_is_not_changed_by_the_way(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files, make_apt: Any,
) -> None:  # fmt: skip
    repo = tmp_path / "repo"
    publish(repo, files(make_deb("greeter")), signer, settings)
    key = (repo / "key.asc").read_text()
    apt = make_apt(sources_text(settings, repo, "bookworm", key=key))
    apt.get("update")
    for change in ({"origin": "Other"}, {"label": "Other"}):
        other = settings.model_copy(update=change)
        with pytest.raises(DebwrightError, match="would stop and ask") as caught:
            publish(repo, files(make_deb("more")), signer, other)
        assert "--allow-releaseinfo-change" in caught.value.render()
    assert named(repo, "Origin") == ["Greeter"]
    rename(repo, signer, other)
    assert "changed its 'Label' value" in apt.get("update", check=False)
    publish(repo, files(make_deb("more")), signer, other)
