"""The units that a project's author wrote."""

from pathlib import Path

import pytest

from debwright.init.model import Guess, Health
from debwright.init.units import AuthorUnits, Places, author_units

HEALTH = Health(port=Guess(value="8000", seen=None), path=Guess(value="/", seen=None))
INSTALL = "\n[Install]\nWantedBy=multi-user.target\n"
JOB = "[Service]\nType=oneshot\nExecStart=/usr/bin/job\n"
TIMER = "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n"


def read(directory: Path, files: dict[str, str], places: Places | None = None) -> AuthorUnits:
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    return author_units(directory, places or Places(), HEALTH)


def test_a_job_is_started_by_its_timer_and_not_by_the_installation(tmp_path: Path) -> None:
    found = read(tmp_path, {"job.service": JOB, "deploy/job.timer": TIMER})
    assert [(u.name, u.source, u.started, u.health) for u in found.units] == [
        ("job.timer", "deploy/job.timer", True, None),
        ("job.service", "job.service", False, None),
    ]


def test_a_timer_may_name_another_unit(tmp_path: Path) -> None:
    timer = TIMER.replace("OnCalendar=daily", "OnCalendar=daily\nUnit=job.service")
    found = read(tmp_path, {"job.service": JOB, "nightly.timer": timer})
    assert {u.name: u.started for u in found.units} == {
        "nightly.timer": True, "job.service": False,
    }  # fmt: skip


def test_the_service_is_watched_before_what_starts_others(tmp_path: Path) -> None:
    web = "[Service]\nExecStart=/usr/bin/web\nUser=www-data\nProtectSystem=strict\n" + INSTALL
    found = read(tmp_path, {"a.timer": TIMER, "a.service": JOB, "systemd/web.service": web})
    assert found.units[0].name == "web.service"
    assert found.units[0].health is HEALTH
    assert not any("web.service" in note for note in found.notes)


def test_a_socket_starts_its_service(tmp_path: Path) -> None:
    socket = "[Socket]\nListenStream=8000\n[Install]\nWantedBy=sockets.target\n"
    found = read(tmp_path, {"web.socket": socket, "web.service": JOB})
    assert [(u.name, u.started) for u in found.units] == [
        ("web.socket", True), ("web.service", False),
    ]  # fmt: skip


def test_paths_of_the_author_s_server_become_the_package_s(tmp_path: Path) -> None:
    unit = (
        "[Service]\nUser=deploy\nWorkingDirectory=/srv/guest\nEnvironmentFile=/srv/guest/.env\n"
        "ExecStart=/srv/guest/venv/bin/gunicorn -c /srv/guest/conf.py app:app\n"
        "ExecStartPre=/srv/guest/venv/bin/python manage.py migrate\n" + INSTALL
    )
    places = Places(tree="/usr/lib/g/app", python="/usr/lib/g/bin/python3",
                    variables="/etc/default/g")  # fmt: skip
    found = read(tmp_path, {"guest.service": unit}, places)
    (made,) = found.units
    assert made.source == ""
    assert made.text == (
        "[Service]\nUser=deploy\nWorkingDirectory=/usr/lib/g/app\nEnvironmentFile=-/etc/default/g\n"
        "ExecStart=/usr/lib/g/bin/python3 -m gunicorn -c /usr/lib/g/app/conf.py app:app\n"
        "ExecStartPre=/usr/lib/g/bin/python3 manage.py migrate\n" + INSTALL
    )
    assert found.accounts == ("deploy",)
    assert any(n.startswith("guest.service:5: ExecStart= names /srv/guest/venv/bin/gunicorn")
               for n in found.notes)  # fmt: skip


@pytest.mark.parametrize("program", ["/usr/local/bin/job", "/home/ada/.venv/bin/job"])
def test_a_program_of_the_package_is_in_usr_bin(tmp_path: Path, program: str) -> None:
    places = Places(programs={"job": "/usr/bin/job"})
    found = read(tmp_path, {"job.service": JOB.replace("/usr/bin/job", f"-{program} --x")}, places)
    assert "ExecStart=-/usr/bin/job --x\n" in found.units[0].text


def test_what_already_fits_is_not_touched(tmp_path: Path) -> None:
    places = Places(programs={"job": "/usr/bin/job"}, tree="/usr/lib/x/app", python="/p")
    unit = JOB + "WorkingDirectory=/var/lib/job\nExecReload=/bin/kill -HUP $MAINPID\n"
    found = read(tmp_path, {"job.service": unit}, places)
    assert (found.units[0].source, found.units[0].text) == ("job.service", "")


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    notes = "\n".join(read(tmp_path, {"job.service": JOB}).notes)
    assert "job.service has neither User= nor DynamicUser=: it runs as root" in notes
    assert "no ProtectSystem=" in notes
    assert "no [Install]" in notes


def test_links_large_files_and_users_units_are_left_alone(tmp_path: Path) -> None:
    outside = tmp_path / "outside.service"
    outside.write_text(JOB)
    project = tmp_path / "p"
    files = {"systemd/user/u.service": JOB, "big.service": JOB + "#" * 70_000, "a b.service": JOB}
    project.mkdir()
    (project / "link.service").symlink_to(outside)
    assert read(project, files).units == ()
