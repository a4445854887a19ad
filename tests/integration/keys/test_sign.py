"""Signing with the real gpg, and what is left of the keys afterwards: nothing."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import annotated_types
import pytest

from debwright.isolation.namespaces import Namespaces, Spec
from debwright.keys.gnupg import home
from debwright.keys.gnupg.home import heal_stale_homes
from debwright.keys.gnupg.signatures import check
from debwright.keys.signing import Signer, gpg
from debwright.keys.signing.gpg import GpgSigner, SigningError, throwaway_signer
from debwright.model.errors import DebwrightError, MissingError

pytestmark = pytest.mark.integration

DATA = b"Origin: Greeter\n- dash\n\nDate: today\n"
UID = "debwright test <test@localhost>"
VARIABLE = "DEBWRIGHT_TEST_PASSPHRASE"
PASSPHRASE = "correct horse; battery $(staple)"


def run_gpg(directory: Path, *args: str, stdin: bytes = b"") -> str:
    argv = ["gpg", "--batch", "--no-tty", "--homedir", str(directory), *args]
    return subprocess.run(argv, input=stdin, capture_output=True, check=True).stdout.decode()


def make_key(directory: Path, *options: str, passphrase: str = "", expire: str = "1y") -> str:
    run_gpg(
        directory,
        *("--pinentry-mode", "loopback", "--passphrase", passphrase, *options),
        *("--quick-generate-key", f"{passphrase[:3]}{expire} <k@localhost>"),
        *("ed25519", "sign,cert", expire),
    )
    listing = run_gpg(directory, "--list-secret-keys", "--with-colons")
    return str(re.findall(r"^fpr:+([0-9A-F]{40}):", listing, re.M)[-1])


def agents_of(directory: Path) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            argv = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if argv[0].endswith(b"gpg-agent") and str(directory).encode() in argv:
            found.append(int(process.name))
    return found


def agents_here() -> set[int]:
    """Agents that this process has started."""
    found = descendants(os.getpid())
    return {p for p in found if Path(f"/proc/{p}/comm").read_text().strip() == "gpg-agent"}


@pytest.fixture
def own_agents() -> Callable[[], set[int]]:
    """What says which agents a test has started; a signer that all tests share keeps its own."""
    before = agents_here()
    return lambda: agents_here() - before


@pytest.fixture
def gnupg(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "gnupg"
    directory.mkdir(mode=0o700)
    yield directory
    subprocess.run(["gpgconf", "--homedir", str(directory), "--kill", "all"], check=False)


def verify_everywhere(signer: Signer, tmp_path: Path) -> None:
    """gpgv, and sqv where installed, accept both kinds of signature."""
    keyring = tmp_path / "key.gpg"
    keyring.write_bytes(signer.public_key())
    (tmp_path / "data").write_bytes(DATA)
    (tmp_path / "data.asc").write_bytes(signer.detach(DATA))
    (tmp_path / "signed").write_bytes(signer.clearsign(DATA))
    argv = ["gpgv", "--status-fd", "1", "--keyring", str(keyring)]
    for files in (["data.asc", "data"], ["--output", "text", "signed"]):
        done = subprocess.run([*argv, *files], cwd=tmp_path, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        valid = next(line for line in done.stdout.decode().splitlines() if "VALIDSIG" in line)
        assert valid.split()[2] == signer.fingerprint
        assert valid.split()[9] == "10"  # SHA-512, RFC 9580 section 9.5
    assert (tmp_path / "text").read_bytes() == DATA
    assert b"BEGIN PGP SIGNATURE" in (tmp_path / "data.asc").read_bytes()
    if shutil.which("sqv"):
        subprocess.run(
            ["sqv", "--keyring", "key.gpg", "data.asc", "data"], cwd=tmp_path, check=True
        )
    (tmp_path / "data").write_bytes(DATA + b"x")
    done = subprocess.run([*argv, "data.asc", "data"], cwd=tmp_path, check=False)
    assert done.returncode != 0


@pytest.mark.parametrize("kind", ["namespace", "directory"])
def test_a_throw_away_key_signs_and_is_gone(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "directory":
        monkeypatch.setattr(gpg, "private_home", home.directory_home)
    with throwaway_signer(UID) as signer:
        verify_everywhere(signer, tmp_path)
        assert signer.note == "throw-away key made for this run, gone with it"
        held = signer.opened
        assert held is not None
        if held.kind != kind:
            pytest.skip("this machine allows no namespaces")
        if kind == "directory":
            assert held.path.stat().st_mode & 0o777 == 0o700
            assert agents_of(held.path)
        else:
            assert not held.path.exists()  # another mount namespace
        listing = held.call(["--with-colons", "--fixed-list-mode", "--list-keys"]).output.decode()
        fields = next(f for f in (ln.split(":") for ln in listing.splitlines()) if f[0] == "pub")
        life = datetime.fromtimestamp(int(fields[6]), UTC) - datetime.now(UTC)
        assert timedelta(days=29) < life <= timedelta(days=30)
        assert fields[16] == "ed25519"
        assert b"BEGIN PGP PUBLIC KEY" in signer.public_key_armored()
    assert not held.path.exists()
    if kind == "directory":
        assert not agents_of(held.path)


def test_no_key_is_made_when_nothing_is_signed() -> None:
    with throwaway_signer(UID) as signer:
        assert signer.throwaway
        assert signer.opened is None


CHILD = """
import sys, time
from pathlib import Path
from debwright.keys.gnupg import home
from debwright.keys.signing import gpg
from debwright.keys.signing.gpg import throwaway_signer
if sys.argv[1] == "directory":
    gpg.private_home = home.directory_home
