"""Licences as the metadata of a distribution says them, as SPDX says them."""

from functools import cache
from typing import Any

# What packages write in `License:` for decades, in SPDX's words (spdx.org/licenses).
_USUAL = {
    "mit license": "MIT", "the mit license": "MIT", "mit": "MIT", "bsd": None,
    "bsd license": None, "bsd-3-clause": "BSD-3-Clause", "3-clause bsd": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause", "new bsd": "BSD-3-Clause", "modified bsd": "BSD-3-Clause",
    "apache 2.0": "Apache-2.0", "apache-2.0": "Apache-2.0", "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0", "apache software license": "Apache-2.0",
    "apache 2": "Apache-2.0", "psf": "PSF-2.0", "python software foundation license": "PSF-2.0",
    "mpl 2.0": "MPL-2.0", "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0", "isc": "ISC",
    "isc license (iscl)": "ISC", "the unlicense (unlicense)": "Unlicense",
    "gplv2": "GPL-2.0-only", "gplv3": "GPL-3.0-only", "lgplv3": "LGPL-3.0-only",
}  # fmt: skip


@cache
def _licensing() -> Any:
    from license_expression import get_spdx_licensing

    return get_spdx_licensing()


@cache
def expression(text: str | None) -> str | None:
    """A valid SPDX licence expression of the same meaning, or None when that is not certain."""
    if not text:
        return None
    from license_expression import ExpressionError

    plain = text.strip()
    candidate = _USUAL.get(plain.lower(), plain)
    if candidate is None:
        return None
    try:
        parsed = _licensing().parse(candidate, validate=True, strict=True)
    except (ExpressionError, ValueError, TypeError):
        return None
    return str(parsed) if parsed is not None else None


def is_single(text: str) -> bool:
    """Whether the expression is one licence's identifier."""
    return " " not in text and "(" not in text
