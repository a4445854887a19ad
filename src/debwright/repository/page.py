"""index.html: what a person reads who opens the repository's address in a browser.

One file that loads nothing else. It is written with each publication, hence plainly and without a
template engine: importing one would take longer than the page.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from urllib.parse import quote

from debwright.repository.entries import Entries
from debwright.repository.model import Entry, RepositorySettings
from debwright.repository.sources import base_url, sources_text

NAME = "index.html"
LISTED = 500
"""Packages of a suite that the page lists; of more it says how many there are."""
KEYRING = "-archive-keyring"

_STYLE = """\
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: 6px; padding: .75rem;
  overflow-x: auto; user-select: all; }
code { font-family: ui-monospace, monospace; font-size: .9em; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .3rem .6rem;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
.soft { opacity: .75; } summary { cursor: pointer; }
"""


def page(
    settings: RepositorySettings,
    repo: Path,
    suites: Mapping[str, Entries],
    fingerprint: str,
    *,
    key: str,
    number: int,
) -> str:
    """The page of a publication. `key` is the armoured public key."""
    from debwright.repository.promises import needed

    title = escape(settings.label)
    parts = [
        "<!DOCTYPE html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>\n"
        f"<title>{title}</title>\n<style>\n{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{title}</h1>\n<p>{escape(settings.description)}</p>\n"
        f"<p>An APT repository for Debian and Ubuntu. Suites: {_links(suites)}.</p>\n"
        "<h2 id='key'>Signing key</h2>\n<p>Everything here is signed. The fingerprint of the "
        f"key{'s' if ' ' in fingerprint else ''}:</p>\n"
        + "".join(f"<pre>{escape(_grouped(f))}</pre>\n" for f in fingerprint.split())
        + "<p>Compare it with what you got another way. The key itself: "
        "<a href='key.asc'>key.asc</a>, <a href='key.gpg'>key.gpg</a>.</p>\n"
    ]
    for suite in sorted(suites):
        entries = suites[suite]
        text = sources_text(
            settings, repo, suite, key=key, components=needed(entries, settings).components,
            with_source=entries.has_sources,
        )  # fmt: skip
        parts.append(_suite(settings, repo, suite, entries, text))
    parts.append(
        f"<p class='soft'>Publication {number}, made by debwright.</p>\n</body>\n</html>\n"
    )
    return "".join(parts)


def _links(suites: Iterable[str]) -> str:
    return ", ".join(f"<a href='#{escape(s)}'>{escape(s)}</a>" for s in sorted(suites))


def _grouped(fingerprint: str) -> str:
    """As gpg shows it: groups of four digits."""
    return " ".join(fingerprint[i : i + 4] for i in range(0, len(fingerprint), 4))


def _suite(
    settings: RepositorySettings, repo: Path, suite: str, entries: Entries, sources: str
) -> str:
    rows = _newest(entries)
    names = [name for name, _, _ in rows if not name.endswith(KEYRING)]
    keyring = f"{settings.name}{KEYRING}"
    install = [f"sudo apt install {names[0] if names else 'PACKAGE'}"]
    if entries.named(keyring):
        # It brings an entry of its own, for a key in a file that upgrades can change.
        install.insert(0, f"sudo apt install {keyring}")
    file = f"{settings.name}-{suite}.sources"
    target = f"/etc/apt/sources.list.d/{settings.name}.sources"
    base = base_url(settings, repo)
    if base.startswith("file:"):
        fetch = f"sudo cp {_shell(str(repo / file))} {target}"
    else:
        fetch = f"sudo curl -fsSL -o {target} \\\n    {_shell(base + quote(file))}"
    commands = "\n".join([fetch, "sudo apt update", *install])
    more = f"<p>And {entries.packages - len(rows)} more: <code>apt search</code> shows them.</p>\n"
    return (
        f"<h2 id='{escape(suite)}'>{escape(suite)}</h2>\n<pre>{escape(commands)}</pre>\n"
        f"<details><summary>What is put into <code>{escape(target)}</code>"
        f" (<a href='{escape(quote(file))}'>{escape(file)}</a>)</summary>\n"
        f"<pre>{escape(sources)}</pre></details>\n"
        "<table>\n<thead><tr><th>Package</th><th>Version</th><th>Architectures</th></tr></thead>\n"
        "<tbody>\n"
        + "".join(
            f"<tr><td>{escape(n)}</td><td>{escape(v)}</td><td>{escape(a)}</td></tr>\n"
            for n, v, a in rows
        )
        + "</tbody>\n</table>\n"
        + (more if entries.packages > len(rows) else "")
    )


def _newest(entries: Iterable[Entry]) -> list[tuple[str, str, str]]:
    """Package, newest version and its architectures, of as many packages as are listed."""
    versions: dict[str, dict[str, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    for entry in entries:  # in the order of packages
        if entry.kind == "deb":
            if len(versions) == LISTED and entry.package not in versions:
                break
            versions[entry.package][entry.version].append(entry)
    rows = []
    for package, found in sorted(versions.items()):
        if len(found) > 1:
            from debwright.repository.versions import sorted_by_version

            newest = sorted_by_version(e[0] for e in found.values())[-1].version
        else:
            (newest,) = found
        architectures = sorted({e.architecture for e in found[newest]})
        rows.append((package, newest, ", ".join(architectures)))
    return rows


def _shell(text: str) -> str:
    from shlex import quote as shell_quote

    return shell_quote(text)
