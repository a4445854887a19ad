"""Why ssh did not connect, from its own words, with the command that helps."""

import re

from debwright.model.errors import DebwrightError, Evidence, MissingError

# (pattern, what, likely cause, next); {ssh} is the command a person would type, {copy} the one
# that brings a key. The words are those of OpenSSH's client.
_TROUBLES = (
    (
        r"REMOTE HOST IDENTIFICATION HAS CHANGED|Host key for .* has changed",
        "the machine's host key is not the one that is known",
        "the machine was installed anew, or something else answers in its place",
        "compare the fingerprint on the machine itself (ssh-keygen -lf "
        "/etc/ssh/ssh_host_ed25519_key.pub), then: ssh-keygen -R {host}; {ssh}",
    ),
    (
        r"Host key verification failed|No .* host key is known",
        "the machine's host key is not known here",
        "nobody has connected from this account yet; debwright never takes a key unseen",
        "{ssh} true   # and compare the fingerprint it shows",
    ),
    (
        r"Permission denied|Too many authentication failures|no such identity|"
        r"bad permissions|UNPROTECTED PRIVATE KEY",
        "the machine does not let this account in",
        "the key is not in its ~/.ssh/authorized_keys, or the user is another; a password cannot "
        "be given here",
        "{copy}",
    ),
    (
        r"Could not resolve hostname|Name or service not known|Temporary failure in name",
        "the machine's name is not known",
        "a typing error, or mDNS (NAME.local) does not work from here",
        "getent hosts {host}; or give the address: ssh://USER@192.0.2.7",
    ),
    (
        r"Connection refused",
        "nothing answers on the machine's ssh port",
        "sshd does not run there, or listens on another port",
        "on the machine: sudo systemctl enable --now ssh",
    ),
    (
        r"timed out|No route to host|Network is unreachable|no answer|Operation timed out",
        "the machine cannot be reached",
        "it is switched off, or in another network",
        "ping -c 3 {host}",
    ),
)


def explain(command: str, said: str) -> DebwrightError:
    """`command` is how a person would connect, `said` what ssh wrote."""
    host = command.rsplit(maxsplit=1)[-1].rpartition("@")[2]
    words = {"ssh": command, "host": host, "copy": f"ssh-copy-id {command.removeprefix('ssh ')}"}
    evidence = [Evidence(text=line) for line in said.splitlines() if line.strip(" @")][-4:]
    for pattern, what, cause, fix in _TROUBLES:
        if re.search(pattern, said):
            return MissingError(
                f"{host}: {what}", evidence=evidence, cause=cause, fix=fix.format(**words)
            )
    return MissingError(f"{host}: ssh did not connect", evidence=evidence, fix=f"{command} -v")


def no_sudo(command: str, said: list[str]) -> DebwrightError:
    return MissingError(
        f"{command.rsplit(maxsplit=1)[-1]} may not become root without a password",
        evidence=[Evidence(text=line) for line in said],
        cause="packages are installed as root; `sudo -n true` does not work there",
        fix="log in as root, or on the machine: "
        'echo "$USER ALL=(ALL) NOPASSWD: ALL" | sudo tee /etc/sudoers.d/debwright',
    )
