"""The dashboard as one HTML file that needs nothing else and may load nothing else.

Its data stand in the page as JSON, which no browser runs; the script writes them as text.
"""

import json
from functools import partial

from debwright.observe import pages
from debwright.observe.metrics.dashboard.data import Data

HERE = "debwright.observe.metrics.dashboard"


def render(data: Data, *, live: bool = False) -> str:
    """The page. `live`: it asks the server it came from for newer data."""
    from markupsafe import Markup

    resource = partial(pages.resource, HERE)
    style = resource("vendor/uPlot.min.css") + resource("templates/dashboard.css")
    script = resource("vendor/uPlot.iife.min.js") + "\n" + resource("templates/dashboard.js")
    return (
        pages.environment(HERE)
        .get_template("dashboard.html.j2")
        .render(
            title=f"{', '.join(data['packages']) or 'debwright'}: builds",
            live=live,
            policy=pages.policy(style, script, connect="'self'" if live else "'none'"),
            # Files of this package, and JSON in which nothing can end the element it stands in.
            style=Markup(style),  # noqa: S704
            script=Markup(script),  # noqa: S704
            licence=Markup(resource("vendor/uPlot.LICENSE")),  # noqa: S704
            data=Markup(as_json(data)),  # noqa: S704
        )
    )


def as_json(data: Data) -> str:
    """JSON that may stand within a script element of HTML: without `<`, `>` and `&`."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
