"""The path that is asked, with routers mounted elsewhere."""

from pathlib import Path

import pytest

from debwright.init.ecosystems.node.hints import read


def path(directory: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    return read(directory, None, ["express"]).path.value


ROUTER = "router.get('/', list); router.get('/:id', one)\n"


@pytest.mark.parametrize(
    ("app", "router", "found"),
    [
        ("const things = require('./routes/things'); app.use('/api/things', things)", ROUTER,
         "/api/things"),
        ("app.use('/api/things', require('./routes/things'))", ROUTER, "/api/things"),
        ("import things from './routes/things.js'\napp.use('/things', limit({max: 1}), things)",
         ROUTER, "/things"),
        ("import { router as things } from './routes/things'\napp.use('/things', things)", ROUTER,
         "/things"),
        ("const things = require('./routes/things'); app.use(things)", ROUTER, "/"),
        ("const things = require('./routes/things'); app.use('/', things)", ROUTER, "/"),
        ("app.use('/api', require('./routes/things'))", "router.get('/health', f)\n",
         "/api/health"),
        ("app.register(require('./routes/things'), { prefix: '/v1' })",
         "fastify.get('/list', f)\n", "/v1/list"),
        ("app.get('/', f); app.use('/api', require('./routes/things'))", ROUTER, "/"),
    ],
)  # fmt: skip
def test_routers(tmp_path: Path, app: str, router: str, found: str) -> None:
    assert path(tmp_path, {"app.js": app, "routes/things.js": router}) == found


def test_routers_of_routers_in_typescript(tmp_path: Path) -> None:
    assert path(tmp_path, {
        "src/index.ts": "import { api } from './api'\napp.use('/api', api)\n",
        "src/api/index.ts": "import users from './users.js'\nexport const api = Router()\n"
        "api.use('/users', users)\n",
        "src/api/users.ts": ROUTER,
    }) == "/api/users"  # fmt: skip


def test_files_that_are_given_out(tmp_path: Path) -> None:
    files = {"app.js": "app.use(express.static('public')); app.get('/api', f)"}
    assert path(tmp_path, files) == "/"
    assert read(tmp_path, None, []).path.seen is None
    path(tmp_path, {"public/index.html": ""})
    assert read(tmp_path, None, []).path.seen == "public/index.html"
