"""A deposit that came in time and waits for a bank's reserves."""

from __future__ import annotations

from sqlalchemy import func, select

from central_bank import limits
from central_bank.registration.offline.tables import waiting_deposits
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from offline_token.formats import Chain
from tests.offline.centre import Centre
from tests.refusals import verdict_name

GRACE_ENDS = limits.TOKEN_LIFETIME_MS + limits.RESTORE_GRACE_MS
Item = registration_pb2.TokenDepositItem


def a_deposit_that_waits(centre: Centre, token: Chain | None = None) -> Item:
    """Of 100 fen 60 are Bob's; Dan, who has been paid 100, comes when the grace is about to end."""
    token = token or centre.token(centre.alice, 100)
    assert centre.deposit(centre.pay(token, centre.alice, centre.bob, 60)) == (60, "")
    centre.clock.advance(GRACE_ENDS)
    item = centre.item(centre.pay(token, centre.alice, centre.dan, 100), bank="beta")
    assert ask(centre, item) == "RESERVES_SHORT"
    return item


def ask(centre: Centre, item: Item) -> int | str:
    """Fen paid, or why not."""
    (outcome,) = centre.send(item, bank="beta")
    reason = errors_pb2.Reason.Name(outcome.reason).removeprefix("REASON_")
    return verdict_name(outcome.verdict) or reason if outcome.reason else outcome.amount_fen


def waiting(centre: Centre) -> int:
    with centre.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(waiting_deposits)).scalar_one()


def reserves_arrive(centre: Centre, fen: int) -> None:
    centre.pay_in("alpha", fen)
