"""Variables of the environment that an application reads, and which it cannot start without."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from debwright.init.ecosystems.python import readers
from debwright.init.ecosystems.python.modules import Module, keyword, literal
from debwright.init.ecosystems.python.requirements import decoded
from debwright.init.model import one_line

EXAMPLES = (".env.example", ".env.sample", ".env.template", ".env.dist", "env.example",
            "example.env", ".env-example", ".env.production.example", "sample.env",
            ".env.prod.example", ".env.prod-sample", ".env.dev-sample",
            ".env.local.example")  # fmt: skip
NAME = re.compile(r"[A-Z_a-z][A-Za-z0-9_]{0,60}", re.ASCII)
MADE_UP = re.compile(
    r"(?:^|_)(?:SECRET|SECRET_KEY|SIGNING_KEY|SESSION_KEY|SALT|JWT_KEY|APP_KEY|JWT_SECRET|"
    r"COOKIE_SECRET|SECRET_TOKEN|SESSION_SECRET)(?:_KEY)?$",
    re.I,
)
"""Names of secrets that nobody but the application itself has to know."""
SWITCH = re.compile(r"(?:^|_)DEBUG$")
"""Names of variables that show everybody what went wrong, while one works on the source."""
NEEDY = frozenset({"int", "float", "json.loads", readers.PARSER})
"""What fails when it is given None."""
# Set by systemd or by whoever logs in; no setting of a person.
GIVEN = frozenset({
    "HOME", "USER", "PATH", "LANG", "PWD", "SHELL", "TERM", "LOGNAME", "TZ",
    "DJANGO_SETTINGS_MODULE", "PYTHONPATH", "STATE_DIRECTORY", "NOTIFY_SOCKET",
})  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Variable:
    name: str
    required: bool
    """Whether reading it fails when it is not set."""
    seen: str
    kind: str = ""
    """What it is read as: one of `readers.KINDS`; empty for a text."""
    default: object = None
    """The source's own, where it is a constant."""

    @property
    def made_up(self) -> bool:
        """Whether any random text will do."""
        return bool(MADE_UP.search(self.name))

    @property
    def switch(self) -> bool:
        """Whether it has to be off, and is on, or missing, without an answer."""
        on = str(self.default).lower() in ("true", "1", "yes", "on")
        return bool(SWITCH.search(self.name)) and (self.required or on)


def find_variables(modules: Sequence[Module]) -> tuple[Variable, ...]:
    """Every variable once, required when any module requires it; in the order of the source."""
    found: dict[str, Variable] = {}
    common, given = readers.shared(modules), readers.schema(modules)
    for module in modules:
        tested, parsed = set(_tested(module)), readers.parsed(module)
        for name, required, node in _reads(module, common):
            if not NAME.fullmatch(name) or name in GIVEN:
                continue
            kind, default = given.get(name) or (readers.kind(module, node), readers.default(node))
            kind = "database" if id(node) in parsed else kind
            variable = Variable(
                name=name, required=required and name not in tested and name not in given,
                seen=module.at(node), kind=kind, default=default,
            )  # fmt: skip
            if name not in found or (variable.required and not found[name].required):
                found[name] = variable
    return tuple(found.values())


def examples(directory: Path) -> tuple[str, dict[str, str]]:
    """The name of the file with examples of settings, and what it sets."""
    for name in EXAMPLES:
        path = directory / name
        if path.is_file() and not path.is_symlink():
            return name, dict(_settings(decoded(path)))
    return "", {}


