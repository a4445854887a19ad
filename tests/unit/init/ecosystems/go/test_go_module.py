"""go.mod, the programs of a module, where they listen, and what becomes of it all."""
# ruff: noqa: E501 - lines of other languages are not broken

import subprocess
from pathlib import Path

import pytest

from debwright.init.ecosystems.go import ECOSYSTEM, modules
from debwright.init.ecosystems.go.archive import packaged
from debwright.init.ecosystems.go.gomod import Required, read_gomod
from debwright.init.ecosystems.go.listening import LANGUAGE
from debwright.init.ecosystems.go.programs import compiled, find_programs
from debwright.init.ecosystems.go.toolchain import choose
from debwright.init.hints import Source, read_sources
from debwright.init.listening import find_listener
from debwright.init.model import Project
from debwright.model.errors import UsageError

SERVER = 'import "net/http"\nfunc main() { http.ListenAndServe(":8080", nil) }\n'


def tree(directory: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return directory


def project(
    directory: Path, files: dict[str, str], mod: str = "module example.org/bell\n"
) -> Project:
    return ECOSYSTEM.read(tree(directory, {"go.mod": mod, **files}))


def test_gomod_of_lines_and_blocks(tmp_path: Path) -> None:
    text = (
        "// a comment\nmodule github.com/a/bell/v2 // the second\n\ngo 1.22.3\ntoolchain go1.23.1\n"
        "require (\n\tgithub.com/x/y v1.2.3\n\tgithub.com/z/w v0.1.0 // indirect\n)\n"
        "require github.com/q/r v1.0.0\nreplace github.com/x/y => ../y\n"
    )
    mod = read_gomod(tree(tmp_path, {"go.mod": text}))
    assert (mod.module, mod.base, mod.needs, mod.line) == (
        "github.com/a/bell/v2",
        "bell",
        (1, 22),
        4,
    )
    assert mod.requires == ("github.com/x/y", "github.com/z/w", "github.com/q/r")
    assert mod.replaced == ("../y",)
    assert mod.homepage == "https://github.com/a/bell"


@pytest.mark.parametrize("text", ["go 1.20\n", "module\n", "module $(id)\n", ""])
def test_gomod_without_a_module_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match=r"go\.mod does not say"):
        read_gomod(tree(tmp_path, {"go.mod": text}))


@pytest.mark.parametrize(
    ("needs", "suite", "package", "said"),
    [
        ((1, 19), "bookworm", "golang-go:native", ""),
        ((1, 22), "bookworm", "golang-1.23-go:native", "backports"),
        ((1, 24), "trixie", "golang-go:native", "targets are those of trixie"),
        ((1, 99), "trixie", "golang-go:native", "no suite of Debian has it"),
    ],
)
def test_the_oldest_suite_whose_go_is_new_enough(
    needs: tuple[int, int], suite: str, package: str, said: str
) -> None:
    choice = choose(needs, "go.mod:3")
    assert choice.toolchain.package == package
    assert choice.targets == (f"{suite}-amd64", f"{suite}-arm64")
    assert said in choice.note


