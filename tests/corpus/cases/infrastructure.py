"""Disk, memory, network, time, GPG, git, docker, qemu-user and the rights to make namespaces."""

from . import Case, package


def shell(name: str, code: int, token: str, script: str, *, root: bool = False,
          where: str = "build", files: dict[str, str] | None = None) -> Case:  # fmt: skip
    return Case(name=name, code=code, token=token, script=script, root=root, where=where,
                files=files or {})  # fmt: skip


def small_disk(name: str, token: str, script: str, size: str = "600k") -> Case:
    return shell(
        name,
        3001,
        token,
        f"mkdir d; mount -t tmpfs -o size={size} none d; cd d; {script}",
        root=True,
    )


def arm64(
    name: str, code: int, token: str, script: str, files: dict[str, str] | None = None
) -> Case:
    return shell(name, code, token, script, where="arm64", root=True, files=files)


def docker(
    name: str, code: int, token: str, script: str, files: dict[str, str] | None = None
) -> Case:
    return shell(name, code, token, script, where="docker", root=True, files=files)


SERVER = (
    "cat > server.py <<'X'\nimport http.server, sys\nclass H(http.server.BaseHTTPRequestHandler):\n"
    "    def do_GET(self):\n        self.send_response(int(sys.argv[2]))\n"
    "        self.end_headers()\n    do_HEAD = do_POST = do_GET\n    def log_message(self, *a): pass\n"
    "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), H).serve_forever()\nX\n"
    "python3 server.py 8126 {status} & sleep 3\n"
)
TLS = (
    "openssl req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -days 1 -subj /CN=localhost "
    ">/dev/null 2>&1; cat > tls.py <<'X'\nimport http.server, ssl\ns = http.server.HTTPServer("
    "('127.0.0.1', 8127), http.server.SimpleHTTPRequestHandler)\nc = ssl.SSLContext("
    "ssl.PROTOCOL_TLS_SERVER)\nc.load_cert_chain('c.pem', 'k.pem')\ns.socket = c.wrap_socket(s.socket)\n"
    "s.serve_forever()\nX\npython3 tls.py 2>/dev/null & sleep 1\n"
)
GPG = (
    "export GNUPGHOME=$PWD/g; mkdir -m 700 g; gpg -q --batch --passphrase '{pass_}' "
    "--quick-gen-key 'Gizmo <gizmo@example.org>' ed25519 sign {expire} 2>/dev/null; echo text > doc; "
)
REPO = (
    "rm -rf /var/lib/apt/lists/*; rm -f /etc/apt/sources.list.d/* /etc/apt/sources.list; mkdir -p "
    "repo/dists/stable/main/binary-amd64; : > repo/dists/stable/main/binary-amd64/Packages; cd repo/"
    "dists/stable; { echo 'Origin: Gizmo'; echo 'Suite: stable'; echo 'Codename: stable'; echo "
    "'Components: main'; echo 'Architectures: amd64'; echo \"Date: $(LC_ALL=C date -u +'%a, %d %b %Y "
    "%H:%M:%S UTC')\"; @EXTRA@ echo 'SHA256:'; echo \" $(sha256sum main/binary-amd64/Packages | cut -d' ' "
    '-f1) 0 main/binary-amd64/Packages"; } > Release; cd ../../..; '
)
SOURCE = "echo 'deb @OPT@ file:@HERE@/repo stable main' > /etc/apt/sources.list; "


def repo(name: str, code: int, token: str, after: str, *, options: str = "", extra: str = "",
         before: str = "") -> Case:  # fmt: skip
    text = (REPO + before + SOURCE).replace("@EXTRA@", extra).replace("@OPT@", options)
    return shell(name, code, token, text.replace("@HERE@", "/build/case") + after, root=True)


