"""scripts/build-local.sh where things lack: with stand-ins for sudo, id and debwright itself."""

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
SCRIPT = TOP / "scripts/build-local.sh"
# Like sudo(8): without --preserve-env, only PATH reaches the command.
SUDO = """#!/bin/bash
echo "sudo $*" >>"$LOG"
if [ "$1" = --preserve-env ]; then
    shift
    if [ "$1" = --set-home ]; then shift; export HOME=/root; fi
    exec "$@"
fi
exec env -i PATH="$PATH" LOG="$LOG" "$@"
"""
DEBWRIGHT = """#!/bin/bash
printf '%s\n' "debwright $*" "key ${A_KEY:-none}" "cache ${XDG_CACHE_HOME:-none}" \\
    "home ${HOME:-none}" >>"$LOG"
exit "${STATUS:-0}"
"""


@dataclass
class Machine:
    """What an ordinary user has; `program` puts something more on its PATH."""

    home: Path
    environment: dict[str, str]

    def program(self, name: str, text: str) -> None:
        path = self.home / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def build(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [SCRIPT, *arguments], env=self.environment, capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL, timeout=60,
        )  # fmt: skip

    @property
    def log(self) -> str:
        path = self.home / "log"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """With all packages, and a Python environment that is up to date."""
    venv = tmp_path / "venv"
    made = Machine(tmp_path, {
        "PATH": str(tmp_path / "bin"), "HOME": str(tmp_path), "LOG": str(tmp_path / "log"),
        "DEBWRIGHT_VENV": str(venv),
    })  # fmt: skip
    made.program("id", "#!/bin/sh\necho 1234\n")
    made.program("dpkg-query", "#!/bin/sh\necho ii\n")
    made.program("chown", '#!/bin/sh\necho "chown $*" >>"$LOG"\n')
    made.program("mount", "#!/bin/sh\n")
    made.program("update-binfmts", "#!/bin/sh\n")
    for name in ("bash", "cat", "cut", "dirname", "env", "getent", "grep", "ls", "realpath",
                 "sha256sum", "sh", "true", "uname"):  # fmt: skip
        (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
    wanted = [TOP / f"requirements/{name}.txt" for name in ("tools", "run")]
    content = b"".join(p.read_bytes() for p in [*wanted, TOP / "pyproject.toml"])
    (venv / "bin").mkdir(parents=True)
    (venv / ".stamp").write_text(f"run.txt {hashlib.sha256(content).hexdigest()}\n")
    (venv / "bin/debwright").write_text(DEBWRIGHT)
    (venv / "bin/debwright").chmod(0o755)
    return made


def test_without_root_and_sudo_it_ends_before_anything_is_installed(machine: Machine) -> None:
    machine.program("dpkg-query", "#!/bin/sh\nexit 1\n")
    done = machine.build()
    assert done.returncode == 5
    assert "root is needed to boot the systems" in done.stderr
    assert "install sudo" in done.stderr
    assert "installing" not in done.stderr
    assert machine.log == ""


def test_sudo_takes_the_variables_along_and_another_cache(machine: Machine) -> None:
    machine.program("sudo", SUDO)
    machine.environment["A_KEY"] = "secret"
    done = machine.build("--arch", "arm64", "--output", str(machine.home / "new"))
    assert done.returncode == 0, done.stderr
    assert f"debwright -C {TOP}/services/local-rag -o {machine.home}/new run -t *-arm64" in (
        machine.log
    )
    assert "key secret" in machine.log
    assert f"cache {machine.home}/.cache-root" in machine.log
    assert "home /root" in machine.log, "root leaves nothing in the user's home"
    assert "secret" not in next(x for x in machine.log.splitlines() if x.startswith("sudo"))


def test_a_sudo_that_keeps_nothing_is_told(machine: Machine) -> None:
    refusing = SUDO.replace("then\n", 'then\n    echo "not allowed" >&2; exit 1\n', 1)
    machine.program("sudo", refusing)
    machine.environment["A_KEY"] = "secret"
    done = machine.build("--output", str(machine.home / "new"))
    assert done.returncode == 0, done.stderr
    assert "sudo keeps no variables here" in done.stderr
    assert "key none" in machine.log
    assert f"cache {machine.home}/.cache-root" in machine.log


@pytest.mark.parametrize("status", [3, 4, 130])
def test_results_are_given_back_however_it_ends(machine: Machine, status: int) -> None:
    machine.program("sudo", SUDO)
    machine.environment["STATUS"] = str(status)
    output = machine.home / "new"
    output.mkdir()
    done = machine.build("--output", str(output))
    assert done.returncode == status
    assert f"chown -R 1234:1234 {output}" in machine.log


def test_a_directory_with_other_files_is_not_given_away(machine: Machine) -> None:
    """All below it becomes the user's: of /tmp or / that must not be."""
    machine.program("sudo", SUDO)
    (machine.home / "others").mkdir()
    (machine.home / "others/file").touch()
    done = machine.build("--output", str(machine.home / "others"))
    assert done.returncode == 2
    assert "holds other files" in done.stderr
    assert machine.log == ""
    (machine.home / "others/.lock").touch()  # debwright's own
    assert machine.build("--output", str(machine.home / "others")).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--arch",), "--arch needs an architecture"),
        (("--arch", "mips"), "unknown architecture 'mips'"),
        (("--arch=",), "unknown architecture ''"),
        (("--output",), "--output needs a directory"),
        (("--output", "--clean"), "--output needs a directory"),
        (("--output=",), "--output needs a directory"),
        (("--output", str(SCRIPT)), "is not a directory"),
        (("--clen",), "unknown option '--clen'"),
        (("bookworm",), "unknown option 'bookworm'"),
    ],
)
def test_wrong_arguments_are_exit_code_2(
    machine: Machine, arguments: tuple[str, ...], said: str
) -> None:
    done = machine.build(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert machine.log == ""


def test_help_needs_nothing(machine: Machine) -> None:
    del machine.environment["HOME"]
    done = machine.build("--help")
    assert done.returncode == 0
    assert "--validate" in done.stdout
    assert SCRIPT.name in done.stdout


DOCKER = """#!/bin/bash
echo "docker $*" >>"$LOG"
[ "$1 $2" != "image inspect" ]
"""


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("", "no image is pinned"),
        ("debian:bookworm", "pulled by its digest only"),
        ("debian@sha256:abc", "pulled by its digest only"),
        ("debian:bookworm@sha256:" + "0" * 64, None),
    ],
)
def test_an_image_is_pulled_by_its_digest_only(
    tmp_path: Path, image: str, said: str | None
) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/image.txt").write_text(f"# how to\n{image}\n")
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/docker"
    program.write_text(DOCKER)
    program.chmod(0o755)
    script = (
        f'TOP={tmp_path}; die() {{ shift; echo "$*"; exit 5; }}; '
        f". {TOP}/scripts/lib/docker.sh; prepare_image"
    )
    log = tmp_path / "log"
    done = subprocess.run(
        ["bash", "-euc", script], capture_output=True, text=True, check=False,
        env={"PATH": f"{program.parent}:/usr/bin:/bin", "LOG": str(log)},
    )  # fmt: skip
    if said is None:
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"docker pull {image}" in log.read_text()
    else:
        assert (done.returncode, said in done.stdout) == (5, True)
        assert "docker pull" not in log.read_text()
