"""Who has written a file, by its owner and by dpkg's record."""

from debwright.checks.engine import authors
from debwright.checks.engine.authors import Record
from debwright.isolation.snapshot import Entry


def entry(uid: int = 0, kind: str = "file") -> Entry:
    return Entry(kind, 0o644, uid, uid, 1, 0)


KNOWN = Record(
    listed={
        "/var/lib/doc-base": frozenset({"doc-base"}), "/etc/ssl/certs": frozenset({"openssl"}),
        "/usr/share/icons/hicolor": frozenset({"demo", "hicolor-icon-theme"}),
        "/etc/issue": frozenset({"base-files"}), "/var/lib/other": frozenset({"other"}),
    },
    interests={
        "doc-base": frozenset({"/usr/share/doc-base"}), "gtk": frozenset({"/usr/share/icons"}),
        "ca-certificates": frozenset({"/etc/ssl/certs", "update-ca-certificates"}),
        "demo": frozenset({"/var/lib/other"}),
    },
)  # fmt: skip


def test_what_triggers_of_other_packages_write() -> None:
    created = {"/var/lib/doc-base/documents": entry(kind="directory")}
    found = {
        "/var/lib/doc-base/documents": entry(),
        "/var/lib/doc-base/documents/demo": entry(),
        "/etc/ssl/certs/demo.pem": entry(),
        "/usr/share/icons/hicolor/icon-theme.cache": entry(),
        "/var/lib/other/x": entry(),
        "/var/lib/own": entry(),
        "/etc/demo2": entry(),
        "/var/lib/doc-base/by-the-service": entry(uid=999),
    }
    assert authors.of_triggers(found, created, KNOWN, ["demo"]) == {
        "/var/lib/doc-base/documents", "/var/lib/doc-base/documents/demo",
        "/etc/ssl/certs/demo.pem", "/usr/share/icons/hicolor/icon-theme.cache",
    }  # fmt: skip


def test_what_the_service_can_have_written() -> None:
    assert authors.of_service(entry(uid=33), [0]), "root gives files away"
    assert authors.of_service(entry(uid=33), [33, 34])
    assert not authors.of_service(entry(uid=0), [33])


def test_files_that_are_not_theirs() -> None:
    paths = {"/etc/hosts", "/etc/issue", "/usr/share/icons/hicolor", "/var/lib/doc-base", "/x"}
    assert authors.not_theirs(paths, KNOWN, ["demo"]) == {
        "/etc/hosts": "the administrator", "/etc/issue": "base-files"
    }  # fmt: skip