@pytest.fixture(autouse=True)
def reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test asks the network."""
    monkeypatch.setattr(modules, "answers", lambda _: True)


MUX = "module example.org/bell\n\ngo 1.19\n\nrequire github.com/gorilla/mux v1.8.0\n"


@pytest.mark.parametrize("summed", [True, False])
def test_debians_modules_where_no_others_can_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, summed: bool
) -> None:
    monkeypatch.delenv("GOPROXY", raising=False)
    monkeypatch.setattr(modules, "answers", lambda _: False)
    files = {"main.go": f"package main\n{SERVER}", **({"go.sum": "x"} if summed else {})}
    made = project(tmp_path, files, MUX)
    assert "golang-github-gorilla-mux-dev" in made.build_depends
    assert "go" not in made.settings
    assert made.rules.exports["GO111MODULE"] == "off"
    assert made.rules.exports["GOPATH"] == "$(CURDIR)/debian/go/path:/usr/share/gocode"
    assert "cd debian/go/path/src/example.org/bell && go build" in str(made.rules)
    assert any("they come from Debian" in note for note in made.notes)
    monkeypatch.setenv("GOPROXY", "https://proxy.example")
    if summed:
        assert project(tmp_path, files, MUX).settings["go"] == {"toolchain": "golang-go"}


def test_a_module_that_nothing_pins_and_debian_does_not_have_is_refused(tmp_path: Path) -> None:
    mod = "module example.org/bell\n\nrequire no.such/module v1.0.0\n"
    with pytest.raises(UsageError, match=r"no go\.sum") as caught:
        project(tmp_path, {"main.go": f"package main\n{SERVER}"}, mod)
    assert "no.such/module v1.0.0" in str(caught.value.cause)
    assert str(caught.value.fix) == "go mod tidy"


@pytest.mark.parametrize(
    ("path", "version", "suite"),
    [
        ("github.com/gorilla/mux", "v1.8.0", "bookworm"),
        ("github.com/gorilla/mux", "v1.8.1", "trixie"),
        ("github.com/go-chi/chi/v5", "v5.0.0", "bookworm"),
        ("github.com/gorilla/mux", "v2.0.0", ""),
        ("github.com/gorilla/mux", "v1.99.0", ""),
        ("no.such/module", "v1.0.0", ""),
    ],
)
def test_debian_has_a_module_of_the_same_major_version(path: str, version: str, suite: str) -> None:
    found = packaged([Required(path=path, version=version)])
    assert (found.missing == ()) == bool(suite)
    assert not suite or found.suite == suite


LISTENERS = [
    ('http.ListenAndServe("127.0.0.1:8188", nil)', "127.0.0.1", "8188"),
    ('http.ListenAndServe(":9000", nil)', "*", "9000"),
    ('addr := flag.String("listen", "localhost:7070", "where")\nhttp.ListenAndServe(*addr, nil)', "127.0.0.1", "7070"),
    ('flag.StringVar(&cfg.addr, "http-addr", "0.0.0.0:7071", "")\nhttp.ListenAndServe(cfg.addr, nil)', "*", "7071"),
    ('kingpin.Flag("web.listen-address", "Address.").Default(":9100").String()\nhttp.ListenAndServe(a, nil)', "*", "9100"),
    ('port := flag.Int("port", 6060, "p")\nhttp.ListenAndServe(fmt.Sprintf("127.0.0.1:%d", *port), nil)', "127.0.0.1", "6060"),
    ('port := os.Getenv("PORT")\nif port == "" {\n\tport = "3001"\n}\nhttp.ListenAndServe(":"+port, nil)', "*", "3001"),
    ('addr := getEnv("LISTEN_ADDR", "127.0.0.1:4000")\nhttp.ListenAndServe(addr, nil)', "127.0.0.1", "4000"),
    ('s := &http.Server{Addr: "[::1]:8443"}\ns.ListenAndServe()', "[::1]", "8443"),
    ('r := gin.Default() // "gin-gonic/gin"\nr.Run(":5005")', "*", "5005"),
    ('e := echo.New()\ne.Logger.Fatal(e.Start(":1323"))', "*", "1323"),
    ('const defaultPort = 8765\nhttp.ListenAndServe(fmt.Sprintf(":%d", defaultPort), nil)', "*", "8765"),
    ('db := "localhost:5432"\nhttp.ListenAndServe(addr(), nil) // :1\nx := "127.0.0.1:8222"', "127.0.0.1", "8222"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "address", "port"), LISTENERS)
def test_where_it_listens(code: str, address: str, port: str) -> None:
    text = f'package main\nimport "net/http"\nfunc main() {{\n{code}\n}}\n'
    found = find_listener(compiled([Source(name="main.go", text=text)]), LANGUAGE)
    assert found is not None
    assert found.health is not None
    assert (found.address, found.port.value) == (address, port)
    assert found.port.seen is not None


@pytest.mark.parametrize(
    "code",
    [
        'http.Get("http://127.0.0.1:8080/")',
        'net.Dial("tcp", "localhost:5432")',
        '// http.ListenAndServe(":8080", nil)',
        'fmt.Println("call http.ListenAndServe yourself")',
    ],
)
def test_what_does_not_listen(code: str) -> None:
    text = f'package main\nimport "net/http"\nfunc main() {{\n{code}\n}}\n'
    assert find_listener(compiled([Source(name="main.go", text=text)]), LANGUAGE) is None


def test_a_variable_without_a_default_is_set_in_the_unit(tmp_path: Path) -> None:
    code = 'import ("net/http"; "os")\nfunc main() { http.ListenAndServe(":"+os.Getenv("PORT"), nil) }\n'
    made = project(tmp_path, {"main.go": f"package main\n{code}"})
    assert made.service is not None
    assert made.service.environment == {"PORT": "8080"}
    assert made.service.health is not None
    assert made.service.health.url == "http://127.0.0.1:8080/"


def test_several_programs_and_what_each_is_made_of(tmp_path: Path) -> None:
    made = project(
        tmp_path,
        {
            "cmd/belld/main.go": 'package main\nimport "example.org/bell/internal/web"\nfunc main() { web.Run() }\n',
            "cmd/bellctl/main.go": 'package main\nimport "flag"\nfunc main() { flag.Parse() }\n',
            "internal/web/web.go": f"package web\n{SERVER.replace('main', 'Run')}",
            "tools/gen/main.go": "package main\nfunc main() {}\n",
            "x_test.go": "package bell\n",
        },
    )
    assert made.programs == ("bellctl", "belld")
    assert [unit.name for unit in made.units] == ["belld.service"]
    assert made.smoke == ("bellctl --help",)
    assert "go test -short -vet=off ./..." in str(made.rules)
    assert made.install[0] == ("debian/go/bin/bellctl", "usr/bin")


def test_what_tests_and_shows_a_program_is_not_shipped(tmp_path: Path) -> None:
    more = ("test/echo", "examples/one", "docs/gen", "build/release")
    made = project(
        tmp_path,
        {
            "main.go": f"package main\n{SERVER}",
            **{f"{d}/main.go": "package main\nfunc main() {}\n" for d in more},
        },
    )
    assert made.programs == ("bell",)


def test_programs_may_be_in_any_directory(tmp_path: Path) -> None:
    files = {f"{d}/main.go": f"package main\n{SERVER}" for d in ("server", "agent", "test")}
    assert project(tmp_path, files).programs == ("agent", "server")


def test_a_library_is_refused_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no program"):
        project(tmp_path, {"bell.go": "package bell\n"})


def test_files_for_another_system_and_tools_are_no_programs(tmp_path: Path) -> None:
    files = {
        "gen.go": "//go:build ignore\n\npackage main\nfunc main() {}\n",
        "main_windows.go": "package main\nfunc main() {}\n",
        "cmd/x/main.go": "package main\nfunc main() {}\n",
    }
    mod = read_gomod(tree(tmp_path, {"go.mod": "module example.org/bell\n", **files}))
    assert [p.name for p in find_programs(mod, compiled(read_sources(tmp_path, {".go"})), {})] == [
        "x"
    ]


def test_modules_are_carried_unless_they_are_in_the_tree(tmp_path: Path) -> None:
    mod = "module example.org/bell\n\ngo 1.22\n\nrequire github.com/x/y v1.2.3\n"
    files = {"main.go": f"package main\n{SERVER}", "go.sum": ""}
    made = project(tmp_path, files, mod)
    assert made.settings["go"] == {"toolchain": "golang-1.23-go"}
    assert made.settings["suites.bookworm"] == {
        "extra_sources": ["deb http://deb.debian.org/debian bookworm-backports main"]
    }
    assert made.rules.exports["GOFLAGS"] == "-trimpath -mod=vendor"
    lines = "\n".join(line for line in made.rules.before if not line.startswith("include "))
    shown = subprocess.run(
        ["make", "-s", "-f", "-", "show"], input=f"{lines}\nshow:\n\techo $$PATH\n", text=True,
        capture_output=True, check=True,
    )  # fmt: skip
    assert shown.stdout.startswith("/usr/lib/go-1.23/bin:/")
    again = project(tmp_path, {**files, "vendor/modules.txt": "# github.com/x/y v1.2.3\n"}, mod)
    assert "go" not in again.settings
    assert again.rules.exports["GOFLAGS"] == "-trimpath -mod=vendor"


def test_a_vendor_directory_that_git_ignores_is_not_there(tmp_path: Path) -> None:
    files = {
        "main.go": f"package main\n{SERVER}", "go.sum": "x", ".gitignore": "/vendor/\n",
        "vendor/modules.txt": "# github.com/gorilla/mux v1.8.0\n",
    }  # fmt: skip
    made = project(tmp_path, files, MUX)
    assert "go" not in made.settings
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    assert project(tmp_path, files, MUX).settings["go"] == {"toolchain": "golang-go"}


@pytest.mark.parametrize(
    ("declaration", "stamp"),
    [
        ('var version = "dev"', "main.version"),
        ("var Version string", "main.Version"),
        ('var (\n\tcommit = ""\n\tversion = "none"\n)', "main.version"),
        ("var version = compute()", ""),
        ('const version = "1.2.3"', ""),
    ],
)
def test_the_version_is_stamped_where_the_linker_can(
    tmp_path: Path, declaration: str, stamp: str
) -> None:
    made = project(tmp_path, {"main.go": f"package main\n{declaration}\n{SERVER}"})
    assert (f"-X {stamp}=$(DEB_VERSION_UPSTREAM)" in str(made.rules)) == bool(stamp)
    assert "-X" not in str(made.rules) or stamp


def test_packages_of_any_name_are_read(tmp_path: Path) -> None:
    files = {
        "main.go": f'package main\nimport "example.org/bell/internal/build"\n{SERVER}',
        "internal/build/build.go": 'package build\nvar Version = "dev"\n',
        "docs/docs_test.go": "package docs\n",
        "vendor/x.y/z/main.go": "package main\nfunc main() {}\n",
    }
    made = project(tmp_path, files)
    assert "-X example.org/bell/internal/build.Version=" in str(made.rules)
    assert "go test" in str(made.rules)
    assert made.programs == ("bell",)


def test_a_version_in_the_source_is_the_packages(tmp_path: Path) -> None:
    made = project(tmp_path, {"main.go": f'package main\nconst version = "1.2.3"\n{SERVER}'})
    assert made.version == "1.2.3"


def test_cgo_gets_a_compiler_and_the_library(tmp_path: Path) -> None:
    mod = "module example.org/bell\n\nrequire github.com/google/gopacket v1.1.19\n"
    made = project(tmp_path, {"main.go": f"package main\n{SERVER}", "go.sum": ""}, mod)
    assert made.rules.exports["CGO_ENABLED"] == "1"
    assert {"libpcap-dev", "pkgconf"} <= set(made.build_depends)
    own = project(tmp_path / "own", {"main.go": f'package main\nimport "C"\n{SERVER}'})
    assert own.rules.exports["CGO_ENABLED"] == "1"


GORELEASER = """\
builds:
  - id: server
    main: ./cmd/server
    binary: belld
    env: [CGO_ENABLED=0]
    tags: [netgo]
    ldflags:
      - -s -w -X example.org/bell/internal/build.Version={{.Version}} -X main.commit={{.Commit}}
