"""What JavaScript says of its service: port, address, health path, and what it writes."""

from pathlib import Path

import pytest

from debwright.init.ecosystems.node.hints import read
from debwright.init.ecosystems.node.start import Start

EXPRESS = """\
const express = require('express')
const app = express()
app.get('/', (q, r) => r.send('hi'))
app.get('/api/health', (q, r) => r.json({}))
app.listen(process.env.PORT || 4321)
"""


@pytest.mark.parametrize(
    ("text", "port", "variable"),
    [
        (EXPRESS, "4321", "PORT"),
        ("const port = Number(process.env.PORT ?? 8088); s.listen(port)", "8088", "PORT"),
        ("http.createServer(f).listen(7001)", "7001", None),
        ("fastify.listen({ port: 5050 })", "5050", None),
        ("const PORT = parseInt(process.env.APP_PORT || '6000', 10)", "6000", "APP_PORT"),
        ("app.listen(process.env.PORT)", "3000", "PORT"),
        ("const port: number = 9100;\napp.listen(port)", "9100", None),
    ],
)  # fmt: skip
def test_ports(tmp_path: Path, text: str, port: str, variable: str | None) -> None:
    (tmp_path / "server.js").write_text(text)
    found = read(tmp_path, None, [])
    assert found.listens is (".listen(" in text)
    assert found.port.value == port
    assert found.environment == ({variable: port} if variable else {})


def test_the_option_of_the_command_wins_and_the_script_that_is_started(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("s.listen(1111)")
    (tmp_path / "z.js").write_text("s.listen(2222)")
    assert read(tmp_path, Start(words=("node", "z.js"), seen="x"), []).port.value == "2222"
    start = Start(words=("next", "start", "-p", "4444"), seen="scripts.start")
    assert read(tmp_path, start, []).port.value == "4444"


def test_a_script_without_an_ending_is_read_when_it_is_started(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/tool").write_text("if (!port) { portfinder.basePort = 8080 }")
    (tmp_path / "debug").mkdir()
    (tmp_path / "debug/run.js").write_text("s.listen(1111)")
    start = Start(words=("node", "./bin/tool"), seen="scripts.start")
    assert read(tmp_path, start, []).port.value == "8080"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (EXPRESS, "/api/health"), ("app.get('/', f)", "/"), ("router.get('/users/:id', f)", "/"),
        ("app.get('/version', f); app.post('/x', f)", "/version"), ("", "/"),
        ("app.use(express.static('public')); app.get('/api/things', f)", "/"),
    ],
)  # fmt: skip
def test_paths(tmp_path: Path, text: str, path: str) -> None:
    (tmp_path / "server.js").write_text(text)
    assert read(tmp_path, None, []).path.value == path


@pytest.mark.parametrize(
    ("text", "address", "variable"),
    [
        ("app.listen(3000, '127.0.0.1')", "127.0.0.1", False),
        ("app.listen(3000)", "", False),
        ("app.listen({port: 3000, host: '0.0.0.0'})", "*", False),
        ("app.listen(3000, process.env.HOST || '0.0.0.0')", "127.0.0.1", True),
    ],
)
def test_addresses(tmp_path: Path, text: str, address: str, variable: bool) -> None:
    (tmp_path / "server.js").write_text(text)
    found = read(tmp_path, None, [])
    assert (found.address, "HOST" in found.environment) == (address, variable)


def test_a_worker_takes_no_connections(tmp_path: Path) -> None:
    (tmp_path / "worker.js").write_text("setInterval(() => console.log('tick'), 1000)")
    assert not read(tmp_path, None, ["bullmq"]).listens
    assert read(tmp_path, None, ["express"]).listens


def test_files_that_it_writes_next_to_its_source(tmp_path: Path) -> None:
    (tmp_path / "public").mkdir()
    (tmp_path / "server.js").write_text("""\
const db = new Database(process.env.DB || './app.db')
fs.mkdirSync(path.join(__dirname, 'uploads'), {recursive: true})
fs.appendFileSync('logs/a.log', 'x'); fs.writeFileSync('/var/log/x', '');
fs.writeFileSync('public/made.css', ''); multer({ dest: 'incoming/' }); fs.writeFile('../up', '')
""")
    assert set(read(tmp_path, None, []).writes) == {"app.db", "uploads/", "logs/", "incoming/"}


