"""Answers of systems that can only be talked to."""

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from debwright.host.process import run
from debwright.systems import remote


def test_files_come_as_stat_prints_them() -> None:
    text = (
        "regular file/644/0/0/5/1700000000/var/lib/x y\0"
        "directory/1777/33/33/4096/1700000001/srv/a\nb\0symbolic link/777/0/0/3/17/etc/l\0"
        "socket/600/0/0/0/1/run/s\0broken\0regular file/9z/0/0/0/0/x\0"
    )
    found = remote.parse_stat(text)
    assert set(found) == {"/var/lib/x y", "/srv/a\nb", "/etc/l", "/run/s"}
    assert found["/var/lib/x y"].mtime_ns == 1_700_000_000 * 10**9
    assert found["/srv/a\nb"].mode == 0o1777
    assert found["/run/s"].kind == "special"


@given(st.text(max_size=300))
def test_any_answer_gives_files_or_none(text: str) -> None:
    assert all(path.startswith("/") for path in remote.parse_stat(text))


def test_processes_of_a_unit_in_a_container_and_out_of_one() -> None:
    listing = (
        "/proc/1/cgroup:0::/init.scope\n"
        "/proc/70/cgroup:0::/system.slice/a.service\n"
        "/proc/71/cgroup:0::/system.slice/a.service/worker\n"
        "/proc/72/cgroup:1:name=systemd:/docker/77/system.slice/a.service\n"
        "/proc/73/cgroup:0::/system.slice/aa.service\n"
        "/proc/x/cgroup:0::/system.slice/a.service\n"
    )
    assert remote.processes_of(listing, "/system.slice/a.service") == [70, 71, 72]


def test_the_nature_of_files_as_find_tells_it(tmp_path: Path) -> None:
    (tmp_path / "setuid\nand more").touch(mode=0o600)
    (tmp_path / "setuid\nand more").chmod(0o4755)
    (tmp_path / "link").symlink_to("nowhere")
    done = run(["sh", "-c", f"find {tmp_path} {remote.NATURE}"])
    found = remote.parse_nature(done.output)
    assert found[f"{tmp_path}/setuid\nand more"].mode == 0o4755
    assert found[f"{tmp_path}/link"].kind == "symlink"
    assert found[str(tmp_path)].kind == "directory"
    assert remote.parse_nature("nonsense\0f/x/0/0/a\0f/644/0\0") == {}


def test_when_a_file_was_changed_is_known_to_the_nanosecond(tmp_path: Path) -> None:
    """A service writes in the second of its start: `writes` must tell which was first."""
    made = tmp_path / "made"
    made.write_text("four")
    os.utime(made, ns=(0, 1_800_000_000_123_456_789))
    done = run(["stat", f"--printf={remote.STAT}\\0", "--", made])
    (entry,) = remote.parse_stat(done.output).values()
    assert (entry.kind, entry.size, entry.mtime_ns) == ("file", 4, 1_800_000_000_123_456_789)
