"""The Procfile."""

from pathlib import Path

import pytest

from debwright.init.ecosystems.python.procfile import parse, read_procfile


@pytest.mark.parametrize(
    ("line", "words", "environment"),
    [
        ("gunicorn app:app", ("gunicorn", "app:app"), {}),
        ("gunicorn -b 0.0.0.0:$PORT app:app", ("gunicorn", "-b", "0.0.0.0:${PORT}", "app:app"),
         {"PORT": "8000"}),
        ("uvicorn m:a --port ${PORT:-5000}", ("uvicorn", "m:a", "--port", "${PORT}"),
         {"PORT": "5000"}),
        ("PYTHONPATH=src exec python -m x", ("python", "-m", "x"), {"PYTHONPATH": "src"}),
        ("poetry run newrelic-admin run-program gunicorn a:b", ("gunicorn", "a:b"), {}),
        ("gunicorn 'app:create_app(\"x\")'", ("gunicorn", 'app:create_app("x")'), {}),
    ],
)  # fmt: skip
def test_a_simple_command(line: str, words: tuple[str, ...], environment: dict[str, str]) -> None:
    process = parse("web", line, "Procfile:1")
    assert (process.command.words, process.command.environment) == (words, environment)
    assert not process.shell


def test_commands_that_lead_to_one(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text(
        "# comment\nweb: cd backend && python manage.py migrate && gunicorn a.wsgi\nworker:  rq\n"
    )
    web, worker = read_procfile(tmp_path)
    assert [c.words for c in web.before] == [("python", "manage.py", "migrate")]
    assert (web.command.words, web.command.directory) == (("gunicorn", "a.wsgi"), "backend")
    assert (worker.name, worker.seen) == ("worker", "Procfile:3")


@pytest.mark.parametrize(
    "line", ["a | b", "a > /dev/null", "a; b", "a $(b)", "a || b", "a &", "a '"]
)
def test_what_needs_a_shell(line: str) -> None:
    process = parse("web", line, "Procfile:1")
    assert process.command.words == ("sh", "-c", line)
    assert process.shell == line


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("web: x\n")
    (tmp_path / "Procfile").symlink_to(tmp_path / "real")
    assert read_procfile(tmp_path) == ()
