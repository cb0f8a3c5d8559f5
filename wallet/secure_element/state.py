"""What the secure element remembers, and its form on the disk: a line of JSON, then the bundle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from offline_token.formats import Chain, Payment

LINE_END = b"\n"
_EARLIER_PAYMENTS = (b"P1".hex(), b"P2".hex())


@dataclass
class HeldKey:
    """One key of the device, under which it is known from one load to the next.

    Attributes:
        public: the public key, hex.
        seed: of the private key, hex; "" when that lies in a token.
        certificate: the bank's for it, hex; "" before.
        loader: number of the wallet for whose load it was made, until tokens come for it; "" then.
        shown: it has stood in a request.
        home: bank and wallet that it has asked to be certified by, "alpha 6200…"; "" before.
    """

    public: str
    seed: str = ""
    certificate: str = ""
    loader: str = ""
    shown: bool = False
    home: str = ""


@dataclass
class HeldPiece:
    """One piece of money: a chain as a payment of its own, hex, and the output that is meant.

    Attributes:
        owner: the key that owns it, hex.
        returned: a payment of its own that the payee gave back; good for a deposit only.
        deposit: nonce and endorsement, hex, by which it was last signed over to a bank; "" before.
            From then on it can be deposited only, there or elsewhere.
        anew: the deposit was refused and the piece was not; the next one is signed anew.
        refused: the root has ruled that it has ended.
        why: the bank's words about it.
    """

    chain: str
    output: int
    value_fen: int
    owner: str
    returned: bool = False
    deposit: str = ""
    depositing: bool = False
    anew: bool = False
    refused: bool = False
    why: str = ""


@dataclass
class State:
    """Everything that changes in it.

    Attributes:
        keys: in the order in which they were certified, those without a certificate behind.
        ring: what the keys of this state are found by in a token, hex; "" before the first.
        bundle: 32 bytes root key and the encoded trust bundle; b"" before the first.
        statements: of the root about single banks and devices, hex, the oldest first.
        clock_ms: the latest time it has seen; its clock moves forward only.
        tokens: id → expiry of tokens that were loaded, until long after that.
        asked: challenge → encoded request, of requests that wait for a payment.
        paid: challenge → [encoded payment, certificate of its payee], of requests that it has paid.
        made: challenge → [code of the request, when], of those payments that were made as texts.
        unconfirmed: challenges of those payments that a payee has still to say it took.
        taken: challenge → [SHA-256 of the payment, fen, receipt], of payments accepted.
        given: challenge → [SHA-256 of the payment, encoded signed return], of payments given back.
        back: challenge → fen, of payments of its own that came back.
        single_limit_fen, total_limit_fen: the holder's own; 0 for none.
        card_root: the root of offline money that a hard wallet was made with, hex; "" before.
        card_pin: of a hard wallet, stretched with Argon2id, hex.
        card_wallets: number → key, hex, of wallets that are paired with it.
        card_tries: of it since the last right one; each is counted before it is evaluated.
        card_free_fen: what a hard wallet pays at once without the PIN.
        card_spent_fen: what it has paid without since the last right one.
    """

    keys: list[HeldKey] = field(default_factory=list)
    ring: str = ""
    bundle: bytes = b""
    statements: list[str] = field(default_factory=list)
    clock_ms: int = 0
    pieces: list[HeldPiece] = field(default_factory=list)
    tokens: dict[str, int] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    paid: dict[str, tuple[str, str]] = field(default_factory=dict)
    made: dict[str, tuple[str, int]] = field(default_factory=dict)
    unconfirmed: list[str] = field(default_factory=list)
    taken: dict[str, tuple[str, int, str]] = field(default_factory=dict)
    given: dict[str, tuple[str, str]] = field(default_factory=dict)
    back: dict[str, int] = field(default_factory=dict)
    single_limit_fen: int = 0
    total_limit_fen: int = 0
    card_root: str = ""
    card_pin: str = ""
    card_wallets: dict[str, str] = field(default_factory=dict)
    card_tries: int = 0
    card_free_fen: int = 0
    card_spent_fen: int = 0

    def encode(self) -> bytes:
        """As a line of JSON, and behind it the trust bundle, most of its bytes, as it is."""
        fields = asdict(self)
        bundle: bytes = fields.pop("bundle")
        return in_a_line(fields) + bundle

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises ValueError."""
        line, _, bundle = data.partition(LINE_END)
        values = json.loads(line)
        if not isinstance(values, dict):
            raise ValueError("not a secure element's state")
        # As hex it stood in the line when this was written by an earlier version.
        values["bundle"] = bundle or bytes.fromhex(values.get("bundle", ""))
        if "seed" in values:
            raise ValueError(
                "an earlier version wrote it, with one key for everything; this one cannot use it. "
                "Deposit with the earlier version, or wait: what was loaded comes back from the "
                "bank after it has expired"
            )
        try:
            values["keys"] = [HeldKey(**key) for key in values.get("keys", [])]
            values["pieces"] = [HeldPiece(**piece) for piece in values.get("pieces", [])]
            made = cls(**values)
        except TypeError as error:
            raise ValueError(f"not a secure element's state: {error}") from None
        payments = [
            *(piece.chain for piece in made.pieces),
            *(paid[0] for paid in made.paid.values()),
        ]
        if any(payment.startswith(_EARLIER_PAYMENTS) for payment in payments):
            raise ValueError(
                "an earlier version wrote it, whose payments this one does not read. Deposit with "
                "the earlier version, or wait: what was loaded comes back from the bank after it "
                "has expired"
            )
        return made


def in_a_line(fields: Mapping[str, Any]) -> bytes:
    """As JSON that ends where the line does, so that bytes can stand behind it."""
    return json.dumps(fields, separators=(",", ":")).encode() + LINE_END


def chain_of(piece: HeldPiece) -> Chain:
    """The chain that a piece ends."""
    return Payment.decode(bytes.fromhex(piece.chain)).chains[0]


def worth_fen(pieces: list[HeldPiece]) -> int:
    """What they are worth together."""
    return sum(piece.value_fen for piece in pieces)