HERE = "const here = dirname(fileURLToPath(import.meta.url))\n"


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("db.js", "new Database(path.join(__dirname, '..', 'data', 'a.db'))", "data/"),
        ("db.js", "fs.mkdirSync(join(__dirname, 'data'))", "src/data/"),
        ("db.js", "const d = path.resolve('store')\nfs.writeFileSync(`${d}/a`, b)", "store/"),
        ("db.js", HERE + "fs.mkdirSync(path.join(here, '../var'))", "var/"),
        ("db.js", "open(process.env.DB_PATH ?? fileURLToPath(new URL('../a.db', import.meta.url)))",
         "a.db"),
        ("db.js", "const up = process.env.UPLOAD_DIR || 'uploads'\n", "uploads/"),
        ("db.js", "sqlite.open({ filename: './src/shop.sqlite' })", "src/shop.sqlite"),
        ("db.js", "createClient({ url: 'file:./local.db' })", "local.db"),
        ("db.js", "mkdirSync(somewhere())", ""),
        ("db.js", "new Database(':memory:'); new Database('/srv/a.db')", ""),
        ("db.js", "mkdirSync(path.join(os.tmpdir(), 'x'))", ""),
        ("index.ts", "open(process.env.DB_PATH || path.join(__dirname, '..', 'data', 't.db'))",
         "data/"),
        ("index.ts", "new Database(path.join(__dirname, 'd', 't.db'))", "dist/d/"),
        ("index.ts", "fs.writeFileSync('src/made.css', '')", ""),
    ],
)  # fmt: skip
def test_paths_from_where_a_script_is(tmp_path: Path, name: str, text: str, found: str) -> None:
    """TypeScript below src/ is run from below dist/."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / name).write_text(text)
    start = Start(words=("node", "dist/index.js"), seen="scripts.start")
    assert read(tmp_path, start, []).writes == ((found,) if found else ())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "process.env.SQLITE_DB_LOCATION || '/etc/todos/todo.db'",
            {"SQLITE_DB_LOCATION": "todo.db"},
        ),
        ("process.env.DATA_DIR ?? '/data'", {"DATA_DIR": "data/"}),
        ("process.env.DB_PATH || '/var/lib/mine/a.db'", {}),
        ("process.env.DB_PATH || './a.db'", {}),
        ("process.env.CONFIG_FILE || '/etc/mine.json'", {}),
    ],
)
def test_places_of_a_container(tmp_path: Path, text: str, found: dict[str, str]) -> None:
    """What a variable names, and a service of its own may not write to, is in its state."""
    (tmp_path / "server.js").write_text(f"const place = {text}\n")
    assert read(tmp_path, None, []).elsewhere == found


@pytest.mark.parametrize(
    ("text", "environment", "port"),
    [
        ("mysql.connect(process.env.MYSQL_HOST, process.env.MYSQL_PORT || 3306)", {}, "3000"),
        ("const port = process.env.DB_PORT || 5432", {}, "3000"),
        ("connect(process.env.DB_PORT || '5433'); s.listen(process.env.PORT || 4100)",
         {"PORT": "4100"}, "4100"),
        ("s.listen(process.env['TODO_PORT'] || 4100, process.env.TODO_HOST)",
         {"TODO_PORT": "3000", "TODO_HOST": "127.0.0.1"}, "3000"),
        ("redis({ port: 6379 })", {}, "3000"),
    ],
)  # fmt: skip
def test_where_other_services_are(
    tmp_path: Path, text: str, environment: dict[str, str], port: str
) -> None:
    (tmp_path / "server.js").write_text(text)
    found = read(tmp_path, None, ["express"])
    assert (found.environment, found.port.value) == (environment, port)
