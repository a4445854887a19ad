"""Libraries of C that distributions without a wheel are compiled against, as Debian's packages.

Each is what the project's own installation instructions ask for on Debian.
"""

from collections.abc import Iterable, Mapping

LIBRARIES: Mapping[str, tuple[str, ...]] = {
    "cffi": ("libffi-dev",),
    "dbus-python": ("libdbus-1-dev", "libglib2.0-dev", "pkgconf"),
    "gdal": ("libgdal-dev",),
    "gssapi": ("libkrb5-dev",),
    "lxml": ("libxml2-dev", "libxslt1-dev", "zlib1g-dev"),
    "m2crypto": ("libssl-dev", "swig"),
    "mysqlclient": ("default-libmysqlclient-dev", "pkgconf"),
    "pillow": ("libjpeg-dev", "zlib1g-dev", "libfreetype-dev"),
    "psycopg-c": ("libpq-dev",),
    "psycopg2": ("libpq-dev",),
    "pyaudio": ("portaudio19-dev",),
    "pycairo": ("libcairo2-dev", "pkgconf"),
    "pycurl": ("libcurl4-openssl-dev", "libssl-dev"),
    "pygobject": ("libgirepository1.0-dev", "libcairo2-dev", "pkgconf"),
    "pygraphviz": ("libgraphviz-dev",),
    "pylibmc": ("libmemcached-dev", "zlib1g-dev"),
    "pymssql": ("freetds-dev",),
    "pyodbc": ("unixodbc-dev",),
    "python-ldap": ("libldap-dev", "libsasl2-dev"),
    "python-snappy": ("libsnappy-dev",),
    "rrdtool": ("librrd-dev",),
    "systemd-python": ("libsystemd-dev", "pkgconf"),
    "xmlsec": ("libxmlsec1-dev", "pkgconf"),
}


def libraries(names: Iterable[str]) -> tuple[str, ...]:
    """The packages that compiling the distributions `names` needs, where it is known."""
    return tuple(dict.fromkeys(p for name in names for p in LIBRARIES.get(name, ())))
