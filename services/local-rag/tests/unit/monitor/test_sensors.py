"""Memory, as the kernel and control groups tell it."""

from pathlib import Path

from local_rag.monitor.sensors import MemoryReader

MEMINFO = "MemTotal:        8000000 kB\nMemFree: 1 kB\nMemAvailable:    4000000 kB\n"
KIB = 1024


def reader(root: Path, groups: str, files: dict[str, str]) -> MemoryReader:
    proc = root / "proc"
    (proc / "self").mkdir(parents=True)
    (proc / "meminfo").write_text(MEMINFO)
    (proc / "self" / "statm").write_text("5000 2500 1000 1 0 900 0\n")
    (proc / "self" / "cgroup").write_text(groups)
    for name, text in files.items():
        path = root / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return MemoryReader(proc, root / "cgroup")


def test_without_limits(tmp_path: Path) -> None:
    memory = reader(tmp_path, "0::/user.slice\n", {}).read()
    assert memory.available == 4_000_000 * KIB
    assert memory.total == 8_000_000 * KIB
    assert memory.limit is None
    assert memory.percent_available == 50
    assert memory.resident == 2500 * 4096


def test_a_systemd_limit_counts_and_cached_files_do_not(tmp_path: Path) -> None:
    group = "system.slice/local-rag.service"
    memory = reader(
        tmp_path,
        f"0::/{group}\n",
        {
            f"{group}/memory.max": "1000000\n",
            f"{group}/memory.current": "900000\n",
            f"{group}/memory.stat": "anon 1\ninactive_file 200000\nactive_file 50000\n",
            "system.slice/memory.max": "max\n",
        },
    ).read()
    assert memory.limit == 1_000_000
    assert memory.available == 350_000
    assert memory.total == 1_000_000


def test_the_tightest_group_above_counts(tmp_path: Path) -> None:
    memory = reader(
        tmp_path,
        "0::/a/b\n",
        {
            "a/memory.max": "5000\n", "a/memory.current": "1000\n",
            "a/b/memory.max": "9000\n", "a/b/memory.current": "100\n",
        },
    ).read()  # fmt: skip
    assert (memory.limit, memory.available) == (5000, 4000)


def test_version_1_groups(tmp_path: Path) -> None:
    memory = reader(
        tmp_path,
        "5:memory:/job\n2:cpu:/other\n0::/\n",
        {
            "memory/job/memory.limit_in_bytes": "7000\n",
            "memory/job/memory.usage_in_bytes": "6000\n",
            "memory/job/memory.stat": "inactive_file 1\ntotal_inactive_file 500\n",
            "memory/memory.limit_in_bytes": "9223372036854771712\n",
        },
    ).read()
    assert (memory.limit, memory.available) == (7000, 1500)


def test_more_used_than_allowed_is_nothing_left(tmp_path: Path) -> None:
    memory = reader(
        tmp_path, "0::/a\n", {"a/memory.max": "100\n", "a/memory.current": "300\n"}
    ).read()
    assert memory.available == 0


def test_names_of_groups_cannot_lead_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("1\n")
    memory = reader(tmp_path, "0::/../../..\nnonsense\n", {}).read()
    assert memory.limit is None


def test_nothing_readable(tmp_path: Path) -> None:
    memory = MemoryReader(tmp_path / "none", tmp_path / "none").read()
    assert (memory.total, memory.available, memory.percent_available) == (0, 0, 0.0)


def test_this_machine() -> None:
    memory = MemoryReader().read()
    assert 0 < memory.resident < memory.total
    assert 0 < memory.available <= memory.total