nfpms:
  - maintainer: Ada Lovelace <ada@example.org>
    description: |-
      Rings bells over HTTP.

      More of it.
    homepage: https://bell.example.org
    license: MIT
    dependencies: [ca-certificates, "$(evil)"]
    contents:
      - src: bell.yaml
        dst: /etc/bell/bell.yaml
        type: config|noreplace
      - {src: extra.txt, dst: /usr/share/bell/}
      - {src: ../../../etc/passwd, dst: /usr/share/bell/passwd}
"""


def test_what_goreleaser_is_told_holds(tmp_path: Path) -> None:
    made = project(
        tmp_path,
        {
            ".goreleaser.yaml": GORELEASER, "bell.yaml": "a: 1\n", "extra.txt": "x\n",
            "cmd/server/main.go": f"package main\n{SERVER}",
            "cmd/other/main.go": "package main\nfunc main() {}\n",
        },
    )  # fmt: skip
    assert made.programs == ("belld",)
    assert made.author is not None
    assert (made.author.name, made.description) == ("Ada Lovelace", "Rings bells over HTTP.")
    assert made.licence.name == "Expat"
    assert made.depends == ("${shlibs:Depends}", "ca-certificates")
    assert made.config_files == ("bell.yaml",)
    assert ("extra.txt", "usr/share/bell") in made.install
    assert not any("passwd" in source for source, _ in made.install)
    rules = str(made.rules)
    assert "-tags netgo" in rules
    assert "-X example.org/bell/internal/build.Version=$(DEB_VERSION_UPSTREAM)" in rules
    assert "commit" not in rules


@pytest.mark.parametrize("text", ["{", "- 1", "builds: 7\nnfpms: x\n", "a: &a [*a]\n"])
def test_odd_goreleaser_files_are_passed_over(tmp_path: Path, text: str) -> None:
    made = project(tmp_path, {".goreleaser.yml": text, "main.go": f"package main\n{SERVER}"})
    assert made.programs == ("bell",)


def test_settings_templates_and_the_dockerfile(tmp_path: Path) -> None:
    code = (
        'import ("flag"; "html/template"; "net/http")\n'
        "func main() {\n"
        '\tconf := flag.String("config", "config.yaml", "settings")\n'
        '\ttemplate.ParseGlob("templates/*.html")\n'
        '\thttp.ListenAndServe(":8080", nil)\n}\n'
    )
    made = project(
        tmp_path,
        {
            "main.go": f"package main\n{code}", "config.yaml": "a: 1\n", "templates/a.html": "<p>",
            "Dockerfile": 'FROM go\nFROM scratch\nEXPOSE 8080\nHEALTHCHECK CMD curl http://localhost:8080/up\n'
            'ENTRYPOINT ["/bell"]\nCMD ["--verbose"]\n',
        },
    )  # fmt: skip
    unit = made.service
    assert unit is not None
    assert unit.command == "/usr/bin/bell --verbose --config /etc/bell/config.yaml"
    assert unit.directory == "/usr/share/bell"
    assert unit.health is not None
    assert unit.health.path.value == "/up"
    assert made.config_files == ("config.yaml",)
    assert ("templates", "usr/share/bell") in made.install


def test_embedded_files_are_not_installed(tmp_path: Path) -> None:
    code = (
        'import ("embed"; "net/http")\n//go:embed templates/*\nvar files embed.FS\n'
        'func main() { files.ReadFile("templates/a.html"); http.ListenAndServe(":8080", nil) }\n'
    )
    made = project(tmp_path, {"main.go": f"package main\n{code}", "templates/a.html": "<p>"})
    assert made.service is not None
    assert made.service.directory == ""
    assert made.install == (("debian/go/bin/bell", "usr/bin"),)


def test_the_authors_unit_keeps_its_arguments(tmp_path: Path) -> None:
    unit = "[Service]\nUser=bell\nExecStart=/usr/local/bin/bell --listen :9999\n[Install]\nWantedBy=multi-user.target\n"
    made = project(tmp_path, {"main.go": f"package main\n{SERVER}", "deploy/bell.service": unit})
    assert made.service is not None
    assert "/usr/bin/bell --listen :9999" in made.service.text
    assert made.service.health is not None
    assert made.service.health.url == "http://127.0.0.1:9999/"
    assert made.accounts == ("bell",)


def test_a_worker_is_a_service_without_a_port(tmp_path: Path) -> None:
    code = 'import "time"\nfunc main() { for range time.Tick(time.Minute) { work() } }\n'
    made = project(tmp_path, {"main.go": f"package main\n{code}"})
    assert made.service is not None
    assert made.service.health is None


def test_a_program_that_handles_no_option_is_not_tried_with_one(tmp_path: Path) -> None:
    made = project(
        tmp_path, {"main.go": 'package main\nimport "fmt"\nfunc main() { fmt.Println("hi") }\n'}
    )
    assert made.units == ()
    assert made.smoke == ()
