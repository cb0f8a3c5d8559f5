"""Offline tokens: registered against circulation, retired once each at deposit.

What is left of them when they have expired is given back, once.

Who pays when a piece was spent twice is decided in docs/decisions/0005.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from nacl.signing import SigningKey
from sqlalchemy import Column, Connection, Select, func, insert, select

from central_bank import accounts
from central_bank.authentication.devices import Devices
from central_bank.authentication.registry import Bank, Registry
from central_bank.limits import (
    MAX_BEARERS,
    MAX_ITEMS,
    MAX_LOSS_PER_DEVICE_FEN,
    MAX_LOSS_PER_TOKEN,
    MAX_RESTORED,
    MAX_TOKEN_FEN,
    RESTORE_GRACE_MS,
    TOKEN_LIFETIME_MS,
)
from central_bank.registration.double_spends import DEPOSITED, DoubleSpend, Share, Ways, path
from central_bank.registration.evidence import Evidence
from central_bank.registration.restore import (
    RestoreBroken,
    left_of_expired,
    put_restored,
    restoring,
)
from central_bank.registration.settle import Outcome, digest, open_signed, outcome_of
from central_bank.tables import losses, refused_deposits, tokens
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from offline_token.formats import (
    DEVICE,
    Certificate,
    Chain,
    FormatError,
    Payment,
    Token,
)
from offline_token.limits import MAX_CHAINS
from offline_token.signing import sign_token
from offline_token.verify import Bad, Reason, Verdict, check_bundle, check_device, judge
from runtime.checks import amount, at_most, invalid
from runtime.clock import Clock
from runtime.database import Database
from settlement.core import Answers, Batch
from settlement.history import History
from settlement.ledger import Ledger, Overloaded
from settlement.records import RECORD, Kind, RecordFlag, Records, Result

_SETTLED = registration_pb2.OUTCOME_STATE_SETTLED
_REFUSED = registration_pb2.OUTCOME_STATE_REFUSED
_PENDING = registration_pb2.OUTCOME_STATE_PENDING
_SPENT_TWICE = "SPENT_TWICE"
_AT_ONCE = 500
T = TypeVar("T")


@dataclass(frozen=True)
class DepositOutcome:
    """What became of one deposit."""

    number: int
    state: int
    reason: int = 0
    amount_fen: int = 0
    verdict: str = ""


class DepositBroken(Exception):
    """A deposit that the books must take was refused by them; the core must not go on."""


@dataclass(frozen=True)
class _Opened:
    """A deposit and what verifying it said."""

    item: registration_pb2.TokenDepositItem
    verdict: Verdict
    chains: tuple[Chain, ...] = ()

    def ids(self) -> set[bytes]:
        """The pieces that it spends, its ends included."""
        if not self.verdict.good:
            return set()
        spent = {piece.id for chain in self.chains for piece, _ in path(chain)}
        return spent | {end.id for end in self.verdict.pieces}


class Tokens:
    """The use-cases behind RegisterTokens and DepositTokens."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        history: History,
        registry: Registry,
        devices: Devices,
        root: SigningKey,
        clock: Clock,
        pool: Executor | None = None,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._history = history
        self._registry = registry
        self._evidence = Evidence(database, registry, clock)
        self._devices = devices
        self._root = root
        self._clock = clock
        self._pool = pool
        # What is spent is looked up and written down by one deposit after another, and what is
        # left by none of them meanwhile.
        self._depositing = threading.Lock()

    def register(self, bank: Bank, envelope: SignedEnvelope) -> tuple[Outcome, list[bytes]]:
        """Signs tokens for a certified device, paid for from the bank's circulation."""
        order = registration_pb2.TokenRegistration()
        open_signed("token-registration/v1", envelope, bank, order, self._clock.now_ms())
        if order.number < 1:
            raise invalid("number", "is at least 1")
        amount(order.amount_fen, largest=MAX_CHAINS * MAX_TOKEN_FEN)
        certificate = _certificate(bank, order.device_certificate)
        made = self._make(bank, order.number, order.amount_fen, certificate.key)
        record = _registration(bank, order, self._clock.now_ms())
        reason = self._unfit(certificate)
        if reason:
            # A record too, so that the feed ends what the bank holds for it.
            record["kind"], record["credit"], record["spare"] = Kind.REFUSAL, 0, reason
        note = registration_pb2.TokensRegistered(number=order.number, amount_fen=order.amount_fen)
        answers = self._ledger.submit(
            Batch(
                record,
                [note.SerializeToString()],
                lambda c, a: (
                    _put_tokens(c, bank, order.number, made)
                    if a.result(0).accepted and not a.repeated[0]
                    else None
                ),
            )
        )
        result = answers.result(0)
        if result == Result.ID_REUSED:
            # A device revoked since then: what was registered before stays registered.
            result, reason = self._earlier(record)
        state, reason = outcome_of(result, reason)
        return Outcome(order.number, state, reason), self._registered(bank, order.number)

    def deposit(self, bank: Bank, envelope: SignedEnvelope) -> list[DepositOutcome]:
        """Retires deposited pieces, once each, in favour of the bank's wallets."""
        order = registration_pb2.TokenDeposit()
        open_signed("token-deposit/v1", envelope, bank, order, self._clock.now_ms())
        at_most(order.items, "items", MAX_ITEMS)
        with self._depositing:
            return self._deposit_all(bank, self._open(order.items))

    def step(self) -> bool:
        """Gives back what is left of tokens whose grace is over; True when there was any."""
        now_ms = self._clock.now_ms()
        before_ms = now_ms - RESTORE_GRACE_MS
        with self._depositing:
            ended = self._database.read(lambda c: left_of_expired(c, before_ms, MAX_RESTORED))
            given_back = [left for left in ended if left.amount_fen]
            if not ended:
                return False
            if not given_back:
                self._database.transaction(lambda c: put_restored(c, ended))
                return True
            notes = [
                registration_pb2.TokensRestored(
                    number=left.number, amount_fen=left.amount_fen
                ).SerializeToString()
                for left in given_back
            ]

            def mark(connection: Connection, answers: Answers) -> None:
                if all(Result(result).accepted for result in answers.results.tolist()):
                    put_restored(connection, ended)

            try:
                answers = self._ledger.submit(Batch(restoring(given_back, now_ms), notes, mark))
            except Overloaded:
                return False
            for left, result in zip(given_back, answers.results.tolist(), strict=True):
                if not Result(result).accepted:
                    raise RestoreBroken(f"bank {left.bank}, load {left.number}: {Result(result)!r}")
        return True

    def _unfit(self, certificate: Certificate) -> int:
        """Why a device gets no tokens, a Reason; 0 when it does."""
        if self._devices.is_revoked(certificate.key):
            return int(errors_pb2.REASON_DEVICE_REVOKED)
        try:
            check_device(certificate, self._devices.bundle(), self._clock.now_ms())
        except Bad as bad:
            revoked = bad.reason == Reason.DEVICE_REVOKED
            return int(
                errors_pb2.REASON_DEVICE_REVOKED if revoked else errors_pb2.REASON_TOKEN_INVALID
            )
        return 0

    def _earlier(self, record: Records) -> tuple[Result, int]:
        """The answer that this registration was given, whatever the device was then."""
        row = self._history.row(int(record["origin"][0]), int(record["sequence"][0]))
        if row is None or int.from_bytes(bytes(row.digest), "little") != int(record["digest"][0]):
            return Result.ID_REUSED, 0
        return Result(row.result), row.spare

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

    def _open(self, items: Sequence[registration_pb2.TokenDepositItem]) -> list[_Opened]:
        """Judges each item, on all cores; the bundle that they are judged by is checked once."""
        bundle, now_ms = self._devices.deposit_bundle(), self._clock.now_ms()
        sound = check_bundle(bundle, self._devices.root_key, now_ms)

        def opened(item: registration_pb2.TokenDepositItem) -> _Opened:
            try:
                payment = Payment.decode(item.offline_payment[1:])
            except FormatError:
                return _Opened(item, Verdict(Reason.UNREADABLE))
            if sound != Reason.GOOD:
                return _Opened(item, Verdict(sound))
            verdict = judge(
                payment,
                root=self._devices.root_key,
                bundle=bundle,
                now_ms=now_ms,
                request=None,
                output=item.offline_payment[0],
                grace_ms=RESTORE_GRACE_MS,
            )
            return _Opened(item, verdict, payment.chains)

        return list(map(opened, items) if self._pool is None else self._pool.map(opened, items))

    def _deposit_all(self, bank: Bank, opened: Sequence[_Opened]) -> list[DepositOutcome]:
        """In their order. Those that nothing stands against are written down together."""
        outcomes: list[DepositOutcome] = []
        staged: list[tuple[_Opened, list[Share]]] = []
        news = self._news(bank, opened)
        ways = self._ways(bank, opened)
        for one in opened:
            shares: list[Share] = []
            if one.verdict.good and one.item.number in news:
                shares = ways.add_plain(one.chains, one.verdict.pieces, one.item.number)
            if shares:
                news.discard(one.item.number)
                staged.append((one, shares))
                outcomes.append(DepositOutcome(one.item.number, _SETTLED, 0, one.verdict.value_fen))
                continue
            self._retire_all(bank, staged, ways)
            staged = []
            outcomes.append(self._deposit_one(bank, one))
            ways.put(one.ids(), self._ways(bank, [one]).by_piece)
        self._retire_all(bank, staged, ways)
        return outcomes

    def _news(self, bank: Bank, opened: Sequence[_Opened]) -> set[int]:
        """Numbers that have never been answered, of payments of which nothing was given back."""
        last = int(self._ledger.read([accounts.deposits(bank.index)])[0]["last_sequence"])
        refused: set[int] = set()
        numbers = [one.item.number for one in opened]
        restored = self._restored([chain for one in opened for chain in one.chains])
        of = refused_deposits.c
        for some in _parts(numbers):
            query = select(of.number).where(of.bank == bank.index, of.number.in_(some))
            refused |= set(self._database.read(_scalars(query)))
        counts = Counter(numbers)
        return {
            one.item.number
            for one in opened
            if one.item.number > last
            and one.item.number not in refused
            and counts[one.item.number] == 1
            and not any(chain.token.id in restored for chain in one.chains)
        }

    def _deposit_one(self, bank: Bank, opened: _Opened) -> DepositOutcome:
        item, verdict, chains = opened.item, opened.verdict, opened.chains
        known = self._known(bank, item)
        if known is not None:
            return known
        if not verdict.good:
            return self._refuse(bank, item, errors_pb2.REASON_TOKEN_INVALID, verdict.reason.name)
        if self._restored(chains):
            # Also when the clock was set back since.
            expired = Reason.TOKEN_EXPIRED.name
            return self._refuse(bank, item, errors_pb2.REASON_TOKEN_INVALID, expired)
        ways = self._ways(bank, [opened])
        ends = [ways.by_piece.get(end.id, {}) for end in verdict.pieces]
        if any(DEPOSITED in end for end in ends):
            return self._refuse(bank, item, errors_pb2.REASON_ALREADY_DEPOSITED, "")
        paid_away = any(ends)
        shares = [
            ways.add(chain, end, item.number)
            for chain, end in zip(chains, verdict.pieces, strict=True)
        ]
        for double in (double for share in shares for double in share.doubles if double.is_new):
            self._uncover(double, bank)
        if paid_away or _to_the_cheater(item, shares) or self._beyond_cap(shares):
            return self._refuse(bank, item, errors_pb2.REASON_TOKEN_INVALID, _SPENT_TWICE)
        if not all(self._fund(*borne) for borne in self._borne(shares).items()):
            # Not the last word: the bank asks again until the reserves suffice.
            return DepositOutcome(item.number, _PENDING, errors_pb2.REASON_RESERVES_SHORT)
        self._retire_all(bank, [(opened, shares)], ways)
        return DepositOutcome(item.number, _SETTLED, 0, verdict.value_fen)

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
        if not Result(settled.result).accepted:
            return DepositOutcome(item.number, _REFUSED, errors_pb2.REASON_INTERNAL)
        note = registration_pb2.TokensDeposited.FromString(bytes(settled.note))
        return DepositOutcome(item.number, _SETTLED, 0, note.whole_fen)

    def _restored(self, chains: Sequence[Chain]) -> set[bytes]:
        """Ids of the tokens in these chains of which something was given back."""
        found: set[bytes] = set()
        given_back = tokens.c.restored_fen.is_not(None)
        for part in _parts(list({chain.token.id for chain in chains})):
            query = select(tokens.c.token_id).where(tokens.c.token_id.in_(part), given_back)
            found |= {bytes(token_id) for token_id in self._database.read(_scalars(query))}
        return found

    def _ways(self, bank: Bank, opened: Sequence[_Opened]) -> Ways:
        """How the pieces in these payments were spent before."""
        ids = list({piece_id for one in opened for piece_id in one.ids()})
        return self._database.read(lambda c: Ways.of(c, bank.index, ids))

    def _uncover(self, double: DoubleSpend, bank: Bank) -> None:
        """Keeps the proof of a double spend and takes the device out of use."""
        if double.proved:
            self._evidence.keep(double, bank.index)
            self._devices.revoke(double.device, "it spent a piece twice")
        elif double.first.bank == self._registry.get(double.second.certificate.bank).index:
            # Its own bank said that it deposited the piece; another bank's word is not enough.
            self._devices.revoke(double.device, "it spent a piece that it deposited")

    def _beyond_cap(self, shares: Sequence[Share]) -> bool:
        """Whether these losses, with the earlier ones, are more than is paid for a double spend."""
        by_token: Counter[bytes] = Counter()
        by_device: Counter[bytes] = Counter()
        for share in shares:
            if share.loss_fen:
                by_token[share.end.token_id] += share.loss_fen
                by_device[share.doubles[-1].device] += share.loss_fen
        return (
            any(
                fen + self._lost(losses.c.token_id, token) > MAX_LOSS_PER_TOKEN * self._value(token)
                for token, fen in by_token.items()
            )
            or any(
                fen + self._lost(losses.c.device_key, device) > MAX_LOSS_PER_DEVICE_FEN
                for device, fen in by_device.items()
            )
            or len(self._borne(shares)) > MAX_BEARERS
        )

    def _lost(self, column: Column[bytes], key: bytes) -> int:
        query = select(func.sum(losses.c.amount_fen)).where(column == key)
        return int(self._database.read(lambda c: c.execute(query).scalar()) or 0)

    def _value(self, token_id: bytes) -> int:
        query = select(tokens.c.value_fen).where(tokens.c.token_id == token_id)
        return int(self._database.read(lambda c: c.execute(query).scalar()) or 0)

    def _borne(self, shares: Sequence[Share]) -> dict[int, int]:
        """Fen that each bank, by its index, has to bear."""
        borne: Counter[int] = Counter()
        for share in shares:
            if share.loss_fen:
                borne[self._bearer(share)] += share.loss_fen
        return dict(borne)

    def _bearer(self, share: Share) -> int:
        """The bank that certified the device; the one that deposited the piece, if it was so."""
        double = share.doubles[-1]
        if double.proved:
            return self._registry.get(double.second.certificate.bank).index
        return double.first.bank

    def _fund(self, bank: int, amount_fen: int) -> bool:
        """Takes what a bank has to bear out of its reserves; False while they do not suffice."""
        loss, reserves = accounts.loss(bank), accounts.reserves(bank)
        there, held = self._ledger.read([loss, reserves])
        missing = amount_fen - int(there["available_fen"])
        if missing <= 0:
            return True
        if missing > int(held["available_fen"]):
            return False
        record = np.zeros(1, RECORD)
        record["origin"] = record["credit"] = loss
        record["debit"] = reserves
        record["sequence"] = int(there["last_sequence"]) + 1
        record["kind"] = Kind.TRANSFER
        record["flags"] = RecordFlag.NO_LIMIT
        record["amount_fen"] = missing
        record["time_ms"] = self._clock.now_ms()
        return self._ledger.submit(Batch(record)).result(0).accepted

    def _retire_all(
        self, bank: Bank, staged: Sequence[tuple[_Opened, Sequence[Share]]], ways: Ways
    ) -> None:
        """Moves what was staged and keeps its ways, in one commit."""
        if not staged:
            return
        now_ms = self._clock.now_ms()
        records: list[Records] = []
        notes: list[bytes] = []
        for one, shares in staged:
            sources = {accounts.OFFLINE_FLOAT: sum(share.retired_fen for share in shares)}
            sources |= {accounts.loss(bearer): fen for bearer, fen in self._borne(shares).items()}
            paying = _deposit(bank, one.item, sources, now_ms)
            records.append(paying)
            notes += [
                registration_pb2.TokensDeposited(
                    number=one.item.number,
                    wallet_number=one.item.wallet_number,
                    amount_fen=amount_fen,
                    whole_fen=one.verdict.value_fen,
                ).SerializeToString()
                for amount_fen in paying["amount_fen"].tolist()
            ]

        def keep(connection: Connection, answers: Answers) -> None:
            if (answers.results >= Result.MALFORMED).any() or answers.repeated.any():
                raise DepositBroken(f"bank {bank.name}: {answers.results.tolist()}")
            ways.write(connection, now_ms)
            for one, shares in staged:
                self._put_losses(connection, bank, one.item.number, shares, now_ms)

        self._ledger.submit(Batch(np.concatenate(records), notes, keep))

    def _put_losses(
        self,
        connection: Connection,
        bank: Bank,
        number: int,
        shares: Sequence[Share],
        now_ms: int,
    ) -> None:
        rows = [
            {
                "piece_id": share.end.id,
                "token_id": share.end.token_id,
                "device_key": share.doubles[-1].device,
                "borne_by": self._bearer(share),
                "amount_fen": share.loss_fen,
                "bank": bank.index,
                "number": number,
                "time_ms": now_ms,
            }
            for share in shares
            if share.loss_fen
        ]
        if rows:
            connection.execute(insert(losses), rows)

    def _refuse(
        self, bank: Bank, item: registration_pb2.TokenDepositItem, reason: int, verdict: str
    ) -> DepositOutcome:
        row = {"bank": bank.index, "number": item.number, "reason": reason, "verdict": verdict}
        self._database.transaction(lambda c: c.execute(insert(refused_deposits), row))
        return DepositOutcome(item.number, _REFUSED, reason, 0, verdict)


