"""Offline tokens: registered against circulation, retired once each at deposit."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from nacl.signing import SigningKey
from sqlalchemy import Connection, insert, select

from central_bank import accounts
from central_bank.authentication.devices import Devices
from central_bank.authentication.registry import Bank
from central_bank.limits import MAX_ITEMS, MAX_TOKEN_FEN, TOKEN_LIFETIME_MS
from central_bank.registration.settle import Outcome, digest, open_signed, outcome_of
from central_bank.tables import pieces, refused_deposits, tokens
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from offline_token.formats import (
    DEVICE,
    PAYEE_OUTPUT,
    Certificate,
    Chain,
    FormatError,
    Payment,
    Token,
)
from offline_token.limits import MAX_CHAINS
from offline_token.signing import sign_token
from offline_token.verify import Bad, Piece, check_device, spent_pieces, verify
from runtime.checks import amount, at_most, invalid
from runtime.clock import Clock
from runtime.database import Database
from runtime.errors import Refusal
from settlement.core import Batch
from settlement.history import History
from settlement.ledger import Ledger
from settlement.records import RECORD, Kind, RecordFlag, Records

DEPOSITED = b"deposited".ljust(32, b"\0")
_SETTLED = registration_pb2.OUTCOME_STATE_SETTLED
_REFUSED = registration_pb2.OUTCOME_STATE_REFUSED


@dataclass(frozen=True)
class DepositOutcome:
    """What became of one deposit."""

    number: int
    state: int
    reason: int = 0
    amount_fen: int = 0
    verdict: str = ""


class Tokens:
    """The use-cases behind RegisterTokens and DepositTokens."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        history: History,
        devices: Devices,
        root: SigningKey,
        clock: Clock,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._history = history
        self._devices = devices
        self._root = root
        self._clock = clock
        # What is spent is looked up and written down by one deposit after another.
        self._depositing = threading.Lock()

    def register(self, bank: Bank, envelope: SignedEnvelope) -> tuple[Outcome, list[bytes]]:
        """Signs tokens for a certified device, paid for from the bank's circulation."""
        order = registration_pb2.TokenRegistration()
        open_signed("token-registration/v1", envelope, bank, order, self._clock.now_ms())
        if order.number < 1:
            raise invalid("number", "is at least 1")
        amount(order.amount_fen, largest=MAX_CHAINS * MAX_TOKEN_FEN)
        owner = self._owner(bank, order.device_certificate)
        made = self._make(bank, order.number, order.amount_fen, owner)
        answers = self._ledger.submit(
            Batch(
                _registration(bank, order, self._clock.now_ms()),
                [
                    registration_pb2.TokensRegistered(
                        number=order.number, amount_fen=order.amount_fen
                    ).SerializeToString()
                ],
                lambda c, a: (
                    _put_tokens(c, bank, order.number, made)
                    if a.result(0).accepted and not a.repeated[0]
                    else None
                ),
            )
        )
        state, reason = outcome_of(answers.result(0), 0)
        return Outcome(order.number, state, reason), self._registered(bank, order.number)

    def deposit(self, bank: Bank, envelope: SignedEnvelope) -> list[DepositOutcome]:
        """Retires deposited pieces, once each, in favour of the bank's wallets."""
        order = registration_pb2.TokenDeposit()
        open_signed("token-deposit/v1", envelope, bank, order, self._clock.now_ms())
        at_most(order.items, "items", MAX_ITEMS)
        with self._depositing:
            return [self._deposit_one(bank, item) for item in order.items]

    def _owner(self, bank: Bank, encoded: bytes) -> bytes:
        try:
            certificate = Certificate.decode(encoded, DEVICE)
            check_device(certificate, self._devices.bundle(), self._clock.now_ms())
        except FormatError as error:
            raise invalid("device_certificate", f"is unreadable: {error}") from None
        except Bad as bad:
            raise Refusal(
                errors_pb2.REASON_TOKEN_INVALID,
                f"the device's certificate is not good: {bad.reason.name}",
                field="device_certificate",
            ) from None
        if certificate.bank != bank.name:
            raise invalid("device_certificate", "is another bank's")
        return certificate.key

    def _make(self, bank: Bank, number: int, amount_fen: int, owner: bytes) -> list[Token]:
        """Tokens that add up to an amount; the same for the same registration."""
        now_ms = self._clock.now_ms()
        made: list[Token] = []
        rest = amount_fen
        while rest:
            value = min(rest, MAX_TOKEN_FEN)
            name = f"{bank.name} {number} {len(made)}".encode()
            token_id = hashlib.sha256(bytes(self._root.verify_key) + name).digest()[:16]
            blank = Token(token_id, value, owner, now_ms, now_ms + TOKEN_LIFETIME_MS)
            made.append(sign_token(self._root, blank))
            rest -= value
        return made

    def _registered(self, bank: Bank, number: int) -> list[bytes]:
        query = (
            select(tokens.c.body)
            .where(tokens.c.bank == bank.index, tokens.c.number == number)
            .order_by(tokens.c.token_id)
        )
        return [bytes(b) for b in self._database.read(lambda c: c.execute(query).scalars().all())]

    def _deposit_one(self, bank: Bank, item: registration_pb2.TokenDepositItem) -> DepositOutcome:
        known = self._known(bank, item)
        if known is not None:
            return known
        output, payment = item.offline_payment[:1], item.offline_payment[1:]
        verdict = verify(
            payment,
            root=self._devices.root_key,
            bundle=self._devices.bundle(),
            now_ms=self._clock.now_ms(),
            request=None,
            output=output[0] if output else PAYEE_OUTPUT,
        )
        if not verdict.good:
            return self._refuse(bank, item, errors_pb2.REASON_TOKEN_INVALID, verdict.reason.name)
        chains = Payment.decode(payment).chains
        conflict = self._conflict(chains, verdict.pieces)
        if conflict == DEPOSITED:
            return self._refuse(bank, item, errors_pb2.REASON_ALREADY_DEPOSITED, "")
        if conflict is not None:
            return self._refuse(bank, item, errors_pb2.REASON_TOKEN_INVALID, "SPENT_TWICE")
        return self._retire(bank, item, chains, verdict.pieces)

    def _known(self, bank: Bank, item: registration_pb2.TokenDepositItem) -> DepositOutcome | None:
        """The first answer to this deposit, if it has been given."""
        table = refused_deposits
        query = select(table).where(table.c.bank == bank.index, table.c.number == item.number)
        row = self._database.read(lambda c: c.execute(query).first())
        if row is not None:
            return DepositOutcome(item.number, _REFUSED, row.reason, 0, row.verdict)
        settled = self._history.row(accounts.deposits(bank.index), item.number)
        if settled is None:
            return None
        if int.from_bytes(bytes(settled.digest), "little") != _item_digest(item):
            return DepositOutcome(item.number, _REFUSED, errors_pb2.REASON_ID_REUSED)
        return DepositOutcome(item.number, _SETTLED, 0, settled.amount_fen)

    def _conflict(self, chains: Sequence[Chain], ends: Sequence[Piece]) -> bytes | None:
        """How a piece in these chains was spent otherwise before; None when it was not."""
        # The payment has been verified: no piece in it is spent in two ways, or spent and paid.
        wanted: dict[bytes, bytes] = {end.id: DEPOSITED for end in ends}
        for chain in chains:
            wanted.update((piece_id, spent_by) for piece_id, spent_by, _ in _spending(chain))
        query = select(pieces.c.piece_id, pieces.c.spent_by).where(
            pieces.c.piece_id.in_(list(wanted))
        )
        ends_ids = {end.id for end in ends}
        for row in self._database.read(lambda c: c.execute(query).all()):
            if (
                bytes(row.piece_id) in ends_ids
                or bytes(row.spent_by) != wanted[bytes(row.piece_id)]
            ):
                return bytes(row.spent_by)
        return None

    def _retire(
        self,
        bank: Bank,
        item: registration_pb2.TokenDepositItem,
        chains: Sequence[Chain],
        ends: Sequence[Piece],
    ) -> DepositOutcome:
        value = sum(end.value_fen for end in ends)
        note = registration_pb2.TokensDeposited(
            number=item.number, wallet_number=item.wallet_number, amount_fen=value
        )
        now_ms = self._clock.now_ms()
        answers = self._ledger.submit(
            Batch(
                _deposit(bank, item, value, now_ms),
                [note.SerializeToString()],
                lambda c, a: (
                    _put_pieces(c, bank, item.number, chains, ends, now_ms)
                    if a.result(0).accepted and not a.repeated[0]
                    else None
                ),
            )
        )
        if not answers.result(0).accepted:
            return DepositOutcome(item.number, _REFUSED, errors_pb2.REASON_INTERNAL)
        return DepositOutcome(item.number, _SETTLED, 0, value)

    def _refuse(
        self, bank: Bank, item: registration_pb2.TokenDepositItem, reason: int, verdict: str
    ) -> DepositOutcome:
        row = {"bank": bank.index, "number": item.number, "reason": reason, "verdict": verdict}
        self._database.transaction(lambda c: c.execute(insert(refused_deposits), row))
        return DepositOutcome(item.number, _REFUSED, reason, 0, verdict)


