"""What ssh says when it does not connect."""

import pytest

from debwright.systems.ssh.trouble import explain


@pytest.mark.parametrize(
    ("said", "what", "fix"),
    [
        ("Host key verification failed.", "not known here", "ssh -p 22 pi@h true"),
        ("@@@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification "
         "failed.", "is not the one that is known", "ssh-keygen -R h"),
        ("pi@h: Permission denied (publickey).", "does not let this account in",
         "ssh-copy-id -p 22 pi@h"),
        ("ssh: Could not resolve hostname h: Name or service not known", "name is not known",
         "getent hosts h"),
        ("ssh: connect to host h port 22: Connection refused", "nothing answers", "systemctl"),
        ("ssh: connect to host h port 22: Connection timed out", "cannot be reached", "ping"),
        ("a thing never seen", "ssh did not connect", "ssh -p 22 pi@h -v"),
    ],
)  # fmt: skip
def test_what_ssh_says(said: str, what: str, fix: str) -> None:
    error = explain("ssh -p 22 pi@h", said)
    assert error.exit_code == 5
    assert what in error.what
    assert fix in (error.fix or "")
