"""Python projects that a backend builds: docs/ecosystems/python.md."""

import subprocess

import pytest

from tests.ecosystems.conftest import Packaged, passed
from tests.kit.pages import TOP, blocks

pytestmark = [pytest.mark.apart, pytest.mark.minutes(3)]
PAGE = TOP / "docs/ecosystems/python.md"
SERVES = ("service", "steady", "restart", "reboot", "purge", "lintian")

SERVER = """\
import http.server


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()
        self.wfile.write(b"ok")


def main():
    http.server.ThreadingHTTPServer(("127.0.0.1", 8123), Handler).serve_forever()
"""
HEAD = """\
[project]
name = "acme"
description = "Answers whoever asks for its health"
requires-python = ">=3.9"
license = { text = "MIT" }
%s
[project.scripts]
acme = "acme:main"
"""
STATED, TAGGED = 'version = "1.2.0"', 'dynamic = ["version"]'
SETUPTOOLS = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
KINDS = {
    "flat": (STATED, SETUPTOOLS),
    "setuptools-scm": (
        TAGGED,
        '[build-system]\nrequires = ["setuptools>=64", "setuptools-scm>=8"]\n'
        'build-backend = "setuptools.build_meta"\n[tool.setuptools_scm]\n',
    ),
    "hatch-vcs": (
        TAGGED,
        '[build-system]\nrequires = ["hatchling", "hatch-vcs"]\n'
        'build-backend = "hatchling.build"\n[tool.hatch.version]\nsource = "vcs"\n',
    ),
    "poetry-dynamic-versioning": (
        TAGGED,
        '[build-system]\nrequires = ["poetry-core>=1", "poetry-dynamic-versioning>=1,<2"]\n'
        'build-backend = "poetry_dynamic_versioning.backend"\n'
        '[tool.poetry-dynamic-versioning]\nenable = true\n[tool.poetry]\nversion = "0.0.0"\n',
    ),
    "pdm": (
        TAGGED,
        '[build-system]\nrequires = ["pdm-backend"]\nbuild-backend = "pdm.backend"\n'
        '[tool.pdm.version]\nsource = "scm"\n',
    ),
    "uv-build": (
        STATED,
        '[build-system]\nrequires = ["uv_build>=0.8,<1"]\nbuild-backend = "uv_build"\n'
        '[tool.uv.build-backend]\nmodule-root = ""\n',
    ),
    "spdx": (
        f'{STATED}\nlicense-files = ["LICEN*"]',
        SETUPTOOLS.replace('"setuptools"', '"setuptools>=77"'),
    ),
}


def test_the_project_of_the_page(packaged: Packaged) -> None:
    files = {b.value: b.text for b in blocks(PAGE) if b.mark == "example"}
    run = packaged("parcels", files)
    passed(run, *SERVES)


@pytest.mark.parametrize("kind", KINDS)
def test_backends(packaged: Packaged, kind: str) -> None:
    version, build = KINDS[kind]
    text = HEAD % version + build
    if "license-files" in version:
        text = text.replace('license = { text = "MIT" }', 'license = "MIT"')
    files = {"pyproject.toml": text, "acme/__init__.py": SERVER, "LICENSE": "MIT\n"}
    run = packaged("acme", files, tag="v1.2.0")
    passed(run, *SERVES)
    (deb,) = run.dist.glob("*/*/acme_*.deb")
    listed = subprocess.run(["dpkg-deb", "-c", deb], capture_output=True, text=True, check=True)
    assert "/acme-1.2.0" in listed.stdout, "the metadata have the version of the package"
    assert "-packages/debian" not in listed.stdout


LIBRARY = {
    "pyproject.toml": """\
[project]
name = "beads"
version = "1.2.0"
description = "Adds numbers"
license = { text = "MIT" }
dependencies = ["click"]
[project.scripts]
beads = "beads.cli:main"
[build-system]
requires = ["setuptools", "Cython>=3"]
build-backend = "setuptools.build_meta"
""",
    "setup.py": """\
from Cython.Build import cythonize
from setuptools import setup

setup(packages=["beads"], ext_modules=cythonize("beads/*.pyx"))
""",
    "beads/__init__.py": "from beads.speed import add\n",
    "beads/speed.pyx": "def add(long a, long b):\n    return a + b\n",
    "beads/cli.py": """\
import click


@click.command()
@click.version_option(package_name="beads")
def main():
    click.echo("beads")
""",
}


def test_others_import_a_library_whose_backend_is_carried(packaged: Packaged) -> None:
    run = packaged("beads", LIBRARY)
    passed(run, "smoke", "purge", "lintian")
    (deb,) = run.dist.glob("*/bookworm-amd64/beads_*.deb")
    listed = subprocess.run(["dpkg-deb", "-c", deb], capture_output=True, text=True, check=True)
    assert "/usr/lib/python3/dist-packages/beads/speed.cpython-311" in listed.stdout
    depends = subprocess.run(
        ["dpkg-deb", "-f", deb, "Depends"], capture_output=True, text=True, check=True
    )
    assert "python3-click" in depends.stdout