def _parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]


def _scalars(query: Select[Any]) -> Callable[[Connection], Sequence[Any]]:
    return lambda connection: connection.execute(query).scalars().all()


def _certificate(bank: Bank, encoded: bytes) -> Certificate:
    try:
        certificate = Certificate.decode(encoded, DEVICE)
    except FormatError as error:
        raise invalid("device_certificate", f"is unreadable: {error}") from None
    if certificate.bank != bank.name:
        raise invalid("device_certificate", "is another bank's")
    return certificate


def _to_the_cheater(item: registration_pb2.TokenDepositItem, shares: Sequence[Share]) -> bool:
    """Whether a piece would be paid to the one who spent it, or what it came from, twice."""
    own = set(item.own_device_keys)
    return any(
        double.device == share.end.owner or double.device in own
        for share in shares
        for double in share.doubles
    )


def _put_tokens(connection: Connection, bank: Bank, number: int, made: Sequence[Token]) -> None:
    connection.execute(
        insert(tokens),
        [
            {
                "token_id": token.id,
                "bank": bank.index,
                "number": number,
                "value_fen": token.value_fen,
                "expires_time_ms": token.expires_time_ms,
                "body": token.encode(),
            }
            for token in made
        ],
    )


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
    bank: Bank, item: registration_pb2.TokenDepositItem, sources: dict[int, int], now_ms: int
) -> Records:
    """A record for each account that pays; they stand or fall together."""
    paying = [(account, fen) for account, fen in sources.items() if fen]
    records = np.zeros(len(paying), RECORD)
    records["origin"] = accounts.deposits(bank.index)
    records["debit"] = [account for account, _ in paying]
    records["credit"] = accounts.circulation(bank.index)
    records["sequence"][0] = item.number
    records["kind"] = Kind.TRANSFER
    records["flags"] = RecordFlag.NO_LIMIT
    records["flags"][:-1] = RecordFlag.NO_LIMIT | RecordFlag.LINKED
    records["amount_fen"] = [fen for _, fen in paying]
    records["time_ms"] = now_ms
    records["digest"] = _item_digest(item)
    return records


def _item_digest(item: registration_pb2.TokenDepositItem) -> int:
    return digest(item.wallet_number.encode() + item.offline_payment)
