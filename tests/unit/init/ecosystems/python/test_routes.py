"""The path that says whether an application is well."""

from pathlib import Path

import pytest

from debwright.init.ecosystems.python.modules import read_modules
from debwright.init.ecosystems.python.routes import health_path


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("@app.route('/')\ndef a(): ...\n@app.route('/healthz')\ndef b(): ...", "/healthz"),
        ("@app.post('/health')\ndef a(): ...\n@app.get('/x')\ndef b(): ...", "/x"),
        ("@app.route('/a', methods=['POST'])\ndef a(): ...\n@app.route('/')\ndef b(): ...", "/"),
        ("@app.get('/items/{id}')\ndef a(): ...\n@app.get('/items')\ndef b(): ...", "/items"),
        ("bp = Blueprint('a', __name__, url_prefix='/auth')\n@bp.route('/login')\ndef a(): ...",
         "/auth/login"),
        ("r = APIRouter()\n@r.get('/health')\ndef a(): ...", "/"),
        ("app.router.add_get('/ping', a)", "/ping"),
        ("app.add_url_rule('/up', view_func=a)", "/up"),
        ("@app.get('/hello')\ndef a(): ...\napp.add_url_rule('/', endpoint='index')", "/hello"),
        ("routes = [Route('/status', a)]", "/status"),
        ("requests.get('/health')", "/"),
        ("x = 1", "/"),
    ],
)  # fmt: skip
def test_health_path(tmp_path: Path, source: str, path: str) -> None:
    head = "from flask import Blueprint\nfrom fastapi import APIRouter\n"
    (tmp_path / "app.py").write_text(head + source + "\n")
    found = health_path(read_modules(tmp_path))
    assert found.value == path
    assert found.seen is None or found.seen.startswith("app.py:")
