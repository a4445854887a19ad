"""Signatures, against the examples of Amazon's own documentation."""

from datetime import UTC, datetime

import pytest

from debwright.repository.stores.signature import EMPTY_SHA256, Credentials, signed_headers

# Amazon S3 API Reference, "Signature Calculations for the Authorization Header".
EXAMPLE = Credentials(
    access_key="AKIAIOSFODNN7EXAMPLE", secret_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)


@pytest.mark.parametrize(
    ("path", "query", "headers", "signature"),
    [
        ("/test.txt", {}, {"Range": "bytes=0-9"},
         "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
        ("/", {"lifecycle": ""}, {},
         "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        ("/", {"max-keys": "2", "prefix": "J"}, {},
         "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ],
)  # fmt: skip
def test_the_documented_examples(
    path: str, query: dict[str, str], headers: dict[str, str], signature: str
) -> None:
    made = signed_headers(
        "GET", "examplebucket.s3.amazonaws.com", path, query, headers,
        payload_sha256=EMPTY_SHA256, region="us-east-1", credentials=EXAMPLE,
        now=datetime(2013, 5, 24, tzinfo=UTC),
    )  # fmt: skip
    assert made["authorization"].endswith(f"Signature={signature}")


def test_the_secret_is_never_shown() -> None:
    assert "wJalr" not in repr(EXAMPLE)
