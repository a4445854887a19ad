"""pip, uv, setuptools, maturin and pytest."""

from . import Case, package

PYBUILD = "export PYBUILD_NAME=demo\n%:\n\tdh $@ --with python3 --buildsystem=pybuild\n"
DEPENDS = (
    "debhelper-compat (= 13), dh-python, python3-all, python3-setuptools, pybuild-plugin-pyproject"
)
PROJECT = (
    '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
    '[project]\nname = "demo"\nversion = "1.0"\n'
)
FLAT = PROJECT
PROJECT += '[tool.setuptools]\npackages = ["demo"]\n'


def pybuild(name: str, code: int, token: str, files: dict[str, str], *, succeeds: bool = False,
            depends: str = DEPENDS) -> Case:  # fmt: skip
    tree = {"pyproject.toml": PROJECT, "demo/__init__.py": "", **files}
    return package(name, code, token, tree, rules=PYBUILD, depends=depends, succeeds=succeeds)


def tests(name: str, code: int, token: str, test: str, **more: str) -> Case:
    """A pybuild package whose tests pytest runs."""
    files = {"tests/test_demo.py": test, **more}
    return pybuild(name, code, token, files, depends=DEPENDS + ", python3-pytest")


def script(
    name: str, code: int, token: str, text: str, files: dict[str, str] | None = None
) -> Case:
    return Case(name=name, code=code, token=token, script="set -e\n" + text, files=files or {})


VENV = "python3 -m venv --system-site-packages env && . env/bin/activate\n"
INDEX = (
    'mkdir -p index/gizmo; printf \'from setuptools import setup\\nsetup(name="gizmo", '
    'version="1.0")\\n\' > setup.py; python3 setup.py -q sdist >/dev/null 2>&1; cp dist/*.tar.gz '
    "index/gizmo/; (cd index/gizmo; f=$(ls); echo \"<a href='$f'>$f</a>\" > index.html);"
    "(cd index; exec python3 -m http.server 8123 >/dev/null 2>&1) & sleep 1; "
)