if sys.argv[2:]:
    home.tmpfs_places = lambda: [Path(sys.argv[2])]
signer = throwaway_signer("killed <killed@localhost>")
signer.detach(b"x")
print(signer.opened.kind, signer.opened.path, flush=True)
while True:
    signer.detach(b"x" * 1000)
"""


def descendants(pid: int) -> dict[int, str]:
    """Processes below `pid` with their start time, which tells a reused number apart."""
    found: dict[int, str] = {}
    queue = [pid]
    while queue:
        parent = queue.pop()
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            for child in map(int, task.read_text().split()):
                if (started := start_time(child)) is not None:
                    found[child] = started
                    queue.append(child)
    return found


def start_time(pid: int) -> str | None:
    """None when there is no such process, or only its exit status is left."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def wait_until_gone(processes: dict[int, str], seconds: float = 10) -> dict[int, str]:
    deadline = time.monotonic() + seconds
    while processes and time.monotonic() < deadline:
        processes = {p: s for p, s in processes.items() if start_time(p) == s}
        time.sleep(0.02)
    return processes


def start_child(
    kind: str,
    *prefix: str,
    python: str = sys.executable,
    source: Path = Path(home.__file__).parents[3],
    place: Path | None = None,
) -> tuple[subprocess.Popen[str], str, Path]:
    env = {**os.environ, "PYTHONPATH": str(source)}
    child = subprocess.Popen(
        [*prefix, python, "-c", CHILD, kind, *([str(place)] if place else [])],
        stdout=subprocess.PIPE,
        env=env,
        text=True,
    )
    assert child.stdout is not None
    made, path = child.stdout.readline().split()
    child.stdout.close()
    return child, made, Path(path)


@pytest.mark.parametrize("kind", ["namespace", "directory"])
@pytest.mark.parametrize("after", [0.0, 0.01, 0.05])
def test_sigkill_leaves_no_key_and_no_agent(kind: str, after: float) -> None:
    child, made, path = start_child(kind)
    time.sleep(after)
    below = descendants(child.pid)
    assert below
    child.kill()
    child.wait()
    assert wait_until_gone(below) == {}
    if made == "directory":
        deadline = time.monotonic() + 5
        while path.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
    assert not path.exists()