CASES: tuple[Case, ...] = (
    # disk
    small_disk("disk-copy", "space", "head -c 2000000 /dev/zero > big"),
    small_disk(
        "disk-compile", "main", "seq 60000 | sed 's/.*/int v&[9]={&};/' > main.c; gcc -c main.c"
    ),
    small_disk(
        "disk-deb",
        "p.deb",
        "mkdir -p t/DEBIAN t/x; printf 'Package: p\\nVersion: 1\\n"
        "Architecture: all\\nMaintainer: J <j@e.org>\\nDescription: x\\n' > t/DEBIAN/control; "
        "head -c 400000 /dev/urandom > t/x/y; dpkg-deb -b t p.deb",
    ),
    small_disk(
        "disk-tar",
        "space",
        "mkdir tree; for n in 1 2 3 4; do head -c 250000 /dev/urandom > "
        "tree/$n || exit 1; done; tar cf tree.tar tree",
    ),
    small_disk("disk-python", "space", 'python3 -c \'open("blob", "wb").write(bytes(9000000))\''),
    small_disk(
        "disk-install",
        "payload",
        "mkdir -p t/DEBIAN t/build/case/d/payload; cp -r t ..; cd ..; "
        "printf 'Package: p\\nVersion: 1\\nArchitecture: all\\nMaintainer: J <j@e.org>\\n"
        "Description: x\\n' > t/DEBIAN/control; head -c 2000000 /dev/urandom > "
        "t/build/case/d/payload/y; dpkg-deb -Zgzip -b t p.deb && dpkg -i p.deb",
    ),
    package(
        "disk-build",
        3001,
        "objects",
        {
            "Makefile": "all:\n\tmkdir -p /dev/shm/objects; head -c 900000000000 /dev/zero > "
            "/dev/full\nclean:\ninstall:\n"
        },
    ),
    shell(
        "read-only",
        3002,
        "/ro/file",
        "mkdir /ro; mount -t tmpfs none /ro; mount -o remount,ro /ro; cp /etc/passwd /ro/file",
        root=True,
    ),
    shell(
        "read-only-python",
        3002,
        "/ro/out",
        "mkdir /ro; mount -t tmpfs none /ro; mount -o remount,ro "
        '/ro; python3 -c \'open("/ro/out", "w")\'',
        root=True,
    ),
    shell(
        "files-open",
        3003,
        "many",
        "ulimit -n 30; python3 -c 'many = [open(\"/etc/passwd\") for n in range(99)]'",
    ),
    # memory
    shell(
        "memory-python",
        3021,
        "MemoryError",
        "ulimit -v 200000; python3 -c 'many = bytes(900000000)'",
    ),
    shell(
        "memory-gcc",
        3021,
        "memory",
        "seq 90000 | sed 's/.*/int table&[9]={&,1,2};/' > table.c; "
        "ulimit -v 60000; gcc -O2 -c table.c",
    ),
    package(
        "killed-compiler",
        3020,
        "main.c",
        {
            "main.c": "int main(void) { return 0; }\n",
            "cc1wrap": "#!/bin/sh\nkill -9 $$\n",
            "Makefile": "all:\n\tmkdir -p b; cp cc1wrap b/cc1; chmod 755 b/cc1; gcc -B$(CURDIR)/b/ -c main.c\n"
            "clean:\ninstall:\n",
        },
    ),
    package(
        "killed-make",
        3020,
        "heavy-step",
        {
            "heavy-step": "#!/bin/sh\nkill -9 $$\n",
            "Makefile": "all:\n\tchmod 755 heavy-step; ./heavy-step\nclean:\ninstall:\n",
        },
    ),
    # network
    shell(
        "dns-curl", 3010, "gizmo.example.org", "curl -sS https://gizmo.example.org/x.tar.gz -o x"
    ),
    shell("dns-wget", 3010, "gizmo.example.org", "wget https://gizmo.example.org/x.tar.gz"),
    shell("dns-git", 3010, "git.example.org", "git clone https://git.example.org/x.git"),
    shell(
        "dns-apt",
        3010,
        "deb.gizmo.example",
        "rm -rf /var/lib/apt/lists/* /etc/apt/sources.list.d/*; "
        "echo 'deb http://deb.gizmo.example/debian stable main' > /etc/apt/sources.list; "
        "apt-get -q update -o Acquire::Retries=0 && apt-get -q install -y gizmo-x",
        root=True,
    ),
    shell(
        "dns-python",
        3010,
        "urlopen",
        "python3 -c 'import urllib.request as u; u.urlopen(\"https://api.gizmo.example/\")'",
    ),
    package(
        "dns-build",
        3010,
        "files.gizmo.example",
        {"Makefile": "all:\n\twget -q https://files.gizmo.example/model.bin\nclean:\ninstall:\n"},
        rules="%:\n\tdh $@\noverride_dh_auto_build:\n\tcurl -fsSLO https://files.gizmo.example/m.bin\n",
    ),
    shell("refused-curl", 3011, "8129", "curl -sS http://127.0.0.1:8129/health"),
    shell("refused-wget", 3011, "8129", "wget -O- http://127.0.0.1:8129/health"),
    shell("refused-git", 3011, "8129", "git clone http://127.0.0.1:8129/x.git"),
    shell(
        "refused-apt",
        3011,
        "8129",
        "rm -rf /var/lib/apt/lists/* /etc/apt/sources.list.d/*; "
        "echo 'deb http://127.0.0.1:8129/debian stable main' > /etc/apt/sources.list; "
        "apt-get -q update -o APT::Update::Error-Mode=any",
        root=True,
    ),
    shell(
        "refused-python",
        3011,
        "urlopen",
        "python3 -c 'import urllib.request as u; u.urlopen(\"http://127.0.0.1:8129/\")'",
    ),
    shell("unreachable", 3011, "192.0.2.7", "curl -sS http://192.0.2.7/"),
    shell(
        "unreachable-python",
        3016,
        "unreachable",
        "python3 -c 'import socket; socket.create_connection((\"192.0.2.7\", 80))'",
    ),
    shell(
        "timeout-curl",
        3012,
        "timed out",
        "python3 -c 'import socket,time; s=socket.socket(); s.bind((\""
        "127.0.0.1\",8130)); s.listen(); time.sleep(9)' & sleep 1; curl -sS -m 2 http://127.0.0.1:8130/",
    ),
    shell(
        "timeout-python",
        3012,
        "timed out",
        "python3 -c 'import socket,time; s=socket.socket(); s.bind((\""
        "127.0.0.1\",8130)); s.listen(); time.sleep(9)' & sleep 1; python3 -c 'import urllib.request as "
        'u; u.urlopen("http://127.0.0.1:8130/", timeout=1)\'',
    ),
    shell("tls-curl", 3013, "certificate", TLS + "curl -sS https://localhost:8127/"),
    shell("tls-wget", 3013, "localhost", TLS + "wget https://localhost:8127/"),
    shell("tls-git", 3013, "8127", TLS + "git clone https://localhost:8127/x.git"),
    shell(
        "tls-python",
        3013,
        "https",
        TLS + "python3 -c 'import urllib.request as u; "
        'u.urlopen("https://localhost:8127/")\' 2>&1 || echo https; exit 1',
    ),
    shell(
        "http-404-curl",
        3014,
        "404",
        SERVER.format(status=404) + "curl -fsS http://127.0.0.1:8126/gizmo.tar.gz",
    ),
    shell(
        "http-404-wget",
        3014,
        "gizmo.tar.gz",
        SERVER.format(status=404) + "wget http://127.0.0.1:8126/gizmo.tar.gz",
    ),
    shell(
        "http-404-apt",
        3014,
        "8126",
        SERVER.format(status=404) + "rm -rf /var/lib/apt/lists/* "
        "/etc/apt/sources.list.d/*; echo 'deb [trusted=yes] http://127.0.0.1:8126/d ./' > "
        "/etc/apt/sources.list; apt-get -q update",
        root=True,
    ),
    shell(
        "http-404-python",
        3014,
        "404",
        SERVER.format(status=404) + "python3 -c 'import urllib.request "
        'as u; u.urlopen("http://127.0.0.1:8126/x")\'',
    ),
    shell(
        "http-503-curl",
        3015,
        "503",
        SERVER.format(status=503) + "curl -fsS http://127.0.0.1:8126/x",
    ),
    shell("http-502-wget", 3015, "502", SERVER.format(status=502) + "wget http://127.0.0.1:8126/x"),
    shell(
        "http-500-git",
        3015,
        "500",
        SERVER.format(status=500) + "git clone http://127.0.0.1:8126/x.git",
    ),
    shell(
        "http-403-curl",
        3409,
        "403",
        SERVER.format(status=403) + "curl -fsS http://127.0.0.1:8126/x",
    ),
    shell(
        "http-401-git",
        3503,
        "8126",
        SERVER.format(status=401) + "GIT_TERMINAL_PROMPT=0 git clone http://127.0.0.1:8126/x.git",
    ),
    shell(
        "http-cut",
        3019,
        "x.bin",
        "cat > s.py <<'X'\nimport socket\ns = socket.create_server(("
        "'127.0.0.1', 8131))\nwhile True:\n    c, _ = s.accept(); c.recv(9999); c.sendall(b'HTTP/1.0 "
        "200 OK\\r\\nContent-Length: 5000\\r\\n\\r\\nab'); c.close()\nX\npython3 s.py & sleep 1; "
        "curl -sS -o x.bin http://127.0.0.1:8131/x.bin || { echo x.bin; exit 1; }",
    ),
    shell(
        "http-reset",
        3019,
        "8132",
        "cat > s.py <<'X'\nimport socket, struct\ns = socket.create_server(("
        "'127.0.0.1', 8132))\nwhile True:\n    c, _ = s.accept(); c.recv(9); c.setsockopt("
        "socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0)); c.close()\nX\npython3 s.py & "
        "sleep 1; curl -sS http://127.0.0.1:8132/ || { echo 8132; exit 1; }",
    ),
    shell(
        "command-timeout",
        3030,
        "slow",
        "cat > slow.py <<'X'\nimport subprocess\nsubprocess.run(["
        "'sleep', '30'], timeout=1)\nX\npython3 slow.py",
    ),
    # apt's archives
    repo("apt-unsigned", 3208, "repo stable", "apt-get -q update"),
    repo(
        "apt-no-key",
        3202,
        "NO_PUBKEY",
        "apt-get -q update",
        before=GPG.format(pass_="", expire="never")
        + "gpg -q --clearsign -o repo/dists/stable/InRelease repo/dists/stable/Release; ",
    ),
    repo(
        "apt-bad-signature",
        3203,
        "BADSIG",
        "apt-get -q update",
        options="[signed-by=/build/case/k.gpg]",
        before=GPG.format(pass_="", expire="never") + "gpg --export > k.gpg; "
        "gpg -q --clearsign -o repo/dists/stable/InRelease repo/dists/stable/Release; "
        "sed -i s/Gizmo/Grizmo/ repo/dists/stable/InRelease; ",
    ),
    repo(
        "apt-key-expired",
        3204,
        "EXPKEYSIG",
        "apt-get -q update",
        options="[signed-by=/build/case/k.gpg]",
        before=GPG.format(pass_="", expire="seconds=2")
        + "gpg --export > k.gpg; gpg -q --clearsign -o "
        "repo/dists/stable/InRelease repo/dists/stable/Release; sleep 4; ",
    ),
    repo(
        "apt-release-expired",
        3018,
        "repo",
        "apt-get -q update",
        options="[trusted=yes]",
        extra="echo 'Valid-Until: Mon, 01 Jan 2024 00:00:00 UTC';",
    ),
    repo(
        "apt-no-release",
        3018,
        "nowhere",
        "echo 'deb file:/build/case/repo nowhere main' > /etc/apt/sources.list; apt-get -q update",
    ),
    repo(
        "apt-sources-syntax",
        3605,
        "sources.list",
        "echo 'deb file:/x' > /etc/apt/sources.list; apt-get -q update",
    ),
    # gpg
    shell(
        "gpg-no-secret",
        3201,
        "absent@example.org",
        GPG.format(pass_="", expire="never") + "gpg --batch -u absent@example.org --clearsign doc",
    ),
    shell(
        "gpg-no-default",
        3201,
        "secret key",
        "export GNUPGHOME=$PWD/g; mkdir -m 700 g; echo x > doc; gpg --batch --clearsign doc",
    ),
    shell(
        "gpg-no-public",
        3202,
        "public key",
        GPG.format(pass_="", expire="never")
        + "gpg -q --clearsign doc; mkdir -m 700 h; GNUPGHOME=$PWD/h gpg --verify doc.asc",
    ),
    shell(
        "gpg-bad-signature",
        3203,
        "BAD",
        GPG.format(pass_="", expire="never")
        + "gpg -q --clearsign doc; sed -i s/text/test/ doc.asc; gpg --verify doc.asc",
    ),
    shell(
        "gpg-expired",
        3204,
        "gizmo@example.org",
        GPG.format(pass_="", expire="seconds=2")
        + "sleep 4; gpg --batch -u gizmo@example.org --clearsign doc",
    ),
    shell(
        "gpg-passphrase",
        3206,
        "passphrase",
        GPG.format(pass_="secret", expire="never")
        + "gpgconf --kill gpg-agent; gpg --batch --pinentry-mode loopback --passphrase wrong "
        "--clearsign doc",
    ),
    shell(
        "gpg-pinentry",
        3205,
        "signing failed",
        GPG.format(pass_="secret", expire="never")
        + "gpgconf --kill gpg-agent; gpg --clearsign doc < /dev/null",
    ),
    shell(
        "gpg-debsign",
        3201,
        "Gizmo",
        GPG.format(pass_="", expire="never") + "rm -rf g/private-keys-v1.d"
        "/*; gpgconf --kill gpg-agent; gpg --batch --detach-sign -u Gizmo doc",
    ),
    package(
        "gpg-buildpackage",
        3201,
        "jo@example.org",
        {"x": "y\n"},
        arch="all",
        script="export GNUPGHOME=$PWD/../g; mkdir -m 700 ../g; dpkg-buildpackage -b --sign-key="
        "jo@example.org",
    ),
    # git
    shell(
        "git-ownership",
        3502,
        "/build/repo",
        "git init -q /build/repo; chown -R 1234 /build/repo; HOME=/root git -C /build/repo log",
        root=True,
    ),
    shell("git-not-repo", 3502, "git", "cd /tmp; git describe --tags"),
    shell(
        "git-no-branch",
        3504,
        "release-9",
        "git init -q r; cd r; git -c user.name=a -c user.email=a@b "
        "commit -q --allow-empty -m x; cd ..; git clone -b release-9 r s",
    ),
    shell("git-no-repo", 3501, "gone.git", "git clone /build/gone.git"),
    # rights
    shell(
        "unshare-denied",
        3601,
        "unshare",
        "setpriv --bounding-set=-all --inh-caps=-all unshare --mount true",
    ),
    shell(
        "mount-denied",
        3602,
        "mount",
        "mkdir m; setpriv --bounding-set=-sys_admin mount -t tmpfs none m",
        root=True,
    ),
    shell("chroot-denied", 3602, "/tmp", "/usr/sbin/chroot /tmp true"),
    # another architecture
    arm64(
        "qemu-segfault",
        3101,
        "signal",
        "printf 'int main(void){*(volatile int*)0=1;}' > crash.c; gcc "
        "crash.c -o crash; ./crash; exit 1",
    ),
    arm64(
        "qemu-illegal",
        3102,
        "odd",
        "printf 'int main(void){__asm__(\".inst 0x00000000\");}' > odd.c; "
        "gcc odd.c -o odd; ./odd; echo odd; exit 1",
    ),
    arm64(
        "qemu-abort",
        3101,
        "quit",
        "printf '#include <stdlib.h>\\nint main(void){abort();}' > quit.c; "
        "gcc quit.c -o quit; ./quit; echo quit; exit 1",
    ),
    arm64(
        "qemu-make",
        3101,
        "selftest",
        "printf 'int main(void){*(volatile int*)0=1;}' > s.c; printf "
        "'check: s.c\\n\\tgcc s.c -o selftest\\n\\t./selftest\\n' > Makefile; make check",
    ),
    arm64(
        "qemu-interpreter",
        3103,
        "No such",
        "printf 'int main(void){return 0;}' > p.c; gcc p.c -o prog "
        "-Wl,--dynamic-linker=/lib/ld-linux-gizmo.so.1; ./prog; qemu-gone 2>&1; exit 1",
    ),
    shell(
        "exec-format",
        3104,
        "tool",
        "printf '\\177ELF\\2\\1\\1\\0\\0\\0\\0\\0\\0\\0\\0\\0\\2\\0\\363\\0"
        "\\1\\0\\0\\0' > tool; head -c 300 /dev/zero >> tool; chmod 755 tool; bash -c './tool --version'",
    ),
    shell(
        "exec-loader",
        1206,
        "./prog",
        "printf 'int main(void){return 0;}' > p.c; gcc p.c -o prog "
        "-Wl,--dynamic-linker=/lib/ld-linux-aarch64.so.1; ./prog",
    ),
    shell(
        "library-load",
        1320,
        "libpart.so.1",
        "gcc -shared -fPIC -Wl,-soname,libpart.so.1 -o libpart.so "
        "a.c; gcc b.c -o prog -L. -lpart; ./prog",
        files={
            "a.c": "int a(void){return 1;}\n",
            "b.c": "int a(void);int main(void){return a();}\n",
        },
    ),
    # docker
    docker("docker-daemon", 3301, "absent.sock", "DOCKER_HOST=unix:///run/absent.sock docker ps"),
    docker("docker-image", 3302, "gizmo/server", "docker run --rm gizmo/server:9"),
    docker("docker-command", 3306, "gizmoctl", "docker run --rm --network=host corpus gizmoctl"),
    docker(
        "docker-workdir", 3306, "serve.sh", "docker run --rm --network=host corpus /opt/serve.sh"
    ),
    docker(
        "docker-name",
        3308,
        "gizmo-one",
        "docker create --network=host --name gizmo-one corpus true; "
        "docker create --network=host --name gizmo-one corpus true; e=$?; docker rm gizmo-one; exit $e",
    ),
    docker(
        "docker-copy",
        3305,
        "settings.yaml",
        "docker build --network=host -t x .",
        {"Dockerfile": "FROM corpus\nCOPY settings.yaml /etc/\n"},
    ),
    docker(
        "docker-instruction",
        3310,
        "RNU",
        "docker build --network=host -t x .",
        {"Dockerfile": "FROM corpus\nRNU true\n"},
    ),
    docker("docker-no-file", 3310, "Dockerfile", "docker build --network=host -t x ."),
    docker(
        "docker-step",
        3304,
        "gizmo-step",
        "docker build --network=host -t x .",
        {"Dockerfile": "FROM corpus\nRUN echo gizmo-step; exit 4\n"},
    ),
    docker(
        "docker-step-apt",
        1050,
        "gizmo-lib",
        "docker build --network=host -t x .",
        {"Dockerfile": "FROM corpus\nRUN apt-get install -y gizmo-lib\n"},
    ),
    docker(
        "docker-step-command",
        1201,
        "gizmo-tool",
        "docker build --network=host -t x .",
        {"Dockerfile": "FROM corpus\nRUN gizmo-tool --all\n"},
    ),
    docker(
        "docker-from",
        3302,
        "gizmo-base",
        "docker build --network=host -t x .",
        {"Dockerfile": "FROM gizmo-base:1\nRUN true\n"},
    ),
    docker("docker-container", 3311, "gizmo-absent", "docker exec gizmo-absent true"),
    docker(
        "docker-ok",
        0,
        "Successfully built",
        "docker build --network=host -t x .",
        {"Dockerfile": "FROM corpus\nRUN echo all is well\n"},
    ).__class__(
        name="docker-ok",
        code=0,
        token="Successfully built",
        where="docker",
        root=True,
        succeeds=True,
        script="docker build --network=host -t x .",
        files={"Dockerfile": "FROM corpus\nRUN echo all is well\n"},
    ),
    # what a program of the project's own says, which nobody else can know
    shell("own-message", 0, "the moon", "echo 'gizmo: the moon is in the wrong house'; exit 3"),
    shell("own-silence", 0, "begin", "echo begin; exit 1"),
    package(
        "own-step",
        0,
        "gizmo-check",
        rules="%:\n\tdh $@\noverride_dh_auto_build:\n\techo gizmo-check; exit 5\n",
    ),
)
