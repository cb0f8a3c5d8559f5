"""Makes records: one function for each kind.

No record is filled in by hand anywhere else. A service gives the numbers of its accounts and the
purposes of its contract. Only these functions know what a kind keeps in `ref`, and
`settlement.records`, which reads it back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from settlement.records import RECORD, Kind, Limit, RecordFlag, Records, opening_ref

# An enum's member takes longer to turn into a number than the rest of a row takes to be made.
_TRANSFER, _HOLD, _CAPTURE = int(Kind.TRANSFER), int(Kind.HOLD), int(Kind.CAPTURE)
_RELEASE, _DELIVER, _REFUSAL = int(Kind.RELEASE), int(Kind.DELIVER), int(Kind.REFUSAL)


class Row(NamedTuple):
    """A record, field by field in the order of RECORD; 0 in what its kind does not use.

    Tuples, because a bulk call makes thousands at once and NumPy takes them all in one step.
    """

    origin: int = 0
    debit: int = 0
    credit: int = 0
    kind: int = 0
    flags: int = 0
    purpose: int = 0
    sequence: int = 0
    amount_fen: int = 0
    time_ms: int = 0
    expires_ms: int = 0
    ref: int = 0
    digest: int = 0

    @property
    def reason(self) -> int:
        """Why, by the contract's numbers, when it is a refusal; else 0."""
        return self.ref if self.kind == Kind.REFUSAL else 0


def records_of(rows: Iterable[Row]) -> Records:
    """Rows as records (N,)."""
    return np.array(list(rows), RECORD)


def linked(rows: Sequence[Row]) -> list[Row]:
    """The same rows as a chain: all of them take effect, or none."""
    flag = int(RecordFlag.LINKED)
    return [*(row._replace(flags=row.flags | flag) for row in rows[:-1]), rows[-1]]


def opening(
    account: int,
    *,
    ledger: int,
    time_ms: int,
    limit_set: int = 0,
    parent: int = 0,
    flags: int = 0,
    digest: int = 0,
) -> Row:
    """Opens an account; one that is open already stays as it is.

    Args:
        account: its number.
        ledger: the books that it belongs to.
        time_ms: when.
        limit_set: the limits that it has; 0: none.
        parent: an open account of the same ledger whose limits also count what this one spends;
            0: none.
        flags: AccountFlags.
        digest: binds the account to its owner and purpose: `settlement.accounts.opening_digest`.
    """
    return Row(
        kind=int(Kind.OPEN),
        debit=parent,
        credit=account,
        time_ms=time_ms,
        ref=opening_ref(ledger=ledger, limit_set=limit_set, flags=flags),
        digest=digest,
    )


def setting_flags(
    account: int,
    flags: int,
    *,
    time_ms: int,
    origin: int = 0,
    sequence: int = 0,
    digest: int = 0,
) -> Row:
    """Freezes, thaws or closes an account.

    Of `flags` only FROZEN and CLOSED count. An account that is not frozen by them is thawed; one
    that is closed stays closed.
    """
    return Row(
        kind=int(Kind.SET_FLAGS),
        origin=origin,
        sequence=sequence,
        credit=account,
        time_ms=time_ms,
        ref=int(flags),
        digest=digest,
    )


def replacing_key(account: int, key: int, *, time_ms: int, digest: int = 0) -> Row:
    """Replaces the key that orders out of an account; no order of a key before counts after it.

    Args:
        account: its number; it is not closed.
        key: which key it is: 1 for the first successor, and each time one more.
        time_ms: when.
        digest: of what was signed for it.
    """
    return Row(kind=int(Kind.REPLACE_KEY), credit=account, time_ms=time_ms, ref=key, digest=digest)


def setting_limit_set(account: int, limit_set: int, *, time_ms: int, digest: int = 0) -> Row:
    """Gives an account other limits; what it has and has spent stays."""
    return Row(
        kind=int(Kind.SET_LIMIT_SET),
        credit=account,
        time_ms=time_ms,
        ref=limit_set,
        digest=digest,
    )