@pytest.fixture
def own_tmpfs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Homes in a memory of this test's own: any other debwright heals those in /dev/shm."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a tmpfs")
    place = Path(tempfile.mkdtemp())  # short: the agent's sockets are below it, see unix(7)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(place)], check=True)
    monkeypatch.setattr(home, "tmpfs_places", lambda: [place])
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
        place.rmdir()


def test_killing_the_keeper_too_leaves_what_the_next_start_heals(own_tmpfs: Path) -> None:
    child, _, path = start_child("directory", place=own_tmpfs)
    assert path.parent == own_tmpfs
    below = descendants(child.pid)
    keeper = next(p for p in below if b"home_owner.py" in Path(f"/proc/{p}/cmdline").read_bytes())
    # Stopped first, so that neither can clean up after the other.
    for pid in (child.pid, keeper):
        os.kill(pid, signal.SIGSTOP)
    assert path.is_dir()
    assert path not in heal_stale_homes()  # still held
    for pid in (child.pid, keeper):
        os.kill(pid, signal.SIGKILL)
    child.wait()
    assert wait_until_gone(below) == {}  # the agent ends by itself
    assert path.is_dir()
    assert path in heal_stale_homes()
    assert not path.exists()


def test_an_ordinary_user_gets_a_throw_away_key_too() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to become another user")
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    # A copy that they can read, run by a Python that they can run.
    with tempfile.TemporaryDirectory() as copy:
        Path(copy).chmod(0o755)
        shutil.copytree(Path(home.__file__).parents[2], Path(copy) / "debwright")
        # All that signing needs beyond the standard library.
        shutil.copytree(annotated_types.__path__[0], Path(copy) / "annotated_types")
        subprocess.run(["chmod", "-R", "a+rX", copy], check=True)
        python = shutil.which("python3", path="/usr/local/bin:/usr/bin")
        probe = [*nobody, str(python), "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
        if python is None or subprocess.run(probe, check=False).returncode != 0:
            pytest.skip("no Python 3.11 that an ordinary user can run")
        child, made, path = start_child("namespace", *nobody, python=python, source=Path(copy))
        below = descendants(child.pid)
        child.kill()
        child.wait()
        assert wait_until_gone(below) == {}
        deadline = time.monotonic() + 5
        while path.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
    assert made in ("namespace", "directory")
    assert not path.exists()


def test_a_configured_key_with_a_passphrase(
    gnupg: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    own_agents: Callable[[], set[int]],
) -> None:
    fingerprint = make_key(gnupg, passphrase=PASSPHRASE)
    subprocess.run(["gpgconf", "--homedir", str(gnupg), "--kill", "gpg-agent"], check=True)
    monkeypatch.setenv(VARIABLE, PASSPHRASE)
    with GpgSigner(fingerprint, home=gnupg, passphrase_env=VARIABLE) as signer:
        verify_everywhere(signer, tmp_path)
        assert fingerprint in signer.note
        assert "valid until" in signer.note
        assert len(own_agents()) == 1
        assert not (gnupg / "S.gpg-agent").exists()  # nobody else can use it
    assert own_agents() == set()
    with GpgSigner(fingerprint, home=gnupg, passphrase_env=VARIABLE) as again:
        again.detach(DATA)


def test_the_passphrase_is_in_no_argument_and_no_environment(
    gnupg: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fingerprint = make_key(gnupg, passphrase=PASSPHRASE)
    subprocess.run(["gpgconf", "--homedir", str(gnupg), "--kill", "gpg-agent"], check=True)
    spies, log = tmp_path / "bin", tmp_path / "log"
    spies.mkdir()
    for tool in ("gpg", "gpg-agent", "gpgconf"):
        spy = spies / tool
        spy.write_text(
            f'#!/bin/sh\n{{ echo "$0" "$@"; env; }} >>"{log}"\nexec "{shutil.which(tool)}" "$@"\n'
        )
        spy.chmod(0o755)
    monkeypatch.setenv("PATH", f"{spies}:{os.environ['PATH']}")
    monkeypatch.setenv(VARIABLE, PASSPHRASE)
    with GpgSigner(fingerprint, home=gnupg, passphrase_env=VARIABLE) as signer:
        signer.clearsign(DATA)
    said = log.read_text()
    assert "--passphrase-fd" in said
    assert "--no-autostart" in said
    assert PASSPHRASE not in said
    assert VARIABLE not in said


def test_the_keepers_of_keys_and_of_sandboxes_have_no_secret_in_their_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """That of the process which holds a sandbox is /proc/1/environ for a package's scripts."""
    monkeypatch.setenv(VARIABLE, PASSPHRASE)
    with home.private_home() as private:
        keepers = descendants(os.getpid())
        assert keepers
        for pid in keepers:
            assert PASSPHRASE.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
        assert private.call(["--version"]).status == 0
    with Namespaces(Spec()) as inside:
        seen = inside.run(["cat", "/proc/1/environ"]).output
        assert "PATH=" in seen
        assert VARIABLE not in seen


def test_the_agent_of_the_user_is_used_and_left_running(gnupg: Path) -> None:
    fingerprint = make_key(gnupg)  # gpg starts an agent that stays
    before = agents_of(gnupg)
    assert len(before) == 1
    with GpgSigner(fingerprint, home=gnupg) as signer:
        signer.detach(DATA)
        assert agents_of(gnupg) == before
    assert agents_of(gnupg) == before


def test_two_that_sign_at_once_with_one_home_do_not_end_each_others_agent(
    gnupg: Path, own_agents: Callable[[], set[int]]
) -> None:
    fingerprint = make_key(gnupg)
    subprocess.run(["gpgconf", "--homedir", str(gnupg), "--kill", "gpg-agent"], check=True)
    with GpgSigner(fingerprint, home=gnupg) as longer:
        with GpgSigner(fingerprint, home=gnupg) as shorter:
            shorter.detach(DATA)
        longer.detach(DATA)
        with home.open_home(gnupg) as another:
            assert another.owns_agent
            longer.detach(DATA)
    assert own_agents() == set()


@pytest.mark.parametrize(
    "line", ["armor", "local-user 0123456789ABCDEF", "output /dev/full", "textmode", "comment no"]
)
def test_what_the_user_has_in_gpg_conf_is_not_for_repositories(
    gnupg: Path, tmp_path: Path, line: str
) -> None:
    fingerprint = make_key(gnupg)
    (gnupg / "gpg.conf").write_text(f"{line}\n")
    for stop in (False, True):  # with the user's agent, and without one
        if stop:
            subprocess.run(["gpgconf", "--homedir", str(gnupg), "--kill", "gpg-agent"], check=True)
        with GpgSigner(fingerprint, home=gnupg) as signer:
            assert signer.public_key()[0] & 0x80
            (tmp_path / "key.gpg").write_bytes(signer.public_key())
            (tmp_path / "data").write_bytes(DATA)
            (tmp_path / "signature").write_bytes(signer.detach(DATA))
            assert b"Comment" not in signer.clearsign(DATA)
        for verdict in check(tmp_path / "key.gpg", tmp_path / "data", tmp_path / "signature"):
            assert verdict.good, verdict


def test_a_key_that_is_got_ready_ahead_signs_and_leaves_nothing(
    gnupg: Path, tmp_path: Path
) -> None:
    fingerprint = make_key(gnupg)
    subprocess.run(["gpgconf", "--homedir", str(gnupg), "--kill", "gpg-agent"], check=True)
    before = descendants(os.getpid())
    signer = GpgSigner(fingerprint, home=gnupg)
    signer.prepare()
    signer.close()  # at once: its home is not open yet, and must not stay when it is
    assert descendants(os.getpid()) == before
    assert agents_of(gnupg) == []
    signer.prepare()
    verify_everywhere(signer, tmp_path)
    signer.close()
    assert descendants(os.getpid()) == before
    assert agents_of(gnupg) == []


def test_what_is_wrong_with_a_key_got_ready_ahead_is_told_when_it_is_used(gnupg: Path) -> None:
    signer = GpgSigner("0" * 40, home=gnupg)
    signer.prepare()
    with pytest.raises(MissingError, match=r"there is no secret key 0{40}"):
        signer.public_key()
    signer.close()


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        (VARIABLE, "wrong", "passphrase of the signing key [0-9A-F]{40} is wrong"),
        (VARIABLE, "", "passphrase of the signing key [0-9A-F]{40} is wrong"),
        (VARIABLE, None, f"environment variable {VARIABLE} is not set"),
        (None, None, "needs a passphrase, and none is configured"),
    ],
)
def test_passphrase_troubles_each_have_their_message(
    gnupg: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str | None,
    value: str | None,
    message: str,
) -> None:
    fingerprint = make_key(gnupg, passphrase=PASSPHRASE)
    subprocess.run(["gpgconf", "--homedir", str(gnupg), "--kill", "gpg-agent"], check=True)
    monkeypatch.delenv(VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(VARIABLE, value)
    with (
        pytest.raises(DebwrightError, match=message) as caught,
        GpgSigner(fingerprint, home=gnupg, passphrase_env=variable) as signer,
    ):
        signer.detach(DATA)
    assert "next:" in caught.value.render()
    assert agents_of(gnupg) == []


def test_an_expired_key_says_when(gnupg: Path) -> None:
    fingerprint = make_key(gnupg, "--faked-system-time", "20200101T000000", expire="30d")
    with (
        pytest.raises(SigningError, match="expired on 2020-01-31 at 00:00 UTC") as caught,
        GpgSigner(fingerprint, home=gnupg),
    ):
        pass
    assert "--quick-set-expire" in caught.value.render()


def test_a_revoked_key_is_refused(gnupg: Path) -> None:
    fingerprint = make_key(gnupg)
    certificate = gnupg / "openpgp-revocs.d" / f"{fingerprint}.rev"
    text = certificate.read_text().replace(":-----BEGIN", "-----BEGIN")
    run_gpg(gnupg, "--import", stdin=text.encode())
    with pytest.raises(SigningError, match="is revoked"), GpgSigner(fingerprint, home=gnupg):
        pass


def test_a_key_that_is_not_there_and_one_that_is_only_public(gnupg: Path, tmp_path: Path) -> None:
    with (
        pytest.raises(MissingError, match=r"there is no secret key 0{40}") as caught,
        GpgSigner("0" * 40, home=gnupg),
    ):
        pass
    assert "never imported" in caught.value.render()
    with throwaway_signer(UID) as other:
        run_gpg(gnupg, "--import", stdin=other.public_key())
        with (
            pytest.raises(MissingError) as caught,
            GpgSigner(other.fingerprint, home=gnupg),
        ):
            pass
    assert "only its public part" in caught.value.render()


def test_a_key_with_a_signing_subkey_signs_with_it(gnupg: Path, tmp_path: Path) -> None:
    options = ("--pinentry-mode", "loopback", "--passphrase", "")
    run_gpg(gnupg, *options, "--quick-generate-key", "s <s@localhost>", "ed25519", "cert", "1y")
    listing = run_gpg(gnupg, "--list-secret-keys", "--with-colons")
    fingerprint = re.findall(r"^fpr:+([0-9A-F]{40}):", listing, re.M)[0]
    with pytest.raises(SigningError, match="can sign"), GpgSigner(fingerprint, home=gnupg):
        pass
    run_gpg(gnupg, *options, "--quick-add-key", fingerprint, "ed25519", "sign", "1y")
    with GpgSigner(fingerprint, home=gnupg) as signer:
        signature = tmp_path / "s.asc"
        signature.write_bytes(signer.detach(DATA))
        (tmp_path / "key.gpg").write_bytes(signer.public_key())
        (tmp_path / "data").write_bytes(DATA)
    subprocess.run(
        ["gpgv", "--keyring", str(tmp_path / "key.gpg"), str(signature), str(tmp_path / "data")],
        check=True,
    )
