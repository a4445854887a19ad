"""docker's and podman's command lines: what is the same, and what is each one's own."""

import json
from pathlib import Path

import pytest

from debwright.model.errors import MissingError
from debwright.roots.apt import MirrorError
from debwright.systems.base import BootError
from debwright.systems.container import ContainerSystem
from debwright.systems.container import engine as engines
from debwright.systems.container.container import Container
from debwright.systems.container.engine import DOCKER, PODMAN, Engine

ENGINES = pytest.mark.parametrize("engine", [DOCKER, PODMAN], ids=lambda engine: engine.name)
PROGRAM = """#!/usr/bin/python3 -I
import json, sys
home = {home!r}
with open(home + "/calls", "a") as file:
    file.write(json.dumps([{name!r}, *sys.argv[1:]]) + "\\n")
known = json.load(open(home + "/answers"))
answer = next((a for key, a in known.items() if key in sys.argv), [0, "", ""])
sys.stdout.write(answer[1])
sys.stderr.write(answer[2])
sys.exit(answer[0])
"""


class Programs:
    """docker and podman that note how they are called, and answer as the test says."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.answer({})
        for name in ("docker", "podman"):
            path = home / "bin" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(PROGRAM.format(home=str(home), name=name))
            path.chmod(0o755)

    def answer(self, answers: dict[str, tuple[int, str, str]]) -> None:
        """A word of the command line to status, output and error output."""
        (self.home / "answers").write_text(json.dumps(answers))

    @property
    def calls(self) -> list[list[str]]:
        path = self.home / "calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    made = Programs(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    monkeypatch.setattr(engines, "_UNIFIED", tmp_path)
    monkeypatch.setattr(engines, "_raises_limits", lambda: True)
    return made


@ENGINES
def test_an_engine_that_answers_is_no_problem(programs: Programs, engine: Engine) -> None:
    assert engine.problem() is None
    assert programs.calls == [[engine.name, *engine.probe]]


@pytest.mark.parametrize(
    ("engine", "package"), [(DOCKER, "docker.io"), (PODMAN, "podman")], ids=["docker", "podman"]
)
def test_what_is_not_installed_says_its_package(
    monkeypatch: pytest.MonkeyPatch, engine: Engine, package: str
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    problem = engine.problem()
    assert isinstance(problem, MissingError)
    assert problem.what == f"{engine.name} is not installed"
    assert problem.fix == f"sudo apt-get install {package}"


@ENGINES
def test_a_refusal_is_named(programs: Programs, engine: Engine) -> None:
    programs.answer({engine.probe[0]: (1, "", "dial unix: connect: Permission denied")})
    problem = engine.problem()
    assert problem is not None
    assert problem.what == f"this user may not use {engine.name}"
    programs.answer({engine.probe[0]: (1, "", "it is broken")})
    problem = engine.problem()
    assert problem is not None
    assert (problem.what, problem.evidence[0].text) == (engine.trouble, "it is broken")


@ENGINES
def test_a_root_becomes_an_image_of_its_architecture(programs: Programs, engine: Engine) -> None:
    engine.import_image(Path("/root.tar"), "debwright/x:1", "armhf", {"debwright.layer": "1"})
    (call,) = programs.calls
    platform = {"docker": ["--platform=linux/arm"], "podman": ["--os=linux", "--arch=arm"]}
    assert call == [
        engine.name, "import", *platform[engine.name], "--change=LABEL debwright.layer=1",
        "/root.tar", "debwright/x:1",
    ]  # fmt: skip


@ENGINES
def test_an_image_for_32_bit_arm_is_one_of_armhf(programs: Programs, engine: Engine) -> None:
    """Images are named by Go's words: armhf's were refused as another machine's."""
    programs.answer({"inspect": (0, "sha256:1 arm\n", "")})
    assert engine.pull_image("debian:12", "armhf").arch == "armhf"
    assert programs.calls[0][:4] == [engine.name, "pull", "--quiet", "--platform=linux/arm"]


@ENGINES
def test_an_image_that_nobody_has(programs: Programs, engine: Engine) -> None:
    programs.answer({"inspect": (1, "", "no such image"), "pull": (1, "", "no route")})
    with pytest.raises(MirrorError) as caught:
        engine.pull_image("debian:12", "amd64")
    assert caught.value.fix == f"{engine.name} pull --platform=linux/amd64 debian:12"
    assert caught.value.evidence[0].text == "no route"


@ENGINES
def test_systemd_is_process_1(programs: Programs, engine: Engine, tmp_path: Path) -> None:
    programs.answer({"exec": (0, "running\n", "")})
    with Container(engine, "image:1", tmp_path) as system:
        assert system.kind == engine.name
        assert system.without_init is None
    create = next(c for c in programs.calls if "create" in c)
    assert create[-3:] == ["--", "image:1", "/sbin/init"]
    assert "--network=none" in create
    if engine is PODMAN:
        assert "--systemd=always" in create
        assert not any("/sys/fs/cgroup" in word for word in create), "podman mounts its own"
    else:
        assert "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw" in create
    last = programs.calls[-1]
    assert last[1:4] == ["rm", "--force", "--volumes"]
    assert ("--time=0" in last) is (engine is PODMAN), "podman would wait ten seconds"


@ENGINES
def test_where_systemd_does_not_run_the_container_idles(
    programs: Programs, engine: Engine, tmp_path: Path
) -> None:
    programs.answer({"/sbin/init": (1, "", "no such file: /sbin/init")})
    with Container(engine, "image:1", tmp_path) as system:
        assert f"systemd does not run in this {engine.name} container" in str(system.without_init)
    assert [c[-2:] for c in programs.calls if "create" in c][-1] == ["sleep", "infinity"]


@ENGINES
def test_a_container_that_never_starts_is_the_machines_fault(
    programs: Programs, engine: Engine, tmp_path: Path
) -> None:
    """It was taken for a package that cannot be installed."""
    programs.answer({"start": (125, "", "no control group")})
    with pytest.raises(BootError) as caught, Container(engine, "image:1", tmp_path):
        pass
    assert caught.value.evidence[0].text == "no control group"
    assert programs.calls[-1][1] == "rm"


def test_podman_keeps_to_the_limits_it_may_set(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without CAP_SYS_RESOURCE its own defaults are refused: setrlimit RLIMIT_NOFILE."""
    monkeypatch.setattr(engines, "_raises_limits", lambda: False)
    PODMAN.create("c", "image:1", ["true"])
    DOCKER.create("c", "image:1", ["true"])
    podman, docker = programs.calls
    limits = [word for word in podman if word.startswith("--ulimit=")]
    assert [word.split("=")[1] for word in limits] == ["nofile", "nproc"]
    most = int(Path("/proc/sys/kernel/pid_max").read_text())
    assert int(limits[1].rpartition(":")[2]) <= most
    assert not any(word.startswith("--ulimit=") for word in docker)


def test_podman_takes_runc_where_crun_refuses(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """crun: cgroups in hybrid mode not supported; creating .../perf_event: No such file."""
    runc = tmp_path / "bin/runc"
    runc.write_text("#!/bin/sh\n")
    runc.chmod(0o755)
    PODMAN.has_image("x")
    monkeypatch.setattr(engines, "_UNIFIED", tmp_path / "not there")
    PODMAN.has_image("x")
    assert [c[1] for c in programs.calls] == ["image", f"--runtime={runc}"]


def test_one_module_two_names() -> None:
    docker, podman = ContainerSystem(DOCKER), ContainerSystem(PODMAN)
    assert (str(docker), str(podman)) == ("docker", "podman")
    assert docker.any_target
    assert not docker.two_at_once
