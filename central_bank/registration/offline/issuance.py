"""Issues offline tokens: signs them for a device, and moves their value from its bank's
circulation.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, insert, select

from central_bank.authentication.banks import AdmittedBank
from central_bank.authentication.offline_roots import OfflineRoots
from central_bank.authentication.trust_bundle import Devices
from central_bank.context import Context
from central_bank.ledger import accounts
from central_bank.limits import MAX_TOKEN_FEN, TOKEN_LIFETIME_MS
from central_bank.registration.kept_batches import REGISTRATION, SignedBatch
from central_bank.registration.kept_for_nothing import KeptForNothing
from central_bank.registration.offline.sizes import sizes
from central_bank.registration.offline.tables import tokens
from central_bank.registration.settlement import digest, open_signed, outcome_of
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.purposes.v1 import purposes_pb2
from dcep.registration.v1 import registration_pb2
from offline_token.formats import DEVICE, Certificate, FormatError, Token
from offline_token.limits import MAX_CHAINS
from offline_token.possession import Possession
from offline_token.signing import sign_token
from offline_token.verify import Bad, Reason, check_device
from runtime.checks import invalid
from runtime.errors import as_reason
from settlement.builders import Row, records_of, refused, transfer
from settlement.core import Answers, Batch
from settlement.records import RecordFlag, Records, Result

_ELSEWHERE = int(errors_pb2.REASON_ALREADY_EXISTS)
"""The Reason for a key that has tokens from another bank: it may not have any here."""


class Loads:
    """The use-case behind RegisterTokens."""

    def __init__(
        self, context: Context, devices: Devices, roots: OfflineRoots, kept: KeptForNothing
    ) -> None:
        self._database = context.database
        self._ledger = context.ledger
        self._history = context.history
        self._devices = devices
        self._roots = roots
        self._kept = kept
        self._clock = context.clock
        self._changing = threading.Lock()
        self._busy: dict[bytes, tuple[int, int]] = {}
        """Keys for which tokens are being made: the index of the bank that asks, and by how many
        calls."""

    def register(
        self, bank: AdmittedBank, envelope: SignedEnvelope
    ) -> tuple[registration_pb2.Outcome, list[bytes]]:
        """Signs tokens for a certified device, paid for from the bank's circulation.

        Returns:
            The outcome, and the encoded tokens; those of the first time if the order repeats.

        Raises:
            Refusal: the order is not good. A refused load is an outcome.
        """
        self._kept.check(bank)
        kind = registration_pb2.TokenRegistration
        order = open_signed(kind, envelope, bank, self._clock.now_ms())
        certificate = _certificate(bank, order.device_certificate)
        with self._loading(bank, certificate.key) as alone:
            reason = self._unfit(bank, certificate, order) if alone else _ELSEWHERE
            return self._settle(bank, order, certificate, reason, envelope)

    def _settle(
        self,
        bank: AdmittedBank,
        order: registration_pb2.TokenRegistration,
        certificate: Certificate,
        reason: int,
        envelope: SignedEnvelope,
    ) -> tuple[registration_pb2.Outcome, list[bytes]]:
        record = records_of([_registration(bank, order, reason, self._clock.now_ms())])
        made = []
        if not reason:
            made = self._make(bank, order.number, order.amount_fen, certificate.key)
        note = registration_pb2.TokensRegistered(
            number=order.number,
            amount_fen=order.amount_fen,
            certificate_digest=hashlib.sha256(order.device_certificate).digest(),
        )
        signed = SignedBatch(bank, REGISTRATION, envelope)

        def keep(connection: Connection, answers: Answers) -> None:
            signed.keep_whole(connection, answers)
            if answers.result(0).accepted and not answers.repeated[0]:
                _put_tokens(connection, bank, order.number, made)

        batch = Batch(record, [note.SerializeToString()], keep)
        answers = self._ledger.submit(batch)
        self._kept.count(signed, batch, answers, moved_bytes=len(envelope.payload))
        result = answers.result(0)
        if result == Result.ID_REUSED:
            # The device may have been revoked since: what was registered before stays registered.
            result, reason = self._earlier(record)
        state, reason = outcome_of(result, reason)
        outcome = registration_pb2.Outcome(number=order.number, reason=as_reason(reason))
        outcome.state = state  # type: ignore[assignment]
        return outcome, self._registered(bank, order.number)

    @contextmanager
    def _loading(self, bank: AdmittedBank, key: bytes) -> Iterator[bool]:
        """A context in which no other bank has tokens made for a key; gives False if one does
        already.
        """
        with self._changing:
            alone = self._busy.setdefault(key, (bank.index, 0))[0] == bank.index
            if alone:
                self._busy[key] = (bank.index, self._busy[key][1] + 1)
        try:
            yield alone
        finally:
            if alone:
                with self._changing:
                    count = self._busy[key][1] - 1
                    self._busy[key] = (bank.index, count)
                    if not count:
                        del self._busy[key]

    def _lives_elsewhere(self, bank: AdmittedBank, key: bytes) -> bool:
        """Whether tokens were made for a key at another bank."""
        query = select(tokens.c.bank).where(tokens.c.owner == key, tokens.c.bank != bank.index)
        return self._database.read(lambda c: c.execute(query.limit(1)).first()) is not None

    def _unfit(
        self,
        bank: AdmittedBank,
        certificate: Certificate,
        order: registration_pb2.TokenRegistration,
    ) -> int:
        """The Reason why a device gets no such tokens; 0 if it does."""
        asked = Possession.decode(order.possession)
        if not asked.proves(certificate.key, bank.name):
            # The bank may have certified a key that it has only seen.
            return int(errors_pb2.REASON_SIGNATURE_INVALID)
        if self._lives_elsewhere(bank, certificate.key):
            return _ELSEWHERE
        if self._devices.is_revoked(certificate):
            return int(errors_pb2.REASON_DEVICE_REVOKED)
        bundle = self._devices.known_banks()
        try:
            check_device(certificate, bundle, self._clock.now_ms())
        except Bad as bad:
            revoked = bad.reason == Reason.DEVICE_REVOKED
            return int(
                errors_pb2.REASON_DEVICE_REVOKED if revoked else errors_pb2.REASON_TOKEN_INVALID
            )
        if order.amount_fen > min(bundle.max_holding_fen, MAX_CHAINS * MAX_TOKEN_FEN):
            return int(errors_pb2.REASON_OVER_BALANCE_CAP)
        return 0

    def _earlier(self, record: Records) -> tuple[Result, int]:
        """The answer that this load was given, whatever is true of the device now."""
        row = self._history.row(int(record["origin"][0]), int(record["sequence"][0]))
        if row is None or int.from_bytes(bytes(row.digest), "little") != int(record["digest"][0]):
            return Result.ID_REUSED, 0
        return Result(row.result), row.reason

    def _make(self, bank: AdmittedBank, number: int, amount_fen: int, owner: bytes) -> list[Token]:
        """Tokens that add up to an amount; their ids are the same each time for one load."""
        now_ms, root = self._clock.now_ms(), self._roots.signing()
        made: list[Token] = []
        for value in sizes(amount_fen):
            name = f"{bank.name} {number} {len(made)}".encode()
            token_id = hashlib.sha256(bytes(root.verify_key) + name).digest()[:16]
            blank = Token(token_id, value, owner, now_ms, now_ms + TOKEN_LIFETIME_MS)
            made.append(sign_token(root, blank))
        return made

    def _registered(self, bank: AdmittedBank, number: int) -> list[bytes]:
        query = (
            select(tokens.c.body)
            .where(tokens.c.bank == bank.index, tokens.c.number == number)
            .order_by(tokens.c.token_id)
        )
        return [bytes(b) for b in self._database.read(lambda c: c.execute(query).scalars().all())]


def _certificate(bank: AdmittedBank, encoded: bytes) -> Certificate:
    try:
        certificate = Certificate.decode(encoded, DEVICE)
    except FormatError as error:
        raise invalid("device_certificate", f"is unreadable: {error}") from None
    if certificate.bank != bank.name:
        raise invalid("device_certificate", "is another bank's")
    return certificate


def _put_tokens(
    connection: Connection, bank: AdmittedBank, number: int, made: Sequence[Token]
) -> None:
    connection.execute(
        insert(tokens),
        [
            {
                "token_id": token.id,
                "bank": bank.index,
                "number": number,
                "owner": token.owner,
                "value_fen": token.value_fen,
                "expires_time_ms": token.expires_time_ms,
                "body": token.encode(),
                "pruned": 0,
                "pruned_fen": 0,
            }
            for token in made
        ],
    )


def _registration(
    bank: AdmittedBank, order: registration_pb2.TokenRegistration, reason: int, now_ms: int
) -> Row:
    """The record that tokens are registered, or refused, so that the feed ends the bank's hold."""
    own = bank.accounts.circulation
    seal = digest(f"{order.amount_fen} ".encode() + order.device_certificate)
    row = transfer(
        origin=own,
        sequence=order.number,
        debit=own,
        credit=accounts.OFFLINE_FLOAT,
        amount_fen=order.amount_fen,
        purpose=purposes_pb2.PURPOSE_TOKEN_LOAD,
        time_ms=now_ms,
        flags=RecordFlag.NO_LIMIT,
        digest=seal,
    )
    return refused(row, reason) if reason else row
