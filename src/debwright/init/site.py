"""A site of files behind a web server: its configuration, and who enables it.

nginx is another package's: the site is a file in sites-available, which postinst links into
sites-enabled when it is new, as Debian's own packages do (nginx-common's README.Debian), and which
is unlinked before the package goes. Debian's Caddy reads one file of its administrator's, so a site
for Caddy is started by a unit of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import dedent

from debwright.init.model import Guess, Health, Unit, Written
from debwright.init.overridden import PAGES, SCRIPTS, overridden

PORT = "8080"
NGINX, CADDY = "nginx", "caddy"


def own_port(package: str) -> Guess:
    """The port where nothing else says one: 80 has the server's own first page."""
    return Guess(value=PORT, seen=f"the configuration of the site in debian/site/ of {package}")


def likely_server(directory: Path) -> str:
    """The server that the author has a configuration for."""
    from debwright.init.webserver import caddy

    return CADDY if next(caddy.places(directory), None) else NGINX


def taken_over(directory: Path, site: "Site") -> tuple["Site", str]:
    """The site with the author's configuration of its server, and a note on it."""
    from debwright.init.webserver import take_over

    taken, note = take_over(directory, site.server, site.root, site.port, site.package)
    if taken is None:
        return site, note
    return replace(site, own=taken.text, port=taken.port or site.port), note


@dataclass(frozen=True, kw_only=True)
class Site:
    package: str
    port: Guess
    server: str = "nginx"
    """`nginx` or `caddy`."""
    own: str = ""
    """The author's configuration of the server, when it is taken over as it is."""
    one_page: bool = False
    """Whether a program in the page makes something of every address: all give index.html."""
    has_404: bool = False

    @property
    def root(self) -> str:
        return f"/usr/share/{self.package}"

    @property
    def depends(self) -> tuple[str, ...]:
        return (self.server,)

    @property
    def unit(self) -> Unit:
        health = Health(port=self.port, path=Guess(value="/", seen="the first page"), address="")
        if self.server == "nginx":
            return Unit(name="nginx.service", theirs=True, health=health)
        return Unit(
            name=f"{self.package}.service",
            command=f"/usr/bin/caddy run --config /etc/{self.package}/Caddyfile "
            "--adapter caddyfile",
            environment={"XDG_DATA_HOME": f"/var/lib/{self.package}",
                         "XDG_CONFIG_HOME": f"/var/lib/{self.package}"},
            health=health,
        )  # fmt: skip

    @property
    def smoke(self) -> tuple[str, ...]:
        return ("nginx -t",) if self.server == "nginx" else ()

    @property
    def lintian_overrides(self) -> tuple[str, ...]:
        return overridden("The pages are as their author has them.", (*PAGES, *SCRIPTS))

    @property
    def configuration(self) -> tuple[str, str]:
        """The file below debian/, and its directory in the package."""
        if self.server == "nginx":
            return f"debian/site/{self.package}", "etc/nginx/sites-available"
        return "debian/site/Caddyfile", f"etc/{self.package}"

    def files(self) -> tuple[Written, ...]:
        path, _ = self.configuration
        if self.server == "caddy":
            return (Written(path=path, text=self.own or _caddy(self)),)
        text = self.own or _nginx(self)
        scripts = {k: v.replace("PACKAGE", self.package) for k, v in _SCRIPTS.items()}
        return (
            Written(path=path, text=text),
            *(Written(path=f"debian/{self.package}.{k}", text=v) for k, v in scripts.items()),
        )


def _nginx(site: Site) -> str:
    last = "/index.html" if site.one_page else "=404"
    error = "\n    error_page 404 /404.html;" if site.has_404 else ""
    return dedent(f"""\
        # The site of the package {site.package}; /etc/nginx/sites-enabled has a link to this file.
        server {{
            listen {site.port.value};
            listen [::]:{site.port.value};

            root {site.root};
            index index.html;{error.replace(chr(10), chr(10) + " " * 8)}

            location / {{
                try_files $uri $uri/ {last};
            }}
        }}
        """)


def _caddy(site: Site) -> str:
    found = "\ttry_files {path} /index.html\n" if site.one_page else ""
    error = (
        "\thandle_errors {\n\t\trewrite * /{err.status_code}.html\n\t\tfile_server\n\t}\n"
        if site.has_404 else ""
    )  # fmt: skip
    return (
        "{\n\tadmin off\n}\n\n"
        f":{site.port.value} {{\n\troot * {site.root}\n{found}\tfile_server\n{error}}}\n"
    )


_SCRIPTS: Mapping[str, str] = {
    "postinst": """\
#!/bin/sh
set -e

link=/etc/nginx/sites-enabled/PACKAGE
was=/var/lib/PACKAGE/was-enabled

if [ "$1" = configure ]; then
    # Enabled when it is new; an administrator who has removed the link since means it.
    if [ -z "$2" ] || [ -e "$was" ]; then
        ln -sfn /etc/nginx/sites-available/PACKAGE "$link"
        rm -rf /var/lib/PACKAGE
    fi
    if nginx -t -q; then
        invoke-rc.d nginx reload
    else
        echo "nginx is not reloaded: its configuration has a mistake (nginx -t)" >&2
    fi
fi

#DEBHELPER#
""",
    "prerm": """\
#!/bin/sh
set -e

link=/etc/nginx/sites-enabled/PACKAGE

if [ "$1" = remove ] && [ -L "$link" ]; then
    rm -f "$link"
    # It is enabled again when the package comes back.
    mkdir -p /var/lib/PACKAGE
    touch /var/lib/PACKAGE/was-enabled
    if nginx -t -q; then
        invoke-rc.d nginx reload
    fi
fi

#DEBHELPER#
""",
    "postrm": """\
#!/bin/sh
set -e

if [ "$1" = purge ]; then
    rm -f /etc/nginx/sites-enabled/PACKAGE
    rm -rf /var/lib/PACKAGE
fi

#DEBHELPER#
""",
}
