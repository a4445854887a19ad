"""Compilers, linkers, make, CMake, meson and autotools."""

from . import Case, package

HELLO = '#include <stdio.h>\nint main(void) { puts("hi"); return 0; }\n'


def c(name: str, code: int, token: str, source: str, *, flags: str = "", libs: str = "",
      compiler: str = "$(CC)", file: str = "main.c") -> Case:  # fmt: skip
    """A package of one file that a makefile compiles."""
    make = (
        f"all: prog\nprog: {file}\n\t{compiler} $(CFLAGS) {flags} -o $@ {file} {libs}\n"
        "clean:\n\trm -f prog\ninstall:\n"
    )
    return package(name, code, token, {file: source, "Makefile": make})


def cmake(
    name: str, code: int, token: str, lists: str, files: dict[str, str] | None = None
) -> Case:
    return package(
        name, code, token, {"CMakeLists.txt": lists, "main.c": HELLO, **(files or {})},
        rules="%:\n\tdh $@ --buildsystem=cmake\n",
    )  # fmt: skip


def meson(name: str, code: int, token: str, build: str, files: dict[str, str] | None = None,
          rules: str = "%:\n\tdh $@ --buildsystem=meson\n") -> Case:  # fmt: skip
    return package(
        name, code, token, {"meson.build": build, "main.c": HELLO, **(files or {})}, rules=rules
    )


def auto(
    name: str, code: int, token: str, configure: str, files: dict[str, str] | None = None
) -> Case:
    head = f"AC_INIT([{name}], [1.0])\nAM_INIT_AUTOMAKE([foreign])\nAC_PROG_CC\n"
    tail = "AC_CONFIG_FILES([Makefile])\nAC_OUTPUT\n"
    return package(
        name, code, token,
        {"configure.ac": head + configure + tail, "main.c": HELLO,
         "Makefile.am": "bin_PROGRAMS = prog\nprog_SOURCES = main.c\n", **(files or {})},
    )  # fmt: skip


