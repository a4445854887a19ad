"""The two hashes that decide what is imported again."""

import hashlib
from collections.abc import Mapping

from local_rag.text.normalise import normalise


def content_hash(text: str) -> str:
    """Return the SHA-256 (hex) of the normalised text: equal for equal content anywhere."""
    return hashlib.sha256(normalise(text).encode("utf-8")).hexdigest()


def source_hash(uri: str, metadata: Mapping[str, str], content: bytes) -> str:
    """Return the SHA-256 (hex) of a source: its URI, its metadata and its bytes.

    Every part is preceded by its length, so that no two different sources share their input.
    """
    digest = hashlib.sha256()
    for key, value in [("uri", uri), *sorted(metadata.items())]:
        for part in (key, value):
            raw = part.encode("utf-8", errors="surrogatepass")
            digest.update(len(raw).to_bytes(8, "big") + raw)
    digest.update(len(content).to_bytes(8, "big"))
    digest.update(content)
    return digest.hexdigest()


def embedding_hash(text: str) -> bytes:
    """Return 16 bytes that stand for a text given to the embedding model."""
    return hashlib.blake2b(text.encode("utf-8", errors="surrogatepass"), digest_size=16).digest()