CASES: tuple[Case, ...] = (
    pybuild(
        "python-module-build",
        1301,
        "gizmobuild",
        {"setup.py": "import gizmobuild\nfrom setuptools import setup\nsetup()\n"},
    ),
    pybuild(
        "python-backend",
        1304,
        "hatchling",
        {
            "pyproject.toml": '[build-system]\nrequires = ["hatchling"]\n'
            'build-backend = "hatchling.build"\n[project]\nname = "demo"\nversion = "1"\n'
        },
    ),
    pybuild(
        "python-backend-poetry",
        1304,
        "poetry.core",
        {
            "pyproject.toml": '[build-system]\nrequires = ["poetry-core"]\n'
            'build-backend = "poetry.core.masonry.api"\n[tool.poetry]\nname = "demo"\nversion = "1"\n'
        },
    ),
    pybuild(
        "python-project-invalid",
        1307,
        "verzion",
        {"pyproject.toml": PROJECT.replace('version = "1.0"', 'verzion = "1.0"')},
    ),
    pybuild(
        "python-toml-syntax",
        1307,
        "TOMLDecodeError",
        {"pyproject.toml": PROJECT + "[project.scripts\n"},
    ),
    pybuild(
        "python-flat-layout",
        1308,
        "gizmos",
        {"gizmos/__init__.py": "", "demo/a.py": "x = 1\n", "pyproject.toml": FLAT},
    ),
    pybuild(
        "python-setup-syntax",
        1309,
        "SyntaxError",
        {"setup.py": "from setuptools import setup\nsetup(name='x'\n"},
    ),
    pybuild(
        "python-extension",
        1101,
        "fribble.h",
        {
            "setup.py": "from setuptools import setup, Extension\n"
            "setup(ext_modules=[Extension('demo.fast', ['fast.c'])])\n",
            "fast.c": "#include <Python.h>\n#include <fribble.h>\n",
        },
        depends=DEPENDS + ", python3-all-dev",
    ),
    pybuild(
        "python-version-file",
        1310,
        "VERSION.txt",
        {"setup.py": "from setuptools import setup\nsetup(version=open('VERSION.txt').read())\n"},
    ),
    tests("pytest-failed", 1401, "test_sum", "def test_sum():\n    assert 1 + 1 == 3\n"),
    tests(
        "pytest-error-inside",
        1401,
        "test_lookup",
        "def lookup(k):\n    return {}[k]\n\ndef test_lookup():\n    lookup('colour')\n",
    ),
    tests("pytest-collection", 1301, "gizmolib", "import gizmolib\n\ndef test_it():\n    pass\n"),
    tests(
        "pytest-collection-name",
        1402,
        "demo.nothing",
        "from demo.nothing import thing\n\ndef test_it():\n    pass\n",
    ).__class__(
        **{
            **tests(
                "pytest-collection-name",
                1301,
                "nothing",
                "from demo.nothing import thing\n\ndef test_it():\n    pass\n",
            ).__dict__
        }
    ),
    tests(
        "pytest-import-name",
        1402,
        "frobber",
        "from demo import frobber\n\ndef test_it():\n    pass\n",
    ),
    tests("pytest-syntax", 1309, "test_demo.py", "def test_it(:\n    pass\n"),
    tests("pytest-fixture", 1403, "broker", "def test_it(broker):\n    assert broker\n"),
    tests("pytest-none", 1407, "pytest", "def check_it():\n    pass\n"),
    tests(
        "pytest-network",
        3011,
        "gizmo.example.org",
        "import urllib.request\n\ndef test_it():\n"
        "    urllib.request.urlopen('http://gizmo.example.org/')\n",
    ),
    tests(
        "pytest-many",
        1401,
        "test_case",
        "import pytest\n\n@pytest.mark.parametrize('n', range(40))\n"
        "def test_case(n):\n    assert n % 2\n",
    ),
    tests(
        "pytest-option",
        1410,
        "--frob-cov",
        "def test_it():\n    pass\n",
        **{"pytest.ini": "[pytest]\naddopts = --frob-cov=x\n"},
    ),
    tests(
        "pytest-conftest",
        1301,
        "gadgetlib",
        "def test_it():\n    pass\n",
        **{"tests/conftest.py": "import gadgetlib\n"},
    ),
    pybuild(
        "unittest-failed",
        1406,
        "test_total",
        {
            "tests/__init__.py": "",
            "tests/test_total.py": "import unittest\n\nclass T(unittest.TestCase):\n"
            "    def test_total(self):\n        self.assertEqual(2, 3)\n",
        },
    ),
    pybuild(
        "unittest-error",
        1406,
        "test_other",
        {
            "tests/__init__.py": "",
            "tests/test_other.py": "import unittest\n\nclass T(unittest.TestCase):\n"
            "    def test_other(self):\n        raise ValueError('bad colour')\n",
        },
    ),
    # pip
    script("pip-no-network", 3010, "requests", VENV + "pip install --retries 1 requests"),
    script(
        "pip-no-match",
        1302,
        "gizmo==9",
        INDEX + VENV + "pip install --index-url http://127.0.0.1:8123/ gizmo==9",
    ),
    script(
        "pip-no-such",
        1302,
        "frobozz",
        INDEX + VENV + "pip install --index-url http://127.0.0.1:8123/ frobozz",
    ),
    script(
        "pip-find-links",
        1302,
        "widgetlib",
        VENV + "mkdir l; pip install --no-index --find-links l widgetlib",
    ),
    script(
        "pip-hash",
        1305,
        "gizmo",
        INDEX + VENV + "printf 'gizmo==1.0 --hash=sha256:%064d\\n' 0 > r;"
        "pip install --index-url http://127.0.0.1:8123/ --no-build-isolation -r r",
    ),
    script(
        "pip-hash-missing",
        1305,
        "gizmo==1.0",
        INDEX + VENV + "echo gizmo==1.0 > r; "
        "pip install --require-hashes --index-url http://127.0.0.1:8123/ -r r",
    ),
    script("pip-externally", 1311, "externally-managed", "pip install gizmo"),
    script(
        "pip-conflict",
        1303,
        "beta",
        VENV
        + 'for v in 1 2; do mkdir -p b$v; printf \'from setuptools import setup\\nsetup(name="beta", '
        'version="%s")\\n\' $v > b$v/setup.py; (cd b$v; python3 setup.py -q bdist_wheel -d ../l '
        '2>/dev/null); done; mkdir -p a; printf \'from setuptools import setup\\nsetup(name="alpha", '
        'version="1", install_requires=["beta<2"])\\n\' > a/setup.py; (cd a; python3 setup.py -q '
        "bdist_wheel -d ../l 2>/dev/null); pip install --no-index --find-links l alpha 'beta==2'",
    ),
    script(
        "pip-requires-python",
        1314,
        "futura",
        VENV + "mkdir -p a; printf 'from setuptools import "
        'setup\\nsetup(name="futura", version="1", python_requires=">=3.99")\\n\' > a/setup.py; '
        "pip install --no-build-isolation --no-deps ./a",
    ),
    script(
        "pip-requirement-syntax", 1316, "gizmo=1", VENV + "echo 'gizmo=1' > r; pip install -r r"
    ),
    script("pip-requirement-file", 1317, "needs.txt", VENV + "pip install -r needs.txt"),
    script(
        "pip-wheel-fails",
        1101,
        "zonk.h",
        VENV + "pip install --no-build-isolation --no-deps .",
        {
            "setup.py": "from setuptools import setup, Extension\nsetup(name='zz', version='1', "
            "ext_modules=[Extension('zz', ['zz.c'])])\n",
            "zz.c": "#include <Python.h>\n#include <zonk.h>\n",
        },
    ),
    script(
        "pip-setup-raises",
        1318,
        "do not build me",
        VENV + "pip install --no-build-isolation --no-deps .",
        {"setup.py": "raise RuntimeError('do not build me here')\n"},
    ),
    script(
        "pip-metadata-module",
        1301,
        "numpyx",
        VENV + "pip install --no-build-isolation --no-deps .",
        {"setup.py": "import numpyx\n"},
    ),
    script(
        "pip-platform-wheel",
        1319,
        "gizmo-1.0",
        VENV + "pip install --no-deps ./gizmo-1.0-cp27-cp27m-win32.whl || exit 1",
        {"gizmo-1.0-cp27-cp27m-win32.whl": ""},
    ),
    # running
    script("import-missing", 1301, "sqlalchemyx", "python3 -c 'import sqlalchemyx'"),
    script("import-main", 1301, "gizmo_server", "python3 -m gizmo_server"),
    script(
        "import-symbol",
        1315,
        "frob_init",
        "gcc -shared -fPIC -o fast.so fast.c "
        "$(python3-config --includes); python3 -c 'import fast'",
        {
            "fast.c": "#include <Python.h>\nvoid frob_init(void);\n"
            "PyMODINIT_FUNC PyInit_fast(void) { frob_init(); return 0; }\n"
        },
    ),
    script(
        "import-library",
        1320,
        "libhelper.so.2",
        "gcc -shared -fPIC -Wl,-soname,libhelper.so.2 -o "
        "libhelper.so h.c; gcc -shared -fPIC -o fast.so fast.c $(python3-config --includes) -L. "
        "-lhelper; python3 -c 'import fast'",
        {
            "h.c": "int h(void) { return 1; }\n",
            "fast.c": "#include <Python.h>\nint h(void);\nPyMODINIT_FUNC PyInit_fast(void) { h(); return 0; }\n",
        },
    ),
    # uv, which the root is given
    script(
        "uv-no-solution",
        1312,
        "gizmo",
        INDEX + "uv pip compile --index-url http://127.0.0.1:8123/ req.in",
        {"req.in": "gizmo>=5\n"},
    ),
    script(
        "uv-no-such",
        1312,
        "frobozz",
        INDEX + "uv pip compile --index-url http://127.0.0.1:8123/ req.in",
        {"req.in": "frobozz\n"},
    ),
    script(
        "uv-conflict",
        1312,
        "gizmo",
        INDEX + "uv pip compile --index-url http://127.0.0.1:8123/ req.in",
        {"req.in": "gizmo==1.0\ngizmo==2.0\n"},
    ),
    script("uv-python", 1313, "3.99", "uv venv --offline --python 3.99 e"),
    script(
        "uv-lock",
        1321,
        "uv.lock",
        "uv lock --offline --locked",
        {"pyproject.toml": '[project]\nname = "p"\nversion = "1"\nrequires-python = ">=3.11"\n'},
    ),
    script(
        "uv-build",
        1101,
        "zork.h",
        VENV + "uv pip install --offline --no-build-isolation .",
        {
            "pyproject.toml": FLAT,
            "setup.py": "from setuptools import setup, Extension\nsetup(ext_modules=[Extension('zz', "
            "['zz.c'])])\n",
            "zz.c": "#include <Python.h>\n#include <zork.h>\n",
        },
    ),
    script(
        "uv-offline",
        3010,
        "gizmo",
        "UV_HTTP_RETRIES=0 uv pip compile --index-url http://pypi.gizmo.example/simple req.in",
        {"req.in": "gizmo\n"},
    ),
    # maturin and rust, without a toolchain
    script(
        "maturin-no-rust",
        1322,
        "maturin",
        "maturin build",
        {
            "Cargo.toml": '[package]\nname = "p"\nversion = "1.0.0"\nedition = "2021"\n[lib]\n'
            'crate-type = ["cdylib"]\n',
            "src/lib.rs": "",
            "pyproject.toml": '[build-system]\nrequires = ["maturin"]\nbuild-backend = "maturin"\n',
        },
    ),
    script(
        "maturin-manifest",
        1323,
        "Cargo.toml",
        "maturin build",
        {"pyproject.toml": '[build-system]\nrequires = ["maturin"]\nbuild-backend = "maturin"\n'},
    ),
    script(
        "setuptools-rust",
        1304,
        "setuptools_rust",
        VENV + "pip wheel --no-build-isolation --no-deps .",
        {
            "pyproject.toml": '[build-system]\nrequires = ["setuptools-rust"]\n'
            'build-backend = "setuptools_rust.build_meta"\n[project]\nname = "p"\nversion = "1"\n'
        },
    ),
    tests(
        "python-ok",
        0,
        "1 passed",
        "def test_it():\n    print('No space left on device')\n"
        "    print('ModuleNotFoundError: No module named numpy')\n",
    ).__class__(
        **{
            **tests("python-ok", 0, "passed", "def test_it():\n    assert 1\n").__dict__,
            "succeeds": True,
        }
    ),
)
