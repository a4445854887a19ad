"""Static sites: docs/ecosystems/static.md."""

import pytest

from tests.ecosystems.conftest import Packaged, passed
from tests.kit.pages import TOP, blocks

pytestmark = [pytest.mark.apart, pytest.mark.minutes(3)]
PAGE = TOP / "docs/ecosystems/static.md"
SERVES = ("service", "smoke", "restart", "reboot", "purge", "lintian")
HUGO = {
    "hugo.toml": 'title = "What is in bloom"\nbaseURL = "https://garden.example/"\n'
    'disableKinds = ["taxonomy", "term"]\n',
    "content/roses.md": "---\ntitle: Roses\n---\nRed.\n",
    "layouts/_default/single.html": "<h1>{{ .Title }}</h1>{{ .Content }}\n",
    "layouts/index.html": "<title>{{ .Site.Title }}</title>\n",
    "layouts/_default/list.html": "{{ .Title }}\n",
}


def test_the_example_of_the_page(packaged: Packaged) -> None:
    files = {b.value: b.text for b in blocks(PAGE) if b.mark == "example"}
    passed(packaged("bloom", files), *SERVES)


def test_hugo(packaged: Packaged) -> None:
    passed(packaged("garden", HUGO), *SERVES)


def test_caddy(packaged: Packaged) -> None:
    files = {"index.html": "<title>x y</title>\n"}
    run = packaged("leaves", files, "--answer", "server=caddy")
    passed(run, *(check for check in SERVES if check != "smoke"))


def test_the_author_s_own_nginx_conf(packaged: Packaged) -> None:
    """One that is for a container: the port, the certificates and the place are another's."""
    files = {
        "index.html": "<title>Apples and pears</title>\n", "css/a.css": "a {}\n",
        "nginx.conf": "events {}\nhttp {\n  gzip on;\n"
        "  server { listen 80; return 301 https://$host; }\n"
        "  server {\n    listen 443 ssl;\n    server_name apples.example;\n"
        "    ssl_certificate /etc/ssl/a.pem;\n    root /usr/share/nginx/html;\n"
        "    location /css/ { expires 30d; }\n    location / { try_files $uri $uri/ =404; }\n"
        "  }\n}\n",
    }  # fmt: skip
    passed(packaged("apples", files), *SERVES)
