"""Decides whether a request to pay is kept, and whether its payer is shown it.

Who asks learns only what concerns themselves. Whether the payer exists, has blocked them or is
shown more than enough, changes the column `shown` and nothing else.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select

from currency.days import DAY_MS
from dcep.bank.v1 import orders_pb2
from operator_bank.asking.rows import DECLINED, OPEN, WITHDRAWING, WITHDRAWN, id_of, too_many
from operator_bank.asking.tables import asked, asked_payments, blocked_askers
from operator_bank.ledger import accounts
from operator_bank.limits import (
    ASKED_KEPT_MS,
    ASKED_PER_DAY,
    MAX_FORGOTTEN,
    MAX_OPEN_ASKED,
    MAX_OPEN_OF_ONE,
    MAX_SHOWN_ASKED,
)
from operator_bank.sub_wallets import tries
from operator_bank.wallets.directory import Directory

_OF = asked.c


class Signed(NamedTuple):
    """A request to pay whose signature was verified.

    Attributes:
        content: what was signed.
        payload: its bytes.
        signature: over them.
        key: the asker's.
    """

    content: orders_pb2.RequestToPay
    payload: bytes
    signature: bytes
    key: bytes


def forget(connection: Connection, now_ms: int, whose: ColumnElement[bool]) -> None:
    """Deletes some of what was asked for, has ended a while ago, and was never paid on.

    What was due then is over whether the other bank has heard of it or not: it may never do so.
    """
    before_ms = now_ms - ASKED_KEPT_MS
    told = and_(_OF.to_tell == 0, _OF.state.in_((int(DECLINED), int(WITHDRAWN))))
    ended = or_(_OF.due_time_ms < before_ms, told)
    these = select(_OF.number).where(whose, _OF.received_time_ms < before_ms, ended, _unpaid())
    these = these.order_by(_OF.received_time_ms).limit(MAX_FORGOTTEN)
    numbers = connection.scalars(these).all()
    if numbers:
        tries.forget(connection, _OF.number.in_(numbers))
        connection.execute(delete(asked).where(_OF.number.in_(numbers)))


def check_room(connection: Connection, request: orders_pb2.RequestToPay, now_ms: int) -> None:
    """Forgets what is old. Raises Refusal: TOO_MANY_REQUESTS, if an asker may ask no more now."""
    mine = _OF.asker == request.wallet_number
    forget(connection, now_ms, mine)
    if _count(connection, mine, _OF.received_time_ms > now_ms - DAY_MS) >= ASKED_PER_DAY:
        raise too_many(f"a wallet makes {ASKED_PER_DAY} requests a day at most", "wallet_number")
    if _open(connection, now_ms, mine, or_withdrawing=True) >= MAX_OPEN_ASKED:
        raise too_many(f"a wallet has {MAX_OPEN_ASKED} requests open at most", "wallet_number")
    if _open(connection, now_ms, mine, _OF.payer == request.payer_number) >= MAX_OPEN_OF_ONE:
        raise too_many(
            f"a wallet has {MAX_OPEN_OF_ONE} requests to another one open at most", "payer_number"
        )


def is_shown(
    connection: Connection, directory: Directory, request: orders_pb2.RequestToPay, now_ms: int
) -> bool:
    """Whether the payer, whose number is one of this bank's, is shown a request."""
    payer = request.payer_number
    of = blocked_askers.c
    blocked = select(func.count()).where(
        of.payer == payer, of.asker.in_((request.wallet_number, "")), of.blocked == 1
    )
    return (
        directory.account(payer) != accounts.NOBODY
        and not connection.scalar(blocked)
        and _open(connection, now_ms, _OF.payer == payer, _OF.shown == 1) < MAX_SHOWN_ASKED
    )


def keep(
    connection: Connection,
    signed: Signed,
    *,
    other: str,
    is_shown: bool,
    to_tell: bool,
    now_ms: int,
) -> None:
    """Writes a request down.

    Args:
        connection: of the transaction that decided that.
        signed: the request.
        other: prefix of the other bank, "" for a request between wallets here.
        is_shown: whether its payer is a wallet here that sees it.
        to_tell: whether the other bank has to hear of it.
        now_ms: Unix milliseconds.
    """
    request = signed.content
    row: dict[str, Any] = {
        "id": id_of(request),
        "asker": request.wallet_number,
        "payer": request.payer_number,
        "other": other,
        "shown": int(is_shown),
        "amount_fen": request.amount_fen,
        "partial": int(request.partial),
        "due_time_ms": request.due_time_ms,
        "received_time_ms": now_ms,
        "state": int(OPEN),
        "reminders": 0,
        "reminded_time_ms": now_ms,
        "key": signed.key,
        "payload": signed.payload,
        "signature": signed.signature,
        "change_key": b"",
        "change_payload": b"",
        "change_signature": b"",
        "to_tell": int(to_tell),
    }
    connection.execute(insert(asked), row)


def _count(connection: Connection, *where: ColumnElement[bool]) -> int:
    return int(connection.scalar(select(func.count()).select_from(asked).where(*where)) or 0)


def _open(
    connection: Connection,
    now_ms: int,
    *where: ColumnElement[bool],
    or_withdrawing: bool = False,
) -> int:
    """How many requests are open, of which nothing was paid: what somebody pays is no nuisance.

    Args:
        or_withdrawing: those are counted too whose payer's bank has not heard that they are not.
    """
    states = (int(OPEN), int(WITHDRAWING)) if or_withdrawing else (int(OPEN),)
    return _count(connection, *where, _OF.state.in_(states), _OF.due_time_ms >= now_ms, _unpaid())


def _unpaid() -> ColumnElement[bool]:
    paid = select(asked_payments.c.position).where(asked_payments.c.request == _OF.id)
    return ~paid.exists()