CASES: tuple[Case, ...] = (
    c("header-zip", 1101, "zipper.h", '#include "zipper.h"\nint main(void) { return 0; }\n'),
    c("header-curl", 1101, "curl/curl.h", "#include <curl/curl.h>\nint main(void) { return 0; }\n"),
    c(
        "header-cpp",
        1101,
        "boost/asio.hpp",
        "#include <boost/asio.hpp>\nint main() { return 0; }\n",
        compiler="$(CXX)",
        file="main.cpp",
    ),
    c(
        "header-local",
        1101,
        "generated/table.h",
        '#include "generated/table.h"\nint main(void){}\n',
    ),
    c(
        "header-python",
        1101,
        "Python.h",
        "#include <Pythonx/Python.h>\nint main(void){return 0;}\n",
    ),
    c(
        "header-clang",
        1101,
        "frob/nicate.h",
        "#include <frob/nicate.h>\nint main(void){return 0;}\n",
        compiler="clang",
    ),
    c("undeclared-name", 1102, "counterz", "int main(void) { return counterz; }\n"),
    c(
        "undeclared-function",
        1102,
        "frobnicate",
        "int main(void) { return frobnicate(1); }\n",
        flags="-Werror=implicit-function-declaration",
    ),
    c(
        "undeclared-cpp",
        1102,
        "gadgets",
        "int main() { gadgets.push_back(1); }\n",
        compiler="$(CXX)",
        file="main.cpp",
    ),
    c(
        "undeclared-clang",
        1102,
        "widgetry",
        "int main(void) { return widgetry; }\n",
        compiler="clang",
    ),
    c("syntax-semicolon", 1103, "total", "int main(void) { int total = 1\n return total; }\n"),
    c("syntax-brace", 1103, "main.c", "int main(void) { if (1) { return 0; }\n"),
    c(
        "syntax-cpp",
        1103,
        "Thing",
        "class Thing { int x; }\nint main() { return 0; }\n",
        compiler="$(CXX)",
        file="main.cpp",
    ),
    c(
        "werror-unused",
        1104,
        "leftover",
        "int main(void) { int leftover = 3; return 0; }\n",
        flags="-Wall -Werror",
    ),
    c(
        "werror-format",
        1104,
        "printf",
        '#include <stdio.h>\nint main(void){printf("%s\\n", 3);}\n',
        flags="-Werror=format",
    ),
    c(
        "werror-clang",
        1104,
        "ignored",
        "int main(void) { int ignored; return 0; }\n",
        flags="-Wall -Werror",
        compiler="clang",
    ),
    c(
        "link-undefined",
        1105,
        "do_the_work",
        "int do_the_work(void);\nint main(void) { return do_the_work(); }\n",
    ),
    c(
        "link-math",
        1105,
        "cosl",
        "long double cosl(long double);\nint main(int c, char **v){ return (int)cosl(c); }\n",
    ),
    c(
        "link-cpp",
        1105,
        "Engine::start",
        "struct Engine { void start(); };\nint main() { Engine e; e.start(); }\n",
        compiler="$(CXX)",
        file="main.cpp",
    ),
    c(
        "link-gold",
        1105,
        "spin_up",
        "int spin_up(void);\nint main(void) { return spin_up(); }\n",
        flags="-fuse-ld=gold",
    ),
    c("library-missing", 1106, "frobnitz", HELLO, libs="-lfrobnitz"),
    c("library-xml", 1106, "xml2zz", HELLO, libs="-lm -lxml2zz"),
    c("library-gold", 1106, "grommet", HELLO, flags="-fuse-ld=gold", libs="-lgrommet"),
    package(
        "link-twice",
        1107,
        "shared_counter",
        {
            "a.c": "int shared_counter = 1;\nint main(void) { return 0; }\n",
            "b.c": "int shared_counter = 2;\n",
            "Makefile": "all:\n\t$(CC) -c a.c\n\t$(CC) -c b.c\n\t$(CC) -o prog a.o b.o\nclean:\ninstall:\n",
        },
    ),
    package(
        "link-foreign",
        1108,
        "lib.o",
        {
            "a.c": HELLO,
            "lib.c": "int lib(void) { return 1; }\n",
            "Makefile": "all:\n\t$(CC) -m32 -ffreestanding -c lib.c\n\t$(CC) -c a.c\n"
            "\t$(CC) -o prog a.o lib.o\nclean:\ninstall:\n",
        },
    ),
    package(
        "link-foreign-library",
        1108,
        "libodd",
        {
            "a.c": HELLO,
            "lib.c": "int lib(void) { return 1; }\n",
            "Makefile": "all:\n\t$(CC) -m32 -ffreestanding -c lib.c\n\tar rc libodd.a lib.o\n"
            "\t$(CC) -o prog a.c -L. -lodd\nclean:\ninstall:\n",
        },
    ),
    c("flag-unknown", 1111, "mfrob-unit", HELLO, flags="-mfrob-unit"),
    c("flag-march", 1111, "armv8.2-a+dotprod", HELLO, flags="-march=armv8.2-a+dotprod"),
    c("flag-clang", 1111, "fno-such-thing", HELLO, flags="-fno-such-thing", compiler="clang"),
    c("compiler-missing", 1201, "gfortran-99", HELLO, compiler="gfortran-99"),
    c(
        "preprocessor-error",
        1113,
        "wombats",
        "#error this needs wombats\nint main(void){return 0;}\n",
    ),
    c("type-unknown", 1114, "wobble_t", "wobble_t x;\nint main(void) { return 0; }\n"),
    c(
        "member-missing",
        1114,
        "colour",
        "struct P { int x; };\nint main(void) { struct P p; return p.colour; }\n",
    ),
    c(
        "arguments-many",
        1114,
        "join_all",
        "int join_all(int a);\nint main(void){ return join_all(1, 2); }\n",
    ),
    c(
        "overload-cpp",
        1114,
        "measure",
        'void measure(int*);\nint main() { measure("x"); }\n',
        compiler="$(CXX)",
        file="main.cpp",
    ),
    c(
        "assert-static",
        1115,
        "pointers must be small",
        "_Static_assert(sizeof(void*) == 2,"
        ' "pointers must be small");\nint main(void) { return 0; }\n',
    ),
    package(
        "link-pic",
        1116,
        "libplain",
        {
            "a.c": "int table[9]; int *at(void) { return &table[2]; }\n",
            "Makefile": "all:\n\t$(CC) -fno-pic -mcmodel=small -c a.c -o libplain.o\n"
            "\t$(CC) -shared -o libplain.so libplain.o\nclean:\ninstall:\n",
        },
    ),
    package(
        "header-parallel",
        1101,
        "missing_thing.h",
        {
            **{f"f{n}.c": f"int f{n}(void) {{ return {n}; }}\n" for n in range(12)},
            "f7.c": '#include "missing_thing.h"\nint f7(void) { return 7; }\n',
            "Makefile": "all: $(patsubst %.c,%.o,$(wildcard *.c))\nclean:\ninstall:\n",
        },
    ),
    package(
        "make-no-rule",
        1202,
        "parser.y",
        {"Makefile": "all: prog\nprog: parser.y\n\techo $<\nclean:\ninstall:\n"},
    ),
    package(
        "make-no-rule-deep",
        1202,
        "tables.inc",
        {
            "Makefile": "all:\n\t$(MAKE) -C src\nclean:\ninstall:\n",
            "src/Makefile": "all: tables.inc\n\techo done\n",
        },
    ),
    package("make-separator", 1203, "Makefile", {"Makefile": "all:\n    echo hi\nclean:\n"}),
    package("make-include", 1204, "config.mk", {"Makefile": "include config.mk\nall:\nclean:\n"}),
    package("tool-flexx", 1201, "flexx", {"Makefile": "all:\n\tflexx lexer.l\nclean:\ninstall:\n"}),
    package(
        "tool-sphinx",
        1201,
        "sphinx-build",
        {"Makefile": "all:\n\tsphinx-build -b man doc out\nclean:\ninstall:\n"},
    ),
    package(
        "tool-rules",
        1201,
        "help2manx",
        rules="%:\n\tdh $@\noverride_dh_auto_build:\n\thelp2manx ./prog > prog.1\n",
    ),
    package(
        "tool-bash",
        1201,
        "jqq",
        {"build.sh": "#!/bin/bash\nset -e\njqq . data.json\n"},
        rules="%:\n\tdh $@\noverride_dh_auto_build:\n\tbash ./build.sh\n",
    ),
    package(
        "script-denied",
        1205,
        "generate.sh",
        {"generate.sh": "echo hi\n"},
        rules="%:\n\tdh $@\noverride_dh_auto_build:\n\t./generate.sh\n",
    ),
    package(
        "script-denied-make",
        1205,
        "mkversion",
        {"mkversion": "#!/bin/sh\necho 1\n", "Makefile": "all:\n\t./mkversion\nclean:\ninstall:\n"},
    ),
    package(
        "interpreter-missing",
        1206,
        "gen.py",
        {"gen.py": "#!/usr/bin/python2.7\nprint 1\n"},
        rules="%:\n\tdh $@\noverride_dh_auto_build:\n\tchmod +x gen.py; ./gen.py\n",
    ),
    # CMake
    cmake(
        "cmake-package",
        1210,
        "Frobnicator",
        "cmake_minimum_required(VERSION 3.13)\nproject(p C)\n"
        "find_package(Frobnicator REQUIRED)\nadd_executable(p main.c)\n",
    ),
    cmake(
        "cmake-package-module",
        1210,
        "CURL",
        "cmake_minimum_required(VERSION 3.13)\nproject(p C)\n"
        "find_package(CURL REQUIRED)\nadd_executable(p main.c)\n",
    ),
    cmake(
        "cmake-package-version",
        1210,
        "ZLIB",
        "cmake_minimum_required(VERSION 3.13)\n"
        "project(p C)\nfind_package(ZLIB 99 REQUIRED)\nadd_executable(p main.c)\n",
    ),
    cmake(
        "cmake-pkgconfig",
        1234,
        "libfrob",
        "cmake_minimum_required(VERSION 3.13)\nproject(p C)\n"
        "find_package(PkgConfig REQUIRED)\npkg_check_modules(F REQUIRED libfrob)\n"
        "add_executable(p main.c)\n",
    ),
    cmake("cmake-version", 1212, "99.1", "cmake_minimum_required(VERSION 99.1)\nproject(p C)\n"),
    cmake(
        "cmake-compiler",
        1213,
        "no-such-cc",
        "cmake_minimum_required(VERSION 3.13)\nset(CMAKE_C_COMPILER no-such-cc)\nproject(p C)\n",
    ),
    cmake(
        "cmake-fortran",
        1213,
        "Fortran",
        "cmake_minimum_required(VERSION 3.13)\nproject(p Fortran)\n",
    ),
    cmake(
        "cmake-unknown-command",
        1214,
        "add_gizmo",
        "cmake_minimum_required(VERSION 3.13)\nproject(p C)\nadd_gizmo(x)\n",
    ),
    cmake("cmake-parse", 1214, "CMakeLists", "cmake_minimum_required(VERSION 3.13)\nproject(p C\n"),
    cmake(
        "cmake-source-missing",
        1216,
        "engine.c",
        "cmake_minimum_required(VERSION 3.13)\nproject(p C)\nadd_executable(p engine.c)\n",
    ),
    cmake(
        "cmake-include",
        1214,
        "GizmoHelpers",
        "cmake_minimum_required(VERSION 3.13)\nproject(p C)\ninclude(GizmoHelpers)\n",
    ),
    cmake(
        "cmake-message",
        1215,
        "needs a wizard",
        "cmake_minimum_required(VERSION 3.13)\n"
        'project(p C)\nmessage(FATAL_ERROR "this needs a wizard")\n',
    ),
    cmake(
        "cmake-compile",
        1102,
        "misspelt",
        "cmake_minimum_required(VERSION 3.13)\nproject(p C)\nadd_executable(p main.c)\n",
        {"main.c": "int main(void){return misspelt;}\n"},
    ),
    cmake(
        "cmake-link",
        1105,
        "absent_part",
        "cmake_minimum_required(VERSION 3.13)\nproject(p C)\nadd_executable(p main.c)\n",
        {"main.c": "int absent_part(void);\nint main(void){return absent_part();}\n"},
    ),
    cmake(
        "ctest-failed",
        1404,
        "rounding",
        "cmake_minimum_required(VERSION 3.13)\nproject(p C)\n"
        "enable_testing()\nadd_executable(p main.c)\nadd_test(NAME rounding COMMAND false)\n",
    ),
    cmake("cmake-no-lists", 1211, "CMakeLists", "", {}).__class__(
        **{
            **cmake("cmake-no-lists", 1211, "CMakeLists.txt", "").__dict__,
            "script": "rm CMakeLists.txt; dpkg-buildpackage -us -uc -b",
        }
    ),
    # meson
    meson("meson-dependency", 1220, "frobcore", "project('p', 'c')\ndependency('frobcore')\n"),
    meson(
        "meson-dependency-version",
        1220,
        "zlib",
        "project('p', 'c')\ndependency('zlib', version: '>= 99')\n",
    ),
    meson(
        "meson-library",
        1220,
        "gizmo",
        "project('p', 'c')\nmeson.get_compiler('c').find_library('gizmo')\n",
    ),
    meson(
        "meson-header",
        1220,
        "gizmo/all.h",
        "project('p', 'c')\nmeson.get_compiler('c').has_header('gizmo/all.h', required: true)\n",
    ),
    meson(
        "meson-program",
        1221,
        "gdbus-codegenx",
        "project('p', 'c')\nfind_program('gdbus-codegenx')\n",
    ),
    meson(
        "meson-option",
        1222,
        "sparkle",
        "project('p', 'c')\n",
        rules="%:\n\tdh $@ --buildsystem=meson\noverride_dh_auto_configure:\n"
        "\tdh_auto_configure -- -Dsparkle=true\n",
    ),
    meson("meson-syntax", 1223, "meson.build", "project('p', 'c'\nexecutable('p', 'main.c')\n"),
    meson("meson-version", 1224, "99.0", "project('p', 'c', meson_version: '>= 99.0')\n"),
    meson("meson-file", 1216, "engine.c", "project('p', 'c')\nexecutable('p', 'engine.c')\n"),
    meson(
        "meson-compile",
        1103,
        "amount",
        "project('p', 'c')\nexecutable('p', 'main.c')\n",
        {"main.c": "int main(void) { int amount = ; return amount; }\n"},
    ),
    meson(
        "meson-test",
        1409,
        "arithmetic",
        "project('p', 'c')\ne = executable('p', 'main.c')\n"
        "test('arithmetic', find_program('false'))\n",
    ),
    meson(
        "meson-error", 1215, "only on the moon", "project('p', 'c')\nerror('only on the moon')\n"
    ),
    # autotools
    auto(
        "configure-library",
        1230,
        "libfrobz",
        "AC_CHECK_LIB([frobz], [main], [], [AC_MSG_ERROR([libfrobz is required])])\n",
    ),
    auto(
        "configure-header",
        1230,
        "gizmo.h",
        "AC_CHECK_HEADER([gizmo.h], [], [AC_MSG_ERROR([gizmo.h not found])])\n",
    ),
    auto(
        "configure-program",
        1230,
        "xsltprocx",
        "AC_CHECK_PROG([X], [xsltprocx], [yes], [no])\n"
        'test "x$X" = xyes || AC_MSG_ERROR([cannot find xsltprocx])\n',
    ),
    auto("configure-pkgconfig", 1234, "gizmo-3.0", "PKG_CHECK_MODULES([G], [gizmo-3.0 >= 2])\n"),
    auto("configure-macro", 1232, "AX_FROB_CHECK", "AX_FROB_CHECK([1])\n"),
    auto("configure-libtool", 1232, "AM_GIZMO_INIT", "AM_GIZMO_INIT\n"),
    auto(
        "automake-file",
        1231,
        "config.guess.in",
        "AC_CONFIG_FILES([config.guess.in.out])\nAC_CONFIG_FILES([x:config.guess.in])\n",
    ),
    auto(
        "automake-source",
        1202,
        "helper.c",
        "",
        {"Makefile.am": "bin_PROGRAMS = prog\nprog_SOURCES = main.c helper.c\n"},
    ),
    auto(
        "check-failed",
        1405,
        "boundary.sh",
        "",
        {
            "Makefile.am": "bin_PROGRAMS = prog\nprog_SOURCES = main.c\nTESTS = boundary.sh\n",
            "boundary.sh": "#!/bin/sh\necho 'boundary.sh: 3 is not 4'\nexit 1\n",
        },
    ).__class__(
        **{
            **auto(
                "check-failed",
                1405,
                "boundary.sh",
                "",
                {
                    "Makefile.am": "bin_PROGRAMS = prog\nprog_SOURCES = main.c\nTESTS = boundary.sh\n",
                    "boundary.sh": "#!/bin/sh\necho 'boundary.sh: 3 is not 4'\nexit 1\n",
                },
            ).__dict__,
            "script": "chmod +x boundary.sh; dpkg-buildpackage -us -uc -b",
        }
    ),
    auto(
        "configure-cross",
        1233,
        "cannot run",
        "AC_RUN_IFELSE([AC_LANG_PROGRAM([], [return 0;])], [], [AC_MSG_ERROR([x])])\n",
    ).__class__(
        **{
            **auto("configure-cross", 1233, "cannot run", "").__dict__,
            "script": "chmod +x debian/rules; autoreconf -fi && printf '#!/bin/sh\\nexec gcc -Wl,"
            '--dynamic-linker=/none "$@"\\n\' > ../cc && chmod +x ../cc && CC=$PWD/../cc ./configure',
        }
    ),
)