def _settings(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        match = re.fullmatch(r"\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*", line, re.ASCII)
        if match:
            value = match[2]
            quoted = re.fullmatch(r"([\"'])(.*)\1(?:\s+#.*)?", value)
            plain = re.sub(r"\s+#.*", "", value)
            yield match[1], "".join(c for c in (quoted[2] if quoted else plain) if c.isprintable())


Read = tuple[str, bool, ast.AST]


def _reads(module: Module, common: Mapping[str, frozenset[str]]) -> Iterator[Read]:
    caught = _caught(module.tree)
    envs = {*readers.environments(module), *readers.imported(module, common)}
    used = _used(module)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            name = literal(node.slice)
            if module.full(node.value) == "os.environ" and isinstance(name, str):
                yield name, id(node) not in caught, node
        elif isinstance(node, ast.Call):
            yield from _call(module, node, envs, used)
        elif isinstance(node, ast.ClassDef):
            yield from _settings_class(module, node)


def _call(module: Module, call: ast.Call, envs: set[str], used: set[int]) -> Iterator[Read]:
    full = module.full(call.func)
    owner, _, method = full.rpartition(".")
    name = literal(call.args[0]) if call.args else None
    given = keyword(call, "default") is not None or len(call.args) > 1
    if full == "dj_database_url.config":
        said = literal(keyword(call, "env"))
        name = said if isinstance(said, str) else "DATABASE_URL"
        yield name, keyword(call, "default") is None and not call.args, call
    elif owner in envs and not call.args:
        if method in readers.WITHOUT_A_NAME:
            yield readers.WITHOUT_A_NAME[method], not given, call
    elif not isinstance(name, str):
        return
    elif full in ("os.environ.get", "os.getenv", "os.environ.setdefault", "os.environ.pop"):
        yield name, id(call) in used and not given, call
    elif full in readers.READERS or full in envs or owner in envs:
        yield name, not given, call


def _used(module: Module) -> set[int]:
    """Expressions that something is done with which fails when nothing was found."""
    found: set[int] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute):
            found.add(id(node.value))
        elif isinstance(node, ast.Call) and node.args and module.full(node.func) in NEEDY:
            found.add(id(node.args[0]))
    return found


def _settings_class(module: Module, node: ast.ClassDef) -> Iterator[Read]:
    """Fields of pydantic's BaseSettings: each is a variable, required without a default."""
    if not any(module.full(base).endswith("BaseSettings") for base in node.bases):
        return
    prefix = ""
    for inner in ast.walk(node):
        if isinstance(inner, ast.keyword) and inner.arg == "env_prefix":
            prefix = str(literal(inner.value) or "")
        elif isinstance(inner, ast.Assign) and isinstance(inner.targets[0], ast.Name):
            named = inner.targets[0].id == "env_prefix"
            prefix = str(literal(inner.value) or "") if named else prefix
    for field in node.body:
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            name = field.target.id
            if not name.startswith("_") and name != "model_config":
                yield f"{prefix}{name}".upper(), _nodefault(field.value), field


def _nodefault(value: ast.expr | None) -> bool:
    if value is None:
        return True
    if not isinstance(value, ast.Call):
        return False
    name = value.func.id if isinstance(value.func, ast.Name) else ""
    if name != "Field":
        return False
    first = value.args[0] if value.args else keyword(value, "default")
    return keyword(value, "default_factory") is None and (
        first is None or (isinstance(first, ast.Constant) and first.value is Ellipsis)
    )


def _caught(tree: ast.AST) -> set[int]:
    """Expressions within a `try` that catches what a missing variable raises."""
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and any(_catches(h) for h in node.handlers):
            found |= {id(inner) for stmt in node.body for inner in ast.walk(stmt)}
    return found


def _catches(handler: ast.ExceptHandler) -> bool:
    names = {n.id for n in ast.walk(handler.type) if isinstance(n, ast.Name)} if handler.type else {
        "Exception"
    }  # fmt: skip
    return bool(names & {"KeyError", "LookupError", "Exception", "BaseException"})


def _tested(module: Module) -> Iterator[str]:
    """Variables that the module asks for with `in os.environ`, or in a condition."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.If | ast.IfExp):
            for called, call in module.calls(node.test):
                name = literal(call.args[0]) if call.args else None
                if called in ("os.environ.get", "os.getenv") and isinstance(name, str):
                    yield name
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
            name = literal(node.left)
            if isinstance(name, str) and module.full(node.comparators[0]) == "os.environ":
                yield name


def default_file(
    variables: Sequence[Variable],
    values: Mapping[str, str],
    shown: Mapping[str, str],
    package: str,
) -> str:
    """The text of /etc/default/PACKAGE: what is set, and everything else as a comment.

    `shown` are the values of the author's example.
    """
    lines = [f"# Settings of {package}, read when its service starts."]
    for variable in variables:
        seen = one_line(variable.seen)
        if variable.name in values:
            lines += [
                "",
                f"# {seen} needs it.",
                f"{variable.name}={_shown(values[variable.name])}",
            ]
        elif not variable.made_up:
            value = _shown(shown.get(variable.name, ""))
            lines += ["", f"# From {seen}.", f"#{variable.name}={value}"]
    return "\n".join(lines) + "\n"


def _shown(value: str) -> str:
    """A value as EnvironmentFile= reads it (systemd.exec(5))."""
    if re.fullmatch(r"[A-Za-z0-9_./:@%+,=-]*", value):
        return value
    return '"' + re.sub(r'(["\\$`])', r"\\\1", value) + '"'
