"""The secure element's state, and its encoding: a line of JSON, then the trust bundle."""

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
    """One key of the device, by which others know the device from one load to the next.

    Attributes:
        public: the public key, hex.
        seed: the seed of the private key, hex; "" if that is in a PKCS#11 token.
        certificate: the bank's certificate for it, hex; "" before it is certified.
        loader: number of the wallet for whose load it was made; "" once tokens have come for it.
        shown: whether it has been in a request.
        home: the bank that it asked to be certified by and the wallet there, as in "alpha 6200…";
            "" before it asked.
    """

    public: str
    seed: str = ""
    certificate: str = ""
    loader: str = ""
    shown: bool = False
    home: str = ""


@dataclass
class HeldPiece:
    """One piece of money in the device.

    Attributes:
        chain: its chain, encoded as a payment with this one chain, hex.
        output: which output of the chain it is.
        owner: the public key that owns it, hex.
        returned: the device paid it and the payee gave it back; it can only be deposited.
        deposit: nonce and endorsement, hex, by which it was last signed over to a bank; "" before.
            From then on it can only be deposited, there or elsewhere.
        depositing: it is signed over, and what came of it is not known yet.
        anew: its deposit was refused but the piece has not ended; the next deposit is signed anew.
        refused: the root has ruled that it has ended.
        why: the bank's reason, for the holder.
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
class ElementState:
    """Everything that changes in the secure element. Bytes are kept as hex, but for the bundle.

    Attributes:
        keys: new ones are added at the end, and a key that is certified moves to the end.
        ring: the first bytes of the ids of this state's keys in a PKCS#11 token, hex; "" before the
            first key.
        bundle: the root's key, 32 bytes, then the encoded trust bundle; b"" before the first.
        statements: the root's statements about single banks and devices, oldest first.
        clock_ms: the latest time that the element has seen; its time moves forward only.
        tokens: id → time of expiry, of tokens that were loaded; kept until long after they expire.
        asked: challenge → encoded request, of requests that wait for a payment.
        paid: challenge → (encoded payment, certificate of its payee), of requests that it has paid.
        made: challenge → (code of the request, time), of payments that were given out as texts.
        unconfirmed: challenges of payments that their payees have not confirmed.
        taken: challenge → (SHA-256 of the payment, its id, fen, receipt), of those that
            were taken.
        given: challenge → (SHA-256 of the payment, its id, encoded signed return), of those that
            were given back.
        back: challenge → fen, of the device's own payments that came back.
        single_limit_fen, total_limit_fen: the holder's own limits; 0 for none.
        card_root: the root that a hard wallet was made with; "" before.
        card_pin: a hard wallet's PIN, stretched with Argon2id.
        card_wallets: number → key, of wallets that are paired with a hard wallet.
        card_tries: how often a hard wallet's PIN was tried since the last right one; each try is
            counted before it is evaluated.
        card_free_fen: the most that a hard wallet pays at once without the PIN.
        card_spent_fen: what it has paid without the PIN since that was last right.
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
    taken: dict[str, tuple[str, str, int, str]] = field(default_factory=dict)
    given: dict[str, tuple[str, str, str]] = field(default_factory=dict)
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
        """Encodes the state: a line of JSON, then the trust bundle, which is most of the bytes."""
        fields = asdict(self)
        bundle: bytes = fields.pop("bundle")
        return in_a_line(fields) + bundle

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Decodes a state. Raises ValueError for what is none, or is an earlier version's."""
        line, _, bundle = data.partition(LINE_END)
        values = json.loads(line)
        if not isinstance(values, dict):
            raise ValueError("not a secure element's state")
        # An earlier version wrote the bundle in the line, as hex.
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
    """Encodes fields as one line of JSON, so that bytes can follow it."""
    return json.dumps(fields, separators=(",", ":")).encode() + LINE_END


def chain_of(piece: HeldPiece) -> Chain:
    """The chain that a piece ends."""
    return Payment.decode(bytes.fromhex(piece.chain)).chains[0]


def worth_fen(pieces: list[HeldPiece]) -> int:
    """What pieces are worth together."""
    return sum(piece.value_fen for piece in pieces)
