"""A chain of SHA-256 hashes over byte strings: each hash stands for all that came before."""

from __future__ import annotations

import hashlib

HASH_BYTES = hashlib.sha256().digest_size


def beginning(tag: str, *about: bytes) -> bytes:
    """The hash before the first link; the tag and what it is about keep chains apart."""
    digest = hashlib.sha256(b"dcep:" + tag.encode("ascii") + b"\0")
    for part in about:
        digest.update(len(part).to_bytes(4, "big") + part)
    return digest.digest()


def linked(previous: bytes, link: bytes) -> bytes:
    """The hash after one more link."""
    return hashlib.sha256(previous + link).digest()
