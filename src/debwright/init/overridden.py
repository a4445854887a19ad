"""What lintian says of files that stay as their authors have them: pages, and trees of scripts.

The names are lintian's; https://lintian.debian.org/tags explains each.
"""

from collections.abc import Iterable

PAGES = tuple(
    f"privacy-breach-{kind}"
    for kind in ("generic", "uses-embedded-file", "donation", "logo", "google-adsense",
                 "google-cse", "google-plus", "facebook", "twitter", "piwik",
                 "statistics-website", "w3c-valid-html")
)  # fmt: skip
"""Pages that ask other sites for something, as fonts, pictures and scripts."""
SCRIPTS = (
    "wrong-path-for-interpreter", "interpreter-in-usr-local", "missing-dep-for-interpreter",
    "python3-script-but-no-python3-dep", "python2-script-but-no-python2-dep",
    "ruby-script-but-no-ruby-dep", "php-script-but-no-php-cli-dep",
    "shell-script-fails-syntax-check", "script-without-interpreter",
)  # fmt: skip
"""Scripts for other systems, and for who works on the source: the service does not start them."""


def overridden(reason: str, tags: Iterable[str], where: str = "*") -> tuple[str, ...]:
    """Lines of an override file; `where` is a pattern of what lintian says after the tag."""
    return (f"# {reason}", *(f"{tag} {where}" for tag in tags))
