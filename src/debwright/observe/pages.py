"""Pages of HTML that need nothing else and may load nothing else.

Jinja's autoescape is on; a page's own policy (CSP level 3, hashes of its one style and one script)
forbids all else, so that text which slipped through could neither run nor reach the network.
"""

import base64
import hashlib
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


def environment(package: str, finalize: Callable[[Any], Any] | None = None) -> "Environment":
    """The templates of `package`; every value passes `finalize` on its way into a page."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader(package, "templates"), autoescape=True, finalize=finalize,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip


@cache
def resource(package: str, path: str) -> str:
    """A file of `package`."""
    return files(package).joinpath(*path.split("/")).read_text("utf-8")


def policy(style: str, script: str, *, connect: str = "'none'") -> str:
    """What the page may do: its style, its script, and requests to `connect`."""
    hashes = [
        base64.b64encode(hashlib.sha256(t.encode()).digest()).decode() for t in (style, script)
    ]
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{hashes[0]}'; "
        f"script-src 'sha256-{hashes[1]}'; connect-src {connect}; base-uri 'none'; "
        "form-action 'none'"
    )
