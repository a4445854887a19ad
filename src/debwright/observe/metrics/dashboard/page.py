"""The dashboard as one HTML file that needs nothing else and may load nothing else.

Its data stand in the page as JSON, which no browser runs; the script writes them as text. The
page's policy (CSP level 3, hashes of its one style and one script) forbids all else.
"""

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import Any

from debwright.observe.metrics.dashboard.data import Data


def render(data: Data, *, live: bool = False) -> str:
    """The page. `live`: it asks the server it came from for newer data."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("debwright.observe.metrics.dashboard", "templates"), autoescape=True,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    style = resource("vendor/uPlot.min.css") + resource("templates/dashboard.css")
    script = resource("vendor/uPlot.iife.min.js") + "\n" + resource("templates/dashboard.js")
    return environment.get_template("dashboard.html.j2").render(
        title=f"{', '.join(data['packages']) or 'debwright'}: builds",
        live=live,
        policy=_policy(style, script, live=live),
        # Files of this package, and JSON in which nothing can end the element it stands in.
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        licence=Markup(resource("vendor/uPlot.LICENSE")),  # noqa: S704
        data=Markup(as_json(data)),  # noqa: S704
    )


def as_json(data: Data) -> str:
    """JSON that may stand within a script element of HTML: without `<`, `>` and `&`."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


@cache
def resource(name: str) -> str:
    """A file of this package."""
    home: Any = files("debwright.observe.metrics.dashboard")
    for part in name.split("/"):
        home = home.joinpath(part)
    return str(home.read_text("utf-8"))


def _policy(style: str, script: str, *, live: bool) -> str:
    hashes = [
        base64.b64encode(hashlib.sha256(t.encode()).digest()).decode() for t in (style, script)
    ]
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{hashes[0]}'; "
        f"script-src 'sha256-{hashes[1]}'; connect-src {repr('self') if live else repr('none')}; "
        "base-uri 'none'; form-action 'none'"
    )
