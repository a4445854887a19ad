"""The life of a key with the real gpg, through the command line; and no secret in any output."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from debwright.keys.gnupg.signatures import ALTERED, EXPIRED, UNKNOWN, binary_keyring, check
from debwright.keys.signing.gpg import GpgSigner
from debwright.keys.signing.two_keys import TwoKeySigner

pytestmark = pytest.mark.minutes(0.1)

PASSPHRASE = "a passphrase; nobody $(may) see"
BACKUP_PASSWORD = "password-of-the-backup"
UID = "Example Releases <releases@example.org>"


@dataclass
class User:
    """Somebody at a shell; everything any command printed is kept."""

    directory: Path
    printed: list[str] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.directory / "gnupg"

    def __call__(self, *arguments: str, expect: int = 0, **environment: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "debwright", *arguments],
            cwd=self.directory, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=120, check=False,
            env={**os.environ, "GNUPGHOME": str(self.home), "PASS": PASSPHRASE, **environment},
        )  # fmt: skip
        self.printed.append(done.stdout + done.stderr)
        assert done.returncode == expect, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    def new(self, *options: str) -> str:
        said = self("--json", "keys", "new", UID, "--passphrase-env", "PASS", *options)
        return str(json.loads(said)["fingerprint"])

    def configure(self, text: str) -> None:
        (self.directory / "debwright.toml").write_text(text)


@pytest.fixture
def user(tmp_path: Path) -> Iterator[User]:
    someone = User(tmp_path)
    yield someone
    for home in (someone.home, tmp_path / "other"):
        if home.is_dir():
            subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)


def secret_key(user: User, fingerprint: str) -> str:
    argv = ["gpg", "--homedir", str(user.home), "--batch", "--pinentry-mode", "loopback"]
    argv += ["--passphrase-fd", "0", "--armor", "--export-secret-keys", fingerprint]
    done = subprocess.run(argv, input=PASSPHRASE.encode(), capture_output=True, check=True)
    return done.stdout.decode()


def assert_no_secret(texts: list[str], key: str, *more: str) -> None:
    """None of the key's lines, no passphrase and nothing like a private key is in any text."""
    lines = [line for line in key.splitlines() if len(line) > 20 and ":" not in line][1:-1]
    assert lines
    for text in texts:
        for secret in (PASSPHRASE, "PRIVATE KEY BLOCK", *lines, *more):
            assert secret not in text, secret


