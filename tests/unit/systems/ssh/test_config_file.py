"""A project's ssh configuration is data; the user's own may name programs."""

from pathlib import Path

import pytest

from debwright.model.errors import ConfigError
from debwright.systems.ssh.config_file import require_harmless

GOOD = """\
# a board
Host board
  HostName 192.0.2.7
  Port=22
  IdentityFile ~/.ssh/id_ed25519
  ProxyJump gate
"""


def test_where_a_machine_is_may_be_said(tmp_path: Path) -> None:
    path = tmp_path / "ssh_config"
    path.write_text(GOOD)
    require_harmless(path, "ssh_config", tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "ProxyCommand evil", "proxycommand=evil", '  "ProxyCommand" evil', "LocalCommand evil",
        "KnownHostsCommand evil", "Match exec evil", "Include ~/x", "PKCS11Provider /tmp/evil.so",
        "SecurityKeyProvider /tmp/evil.so", "XAuthLocation evil", "IdentityAgent /tmp/socket",
        "ControlPath /tmp/x", "UpdateHostKeys yes", "\\ProxyCommand evil", "\x0bProxyCommand evil",
    ],
)  # fmt: skip
def test_no_program_of_a_project_runs(tmp_path: Path, line: str) -> None:
    path = tmp_path / "ssh_config"
    path.write_text(GOOD + line + "\n")
    for named in ("ssh_config", str(path)):
        with pytest.raises(ConfigError, match="the project's ssh configuration says"):
            require_harmless(path, named, tmp_path)


def test_the_users_own_may_say_all_unless_others_can_write_it(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    path = tmp_path / "own"
    path.write_text(GOOD + "ProxyCommand nc %h %p\n")
    path.chmod(0o600)
    require_harmless(path, str(path), project)
    with pytest.raises(ConfigError):  # as in an archive with two directories
        require_harmless(path, "../own", project)
    path.chmod(0o666)
    with pytest.raises(ConfigError, match="can be written by others"):
        require_harmless(path, str(path), project)
