"""Documents in their one spelling, and what officers sign of one that they have seen."""

from __future__ import annotations

import re
import unicodedata

from nacl.pwhash import argon2id

_NO_LETTER = re.compile(r"[^0-9A-Z]")


def one_document(kind: int, number: str) -> str:
    """The one spelling of a document; `kind` is a dcep.bank.v1.DocumentKind."""
    plain = unicodedata.normalize("NFKC", number).upper()
    return f"{kind}:{_NO_LETTER.sub('', plain)}"


def seen_digest(salt: bytes, wallet_number: str, name: str, kind: int, number: str) -> bytes:
    """What officers sign of the document that a wallet's holder has shown them, 32 bytes.

    By Argon2id, because documents can be numbered through: each guess costs 64 MB and a tenth of a
    second.

    Args:
        salt: 16 bytes.
        wallet_number: the wallet's, so that it says nothing about another one.
        name: the holder's, as it stands in the document.
        kind: a dcep.bank.v1.DocumentKind.
        number: the document's, however it is spelled.
    """
    parts = (wallet_number, name, one_document(kind, number))
    return argon2id.kdf(
        32,
        "\0".join(parts).encode(),
        salt,
        argon2id.OPSLIMIT_INTERACTIVE,
        argon2id.MEMLIMIT_INTERACTIVE,
    )
