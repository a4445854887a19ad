"""What secrets look like: private keys with a body, tokens with their issuer's prefix.

A pattern belongs here when what it matches is a secret and nothing else. Randomness alone proves
nothing (hashes, test data, compressed content are random too), so it is looked at only where a
name next to the value says that it is a secret.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

OVERLAP = 16 * 1024
"""Bytes that consecutive pieces of a file must share: the longest secret that is looked for."""


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """`hint` must occur before the expression is tried: searching for it is fast."""

    code: str
    what: str
    hint: bytes
    expression: re.Pattern[bytes]
    certain: bool = True
    """Whether a match is a secret beyond doubt (an error), or has to be looked at."""


@dataclass(frozen=True, kw_only=True)
class Match:
    """A secret at an offset of the searched bytes; `value` never leaves debwright whole."""

    pattern: Pattern
    offset: int
    value: bytes

    def redacted(self) -> str:
        """Enough to find it, too little to use it."""
        text = self.value.split(b"\n", 1)[0].decode("ascii", "replace")
        if text.startswith(("-----BEGIN", "PuTTY")):
            return f"{text} ({len(self.value)} bytes)"
        shown = text[: min(8, len(text) // 4)]
        return f"{shown}... ({len(self.value)} characters, not shown)"


_BASE64_LINES = rb"(?:[A-Za-z0-9+/=]{16,76}(?:\r?\n|\\n)){2,200}[A-Za-z0-9+/=]{0,76}"
_PEM_HEADERS = rb"(?:(?:[A-Za-z-]+: [^\r\n]{1,200}(?:\r?\n|\\n))+(?:\r?\n|\\n))?"


def _pem(kind: bytes) -> re.Pattern[bytes]:
    # With a body and an end: libraries hold the bare header lines as strings.
    return re.compile(
        rb"-----BEGIN " + kind + rb"-----(?:\r?\n|\\n)" + _PEM_HEADERS + _BASE64_LINES
        + rb"(?:\r?\n|\\n)?-----END " + kind + rb"-----"
    )  # fmt: skip


def _token(expression: bytes) -> re.Pattern[bytes]:
    # What stands before is looked at in `search`: an expression that begins with a literal is
    # found several times faster.
    return re.compile(expression + rb"(?![A-Za-z0-9_-])")


PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        code="private-key", what="a private key", hint=b"PRIVATE KEY-----",
        expression=_pem(rb"(?:RSA |DSA |EC |OPENSSH |ENCRYPTED )?PRIVATE KEY"),
    ),
    Pattern(
        code="private-key", what="an OpenPGP private key", hint=b"PGP PRIVATE KEY BLOCK",
        expression=re.compile(
            rb"-----BEGIN PGP PRIVATE KEY BLOCK-----\r?\n(?:[A-Za-z]+: [^\n]{0,200}\n)*\r?\n"
            + _BASE64_LINES
        ),
    ),
    Pattern(
        code="private-key", what="a PuTTY private key", hint=b"PuTTY-User-Key-File-",
        expression=re.compile(
            rb"PuTTY-User-Key-File-[23]: [a-z0-9@.-]+\r?\n(?:[^\n]{1,200}\n){2,80}?"
            rb"Private-Lines: \d+\r?\n[A-Za-z0-9+/=]{16,}"
        ),
    ),
    Pattern(
        code="private-key", what="an age identity", hint=b"AGE-SECRET-KEY-1",
        expression=_token(rb"AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}"),
    ),
    Pattern(
        code="token", what="a GitHub token", hint=b"gh",
        expression=_token(rb"gh[pousr]_[A-Za-z0-9]{36}"),
    ),
    Pattern(
        code="token", what="a GitHub token", hint=b"github_pat_",
        expression=_token(rb"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
    ),
    Pattern(
        code="token", what="a GitLab token", hint=b"glpat-",
        expression=_token(rb"glpat-[A-Za-z0-9_-]{20,64}"),
    ),
    Pattern(
        code="token", what="a PyPI token", hint=b"pypi-AgE",
        expression=_token(rb"pypi-AgE[A-Za-z0-9_-]{60,400}"),
    ),
    Pattern(
        code="token", what="an npm token", hint=b"npm_",
        expression=_token(rb"npm_[A-Za-z0-9]{36}"),
    ),
    Pattern(
        code="token", what="a Slack token", hint=b"xox",
        expression=_token(rb"xox[abprs]-\d{8,15}-(?:\d{8,15}-)?[A-Za-z0-9-]{20,80}"),
    ),
    Pattern(
        code="token", what="a Stripe live key", hint=b"k_live_",
        expression=_token(rb"[sr]k_live_[A-Za-z0-9]{24,100}"),
    ),
    Pattern(
        code="token", what="a Hugging Face token", hint=b"hf_",
        expression=_token(rb"hf_[A-Za-z]{34}"),
    ),
    Pattern(
        code="token", what="an API key", hint=b"sk-",
        expression=_token(rb"sk-(?:proj|ant-api\d\d|svcacct)-[A-Za-z0-9_-]{40,200}"),
    ),
    Pattern(
        code="token", what="an AWS access key", hint=b"KIA",
        expression=_token(rb"AKIA[A-Z2-7]{16}"),
    ),
    Pattern(
        code="token", what="a Google API key", hint=b"AIza",
        expression=_token(rb"AIza[A-Za-z0-9_-]{35}"), certain=False,
    ),
)  # fmt: skip

# name = value, as configuration files and programs write it.
_ASSIGNMENT = re.compile(
    rb"(?i)(?:password|passwd|secret|api[_-]?key|access[_-]?key|auth[_-]?token|"
    rb"private[_-]?token|access[_-]?token)[a-z0-9_-]{0,20}[\"']?\s{0,4}(?::|=|=>)\s{0,4}[\"']?"
    rb"(?P<value>[A-Za-z0-9+/_=.-]{20,120})[\"']?\s{0,4}(?:[,;#]|\r?\n|$)"
)
GENERIC = Pattern(
    code="assigned", what="something random under the name of a secret", hint=b"",
    expression=_ASSIGNMENT, certain=False,
)  # fmt: skip
_CREDENTIALS = re.compile(
    rb"[a-z][a-z0-9+.-]{1,15}://(?P<user>[^\s:/@\"'<>{}$%]{1,64}):(?P<value>[^\s:/@\"'<>{}$%]{8,128})@"
    rb"(?P<host>[A-Za-z0-9.-]+)"
)
CREDENTIALS = Pattern(
    code="credentials", what="a URL with a password", hint=b"://", expression=_CREDENTIALS,
    certain=False,
)  # fmt: skip
_PLACEHOLDER = re.compile(
    rb"(?i)example|changeme|change[_-]?me|placeholder|dummy|sample|x{4,}|your|secret|passw|test|"
    rb"foobar|0123456|abcdef|<|\.\.\.|\*\*\*|redacted"
)
_WORD = re.compile(rb"[A-Za-z0-9_-]")
LEAST_ENTROPY = 3.6
"""Bits a character: English and identifiers stay below, 20 random characters of base64 above."""


def search(data: bytes) -> Iterator[Match]:
    """Tokens and keys anywhere in the bytes."""
    for pattern in PATTERNS:
        if pattern.hint not in data:
            continue
        for found in pattern.expression.finditer(data):
            before = data[found.start() - 1 : found.start()]
            if not _WORD.match(before) and credible(found[0]):
                yield Match(pattern=pattern, offset=found.start(), value=found[0])


def masked(text: str, known: Iterable[str] = ()) -> str:
    """The text without the secrets in it: those of known forms, and these."""
    data = text.encode()
    values = [m.value.decode("utf-8", "replace") for m in search(data) if m.pattern.certain]
    for value in (*values, *known):
        text = text.replace(value, f"{value[:2]}... ({len(value)} characters, not shown)")
    return text


def search_settings(data: bytes) -> Iterator[Match]:
    """Values of a configuration file whose names say that they are secrets."""
    for found in _ASSIGNMENT.finditer(data):
        value = found["value"]
        if _random(value):
            yield Match(pattern=GENERIC, offset=found.start("value"), value=value)
    for found in _CREDENTIALS.finditer(data):
        if not _PLACEHOLDER.search(found[0]) and entropy(found["value"]) >= 2.5:
            yield Match(pattern=CREDENTIALS, offset=found.start(), value=found[0])


def credible(value: bytes) -> bool:
    """Whether a token is more than a placeholder of a manual: not `ghp_xxxxxxxx`."""
    if value.startswith((b"-----BEGIN", b"PuTTY")):
        body = b"".join(value.split()[4:-4]) or value
        return len(set(body)) > 20
    tail = value[-20:]
    return b"EXAMPLE" not in value and len(set(tail)) >= 8 and entropy(tail) >= 2.8


def _random(value: bytes) -> bool:
    return (
        not _PLACEHOLDER.search(value)
        and entropy(value) >= LEAST_ENTROPY
        and any(c in b"0123456789" for c in value)
        and any(c not in b"0123456789.-" for c in value)
        # A path, a version, a dotted name of a program's own.
        and value.count(b"/") < 3
        and value.count(b".") < 2
        and value.count(b"_") + value.count(b"-") <= len(value) // 8
    )


def entropy(value: bytes) -> float:
    """Shannon's entropy in bits a byte, of the bytes' own frequencies."""
    if not value:
        return 0.0
    return -sum(n / len(value) * math.log2(n / len(value)) for n in Counter(value).values())
