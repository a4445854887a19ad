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
