"""Reads and writes tries to pay requests by mandates."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from dcep.bank.v1 import orders_pb2
from operator_bank.asking.rows import standing
from operator_bank.asking.tables import asked
from operator_bank.limits import MAX_MANDATE_TRIES
from operator_bank.sub_wallets.tables import IS_WAITING, mandate_tries
from operator_bank.wallets.orders import VerifiedOrder
from runtime.chunks import chunks

WAITING, PAID, NOT_PAID = 1, 2, 3
_OF = mandate_tries.c


def put(
    connection: Connection,
    request: str,
    account: int,
    now_ms: int,
    allowed: VerifiedOrder[orders_pb2.ChangeAskedOrder] | None = None,
) -> bool:
    """Has a request tried once more; returns False if it was tried too often.

    Args:
        connection: of the transaction that took the request, a reminder, or what allows it.
        request: its id.
        account: of the mandate.
        now_ms: Unix milliseconds.
        allowed: by which the mandate's holder allows what is beyond it.
    """
    count = select(func.count()).where(_OF.request == request)
    if (connection.scalar(count) or 0) >= MAX_MANDATE_TRIES:
        return False
    values = {
        "request": request,
        "account": account,
        "time_ms": now_ms,
        "state": WAITING,
        "reason": 0,
        "position": 0,
        "month": 0,
        "amount_fen": 0,
        "allowed": int(allowed is not None),
        "allow_key": allowed.wallet.public_key if allowed else b"",
        "allow_payload": allowed.payload if allowed else b"",
        "allow_signature": allowed.signature if allowed else b"",
    }
    connection.execute(insert(mandate_tries), values)
    return True


def waiting(connection: Connection, most: int, aside: Collection[int] = ()) -> list[Row[Any]]:
    """Tries that were not made yet, the oldest first, but for those of some numbers."""
    query = select(mandate_tries).where(IS_WAITING, _OF.number.not_in(aside))
    return list(connection.execute(query.order_by(_OF.number).limit(most)))


def paid(
    connection: Connection, number: int, *, position: int, month: int, amount_fen: int
) -> None:
    """Notes, in the transaction of the payment, that a try has paid."""
    values = {"state": PAID, "position": position, "month": month, "amount_fen": amount_fen}
    connection.execute(update(mandate_tries).where(_OF.number == number).values(values))


def not_paid(connection: Connection, number: int, reason: int) -> None:
    """Notes why a try has not paid."""
    this = (_OF.number == number, IS_WAITING)
    connection.execute(update(mandate_tries).where(*this).values(state=NOT_PAID, reason=reason))


def reasons(connection: Connection, requests: Collection[str]) -> dict[str, int]:
    """By id, why the newest try of requests has not paid; those are missing of which it has."""
    found: dict[str, int] = {}
    for chunk in chunks(list(requests)):
        query = select(_OF.request, _OF.state, _OF.reason).where(_OF.request.in_(chunk))
        for row in connection.execute(query.order_by(_OF.number)):
            found[row.request] = row.reason if row.state == NOT_PAID else 0
    return {request: reason for request, reason in found.items() if reason}


def newest_month(connection: Connection, account: int) -> int:
    """The latest month in which a mandate has paid; 0 if it has not."""
    return connection.scalar(select(func.max(_OF.month)).where(_OF.account == account)) or 0


def spent_fen(connection: Connection, accounts: Collection[int], month: int) -> dict[int, int]:
    """What mandates have paid in a month by themselves, with what is on its way, in fen.

    Args:
        connection: to read with.
        accounts: theirs.
        month: as `currency.days.month_of` has it.

    Returns:
        By account; those that have paid nothing are missing.
    """
    query = standing(select(_OF.account, func.sum(_OF.amount_fen)), mandate_tries)
    query = query.where(_OF.month == month, _OF.state == PAID, _OF.allowed == 0)
    found: dict[int, int] = {}
    for chunk in chunks(list(accounts)):
        these = query.where(_OF.account.in_(chunk)).group_by(_OF.account)
        found.update((account, int(fen)) for account, fen in connection.execute(these))
    return found


def forget(connection: Connection, *where: Any) -> None:
    """Deletes the tries of requests that are about to be deleted; `where`: which of `asked`."""
    these = select(asked.c.id).where(*where)
    connection.execute(delete(mandate_tries).where(_OF.request.in_(these)))
