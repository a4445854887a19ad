"""Which packages come and go with those under test."""

from debian.deb822 import Packages

from debwright.checks.live.purge import mount_points, without_mount_points
from debwright.checks.live.writes import made_for_somebody, undeclared, writable
from debwright.isolation.snapshot import Entry
from debwright.systems.siblings import bound


def package(name: str, source: str = "", depends: str = "") -> Packages:
    fields = {"Package": name, "Source": source, "Depends": depends}
    return Packages({k: v for k, v in fields.items() if v})


def test_the_rest_of_the_source_and_all_that_depends_on_it() -> None:
    there = [
        package("cache-tools", "cache (1.0-1)", "libc6"), package("libevent"),
        package("cache-web", "web", "libevent, cache (>= 1)"), package("more", "", "cache-web"),
        package("either", "", "libevent | cache"), package("libc6", "glibc"),
    ]  # fmt: skip
    assert bound(there, {"cache"}, {"cache"}) == {"cache-tools", "cache-web", "more"}


def test_a_virtual_package_binds_as_well() -> None:
    server = package("server", "cache")
    server["Provides"] = "cache-abi-1"
    assert bound([server, package("module", "", "cache-abi-1")], {"x"}, {"cache"}) == {
        "server", "module",
    }  # fmt: skip


def test_nothing_is_bound_to_a_package_of_its_own() -> None:
    assert bound([package("python3"), package("libc6")], {"demo"}, {"demo"}) == set()


def entry(kind: str = "directory", uid: int = 0) -> Entry:
    return Entry(kind, 0o755, uid, 0, 0, 0)


def test_a_directory_that_only_root_could_make_for_the_account() -> None:
    created = {
        "/var/log/demo": entry(uid=101), "/var/log/demo/own": entry(uid=101),
        "/srv/demo": entry(), "/var/log/file": entry("file", 101),
    }  # fmt: skip
    assert made_for_somebody(created) == {"/var/log/demo"}


def test_what_the_unit_may_write() -> None:
    unit = {"ReadWritePaths": "-/var/lib/demo/ +/run/demo relative"}
    assert writable(unit) == {"/var/lib/demo", "/run/demo"}


def test_mount_points_are_systemds_own() -> None:
    unit = {"BindReadOnlyPaths": "/dev/log:/var/lib/demo/dev/log:rbind -/etc/demo"}
    mounts = mount_points(unit)
    assert mounts == {"/var/lib/demo/dev/log", "/etc/demo"}
    created = {"/var/lib/demo": entry(), "/var/lib/demo/dev": entry(),
               "/var/lib/demo/dev/log": entry("file")}  # fmt: skip
    assert without_mount_points(created, mounts) == {}
    created["/var/lib/demo/data"] = entry("file")
    assert set(without_mount_points(created, mounts)) == {"/var/lib/demo", "/var/lib/demo/data"}


def test_links_of_the_postinst_are_not_the_services() -> None:
    created = {
        "/etc/rc2.d/S01demo": Entry("symlink", 0o777, 0, 0, 17, 10**10),
        "/etc/rc2.d/note": Entry("file", 0o644, 0, 0, 17, 10**10),
    }
    assert set(undeclared(created, set(), set(), (), 1.0)) == {"/etc/rc2.d/note"}
