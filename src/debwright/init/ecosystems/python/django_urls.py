"""Which page of a Django project says that it is well, from its urls."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from debwright.init.ecosystems.python.modules import Module, keyword, literal
from debwright.init.ecosystems.python.routes import HEALTH
from debwright.init.model import Guess

MAX_DEPTH = 6
ADMINISTRATION = "django.contrib.admin.site.urls"
REDIRECTS = ("redirect", "HttpResponseRedirect", "HttpResponsePermanentRedirect", "RedirectView")
FOR_USERS = ("login_required", "permission_required", "staff_member_required",
             "user_passes_test", "LoginRequiredMixin", "PermissionRequiredMixin",
             "UserPassesTestMixin")  # fmt: skip
"""Names of Django's: what sends people elsewhere."""


@dataclass(frozen=True, kw_only=True)
class Page:
    path: str
    seen: str
    administration: bool = False


def located(inside: Mapping[str, Module], name: str) -> str:
    """A module's name below the directory of manage.py, where `name` may be one from the top."""
    parts = name.split(".")
    names = (".".join(parts[n:]) for n in range(len(parts)))
    return next((n for n in names if n in inside), name)


def health(inside: Mapping[str, Module], settings: Mapping[str, ast.expr]) -> Guess:
    """A path made for it, else the first page, else the form to log in to the administration.

    A page that sends whoever asks elsewhere, as to log in, is none.
    """
    site = _Site(inside=inside, language=_language(settings))
    root = str(literal(settings.get("ROOT_URLCONF")))
    found = list(_pages(site, root, "/", 0))
    plain = [p for p in found if re.fullmatch(r"/[A-Za-z0-9/._~-]*", p.path)]
    pages = [p for p in plain if not p.administration]
    for page in pages:
        if HEALTH.fullmatch(page.path):
            return Guess(value=page.path, seen=page.seen)
    for page in pages:
        if page.path == "/":
            return Guess(value=page.path, seen=page.seen)
    for page in plain:
        if page.administration:
            return Guess(value=f"{page.path}login/", seen=page.seen)
    for page in pages:
        return Guess(value=page.path, seen=page.seen)
    return Guess(value="/", seen=None)


@dataclass(frozen=True, kw_only=True)
class _Site:
    inside: Mapping[str, Module]
    language: str
    """What Django puts before the pages of `i18n_patterns`."""


def _language(settings: Mapping[str, ast.expr]) -> str:
    """The language in addresses: one of LANGUAGES, which has no `en-us` unless they say so."""
    said = literal(settings.get("LANGUAGE_CODE"))
    code = said if isinstance(said, str) and re.fullmatch(r"[a-z-]+", said) else "en-us"
    listed = literal(settings.get("LANGUAGES"))
    codes = [pair[0] for pair in listed if pair] if isinstance(listed, list | tuple) else []
    if code in codes or (not codes and code != "en-us"):
        return code
    return code.partition("-")[0]


def _translated(module: Module, language: str) -> dict[int, str]:
    """Calls within `i18n_patterns`, and what comes before their routes."""
    found: dict[int, str] = {}
    for called, call in module.calls():
        if called.endswith("i18n_patterns"):
            always = literal(keyword(call, "prefix_default_language")) is not False
            found |= {id(n): f"{language}/" if always else "" for n in ast.walk(call)}
    return found


def _pages(site: _Site, name: str, prefix: str, depth: int) -> Iterator[Page]:
    inside = site.inside
    module = inside.get(located(inside, name))
    if module is None or depth > MAX_DEPTH:
        return
    translated = _translated(module, site.language)
    for called, call in module.calls():
        if called.rpartition(".")[2] not in ("path", "re_path", "url") or len(call.args) < 2:
            continue
        route, view = literal(call.args[0]), call.args[1]
        if not isinstance(route, str):
            continue
        path = prefix + translated.get(id(call), "") + route.removeprefix("^").removesuffix("$")
        included = _included(module, view)
        if included is not None:
            yield from _pages(site, included, path, depth + 1)
        elif module.full(view) == ADMINISTRATION:
            yield Page(path=path, seen=module.at(call), administration=True)
        elif not _is_include(module, view) and not _elsewhere(inside, module, view):
            yield Page(path=path, seen=module.at(call))


def _included(module: Module, view: ast.expr) -> str | None:
    if not _is_include(module, view) or not isinstance(view, ast.Call) or not view.args:
        return None
    first = view.args[0]
    if isinstance(first, ast.Tuple) and first.elts:
        first = first.elts[0]
    said = literal(first)
    return said if isinstance(said, str) else module.full(first) or None


def _is_include(module: Module, view: ast.expr) -> bool:
    return isinstance(view, ast.Call) and module.full(view.func).endswith("include")


def _elsewhere(inside: Mapping[str, Module], module: Module, view: ast.expr) -> bool:
    """Whether a view sends whoever asks to another page, or to the form to log in."""
    names = {module.full(n) for n in ast.walk(view) if isinstance(n, ast.Attribute | ast.Name)}
    if any(n.removesuffix(".as_view").rpartition(".")[2] in (*FOR_USERS, *REDIRECTS)
           for n in names):  # fmt: skip
        return True
    return any(
        _sends_away(place, node)
        for name in names
        for place, node in _defined(inside, name.removesuffix(".as_view"))
    )


def _defined(inside: Mapping[str, Module], name: str) -> Iterator[tuple[Module, ast.stmt]]:
    """The function or class of the project that `name` is, in full."""
    where, _, last = name.rpartition(".")
    module = inside.get(located(inside, where))
    for node in module.tree.body if module else ():
        kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        if module and isinstance(node, kinds) and node.name == last:
            yield module, node


def _sends_away(module: Module, node: ast.stmt) -> bool:
    if isinstance(node, ast.ClassDef):
        above = [*node.bases, *node.decorator_list]
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        above = [*node.decorator_list]
        results = [n.value for n in ast.walk(node) if isinstance(n, ast.Return)]
        if results and all(_last(module, r) in REDIRECTS for r in results):
            return True
    else:
        return False
    used = (n for a in above for n in ast.walk(a) if isinstance(n, ast.Attribute | ast.Name))
    return any(_last(module, n) in (*FOR_USERS, *REDIRECTS) for n in used)


def _last(module: Module, node: ast.expr | None) -> str:
    """The last part of the name of what is used, or called."""
    called = node.func if isinstance(node, ast.Call) else node
    return module.full(called).rpartition(".")[2] if called is not None else ""