def _spending(chain: Chain) -> list[tuple[bytes, bytes, bytes]]:
    """(piece id, hash of the endorsement that spent it, endorsement) along a chain."""
    found = []
    for piece, hop in zip(spent_pieces(chain), chain.hops, strict=True):
        found.append((piece.id, hop.endorsement.digest(piece.id), hop.endorsement.encode()))
    return found


def _put_tokens(connection: Connection, bank: Bank, number: int, made: Sequence[Token]) -> None:
    connection.execute(
        insert(tokens),
        [
            {
                "token_id": token.id,
                "bank": bank.index,
                "number": number,
                "value_fen": token.value_fen,
                "body": token.encode(),
            }
            for token in made
        ],
    )


def _put_pieces(
    connection: Connection,
    bank: Bank,
    number: int,
    chains: Sequence[Chain],
    ends: Sequence[Piece],
    now_ms: int,
) -> None:
    rows: dict[bytes, dict[str, Any]] = {}
    for chain, end in zip(chains, ends, strict=True):
        common = {"token_id": end.token_id, "bank": bank.index, "number": number, "time_ms": now_ms}
        for piece_id, spent_by, endorsement in _spending(chain):
            spent = {"piece_id": piece_id, "spent_by": spent_by, "chain": endorsement}
            rows[piece_id] = {**common, **spent, "value_fen": 0}
        last = {"piece_id": end.id, "spent_by": DEPOSITED, "chain": b""}
        rows[end.id] = {**common, **last, "value_fen": end.value_fen}
    known = select(pieces.c.piece_id).where(pieces.c.piece_id.in_(list(rows)))
    for piece_id in connection.execute(known).scalars():
        del rows[bytes(piece_id)]
    connection.execute(insert(pieces), list(rows.values()))


