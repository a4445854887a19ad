"""Crates that link a library of the system, and Debian's -dev package of each.

Such crates are called -sys by custom, and find their library by pkg-config while they are built.
"""

from collections.abc import Iterable

_LIBRARIES = {
    "alsa-sys": "libasound2-dev",
    "bzip2-sys": "libbz2-dev",
    "curl-sys": "libcurl4-openssl-dev",
    "dbus": "libdbus-1-dev",
    "fontconfig-sys": "libfontconfig-dev",
    "freetype-sys": "libfreetype-dev",
    "glib-sys": "libglib2.0-dev",
    "gstreamer-sys": "libgstreamer1.0-dev",
    "gtk-sys": "libgtk-3-dev",
    "krb5-sys": "libkrb5-dev",
    "libdbus-sys": "libdbus-1-dev",
    "libgit2-sys": "libgit2-dev",
    "libpcap-sys": "libpcap-dev",
    "libpq-sys": "libpq-dev",
    "libsodium-sys": "libsodium-dev",
    "libsqlite3-sys": "libsqlite3-dev",
    "libssh2-sys": "libssh2-1-dev",
    "libsystemd-sys": "libsystemd-dev",
    "libudev-sys": "libudev-dev",
    "libusb1-sys": "libusb-1.0-0-dev",
    "libz-sys": "zlib1g-dev",
    "lzma-sys": "liblzma-dev",
    "mysqlclient-sys": "default-libmysqlclient-dev",
    "onig_sys": "libonig-dev",
    "openssl-sys": "libssl-dev",
    "pcap": "libpcap-dev",
    "pq-sys": "libpq-dev",
    "rdkafka-sys": "librdkafka-dev",
    "wayland-sys": "libwayland-dev",
    "x11": "libx11-dev",
    "zmq-sys": "libzmq3-dev",
    "zstd-sys": "libzstd-dev",
}
_TOOLS = {
    "aws-lc-sys": "cmake",
    "bindgen": "libclang-dev",
    "cmake": "cmake",
    "prost-build": "protobuf-compiler",
    "protobuf-src": "cmake",
    "tonic-build": "protobuf-compiler",
}
# Crates that ask for a -sys crate, where there is no lock that names it.
_ASK = {
    "diesel": "libsqlite3-sys",
    "native-tls": "openssl-sys",
    "openssl": "openssl-sys",
    "postgres-openssl": "openssl-sys",
    "rusqlite": "libsqlite3-sys",
    "git2": "libgit2-sys",
    "curl": "curl-sys",
}


def packages_for(crates: Iterable[str]) -> tuple[str, ...]:
    """The packages that building `crates` needs, with pkg-config where a library is among them."""
    names = set(crates)
    names |= {_ASK[name] for name in names if name in _ASK}
    libraries = {_LIBRARIES[name] for name in names if name in _LIBRARIES}
    tools = {_TOOLS[name] for name in names if name in _TOOLS}
    return tuple(sorted(libraries | tools | ({"pkgconf"} if libraries else set())))