def test_a_key_is_made_shown_exported_and_proven(user: User, tmp_path: Path) -> None:
    user(*("keys", "new", "nobody", "--no-passphrase"), expect=2)
    user(*("keys", "new", UID), expect=2)
    user(*("keys", "new", UID, "--passphrase-env", "UNSET"), expect=5)
    user(*("keys", "new", UID, "--passphrase-env", "PASS", "--days", "99999"), expect=2)
    good, soon = user.new(), user.new("--days", "30")
    rsa = user.new("--algorithm", "rsa4096", "--days", "10")
    listing = user("keys", "list")
    assert f"{good}  Ed25519  729 days left" in listing
    assert f"warning: the signing key {soon} expires in 29 days" in listing
    assert f"error: the signing key {rsa} expires in 9 days" in listing
    assert "RSA-4096" in listing

    user.configure(f'[signing]\nkey = "{good}"\npassphrase_env = "PASS"\n')
    proof = user("keys", "verify")
    assert "gpgv accepts its signature" in proof
    assert ("sqv accepts its signature" in proof) == bool(shutil.which("sqv"))
    user("keys", "export", "--to", "public", "--name", "example")
    page = (tmp_path / "public/example.html").read_text()
    assert " ".join(good[i : i + 4] for i in range(0, 40, 4)) in page
    assert "Example Releases &lt;releases@example.org&gt;" in page
    for name in ("example.asc", "example.gpg"):
        assert good in user("keys", "verify", f"public/{name}")
        shown = subprocess.run(
            ["gpg", "--show-keys", "--with-colons", str(tmp_path / "public" / name)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert f"fpr:::::::::{good}:" in shown.stdout
    assert "sec:" not in shown.stdout
    user("keys", "verify", "debwright.toml", expect=1)
    assert_no_secret(user.printed, secret_key(user, good))
    user.configure(f'[signing]\nkey = "{rsa}"\npassphrase_env = "PASS"\n')
    user("keys", "verify", expect=4)
    user.configure("")
    user("keys", "verify", expect=2)


def test_what_is_wrong_is_said_before_a_passphrase_is_asked_for(user: User) -> None:
    # Without a terminal, asking for one would be the error.
    assert "is not a user id" in user("keys", "new", "me", expect=2)
    assert "after 0 days" in user("keys", "new", UID, "--days", "0", expect=2)
    user.home.mkdir(mode=0o700)
    user.configure(f'[signing]\nkey = "{"A" * 40}"\nkey_env = "KEY"\n')
    said = user("keys", "rotate", expect=5, GNUPGHOME=str(user.home))
    assert "it would give the new one its name" in said
    assert "--to FINGERPRINT" in said


def test_a_backup_split_among_three_is_restored_by_two(
    user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = user.new()
    user("keys", "backup", key, "--shares", "3", "--needed", "2", expect=2)  # no passphrase
    user("keys", "backup", key, "--no-passphrase", "--shares", "3", "--needed", "2", expect=1)
    assert not list(tmp_path.glob("*backup*")), "a backup that cannot be used is not written"
    options = ("--passphrase-env", "PASS", "--shares", "3", "--needed", "2", "--to", "safe/b.asc")
    user("keys", "backup", key, *options)
    said = user("keys", "backup", key, *options, expect=2)  # never over an earlier one
    assert "--to" in said
    shares = sorted((tmp_path / "safe").glob("b-share-*.txt"))
    kept = [s.read_text() for s in shares]
    # The backup is elsewhere by now, and the shares not yet with their keepers.
    (tmp_path / "safe/b.asc").rename(tmp_path / "b.asc")
    assert "b-share-1-of-3.txt is there" in user("keys", "backup", key, *options, expect=2)
    assert [s.read_text() for s in shares] == kept
    (tmp_path / "b.asc").rename(tmp_path / "safe/b.asc")
    assert len(shares) == 3
    for path in (tmp_path / "safe/b.asc", *shares):
        assert path.stat().st_mode & 0o077 == 0
    one, _, three = (str(s) for s in shares)
    other = str(tmp_path / "other")
    user("keys", "restore", "safe/b.asc", "--share", one, expect=1, GNUPGHOME=other)
    out = ("--passphrase-out", "pass.txt")
    said = user(
        *("keys", "restore", "safe/b.asc", "--share", three, "--share", one, *out), GNUPGHOME=other
    )
    assert key in said
    assert (tmp_path / "pass.txt").read_text() == PASSPHRASE + "\n"
    assert (tmp_path / "pass.txt").stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv("RESTORED", PASSPHRASE)
    with GpgSigner(key, home=tmp_path / "other", passphrase_env="RESTORED") as signer:
        assert b"BEGIN PGP SIGNATURE" in signer.detach(b"hello")
    words = [s.read_text().rpartition("Words:\n")[2].strip() for s in shares]
    assert_no_secret(user.printed, secret_key(user, key), *words)


def test_a_backup_with_a_password_opens_with_gpg_alone(user: User, tmp_path: Path) -> None:
    key = user.new()
    options = ("--passphrase-env", "PASS", "--password-env", "BP", "--to", "b.asc")
    user("keys", "backup", key, *options, BP=BACKUP_PASSWORD)
    other = str(tmp_path / "other")
    wrong = user(
        *("keys", "restore", "b.asc", "--password-env", "BP"), expect=1, BP="x", GNUPGHOME=other
    )
    assert "password is wrong" in wrong
    assert key in user(
        *("keys", "restore", "b.asc", "--password-env", "BP"), BP=BACKUP_PASSWORD, GNUPGHOME=other
    )
    argv = ["gpg", "--homedir", other, "--batch", "--pinentry-mode", "loopback"]
    argv += ["--passphrase", BACKUP_PASSWORD, "--decrypt", str(tmp_path / "b.asc")]
    opened = json.loads(subprocess.run(argv, capture_output=True, check=True).stdout)
    assert opened["fingerprint"] == key
    assert "BEGIN PGP PRIVATE KEY BLOCK" in opened["key"]
    assert_no_secret(user.printed, secret_key(user, key), BACKUP_PASSWORD)
    (tmp_path / "b.asc").write_text("nothing\n")
    user("keys", "restore", "b.asc", "--password-env", "BP", expect=1, BP="x", GNUPGHOME=other)


def test_two_keys_sign_together_and_either_is_enough(
    user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = user.new()
    user.configure(f'[signing]\nkey = "{old}"\npassphrase_env = "PASS"\n')
    said = user("keys", "rotate", "--passphrase-env", "PASS", "--overlap-days", "30")
    new = re.findall(r"[0-9A-F]{40}", said)[-1]
    assert new != old
    listing = user("keys", "list")
    assert "[signs until " in listing
    assert "[signs, too; takes over]" in listing
    assert "gpgv accepts" in user("keys", "verify")
    user("keys", "rotate", "--passphrase-env", "PASS", expect=2)

    text = b"Origin: x\n- dash\n trailing \n"
    data, detached, clear = (tmp_path / n for n in ("data", "data.asc", "clear"))
    data.write_bytes(text)
    keys = {}
    monkeypatch.setenv("PASS", PASSPHRASE)
    one, two = (GpgSigner(k, home=user.home, passphrase_env="PASS") for k in (old, new))
    with TwoKeySigner(one, two) as both:
        detached.write_bytes(both.detach(text))
        clear.write_bytes(both.clearsign(text))
        keys["both"] = both.public_key_armored()
        keys["old"], keys["new"] = one.public_key(), two.public_key()
    for name, content in keys.items():
        (tmp_path / name).write_bytes(content)
        ring = binary_keyring(tmp_path / name, tmp_path / f"{name}.gpg")
        for verdict in (*check(ring, data, detached), *check(ring, clear)):
            assert verdict.good, (name, verdict)
    data.write_bytes(text + b"more")
    clear.write_bytes(clear.read_bytes().replace(b"Origin: x", b"Origin: y"))
    for verdict in (*check(tmp_path / "old", data, detached), *check(tmp_path / "old", clear)):
        assert not verdict.good
        assert verdict.why == ALTERED


def test_the_reasons_of_a_refusal(user: User, tmp_path: Path) -> None:
    def gpg(*argv: str) -> None:
        base = ["gpg", "--homedir", str(user.home), "--batch", "--quiet", "--yes"]
        loop = ["--pinentry-mode", "loopback", "--passphrase", ""]
        subprocess.run([*base, *loop, *argv], check=True, capture_output=True, cwd=tmp_path)

    user.home.mkdir(mode=0o700)
    (tmp_path / "data").write_text("data\n")
    past = "20240101T000000"
    gpg("--faked-system-time", past, "--quick-gen-key", "old@example.org", "ed25519", "sign", "5d")
    gpg("--faked-system-time", past, "--local-user", "old@example.org", "--armor", "--output",
        "late.asc", "--detach-sign", "data")  # fmt: skip
    gpg("--quick-gen-key", "rsa@example.org", "rsa3072", "sign", "1y")
    gpg("--local-user", "rsa@example.org", "--digest-algo", "SHA1", "--output", "weak.asc",
        "--detach-sign", "data")  # fmt: skip
    gpg("--quick-gen-key", "strange@example.org", "ed25519", "sign", "1y")
    for name in ("old", "rsa", "strange"):
        gpg("--output", f"{name}.gpg", "--export", f"{name}@example.org")
    data = tmp_path / "data"

    def why(ring: str, signature: str) -> dict[str, str]:
        verdicts = check(tmp_path / ring, data, tmp_path / signature)
        return {v.tool: v.why for v in verdicts if not v.good}

    # sqv asks whether the key was valid when it signed, gpgv (and Debian 12's apt) whether it is.
    late = why("old.gpg", "late.asc")["gpgv"]
    assert late == f"{EXPIRED}: on 2024-01-06"
    weak = why("rsa.gpg", "weak.asc")
    assert "SHA-1" in weak["gpgv"]
    assert all("digest" in reason for reason in weak.values())
    assert set(weak) == {t for t in ("gpgv", "sqv") if shutil.which(t)}
    assert set(why("strange.gpg", "late.asc").values()) == {UNKNOWN}


CI = """
import sys, time
from pathlib import Path
from debwright.config import load
from debwright.keys.configured import configured_signer
with configured_signer(load(Path(sys.argv[1])), "example") as signer:
    sys.stdout.write(signer.detach(b"data").decode()); sys.stdout.flush()
    print(signer.note, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("ending", ["normal", "killed"])
def test_a_key_from_the_environment_is_gone_afterwards(
    user: User, tmp_path: Path, ending: str
) -> None:
    key = user.new()
    material = secret_key(user, key)
    user.configure(f'[signing]\nkey = "{key}"\nkey_env = "KEY"\npassphrase_env = "PASS"\n')
    environment = {**os.environ, "KEY": material, "PASS": PASSPHRASE, "GNUPGHOME": "/nonexistent"}
    if ending == "normal":
        proof = user("keys", "verify", KEY=material, GNUPGHOME="/nonexistent")
        assert "gpgv accepts" in proof
        for wrong in ("nothing", "c2VjcmV0IG5vbnNlbnNl", material[: len(material) // 2]):
            said = user("keys", "verify", KEY=wrong, GNUPGHOME="/nonexistent", expect=2)
            assert wrong not in said
        user("keys", "verify", GNUPGHOME="/nonexistent", expect=5)
        assert_no_secret(user.printed, material)
        return
    others = _keepers()  # of whatever else runs on this machine
    child = subprocess.Popen(
        [sys.executable, "-c", CI, str(tmp_path)], env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert child.stdout is not None
    said = ""
    while "valid until" not in said:
        line = child.stdout.readline()
        assert line, said
        said += line
    keepers = _keepers() - others
    assert keepers
    arguments = [_cmdline(p) for p in _processes()]
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    deadline = time.monotonic() + 15
    while (left := keepers & _keepers()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left, "no process holds the key any more"
    assert not list(Path("/dev/shm").glob(f"debwright-gpg-{os.getuid()}-{child.pid}*"))
    assert_no_secret([said, *arguments], material)
    # Nowhere on the disk that this process could have written to.
    found = [p for p in tmp_path.rglob("*") if p.is_file() and user.home not in p.parents]
    assert_no_secret([p.read_text(errors="replace") for p in found], material)


def _processes() -> list[int]:
    return [int(p.name) for p in Path("/proc").glob("[0-9]*")]


def _cmdline(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return ""


def _keepers() -> set[int]:
    return {pid for pid in _processes() if "home_owner.py" in _cmdline(pid)}