def _registration(bank: Bank, order: registration_pb2.TokenRegistration, now_ms: int) -> Records:
    record = np.zeros(1, RECORD)
    record["origin"] = record["debit"] = accounts.circulation(bank.index)
    record["credit"] = accounts.OFFLINE_FLOAT
    record["sequence"] = order.number
    record["kind"] = Kind.TRANSFER
    record["flags"] = RecordFlag.NO_LIMIT
    record["amount_fen"] = order.amount_fen
    record["expires_ms"] = 0
    record["time_ms"] = now_ms
    record["digest"] = digest(f"{order.amount_fen} ".encode() + order.device_certificate)
    return record


def _deposit(
    bank: Bank, item: registration_pb2.TokenDepositItem, value: int, now_ms: int
) -> Records:
    record = np.zeros(1, RECORD)
    record["origin"] = accounts.deposits(bank.index)
    record["debit"] = accounts.OFFLINE_FLOAT
    record["credit"] = accounts.circulation(bank.index)
    record["sequence"] = item.number
    record["kind"] = Kind.TRANSFER
    record["flags"] = RecordFlag.NO_LIMIT
    record["amount_fen"] = value
    record["time_ms"] = now_ms
    record["digest"] = _item_digest(item)
    return record


def _item_digest(item: registration_pb2.TokenDepositItem) -> int:
    return digest(item.wallet_number.encode() + item.offline_payment)
