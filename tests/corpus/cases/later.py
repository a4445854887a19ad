"""Cases written after the rules, with no rule changed for them: what they say of new logs."""

from dataclasses import replace

from . import Case
from .building import auto, c, cmake, meson
from .debian import apt
from .infrastructure import docker, repo, shell, small_disk
from .installing import install, sh
from .python import pybuild, script, tests
from .services import PERL, unit

_CASES: tuple[Case, ...] = (
    c("later-header-sdl", 1101, "SDL2/SDL.h", "int x;\n#include <stdlib.h>\n#include <SDL2/SDL.h>\nint main(void) { return x; }\n"),
    c("later-header-cpp-own", 1101, "model/tree.hpp", '#include <vector>\n#include "model/tree.hpp"\nint main() {}\n', compiler="$(CXX)", file="main.cpp"),
    c("later-undeclared-constant", 1102, "MAX_WIDGETS", "int a[3];\nint main(void) { return a[MAX_WIDGETS]; }\n"),
    c("later-undeclared-std", 1102, "optionul", "#include <vector>\nint main() { std::optionul<int> x; }\n", compiler="$(CXX)", file="main.cpp"),
    c("later-syntax-paren", 1103, "main.c", "int main(void) { if (1 { return 0; } }\n"),
    c("later-werror-sign", 1104, "width", "int f(unsigned n, int width) { return n < width; }\nint main(void) { return f(1, 2); }\n", flags="-Wextra -Werror"),
    c("later-link-z", 1105, "deflateInit_", "int deflateInit_(int);\nint main(void) { return deflateInit_(3); }\n"),
    c("later-link-vtable", 1105, "Shape", "struct Shape { virtual void draw(); };\nint main() { Shape s; }\n", compiler="$(CXX)", file="main.cpp"),
    c("later-library-gpio", 1106, "gpiodz", "int main(void) { return 0; }\n", libs="-L/opt/lib -lgpiodz"),
    c("later-type-cpp", 1114, "label", "#include <string>\nint main() { std::string label = 3.5f; int *p = label; }\n", compiler="$(CXX)", file="main.cpp"),
    c("later-flag-fpu", 1111, "mfpu", "int main(void) { return 0; }\n", flags="-mfpu=neon-vfpv4"),
    cmake("later-cmake-qt", 1210, "Qt6", "cmake_minimum_required(VERSION 3.13)\nproject(p CXX)\nfind_package(Qt6 COMPONENTS Core REQUIRED)\n"),
    cmake("later-cmake-openssl", 1210, "OpenSSL", "cmake_minimum_required(VERSION 3.13)\nproject(p C)\nfind_package(OpenSSL 9 REQUIRED)\n"),
    cmake("later-cmake-header", 1101, "wiring.h", "cmake_minimum_required(VERSION 3.13)\nproject(p C)\nadd_executable(p main.c)\n", {"main.c": "#include <wiring.h>\nint main(void){return 0;}\n"}),
    cmake("later-cmake-subdir", 1211, "drivers", "cmake_minimum_required(VERSION 3.13)\nproject(p C)\nadd_subdirectory(drivers)\n", {"drivers/x.c": "int x;\n"}),
    meson("later-meson-glib", 1220, "glibz-2.0", "project('p', 'c')\nexecutable('p', 'main.c', dependencies: dependency('glibz-2.0', version: '>=2.70'))\n"),
    meson("later-meson-function", 1223, "executible", "project('p', 'c')\nexecutible('p', 'main.c')\n"),
    meson("later-meson-link", 1105, "spin", "project('p', 'c')\nexecutable('p', 'main.c')\n", {"main.c": "int spin(void);\nint main(void) { return spin(); }\n"}),
    auto("later-auto-lib", 1230, "libusb", "AC_SEARCH_LIBS([usb_init], [usbz], [], [AC_MSG_ERROR([libusb was not found, please install it])])\n"),
    auto("later-auto-compile", 1103, "count", "", {"main.c": "int main(void) { int count 3; return count; }\n"}),
    pybuild("later-py-build-module", 1301, "cythonz", {"setup.py": "from setuptools import setup\nfrom cythonz.Build import cythonize\nsetup(ext_modules=cythonize('x.pyx'))\n"}),
    pybuild("later-py-flit", 1304, "flit_core", {"pyproject.toml": '[build-system]\nrequires = ["flit_core"]\nbuild-backend = "flit_core.buildapi"\n[project]\nname = "demo"\nversion = "1"\n'}),
    tests("later-pytest-raises", 1401, "test_parse", "import pytest\n\ndef test_parse():\n    with pytest.raises(ValueError):\n        int('3')\n"),
    tests("later-pytest-import", 1301, "httpxx", "import os\nimport httpxx.client\n\ndef test_x():\n    pass\n"),
    tests("later-pytest-fixture", 1403, "mocker_z", "def test_x(tmp_path, mocker_z):\n    pass\n"),
    script("later-pip-version", 1302, "widget>=4", "python3 -m venv env && . env/bin/activate\nmkdir l; pip install --no-index --find-links=l 'widget>=4'"),
    script("later-python-attribute", 1315, "Py_Frob", "gcc -shared -fPIC -o quick.so q.c $(python3-config --includes); python3 -c 'import quick'", {"q.c": "#include <Python.h>\nint Py_Frob(void);\nPyMODINIT_FUNC PyInit_quick(void) { return (PyObject *)(long)Py_Frob(); }\n"}),
    script("later-uv-extra", 1312, "gizmoz", "uv pip compile --no-index req.in", {"req.in": "gizmoz[fast]>=1\n"}),
    apt("later-apt-recommends", 1050, "gizmo-doc", "a|1|", "apt-get -q install -y a gizmo-doc gizmo-dbg"),
    apt("later-apt-two", 1051, "libnope", "a|1|Depends: b (>= 2), libnope\nb|1|", "apt-get -q install -y a"),
    apt("later-apt-old", 1053, "0.9~rc1", "a|1|", "apt-get -q install -y --allow-downgrades a=0.9~rc1"),
    install("later-postinst-sysctl", 2101, "later-postinst-sysctl", {"postinst": sh("cp /etc/absent.conf /etc/x.conf")}),
    install("later-prerm-stop", 2103, "later-prerm-stop", {"prerm": sh("kill 999999")}, "dpkg -i p.deb && dpkg -P later-prerm-stop"),
    install("later-conflict-doc", 2105, "copyright", {}, files="mkdir -p t/usr/share/doc/make; echo > t/usr/share/doc/make/copyright"),
    install("later-depends-three", 2106, "python9", {}, control="Depends: python9, adduser\n"),
    unit("later-svc-traceback", 2201, "config.ini", f"ExecStart={PERL} 'open(F, \"config.ini\") or die \"cannot open config.ini: $!\"'\n"),
    unit("later-svc-typo", 2202, "later-svc-typo", "ExecStart=/usr/bin/perll -e 1\n"),
    unit("later-svc-chdir", 2210, "later-svc-chdir", "WorkingDirectory=/opt/gizmo/run\nExecStart=/usr/bin/perl -e 'sleep 9'\n"),
    unit("later-svc-filter", 2205, "later-svc-filter", "SystemCallFilter=~chmod fchmodat fchmod\nExecStart=/bin/chmod 600 /etc/hostname\n"),
    unit("later-svc-fpe", 2217, "later-svc-fpe", "ExecStart=/bin/sh -c 'kill -FPE $$$$'\n"),
    small_disk("later-disk-sort", "space", "seq 400000 > /tmp/n; sort -R -T . -S 1M /tmp/n > /tmp/m"),
    small_disk("later-disk-git", "space", "git init -q r; cd r; head -c 900000 /dev/urandom > f; git add f"),
    shell("later-dns-pipe", 3010, "updates.gizmo.example", "set -e; out=$(curl -sSf https://updates.gizmo.example/v1); echo $out"),
    shell("later-refused-git", 3011, "8129", "git ls-remote http://127.0.0.1:8129/repo.git"),
    shell("later-git-checkout", 3504, "v9.9", "git init -q r; cd r; git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x; git checkout v9.9"),
    shell("later-memory", 3021, "memory", "ulimit -v 90000; perl -e '$x = q(y) x 500_000_000' || { echo memory; exit 1; }"),
    repo("later-apt-suite", 3018, "bookwurm", "echo 'deb [trusted=yes] file:/build/case/repo bookwurm main' > /etc/apt/sources.list; apt-get -q update"),
    shell("later-gpg-user", 3201, "nobody@example.org", "export GNUPGHOME=$PWD/g; mkdir -m 700 g; echo x > f; gpg --batch --local-user nobody@example.org --armor --detach-sign f"),
    docker("later-docker-add", 3305, "app.tar", "docker build --network=host -t x .", {"Dockerfile": "FROM corpus\nADD app.tar /srv/\n"}),
    docker("later-docker-entry", 3306, "start-gizmo", "docker run --rm --network=host --entrypoint start-gizmo corpus"),
    docker("later-docker-make", 3304, "exit 7", "docker build --network=host -t x .", {"Dockerfile": "FROM corpus\nRUN echo preparing && exit 7\n"}),
)  # fmt: skip

CASES: tuple[Case, ...] = tuple(replace(case, later=True) for case in _CASES)
