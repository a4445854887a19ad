"""Units that nobody has listed, and whose they are."""

from tests.kit.systemd import RUNNING, Systemd, session

from debwright.checks.engine import packaged, watch
from debwright.checks.engine.activation import listening_at
from debwright.checks.engine.session import Session
from debwright.checks.engine.trouble import telling

LOOP = {**RUNNING, "NRestarts": "4", "ExecMainStatus": "1"}
FAILED = {**RUNNING, "ActiveState": "failed", "Result": "exit-code", "ExecMainStatus": "1"}


def here(system: Systemd, *paths: str) -> Session:
    made = session(system, service={"unit": "demo"})
    made.shipped = frozenset(paths)
    return made


def test_the_units_among_packaged_paths() -> None:
    assert packaged.units_of(
        ["/usr/lib/systemd/system/a.service", "/lib/systemd/system/b.timer", "/etc/init.d/old",
         "/lib/systemd/system/c@.service", "/lib/systemd/system/multi-user.target.wants/a.service",
         "/usr/lib/systemd/user/mine.service", "/usr/share/doc/d.service"]
    ) == ["a.service", "b.timer", "c@.service", "old.service"]  # fmt: skip


def test_a_unit_that_nobody_has_listed_and_that_is_dead() -> None:
    system = Systemd(demo_service=LOOP, demo_worker_service=RUNNING, other_service=LOOP)
    system.states["worker.service"] = [FAILED]
    system.states["quiet.service"] = [
        {**RUNNING, "ActiveState": "inactive", "UnitFileState": "enabled"}
    ]
    names = ("demo", "worker", "other", "quiet")
    made = here(system, *(f"/lib/systemd/system/{n}.service" for n in names))
    found = {f.message.split()[0]: f.code for f in watch.dead(made, "units")}
    assert found == {
        "worker.service": "units/unit-failed", "other.service": "units/unit-restarting",
    }  # fmt: skip
    assert watch.dead(made, "reboot") == [], "each is reported once"


def test_whose_a_unit_is_by_dpkgs_record() -> None:
    system = Systemd(nginx_service={**RUNNING, "FragmentPath": "/lib/systemd/system/nginx.service"})
    system.scripts = "nginx-common.list\n"
    made = session(system, "site")
    assert packaged.others(made, "nginx.service") == {"nginx-common"}
    asked = system.ran[-1]
    assert {"/lib/systemd/system/nginx.service", "/usr/lib/systemd/system/nginx.service"} <= {
        *asked
    }
    assert packaged.others(session(system, "nginx-common"), "nginx.service") == set()


def test_where_a_socket_listens() -> None:
    assert listening_at("[::]:80 (Stream)") == "tcp://[::1]:80"
    assert listening_at("0.0.0.0:80 (Stream)") == "tcp://127.0.0.1:80"
    assert listening_at("/run/a-b.sock (Stream)") == "unix:///run/a-b.sock"
    assert listening_at("/run/a b.sock (Stream)") is None, "no URL leads there"
    assert listening_at("/run/a.sock (Datagram)") is None
    assert listening_at("") is None


def test_the_line_that_says_why() -> None:
    said = [
        "Traceback (most recent call last):", '  File "/usr/lib/demo/x.py", line 3, in <module>',
        "    import fastapi", "ModuleNotFoundError: No module named 'fastapi'",
        "demo.service: Main process exited, code=exited, status=1/FAILURE",
        "demo.service: Failed with result 'exit-code'.",
        "demo.service: Scheduled restart job, restart counter is at 3.",
    ]  # fmt: skip
    assert telling(said) == "ModuleNotFoundError: No module named 'fastapi'"
    assert telling(["x: error while loading shared libraries: libz.so.1: cannot open"]) is not None
    assert telling(["panic: runtime error: index out of range", "goroutine 1"]) is not None
    assert telling(["thread 'main' panicked at src/main.rs:2:5:", "x"]) is not None
    assert telling(["TypeError: f() takes 1 positional argument", "sent 3 Errors"]) is not None
    assert telling(["no Error here", "INFO: 0 errors", "Started demo.service."]) is None
