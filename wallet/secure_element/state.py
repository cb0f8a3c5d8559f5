"""What the secure element remembers, and its form on the disk."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Self


@dataclass
class HeldPiece:
    """One piece of money: a chain as a payment of its own, hex, and the output that is meant.

    Attributes:
        why: the bank's words when it was refused.
    """

    chain: str
    output: int
    value_fen: int
    depositing: bool = False
    refused: bool = False
    why: str = ""


@dataclass
class State:
    """Everything that changes in it.

    Attributes:
        seed: of the Ed25519 key, hex.
        bundle: 32 bytes root key and the encoded trust bundle, hex; "" before the first.
        clock_ms: the latest time it has seen; its clock moves forward only.
        counter: of endorsements made; each carries the next.
        tokens: ids of tokens ever loaded.
        asked: challenge → encoded request, of requests that wait for a payment.
        paid: challenge → encoded payment, of requests that it has paid.
        unconfirmed: challenges of those payments that a payee has still to say it took.
        taken: challenge → [SHA-256 of the payment, fen], of payments accepted.
        single_limit_fen, total_limit_fen: the holder's own; 0 for none.
        card_pin: of a hard wallet, hashed with Argon2id; "" for none.
        card_tries: of it since the last right one; each is counted before it is evaluated.
        card_free_fen: what a hard wallet pays at once without the PIN.
    """

    seed: str
    device_certificate: str = ""
    bank_certificate: str = ""
    bundle: str = ""
    clock_ms: int = 0
    counter: int = 0
    pieces: list[HeldPiece] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    asked: dict[str, str] = field(default_factory=dict)
    paid: dict[str, str] = field(default_factory=dict)
    unconfirmed: list[str] = field(default_factory=list)
    taken: dict[str, tuple[str, int]] = field(default_factory=dict)
    single_limit_fen: int = 0
    total_limit_fen: int = 0
    card_pin: str = ""
    card_tries: int = 0
    card_free_fen: int = 0

    def encode(self) -> bytes:
        """As JSON."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises ValueError."""
        values = json.loads(data)
        if not isinstance(values, dict):
            raise ValueError("not a secure element's state")
        values["pieces"] = [HeldPiece(**piece) for piece in values.get("pieces", [])]
        try:
            return cls(**values)
        except TypeError as error:
            raise ValueError(f"not a secure element's state: {error}") from None
