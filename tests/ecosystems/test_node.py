"""Projects of Node: docs/ecosystems/node.md."""

import json

import pytest

from tests.ecosystems.conftest import Packaged, passed
from tests.kit.npm import Made, package_lock, registry
from tests.kit.pages import TOP, blocks

pytestmark = [pytest.mark.apart, pytest.mark.minutes(3)]
PAGE = TOP / "docs/ecosystems/node.md"
SERVES = ("service", "steady", "restart", "reboot", "purge", "lintian")

# An add-on of node without a header but node's own (nodejs.org, "Node-API").
ADDON = Made(
    name="fast-add", version="2.0.0",
    files={
        "binding.gyp": '{"targets": [{"target_name": "add", "sources": ["add.c"]}]}\n',
        "index.js": "module.exports = require('./build/Release/add.node')\n",
        "add.c": """\
#include <node_api.h>
static napi_value Answer(napi_env env, napi_callback_info info) {
  napi_value found;
  napi_create_int32(env, 42, &found);
  return found;
}
NAPI_MODULE_INIT() {
  napi_value found;
  napi_create_function(env, "answer", NAPI_AUTO_LENGTH, Answer, NULL, &found);
  return found;
}
""",
    },
    more={"main": "index.js", "license": "MIT"},
)  # fmt: skip
COMPILER = Made(
    name="copyc", version="1.0.0",
    files={"cli.js": "#!/usr/bin/env node\nconst fs = require('fs')\n"
           "fs.mkdirSync('dist', {recursive: true})\n"
           "fs.copyFileSync('src/server.ts', 'dist/server.js')\n"},
    more={"bin": "cli.js", "dev": True, "license": "MIT"},
)  # fmt: skip
COUNTER = {
    "package.json": json.dumps({
        "name": "counter", "version": "1.1.0", "description": "Counts what is asked of it",
        "license": "MIT", "engines": {"node": ">=18"}, "main": "dist/server.js",
        "scripts": {"start": "npm run build && node dist/server.js", "build": "copyc"},
        "dependencies": {"fast-add": "^2.0.0"}, "devDependencies": {"copyc": "1.0.0"},
    }),
    "package-lock.json": package_lock({"fast-add": ADDON, "copyc": COMPILER}),
    "src/server.ts": """\
const answer = require('fast-add')
const fs = require('fs')
fs.mkdirSync('data', { recursive: true })
require('http').createServer((request, response) => {
  fs.appendFileSync('data/asked.log', '.')
  response.end(String(answer()))
}).listen(process.env.PORT || 8211, '127.0.0.1')
""",
}  # fmt: skip


def test_the_example_of_the_page(packaged: Packaged) -> None:
    files = {b.value: b.text for b in blocks(PAGE) if b.mark == "example"}
    passed(packaged("door", files), *SERVES)


def test_what_is_built_and_compiled(packaged: Packaged, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build of the developers' tools, an add-on in C, and data next to the source."""
    with registry([ADDON, COMPILER]) as (url, _):
        monkeypatch.setenv("npm_config_registry", url)
        passed(packaged("counter", COUNTER), *SERVES, "elf")


# What express-generator leaves, without its pages.
EXPRESS = {
    "package.json": json.dumps({
        "name": "guests", "version": "0.0.0", "private": True,
        "scripts": {"start": "node ./bin/www"},
        "dependencies": {"debug": "~2.6.9", "express": "~4.16.1", "http-errors": "~1.6.3"},
    }),
    "bin/www": "#!/usr/bin/env node\nvar app = require('../app');\n"
    "var port = normalizePort(process.env.PORT || '3000');\n"
    "require('http').createServer(app).listen(port);\n"
    "function normalizePort(val) { var port = parseInt(val, 10); return port; }\n",
    "app.js": "var express = require('express');\nvar createError = require('http-errors');\n"
    "var guests = require('./routes/guests');\nvar app = express();\n"
    "app.use('/guests', guests);\n"
    "app.use(function(req, res, next) { next(createError(404)); });\nmodule.exports = app;\n",
    "routes/guests.js": "var router = require('express').Router();\n"
    "router.get('/', function(req, res) { res.send('nobody'); });\nmodule.exports = router;\n",
}  # fmt: skip


def test_express(packaged: Packaged) -> None:
    """There is no lock yet, and the only page is a router's."""
    passed(packaged("guests", EXPRESS), *SERVES)
