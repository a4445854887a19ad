"""Where a service answers over HTTP, and what of it only a person knows."""

from collections.abc import Sequence
from pathlib import Path

from debwright.init.ecosystems.python import servers
from debwright.init.ecosystems.python.apps import find_apps
from debwright.init.ecosystems.python.modules import Module
from debwright.init.ecosystems.python.routes import health_path
from debwright.init.ecosystems.python.start import Start
from debwright.init.hints import guess_health_path, read_sources
from debwright.init.model import Answers, Guess, Health, Question


def find_health(
    start: Start | None, path: Guess, name: str, answers: Answers, *, http: bool = True
) -> tuple[Health | None, list[Question]]:
    """Where the process of the project `name` answers, and questions about what nothing says.

    `http`: whether it speaks HTTP, and has a path that can be asked.
    """
    if start is None or not start.listens:
        return None, []
    port = Guess(value=start.port, seen=start.seen)
    questions = []
    if port.seen is None and servers.bound(start.words) is None:
        asking = Question(
            name="port", text=f"On which port does {name} listen?", default=port.value,
            pattern=r"[1-9]\d{0,4}", form="a number below 65536",
        )  # fmt: skip
        questions.append(asking)
        port = _answered(asking, answers, port)
    if path.seen is None and http:
        asking = Question(
            name="health-path",
            text=f"Which path does {name} answer with 200 when it is well?",
            default=path.value, pattern=r"/[A-Za-z0-9/._~%-]*", form="a path, as /health",
        )  # fmt: skip
        questions.append(asking)
        path = _answered(asking, answers, path)
    return Health(port=port, path=path, address=start.address, http=http), questions


def _answered(question: Question, answers: Answers, guess: Guess) -> Guess:
    if question.name not in answers:
        return guess
    return Guess(value=question.answered(answers), seen="your answer")


def find_path(directory: Path, modules: Sequence[Module]) -> Guess:
    """The path that says whether the project is well; seen nowhere when nothing tells."""
    path = health_path(modules)
    if path.seen is None:
        path = guess_health_path(read_sources(directory, {".py"}))
    if path.seen is None:
        for app in find_apps(modules):
            if app.framework.title == "FastAPI":
                # It answers this without any route, unless it is told not to.
                return Guess(value="/openapi.json", seen=app.seen)
    return path
