"""What reads variables of the environment: django-environ, environs, decouple, dj-database-url.

The names are those of their documentation.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence

from debwright.init.ecosystems.python.modules import (
    Module,
    argument,
    assignments,
    keyword,
    literal,
)

READERS = frozenset({"decouple.config", "starlette.config.Config"})
ENVS = frozenset({"environ.Env", "environ.FileAwareEnv", "environs.Env", "environs.env",
                  "starlette.config.Config"})  # fmt: skip
WITHOUT_A_NAME = {
    "db": "DATABASE_URL",
    "db_url": "DATABASE_URL",
    "cache": "CACHE_URL",
    "cache_url": "CACHE_URL",
    "email": "EMAIL_URL",
    "email_url": "EMAIL_URL",
}
"""Methods of django-environ that know the name of their variable."""
PARSER = "dj_database_url.parse"
KINDS = {"bool": "bool", "int": "int", "float": "int", "list": "list", "tuple": "list",
         "Csv": "list", "json": "json", "dict": "json", "db": "database", "db_url": "database",
         "dj_db_url": "database", "dburl": "database"}  # fmt: skip
"""What readers make of a text: their methods, and their casts."""


def kind(module: Module, node: ast.AST) -> str:
    """What the reader in `node` makes of the variable's text."""
    if not isinstance(node, ast.Call):
        return ""
    if module.full(node.func) == "dj_database_url.config":
        return "database"
    cast = keyword(node, "cast")
    cast = cast.func if isinstance(cast, ast.Call) else cast
    named = module.full(cast) if cast is not None else module.full(node.func)
    return KINDS.get(named.rpartition(".")[2], "")


def parsed(module: Module) -> set[int]:
    """Expressions that are taken for the address of a database."""
    return {id(call.args[0]) for name, call in module.calls() if name == PARSER and call.args}


def default(node: ast.AST) -> object:
    return literal(argument(node, "default", 1)) if isinstance(node, ast.Call) else None


def environments(module: Module) -> set[str]:
    """Names that are readers of the environment, as `env = environ.Env()` makes one."""
    made = {"environs.env"}
    for name, value in assignments(module.tree.body):
        if isinstance(value, ast.Call) and module.full(value.func) in ENVS:
            made.add(name)
    return made


def shared(modules: Sequence[Module]) -> dict[str, frozenset[str]]:
    """The readers of each module that has some, which others may import."""
    found = {m.name: frozenset(environments(m) - {"environs.env"}) for m in modules}
    return {name: readers for name, readers in found.items() if readers}


def imported(module: Module, shared: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """Names of readers that `module` imports from others of the project, as it has them."""
    for name, readers in shared.items():
        for reader in readers:
            # A project below the top, as in backend/, imports its modules by shorter names.
            if any(_ends(star, name) for star in module.starred):
                yield reader
            yield from (f for f in module.names.values() if _ends(f, f"{name}.{reader}"))


def _ends(name: str, whole: str) -> bool:
    return whole == name or (bool(name) and whole.endswith(f".{name}"))


def schema(modules: Sequence[Module]) -> dict[str, tuple[str, object]]:
    """Variables that `environ.Env(NAME=(cast, default))` gives a default: kind and default."""
    found: dict[str, tuple[str, object]] = {}
    for module in modules:
        for name, call in module.calls():
            for word in call.keywords if name in ENVS else ():
                if word.arg and isinstance(word.value, ast.Tuple) and len(word.value.elts) == 2:
                    cast, value = word.value.elts
                    found[word.arg] = (KINDS.get(module.full(cast), ""), literal(value))
    return found
