"""Processes that go with an application: Celery's and RQ's workers; and jobs of cron."""

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from debwright.init.ecosystems.python.modules import Module, argument, assignments, literal
from debwright.init.ecosystems.python.start import Start

CRON = re.compile(r"(?:crontab|.*\.(?:cron|crontab))(?:\.txt)?|cronjobs?", re.I)
SCHEDULERS = ("apscheduler", "schedule", "rocketry", "django_crontab", "django_cron")


def more_starts(
    modules: Sequence[Module], asked: frozenset[str], found: Sequence[Start], package: str
) -> tuple[Start, ...]:
    """Workers that the source has tasks for and that nothing starts yet."""
    if any({"celery", "rq", "dramatiq", "huey_consumer.py"} & set(s.words) for s in found):
        return ()
    return (*_celery(modules, asked, package), *_rq(modules))


def _celery(modules: Sequence[Module], asked: frozenset[str], package: str) -> Iterator[Start]:
    for module in modules:
        for name, value in assignments(module.tree.body):
            if not _is_celery(module, name, value, asked):
                continue
            target = ("celery", "--app", f"{module.name}:{name}")
            seen = module.at(value)
            note = f"{seen} has a Celery application: a worker of its own is a unit"
            yield Start(words=(*target, "worker", "--loglevel=INFO"), name="worker", seen=seen,
                        notes=(note,))  # fmt: skip
            if "django-celery-beat" in asked or _has_schedule(modules):
                yield Start(
                    words=(*target, "beat", "--loglevel=INFO", "--schedule",
                           f"/var/lib/{package}/celerybeat-schedule"),
                    name="beat", seen=seen,
                    notes=(f"{seen} has a schedule: Celery's beat is a unit",),
                )  # fmt: skip
            return


def _rq(modules: Sequence[Module]) -> Iterator[Start]:
    """RQ's worker for the queues that the source names (RQ's documentation, "Workers")."""
    queues: dict[str, str] = {}
    for module in modules:
        for name, call in module.calls():
            if name in ("rq.Queue", "rq.queue.Queue"):
                queue = literal(argument(call, "name", 0))
                queues.setdefault(queue if isinstance(queue, str) else "default", module.at(call))
    if not queues:
        return
    url = next((u for m in modules for u in _redis(m)), "redis://localhost:6379")
    seen = next(iter(queues.values()))
    yield Start(
        words=("rq", "worker", *queues), name="worker", environment={"RQ_REDIS_URL": url},
        seen=seen, notes=(f"{seen} has a queue of RQ: a worker of its own is a unit, for {url}",),
    )  # fmt: skip


def _redis(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, str) and re.fullmatch(r"rediss?://[A-Za-z0-9.:/_-]+", value):
            yield value


def _is_celery(module: Module, name: str, value: ast.expr, asked: frozenset[str]) -> bool:
    """Whether a variable is a Celery application, as its call or its name and extension say."""
    if isinstance(value, ast.Call):
        return module.full(value.func) in ("celery.Celery", "celery.app.Celery")
    kept = isinstance(value, ast.Subscript) and literal(value.slice) == "celery"
    return kept and "celery" in asked and name.startswith("celery")


def _has_schedule(modules: Sequence[Module]) -> bool:
    for module in modules:
        for node in ast.walk(module.tree):
            name = node.attr if isinstance(node, ast.Attribute) else (
                node.id if isinstance(node, ast.Name) else "")  # fmt: skip
            if name in ("beat_schedule", "CELERY_BEAT_SCHEDULE", "CELERYBEAT_SCHEDULE",
                        "add_periodic_task"):  # fmt: skip
                return True
    return False


def scheduled(directory: Path, modules: Sequence[Module]) -> Iterator[str]:
    """Notes on jobs at certain times that are no unit of systemd."""
    for place in ("", "cron", "deploy", "etc/cron.d", "cron.d", "config"):
        folder = directory / place
        if not folder.is_dir() or folder.is_symlink():
            continue
        for path in sorted(folder.iterdir()):
            if path.is_file() and (CRON.fullmatch(path.name) or place.endswith(("cron", "cron.d"))):
                yield (
                    f"{path.relative_to(directory)} has jobs for cron, which are not in the "
                    "package: write a unit and a timer for each next to it (systemd.timer(5)), "
                    "and init takes them over"
                )
    for module in modules:
        for scheduler in SCHEDULERS:
            if any(n.partition(".")[0] == scheduler for n in module.imported):
                yield f"{module.path} runs jobs at certain times itself ({scheduler})"
