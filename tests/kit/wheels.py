"""A package index in a directory (PEP 503), made of distributions that are made here.

`abacus-words` is a pure wheel; `abacus-beads` is a C extension, which setuptools binds to one minor
version of Python; `abacus-frame` is a C library that is loaded with ctypes, through a build backend
of its own, so that one wheel suits every Python.
"""

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

DATE = 1_700_000_000

BEADS = {
    "pyproject.toml": """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "abacus-beads"
version = "{version}"
license = {{ text = "MIT" }}
""",
    "setup.py": """\
from setuptools import Extension, setup

setup(py_modules=["abacus_beads"], ext_modules=[Extension("_abacus_beads", ["beads.c"])])
""",
    "abacus_beads.py": "from _abacus_beads import add, where\n",
    "beads.c": """\
#include <Python.h>

static PyObject *add(PyObject *self, PyObject *args)
{
    long a, b;
    if (!PyArg_ParseTuple(args, "ll", &a, &b))
        return NULL;
    return PyLong_FromLong(a + b);
}

static PyObject *where(PyObject *self, PyObject *args)
{
    return PyUnicode_FromString(__FILE__ " " __DATE__ " " __TIME__);
}

static PyMethodDef methods[] = {
    {"add", add, METH_VARARGS, NULL}, {"where", where, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_abacus_beads", NULL, -1, methods};

PyMODINIT_FUNC PyInit__abacus_beads(void)
{
    return PyModule_Create(&module);
}
""",
}

FRAME = {
    "pyproject.toml": """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "abacus-frame"
version = "{version}"
license = "MIT"
""",
    "backend.py": """\
import os, pathlib, subprocess, sysconfig, zipfile

def build_wheel(directory, config_settings=None, metadata_directory=None):
    source = pathlib.Path.cwd() / "frame.c"
    library = pathlib.Path.cwd() / "libframe.so"
    command = [os.environ["CC"], "-shared", "-fPIC", *os.environ["CFLAGS"].split(),
               *os.environ.get("FRAME_OPTIONS", "").split(), *os.environ["LDFLAGS"].split(),
               "-g", "-o", str(library), str(source)]
    print(*command, flush=True)
    subprocess.run(command, check=True)
    platform = sysconfig.get_platform().replace("-", "_")
    name = f"abacus_frame-{version}-py3-none-{{platform}}.whl"
    info = "abacus_frame-{version}.dist-info"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        wheel.writestr("abacus_frame/__init__.py", (
            "import ctypes, pathlib\\n"
            "_lib = ctypes.CDLL(str(pathlib.Path(__file__).with_name('libframe.so')))\\n"
            "count = _lib.count\\nrods = _lib.rods\\n"))
        wheel.write(library, "abacus_frame/libframe.so")
        wheel.writestr("abacus_frame/include/frame.h", "int count(int);\\n")
        wheel.writestr("abacus_frame/tests/test_frame.py", "")
        wheel.writestr(f"{{info}}/METADATA",
                       "Metadata-Version: 2.1\\nName: abacus-frame\\nVersion: {version}\\n")
        wheel.writestr(f"{{info}}/WHEEL",
                       "Wheel-Version: 1.0\\nGenerator: own\\nRoot-Is-Purelib: false\\n"
                       f"Tag: py3-none-{{platform}}\\n")
        wheel.writestr(f"{{info}}/RECORD", "")
    return name
""",
    "frame.c": """\
#include <assert.h>
#ifndef RODS
#error "RODS is not defined: the settings did not reach the compiler"
#endif
int rods(void) {{ return RODS; }}
int count(int n) {{ assert(n >= 0); return n; }}
""",
}


def sdist(name: str, version: str, files: Mapping[str, str]) -> bytes:
    """A .tar.gz with the files below NAME-VERSION/; `{version}` in them is replaced."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", compresslevel=1) as tar:
        for path, text in sorted(files.items()):
            content = text.replace("{version}", version).replace("{{", "{").replace("}}", "}")
            entry = tarfile.TarInfo(f"{name}-{version}/{path}")
            entry.size, entry.mtime, entry.mode = len(content.encode()), DATE, 0o644
            tar.addfile(entry, io.BytesIO(content.encode()))
    return out.getvalue()


def wheel(
    name: str, version: str, files: Mapping[str, bytes], requires: Sequence[str] = ()
) -> bytes:
    """A wheel of `files`, with the metadata that makes it one; `requires` are Requires-Dist."""
    info = f"{name}-{version}.dist-info"
    metadata = (
        f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n"
        "Summary: Words\nLicense-Expression: MIT\nProject-URL: Homepage, https://example.org/w\n"
    )
    metadata += "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, content in {
            **files,
            f"{info}/METADATA": metadata.encode(),
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\n",
            f"{info}/licenses/LICENSE": b"MIT\n",
            f"{info}/RECORD": b"",
        }.items():
            archive.writestr(zipfile.ZipInfo(path, (2023, 11, 14, 22, 13, 20)), content)
    return out.getvalue()


@dataclass
class Index:
    """A simple index below a directory; `add` puts a file in, `lock` makes the lock of all."""

    directory: Path
    files: dict[str, dict[str, str]] = field(default_factory=dict)
    """`NAME==VERSION` to file name to SHA-256."""

    @property
    def url(self) -> str:
        return self.directory.as_uri()

    def add(self, name: str, version: str, file: str, content: bytes) -> None:
        home = self.directory / name
        home.mkdir(parents=True, exist_ok=True)
        (home / file).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        self.files.setdefault(f"{name}=={version}", {})[file] = digest
        links = [
            f'<a href="{f}#sha256={d}">{f}</a>'
            for pin, files in self.files.items() if pin.startswith(f"{name}==")
            for f, d in files.items()
        ]  # fmt: skip
        (home / "index.html").write_text("<!DOCTYPE html><html><body>\n" + "<br>\n".join(links))

    def add_wheel(
        self, name: str, version: str, *requires: str, tags: str = "py3-none-any"
    ) -> None:
        """A wheel with one module, which says the version."""
        plain = name.replace("-", "_")
        files = {f"{plain}/__init__.py": f"version = {version!r}\n".encode()}
        content = wheel(plain, version, files, requires)
        self.add(name, version, f"{plain}-{version}-{tags}.whl", content)

    def add_sdist(self, name: str, version: str, files: Mapping[str, str]) -> None:
        plain = name.replace("-", "_")
        self.add(name, version, f"{plain}-{version}.tar.gz", sdist(plain, version, files))

    def lock(self) -> str:
        """Every version in the index, with the hashes of its files."""
        return "".join(
            f"{pin} \\\n" + " \\\n".join(f"    --hash=sha256:{d}" for d in files.values()) + "\n"
            for pin, files in self.files.items()
        )


def abacus_index(directory: Path) -> Index:
    """The index of what tests/projects/abacus needs."""
    index = Index(directory)
    index.add_sdist("abacus-beads", "1.0", BEADS)
    index.add_sdist("abacus-frame", "1.0", FRAME)
    words = wheel(
        "abacus_words", "1.0",
        {
            "abacus_words/__init__.py": b'SUM = "sum"\n',
            "abacus_words/tests/test_words.py": b"",
            "abacus_words-1.0.data/scripts/abacus-words": b"#!python\nprint('words')\n",
        },
    )  # fmt: skip
    index.add("abacus-words", "1.0", "abacus_words-1.0-py3-none-any.whl", words)
    return index
