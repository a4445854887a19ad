"""A last look at what was written and signed, before readers see it."""

from collections.abc import Iterable
from pathlib import Path

from debwright.keys.gnupg.signatures import Verdict, binary_keyring, check
from debwright.model.errors import DebwrightError, Evidence
from debwright.model.fix import Command


def verify_written(publication: Path, suites: Iterable[str], scratch: Path) -> None:
    """Check the signatures of `suites` with the key files that users get.

    gpgv is asked where there is one: whether the targets' own tools take the key is another
    question. Raises DebwrightError for a signature that is not good, MissingError when there is
    neither gpgv nor sqv.
    """
    keys = [binary_keyring(publication / n, scratch / n) for n in ("key.gpg", "key.asc")]
    for suite in suites:
        place = publication / "dists" / suite
        for keyring, name, signature in (
            (keys[0], "InRelease", None),
            (keys[1], "Release", place / "Release.gpg"),
        ):
            # An old sqv alone cannot read cleartext signatures.
            for verdict in check(keyring, place / name, signature, first=True):
                if not verdict.good:
                    raise _not_good(suite, signature.name if signature else name, verdict)


def _not_good(suite: str, name: str, verdict: Verdict) -> DebwrightError:
    return DebwrightError(
        f"what was written cannot be used: {verdict.tool} does not accept {suite}/{name}",
        evidence=[Evidence(text=line) for line in (verdict.why, *verdict.said)],
        cause="the key that signs is not the one that users get, or gpg has written something "
        "else; nothing was published",
        fix=Command("debwright", "keys", "verify"),
    )
