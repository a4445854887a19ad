"""A badge for a README: the state of the targets, as SVG that loads nothing."""

from xml.sax.saxutils import escape, quoteattr

from debwright.observe.metrics.dashboard.data import Data

COLOURS = {"passing": "#18753d", "failing": "#b8232c", "unknown": "#6b7280"}
_NARROW, _WIDE = "fijlrt.,:;'|!()[] ", "mwMW%@"


def state(data: Data, branch: str | None = None) -> tuple[str, str]:
    """`passing`, `failing` or `unknown`, and in words; of one branch, or of what was built last."""
    newest: dict[str, Data] = {}
    for item in data["states"]:
        if branch is not None and item["branch"] != branch:
            continue
        if item["target"] not in newest or item["started"] > newest[item["target"]]["started"]:
            newest[item["target"]] = item
    states = list(newest.values())
    failed = sum(s["result"] == "failed" and not s["infrastructure"] for s in states)
    good = sum(s["result"] in ("passed", "cached") for s in states)
    if failed:
        return "failing", f"{failed} of {len(states)} failing"
    if states and good == len(states):
        return "passing", f"{good} {'target' if good == 1 else 'targets'} passing"
    return "unknown", f"{good} of {len(states)} passing" if states else "no builds"


def badge(data: Data, branch: str | None = None) -> str:
    """The SVG."""
    kind, words = state(data, branch)
    label = data["packages"][0] if len(data["packages"]) == 1 else "debwright"
    left, right = _width(label) + 12, _width(words) + 12
    title = quoteattr(f"{label}: {words}")
    texts = "".join(
        f'<text x="{x:.1f}" y="14" textLength="{width - 12:.0f}">{escape(text)}</text>'
        for x, width, text in ((left / 2, left, label), (left + right / 2, right, words))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right:.0f}" height="20" '
        f'role="img" aria-label={title}><title>{escape(f"{label}: {words}")}</title>'
        f'<clipPath id="r"><rect width="{left + right:.0f}" height="20" rx="4"/></clipPath>'
        f'<g clip-path="url(#r)"><rect width="{left:.0f}" height="20" fill="#3b4252"/>'
        f'<rect x="{left:.0f}" width="{right:.0f}" height="20" fill="{COLOURS[kind]}"/></g>'
        f'<g fill="#fff" text-anchor="middle" font-size="11" '
        f'font-family="Verdana,DejaVu Sans,sans-serif">{texts}</g></svg>\n'
    )


def _width(text: str) -> float:
    """Pixels of Verdana at 11 px, nearly."""
    return sum(4.0 if c in _NARROW else 9.5 if c in _WIDE else 6.9 for c in text)
