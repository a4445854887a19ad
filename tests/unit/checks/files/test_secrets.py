"""The secret scanner: what is a secret is found wherever it stands, what is none is not."""

import base64
import io
import json
import re
import string
import sys
import sysconfig
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kit.secretfiles import GITHUB, KEY, aws, github, pem

from debwright.checks.engine.secret_patterns import (
    OVERLAP,
    PATTERNS,
    entropy,
    search,
    search_settings,
)
from debwright.checks.files.secrets import matches
from debwright.packages.unpacked import CHUNK, chunks


def found(data: bytes, path: str = "/usr/lib/x") -> list[str]:
    return [m.pattern.code for _, m in matches(path, io.BytesIO(data))]


@given(
    st.binary(max_size=400).filter(lambda b: b"gh" not in b),
    st.binary(max_size=400).filter(lambda b: b"gh" not in b),
    st.integers(0, 10_000),
)
def test_a_token_is_found_between_anything(before: bytes, after: bytes, seed: int) -> None:
    token = github(seed).encode()
    data = before + b" " + token + b"\n" + after
    assert [m.value for m in search(data) if m.value == token] == [token]


@pytest.mark.parametrize("place", [0, CHUNK - 700, CHUNK - 20, CHUNK - OVERLAP, CHUNK * 2 - 100])
def test_a_key_across_pieces_is_found_once_with_its_line(place: int) -> None:
    lines = b"x" * 99 + b"\n"
    data = (lines * (place // 100 + 1))[:place] + b"\n" + KEY.encode() + b"\n" + lines * 2000
    ((line, match),) = list(matches("/usr/share/demo/x", io.BytesIO(data)))
    assert match.pattern.code == "private-key"
    assert match.value == KEY.encode()
    assert line == data[: data.index(KEY.encode())].count(b"\n") + 1


@given(st.binary(max_size=5000), st.integers(1, 300))
def test_pieces_cover_everything(data: bytes, overlap: int) -> None:
    pieces = list(chunks(io.BytesIO(data), len(data), overlap))
    whole = bytearray(len(data))
    for offset, piece in pieces:
        whole[offset : offset + len(piece)] = piece
    assert bytes(whole) == data


def _config(names: list[str], values: list[str]) -> bytes:
    return "\n".join(f"{n} = {v}" for n, v in zip(names, values, strict=False)).encode()


WORDS = st.text(string.ascii_lowercase, min_size=1, max_size=12)
PROSE = st.lists(WORDS, max_size=300).map(lambda w: " ".join(w).encode())
DIGESTS = st.lists(
    st.binary(min_size=32, max_size=32).map(bytes.hex), max_size=20
).map(lambda d: "\n".join(f"{x}  usr/bin/{i}" for i, x in enumerate(d)).encode())  # fmt: skip
BASE64 = st.binary(max_size=2000).map(base64.encodebytes)
CERTIFICATE = st.integers(0, 99).map(lambda s: pem("CERTIFICATE", s).encode())
PUBLIC = st.integers(0, 99).map(lambda s: pem("PUBLIC KEY", s).encode())
SOURCE = st.sampled_from(
    [
        b'HEADER = b"-----BEGIN PRIVATE KEY-----"\nFOOTER = b"-----END PRIVATE KEY-----"\n',
        b"token = os.environ['GITHUB_TOKEN']\npassword = getpass.getpass()\n",
        b'"""Usage: export TOKEN=ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"""\n',
        b"aws_access_key_id = AKIAIOSFODNN7EXAMPLE\n",
        b"-----BEGIN RSA PRIVATE KEY-----\nMIIE...\n-----END RSA PRIVATE KEY-----\n",
        b"integrity: sha512-" + base64.b64encode(bytes(range(64))) + b"\n",
    ]
)
BENIGN = st.one_of(PROSE, DIGESTS, BASE64, CERTIFICATE, PUBLIC, SOURCE, st.binary(max_size=3000))


@settings(max_examples=200, deadline=None)
@given(st.lists(BENIGN, min_size=1, max_size=5))
def test_benign_content_holds_no_secret(parts: list[bytes]) -> None:
    assert found(b"\n".join(parts)) == []


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(
            ["password", "passwd_file", "secret_key", "api_key", "auth_token", "token_url"]
        ),
        st.one_of(
            WORDS,
            st.sampled_from(
                ["", "changeme", "${DB_PASSWORD}", "/etc/demo/secret", "your-api-key-goes-here",
                 "example-token-0123456789", "xxxxxxxxxxxxxxxxxxxxxxxxxxx", "@SECRET@",
                 "django.contrib.auth.hashers", "https://example.org/token", "SecretStorageService",
                 "org.freedesktop.secrets.password_reset_timeout"]
            ),
            st.integers(0, 10**12).map(str),
        ),
    )
)  # fmt: skip
def test_benign_settings_hold_no_secret(values: dict[str, str]) -> None:
    for text in (
        "\n".join(f"{k} = {v}" for k, v in values.items()),
        "\n".join(f'{k}: "{v}"' for k, v in values.items()),
        json.dumps(values, indent=1),
    ):
        assert found(text.encode(), "/etc/demo.conf") == []


def test_the_systems_own_files_hold_no_certain_secret() -> None:
    """Python's standard library, and every Python file of this environment: real code."""
    library = Path(sysconfig.get_paths()["stdlib"])
    files = sorted(library.glob("*.py"))[:150] + sorted(Path(sys.prefix).rglob("*/urllib3/*.py"))
    assert len(files) > 100
    for path in files:
        certain = [m for m in search(path.read_bytes()) if m.pattern.certain]
        assert certain == [], path


def test_random_values_count_only_under_a_telling_name() -> None:
    value = "Zk8qW3vR1tY7pL5mN2bX9cD4"
    assert entropy(value.encode()) > 4
    assert [m.value.decode() for m in search_settings(f"api_key: {value}\n".encode())] == [value]
    assert list(search_settings(f"checksum: {value}\n".encode())) == []


def test_what_is_shown_is_not_the_secret() -> None:
    for secret in (GITHUB, aws(), KEY):
        (match,) = search(secret.encode())
        shown = match.redacted()
        assert secret not in shown
        assert len(set(re.findall(r"[A-Za-z0-9]{9,}", shown)) & {secret[8:]}) == 0


def test_every_pattern_has_a_hint_that_it_needs() -> None:
    for pattern in PATTERNS:
        assert pattern.hint in pattern.expression.pattern or pattern.hint in (b"k_live_", b"KIA")
