"""Checks the central bank's journal: the bank or two officers signed what moves its circulation.

The rest follows from something that was signed: what expired tokens give back, and what a double
spend takes from reserves. The audit of tokens checks that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from google.protobuf.message import Message
from sqlalchemy import Engine, Row, column, select, table

from auditor.books import (
    CIRCULATION,
    DEPOSITS,
    LOSS,
    OFFICE,
    OFFLINE_FLOAT,
    PAID_IN,
    RESERVES,
    RESTORED,
    Owned,
)
from auditor.signatures.acts import ActsDone
from auditor.signatures.bank_keys import check_possession, compare, keys_of, terms_of
from auditor.signatures.key_rows import CERTIFICATES, KEYS, Given, Term
from auditor.signatures.late import Late
from auditor.signatures.orders import Line, Wrong, lines, purposed, read, same
from auditor.signatures.refusals import numbers_refused
from auditor.signatures.returns import Returns
from auditor.signatures.verifying import Problems, Verifying
from currency.number import prefix_of
from currency.payments import purpose_of_payment
from dcep.purposes.v1 import purposes_pb2
from dcep.registration.v1 import registration_pb2
from language import _
from offline_token.formats import DEVICE, Certificate, FormatError
from offline_token.possession import Possession
from runtime.kept_payload import KeptPayload, others_in, put_together
from settlement.accounts import opening_digest
from settlement.journal import Journal, Tip
from settlement.records import ADMINISTRATIVE, Kind, record_digest
from settlement.tables import JournalTables

_banks = table("banks", *(column(name) for name in ("id", "name", "prefix")))
_DEPOSIT, _DOUBLE_SPEND = purposes_pb2.PURPOSE_TOKEN_DEPOSIT, purposes_pb2.PURPOSE_DOUBLE_SPEND
_batches = table(
    "bank_batches",
    *(column(n) for n in ("position", "count", "bank", "kind", "head", "others", "signature")),
)
_PAYMENTS_FIELD = registration_pb2.OutboundBatch.PAYMENTS_FIELD_NUMBER
_KINDS: dict[str, Any] = {
    "payments": registration_pb2.OutboundBatch,
    "registration": registration_pb2.TokenRegistration,
    "deposit": registration_pb2.TokenDeposit,
}
_ROWS = 200


class _Bank(NamedTuple):
    name: str
    terms: list[Term]
    prefix: str

    def keys(self, time_ms: int) -> list[bytes]:
        """The keys that may have signed what was journaled at a time; Wrong when there is none."""
        found = keys_of(self.terms, time_ms)
        if not found:
            raise Wrong(_("bank {self} had no key then").format(self=self.name))
        return found


class CentreWalk:
    """Walks through the central bank's journal together with the batches that banks signed."""

    def __init__(
        self,
        engine: Engine,
        tables: JournalTables,
        acts: ActsDone,
        verifying: Verifying,
        rows: Iterable[Given],
        last: Iterable[Given],
    ) -> None:
        self._engine = engine
        self._journal = Journal(engine, tables)
        self._acts = acts
        self._verifying = verifying
        self._problems = Problems()
        terms = {what: terms_of(acts.approved, what) for what in (KEYS, CERTIFICATES)}
        with engine.connect() as connection:
            self._banks = {
                row.id: _Bank(row.name, terms[KEYS].get(row.name, []), row.prefix)
                for row in connection.execute(select(_banks))
            }
        names = {index: bank.name for index, bank in self._banks.items()}
        compare(rows, names, terms, last, self._problems)
        check_possession(acts.approved, self._problems)
        self._by_prefix = {bank.prefix: index for index, bank in self._banks.items()}
        self._late = Late()
        self._signed: dict[tuple[int, int], int] = {}
        """Digests of signed payments that are not in the journal yet, by bank and number."""
        self._deposits: dict[tuple[int, int], int] = {}
        self._covered = 0
        """The last position that the newest batch covers."""
        self._registration: registration_pb2.TokenRegistration | None = None
        self._refused = numbers_refused(engine)
        self._accounts = Owned.of(engine)
        self._unopened = dict(self._accounts.places)
        self._returns = Returns(engine, self._journal, self._accounts)
        self.owners: dict[tuple[int, int], bytes] = {}
        """The devices that tokens were registered for, by bank and number of the load."""

    def run(self, until_seq: int) -> Problems:
        """Names every record, up to row `until_seq`, that nothing signed stands behind."""
        batches, end = self._rows(), Tip()
        batch = next(batches, None)
        for entry, reached in self._journal.rows(Tip(), until_seq=until_seq):
            end = reached
            row = list(lines(entry))
            for index, line in enumerate(row):
                while batch is not None and batch.position <= line.position:
                    self._named(
                        _("table bank_batches, row position={position}").format(
                            position=batch.position
                        ),
                        batch,
                        row,
                    )
                    batch = next(batches, None)
                self._late.note(line)
                try:
                    self._one(line, row, index)
                except Wrong as wrong:
                    what = _("{name} of {yuan} fen").format(
                        name=Kind(line.kind).name, yuan=line.amount_fen
                    )
                    self._problems.say(
                        _(
                            "table journal, row seq={seq}, position={position}: {what}: {wrong}"
                        ).format(seq=entry.seq, position=line.position, what=what, wrong=wrong)
                    )
        for account in self._never_opened(end):
            self._problems.say(
                _("table accounts, row number={account}: it was never opened").format(
                    account=account
                )
            )
        for sentence in self._returns.check(end, self._by_prefix):
            self._problems.say(sentence)
        for line, seq, first in self._late.repeated(self._journal, until_seq):
            where = _("table journal, row seq={seq}, position={position}").format(
                seq=seq, position=line.position
            )
            self._problems.say(
                _("{where}: it was accepted before, at position {first}").format(
                    where=where, first=first
                )
            )
        return self._problems

    def _rows(self) -> Iterator[Row[Any]]:
        """The batches in the order of their positions, read some at a time."""
        after = 0
        while True:
            of = _batches.c
            query = select(_batches).where(of.position > after).order_by(of.position).limit(_ROWS)
            with self._engine.connect() as connection:
                found = connection.execute(query).all()
            yield from found
            if len(found) < _ROWS:
                return
            after = found[-1].position

    def _named(self, where: str, batch: Row[Any], row: Sequence[Line]) -> None:
        try:
            self._take(where, batch, row)
        except (Wrong, ValueError) as wrong:
            self._problems.say(f"{where}: {wrong}")

    def _take(self, where: str, batch: Row[Any], row: Sequence[Line]) -> None:
        """Puts a batch's signed bytes together again, and remembers what is in them."""
        bank = self._banks.get(batch.bank)
        if bank is None or batch.kind not in _KINDS:
            raise Wrong(_("it is of no bank, or of no kind"))
        kind = _KINDS[batch.kind]
        others = None if batch.others is None else bytes(batch.others)
        first = batch.position - row[0].position
        own = row[first : first + batch.count] if first >= 0 else []
        kept = KeptPayload(bytes(batch.head), others)
        payload = put_together(kept, _PAYMENTS_FIELD, [line.note for line in own])
        keys = bank.keys(row[max(first, 0)].time_ms)
        self._signed_by_one(where, keys, kind, payload, bytes(batch.signature))
        content = read(kind, payload)
        same("bank", content.bank, bank.name)
        if batch.kind == "registration":
            self._registration, self._covered = content, batch.position
        elif batch.kind == "deposit":
            for item in content.items:
                digest = record_digest(item.offline_payment)
                self._deposits[batch.bank, item.number] = digest
        elif others is not None:
            self._covered = batch.position + batch.count - 1
            for _first, item in others_in(others):
                number = read(registration_pb2.OutboundPayment, item).number
                self._signed[batch.bank, number] = record_digest(item)
        else:
            for payment in content.payments:
                note = payment.SerializeToString()
                self._signed[batch.bank, payment.number] = record_digest(note)

    def _signed_by_one(
        self,
        where: str,
        keys: Sequence[bytes],
        kind: type[Message],
        payload: bytes,
        signature: bytes,
    ) -> None:
        """Has a batch's signature verified; at once when more than one key comes into question."""
        if len(keys) > 1:
            if not self._verifying.now(keys, [kind], payload, signature):
                self._problems.say(
                    _("{where}: it is not signed by a key that the bank had then").format(
                        where=where
                    )
                )
            return
        self._verifying.add(
            self._problems,
            where,
            key=keys[0],
            kind=kind,
            payload=payload,
            signature=signature,
            always=True,
        )

    def _one(self, line: Line, row: Sequence[Line], index: int) -> None:
        if line.kind == Kind.OPEN:
            self._opened(line)
            return
        if line.kind in ADMINISTRATIVE:
            raise Wrong(_("nobody ordered it"))
        bank, purpose = self._accounts.place(line.origin)
        if purpose == CIRCULATION and bank in self._banks:
            self._outbound(line, bank)
        elif purpose == DEPOSITS and bank in self._banks:
            self._deposited(line, row, index, bank)
        elif purpose == OFFICE and bank in self._banks:
            self._office(line, bank)
        elif purpose in (RESTORED, LOSS):
            self._consequence(line, bank, purpose)
        elif line.accepted:
            raise Wrong(_("neither a bank nor two officers are behind it"))

    def _never_opened(self, end: Tip) -> list[int]:
        """Accounts in the table that no record has opened, not even after the end of the walk."""
        if self._unopened:
            for entry, _rest in self._journal.rows(end):
                for line in lines(entry):
                    if line.kind == Kind.OPEN:
                        self._unopened.pop(line.credit, None)
        return sorted(self._unopened)

    def _opened(self, line: Line) -> None:
        """Raises Wrong unless an account was opened for the bank and purpose in the table."""
        if line.credit in (PAID_IN, OFFLINE_FLOAT):
            return
        bank, purpose = self._accounts.place(line.credit)
        self._unopened.pop(line.credit, None)
        if bank not in self._banks:
            raise Wrong(_("table accounts does not say whose account it is"))
        if opening_digest(self._banks[bank].name.encode(), purpose) != line.digest:
            raise Wrong(_("it was opened for another owner or purpose than table accounts says"))

    def _outbound(self, line: Line, bank: int) -> None:
        """Checks a payment or a load, which the bank must have signed."""
        if self._registration is not None and line.position == self._covered:
            order, self._registration = self._registration, None
            self._registered(line, order)
            return
        digest = record_digest(line.note)
        same("digest", digest, line.digest)
        if line.position > self._covered and self._signed.pop((bank, line.sequence), 0) != digest:
            raise Wrong(
                _("it is in no batch that bank {name} signed").format(name=self._banks[bank].name)
            )
        payment = read(registration_pb2.OutboundPayment, line.note)
        same("number", payment.number, line.sequence)
        same("amount", payment.amount_fen, line.amount_fen)
        same("expiry", payment.expires_time_ms, line.expires_ms)
        if not line.accepted:
            return
        payee = self._by_prefix.get(prefix_of(payment.payee_number))
        credit = -1 if payee is None else self._accounts.number(payee, CIRCULATION)
        if (line.debit, line.credit) != (line.origin, credit):
            raise Wrong(
                _("its payee is {payee_number}, another bank was paid").format(
                    payee_number=payment.payee_number
                )
            )
        purposed(line, purpose_of_payment(payment))
        if payment.returns_payment_id:
            self._returns.take(payee, bank, payment)

    def _registered(self, line: Line, order: registration_pb2.TokenRegistration) -> None:
        same("number", order.number, line.sequence)
        same("amount", order.amount_fen, line.amount_fen)
        seal = f"{order.amount_fen} ".encode() + order.device_certificate
        same("digest", record_digest(seal), line.digest)
        if line.accepted and not _asked_for(order):
            raise Wrong(_("its device has not asked this bank to be certified"))
        if line.accepted and (line.debit, line.credit) != (line.origin, OFFLINE_FLOAT):
            raise Wrong(_("it moves something else than the bank signed"))
        if line.accepted:
            purposed(line, purposes_pb2.PURPOSE_TOKEN_LOAD)
            bank = self._accounts.place(line.origin)[0]
            self.owners[bank, order.number] = _device(order).key

    def _deposited(self, line: Line, row: Sequence[Line], index: int, bank: int) -> None:
        """Checks a record of a deposit.

        What the float pays comes first; the records after it are what other accounts pay.
        """
        head = index
        while not row[head].sequence and head:
            head -= 1
        number = row[head].sequence
        if not line.accepted:
            return
        if self._deposits.get((bank, number)) != line.digest:
            raise Wrong(
                _("it is in no deposit that bank {name} signed").format(name=self._banks[bank].name)
            )
        pays = line.debit == OFFLINE_FLOAT or self._accounts.place(line.debit)[1] == LOSS
        if not pays or line.credit != self._accounts.number(bank, CIRCULATION):
            raise Wrong(_("it moves something else than a deposit does"))
        purposed(line, _DEPOSIT if line.debit == OFFLINE_FLOAT else _DOUBLE_SPEND)
        if (bank, number) in self._refused:
            raise Wrong(_("table refused_deposits has it too: it was paid, and is refused"))

    def _office(self, line: Line, bank: int) -> None:
        """Checks what two officers did."""
        if not line.accepted:
            return
        reserves, circulation = (
            self._accounts.number(bank, RESERVES),
            self._accounts.number(bank, CIRCULATION),
        )
        kind, purpose = {
            (PAID_IN, reserves): ("pay_in_reserves", purposes_pb2.PURPOSE_RESERVES_IN),
            (reserves, PAID_IN): ("pay_out_reserves", purposes_pb2.PURPOSE_RESERVES_OUT),
            (reserves, circulation): ("issue", purposes_pb2.PURPOSE_ISSUANCE),
            (circulation, reserves): ("redeem", purposes_pb2.PURPOSE_REDEMPTION),
        }.get((line.debit, line.credit), ("", 0))
        if not kind:
            raise Wrong(_("no officers' act moves this"))
        self._acts.took_effect(
            line,
            kind,
            number=line.sequence,
            bank=self._banks[bank].name,
            amount_fen=line.amount_fen,
        )
        purposed(line, purpose)

    def _consequence(self, line: Line, bank: int, purpose: int) -> None:
        """Checks only the accounts and the purpose: the audit of tokens checks the rest."""
        circulation = self._accounts.number(bank, CIRCULATION)
        expected, was_for = (OFFLINE_FLOAT, circulation), purposes_pb2.PURPOSE_TOKEN_EXPIRY
        if purpose == LOSS:
            expected = (self._accounts.number(bank, RESERVES), line.origin)
            was_for = _DOUBLE_SPEND
        if line.accepted and (line.debit, line.credit) != expected:
            raise Wrong(_("nothing follows so from what was signed"))
        if line.accepted:
            purposed(line, was_for)


def _asked_for(order: registration_pb2.TokenRegistration) -> bool:
    """Whether the device that tokens are for has asked this bank for its certificate."""
    try:
        certificate = _device(order)
        return Possession.decode(order.possession).proves(certificate.key, order.bank)
    except FormatError:
        return False


def _device(order: registration_pb2.TokenRegistration) -> Certificate:
    return Certificate.decode(order.device_certificate, DEVICE)


def device_key(engine: Engine, position: int) -> bytes:
    """The key of the device for which a bank registered tokens at a position.

    Raises:
        Wrong: no registration that it signed begins there.
    """
    query = select(_batches.c.head, _batches.c.kind).where(_batches.c.position == position)
    with engine.connect() as connection:
        row = connection.execute(query).first()
    if row is None or row.kind != "registration":
        raise Wrong(
            _("no registration that the bank signed stands at position {position}").format(
                position=position
            )
        )
    order = read(registration_pb2.TokenRegistration, bytes(row.head))
    try:
        return Certificate.decode(order.device_certificate, DEVICE).key
    except FormatError as error:
        raise Wrong(_("its certificate cannot be read: {error}").format(error=error)) from None