def setting_limit(
    limit_set: int, limit: Limit | int, amount_fen: int, *, time_ms: int, digest: int = 0
) -> Row:
    """Sets one limit of a limit set, in fen; 0 takes the limit away."""
    return Row(
        kind=int(Kind.SET_LIMIT),
        credit=limit_set,
        amount_fen=amount_fen,
        time_ms=time_ms,
        ref=int(limit),
        digest=digest,
    )


def transfer(
    *,
    origin: int,
    sequence: int,
    debit: int,
    credit: int,
    amount_fen: int,
    purpose: int,
    time_ms: int,
    expires_ms: int = 0,
    flags: int = 0,
    digest: int = 0,
) -> Row:
    """Moves an amount from one account to another of the same ledger."""
    return Row(
        origin, debit, credit, _TRANSFER, flags, purpose, sequence,
        amount_fen, time_ms, expires_ms, 0, digest,
    )  # fmt: skip


def hold(
    *,
    origin: int,
    sequence: int,
    debit: int,
    amount_fen: int,
    purpose: int,
    time_ms: int,
    expires_ms: int = 0,
    flags: int = 0,
    digest: int = 0,
) -> Row:
    """Reserves an amount, which can then not be spent; the answer's detail is the reference."""
    return Row(
        origin, debit, 0, _HOLD, flags, purpose, sequence,
        amount_fen, time_ms, expires_ms, 0, digest,
    )  # fmt: skip


def capture(
    *,
    origin: int,
    sequence: int,
    debit: int,
    credit: int,
    amount_fen: int,
    reference: int,
    purpose: int,
    time_ms: int,
    flags: int = 0,
) -> Row:
    """Pays an amount of the hold with this reference, all of it or a part, to `credit`."""
    return Row(
        origin, debit, credit, _CAPTURE, flags, purpose, sequence,
        amount_fen, time_ms, 0, reference, 0,
    )  # fmt: skip


def release(
    *,
    origin: int,
    sequence: int,
    debit: int,
    amount_fen: int,
    reference: int,
    purpose: int,
    time_ms: int,
    flags: int = 0,
) -> Row:
    """Frees an amount of the hold with this reference, all of it or a part, for `debit` again."""
    return Row(
        origin, debit, 0, _RELEASE, flags, purpose, sequence,
        amount_fen, time_ms, 0, reference, 0,
    )  # fmt: skip


def delivery(
    *,
    origin: int,
    sequence: int,
    debit: int,
    credit: int,
    fallback: int,
    amount_fen: int,
    purpose: int,
    time_ms: int,
    expires_ms: int = 0,
    flags: int = 0,
    digest: int = 0,
) -> Row:
    """Credits what cannot go back, as a payment settled elsewhere; `fallback` gets it if `credit`
    cannot.
    """
    return Row(
        origin, debit, credit, _DELIVER, flags, purpose, sequence,
        amount_fen, time_ms, expires_ms, fallback, digest,
    )  # fmt: skip


def refusal(
    *,
    origin: int,
    sequence: int,
    debit: int,
    time_ms: int,
    reason: int = 0,
    purpose: int = 0,
    credit: int = 0,
    amount_fen: int = 0,
    expires_ms: int = 0,
    flags: int = 0,
    digest: int = 0,
) -> Row:
    """Records that an order was refused: it uses up the sequence and moves nothing.

    Args:
        origin: whose sequence.
        sequence: of what was refused.
        debit: who would have paid.
        time_ms: when.
        reason: why, by the contract's numbers.
        purpose: what it would have been for.
        credit: who would have been paid.
        amount_fen: how much.
        expires_ms: of what was refused.
        flags: RecordFlags.
        digest: of what was refused.
    """
    return Row(
        origin, debit, credit, _REFUSAL, flags, purpose, sequence,
        amount_fen, time_ms, expires_ms, reason, digest,
    )  # fmt: skip


def refused(row: Row, reason: int = 0) -> Row:
    """The refusal of a row that would have moved money, with its identity and content."""
    return row._replace(kind=_REFUSAL, ref=reason)
