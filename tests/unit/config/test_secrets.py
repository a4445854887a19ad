"""Secrets of this process's environment, and who does not get them."""

import os
from pathlib import Path

import pytest

from debwright.config import load
from debwright.config import values as v
from debwright.config.section import Section, secret_variables
from debwright.host import process
from debwright.host.process import run

CONFIG = """\
[signing]
key = "6C43B96CE05479C89FFD561C3EA65BF54C7A49BC"
key_env = "T_KEY"
passphrase_env = "T_PASS"
[signing.rotation]
new_key = "1564855BAA311F5A02CC66BD2DE05E978E79EB97"
drop = 2030-01-01
passphrase_env = "T_NEW_PASS"
[notify.webhook]
url_env = "T_HOOK"
[notify.email]
to = ["a@example.org"]
sender = "b@example.org"
host = "mail.example.org"
user = "b"
password_env = "T_MAIL"
[repository.s3]
bucket = "packages"
secret_key_env = "T_S3"
"""
NAMED = ("T_KEY", "T_PASS", "T_NEW_PASS", "T_HOOK", "T_MAIL", "T_S3", "AWS_ACCESS_KEY_ID",
         "AWS_SESSION_TOKEN")  # fmt: skip
OF_JOBS = ("DEBWRIGHT_SIGNING_KEY", "DEBWRIGHT_SIGNING_PASSPHRASE")
NAMES = (*NAMED, *OF_JOBS, "GITHUB_TOKEN", "GH_TOKEN")


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_withheld", set())
    for name in NAMES:
        monkeypatch.setenv(name, f"secret of {name}")


def test_no_command_sees_a_variable_that_the_configuration_names(tmp_path: Path) -> None:
    assert "secret of T_KEY" in run(["env"]).output
    (tmp_path / "debwright.toml").write_text(CONFIG)
    load(tmp_path)
    for said in (run(["env"]).output, run(["env"], env={"MORE": "1"}).output):
        assert "secret of" not in said
        assert f"PATH={os.environ['PATH']}" in said
    assert os.environ["T_KEY"] == "secret of T_KEY", "debwright itself has it still"


def test_without_a_configuration_the_token_for_github_is_kept_from_commands(
    tmp_path: Path,
) -> None:
    load(tmp_path)
    assert "secret of GITHUB_TOKEN" not in run(["env"]).output
    assert "secret of T_KEY" in run(["env"]).output


def test_what_a_workflow_passes_is_what_the_configuration_names(tmp_path: Path) -> None:
    (tmp_path / "debwright.toml").write_text(CONFIG)
    config = load(tmp_path).config
    assert sorted(secret_variables(config, fixed=False)) == sorted(NAMED)
    assert sorted(secret_variables(config)) == sorted(NAMES)


def test_a_table_in_a_list_or_a_dictionary_names_secrets_too() -> None:
    class Inner(Section):
        plain: v.VariableName = "PLAIN"
        secret_env: v.SecretVariable | None = None

    class Outer(Section):
        listed: list[Inner]
        named: dict[str, Inner]
        maybe: Inner | None = None

    found = Outer(listed=[Inner(secret_env="A")], named={"x": Inner(secret_env="B")})
    assert secret_variables(found) == ["A", "B"]


def test_helpers_get_what_python_needs_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/python/lib")
    assert set(process.helper_environment()) <= set(process.HELPERS_NEED)
    assert process.helper_environment()["LD_LIBRARY_PATH"] == "/opt/python/lib"
