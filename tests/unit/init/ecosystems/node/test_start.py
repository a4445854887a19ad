"""The command that starts a project: what its author wrote, as systemd can start it."""

from pathlib import Path

import pytest

from debwright.init.ecosystems.node.start import find_start

TREE = "/usr/share/p"


def command(tmp_path: Path, scripts: dict[str, str], *files: str, **package: object) -> str | None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = find_start(tmp_path, {"scripts": scripts, **package})
    if found is None:
        return None
    words = "".join(f"{k}={v} " for k, v in found.environment.items())
    return words + found.command(TREE)


@pytest.mark.parametrize(
    ("start", "wanted"),
    [
        ("node server.js", "/usr/bin/node /usr/share/p/server.js"),
        ("node ./bin/www", "/usr/bin/node /usr/share/p/bin/www"),
        ("node .", "/usr/bin/node /usr/share/p"),
        ("node --max-old-space-size=256 app.js --verbose",
         "/usr/bin/node --max-old-space-size=256 /usr/share/p/app.js --verbose"),
        ("NODE_ENV=x PORT=4000 node app", "NODE_ENV=x PORT=4000 /usr/bin/node /usr/share/p/app"),
        ("cross-env A='x y' node app.js", "A=x y /usr/bin/node /usr/share/p/app.js"),
        ("nodemon --watch src app.js", "/usr/bin/node /usr/share/p/app.js"),
        ("nodemon", "/usr/bin/node /usr/share/p"),
        ("pm2-runtime app.js", "/usr/bin/node /usr/share/p/app.js"),
        ("npm run build && node dist/main.js", "/usr/bin/node /usr/share/p/dist/main.js"),
        ("rimraf dist && tsc && node dist", "/usr/bin/node /usr/share/p/dist"),
        ("fastify start app.js", "/usr/share/p/node_modules/.bin/fastify start app.js"),
        ("next start -p ${PORT:-4000}", "/usr/share/p/node_modules/.bin/next start -p 4000"),
        ("next start -p $PORT", "/usr/share/p/node_modules/.bin/next start -p ${PORT}"),
        ("./node_modules/.bin/json-server db.json",
         "/usr/share/p/node_modules/.bin/json-server db.json"),
        ("npm run serve", "/usr/bin/node /usr/share/p/served.js"),
        ("yarn serve", "/usr/bin/node /usr/share/p/served.js"),
    ],
)  # fmt: skip
def test_scripts_start(tmp_path: Path, start: str, wanted: str) -> None:
    scripts = {"start": start, "serve": "node served.js", "build": "tsc"}
    assert command(tmp_path, scripts) == wanted


@pytest.mark.parametrize(
    "start", ["node a.js | tee log", "npm run start", "node $(cat which)", "'"]
)
def test_what_only_a_shell_understands_is_not_guessed_at(tmp_path: Path, start: str) -> None:
    assert command(tmp_path, {"start": start}) is None


def test_what_comes_first_and_is_no_build_is_named(tmp_path: Path) -> None:
    found = find_start(tmp_path, {"scripts": {"start": "prisma migrate deploy && node a.js"}})
    assert found is not None
    assert found.dropped == ("prisma migrate deploy",)


def test_a_procfile_wins_then_scripts_then_what_is_there(tmp_path: Path) -> None:
    assert command(tmp_path, {}) is None
    assert command(tmp_path, {}, "index.js") == "/usr/bin/node /usr/share/p/index.js"
    assert (
        command(tmp_path, {}, "lib/x.js", main="./lib/x.js")
        == "/usr/bin/node /usr/share/p/lib/x.js"
    )
    assert command(tmp_path, {}, "server.js") == "/usr/bin/node /usr/share/p/server.js"
    built = command(tmp_path, {"build": "tsc"}, main="dist/index.js")
    assert built == "/usr/bin/node /usr/share/p/dist/index.js"
    prod = {"start": "nest start", "start:prod": "node dist/main"}
    assert command(tmp_path, prod) == "/usr/bin/node /usr/share/p/dist/main"
    (tmp_path / "Procfile").write_text("release: x\nweb: node web.js\n")
    assert command(tmp_path, {"start": "node server.js"}) == "/usr/bin/node /usr/share/p/web.js"


def test_a_main_outside_of_the_project_is_none(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    assert command(home, {}, "../out.js", main="../out.js") is None
