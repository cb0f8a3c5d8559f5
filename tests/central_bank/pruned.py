"""What the tests of deletion by age share."""

from __future__ import annotations

from sqlalchemy import Table, func, select

from central_bank import limits
from central_bank.registration.offline import pruned_chain
from offline_token.formats import Chain
from tests.central_bank.patient import PatientCentre, audit

LONG_AFTER = limits.TOKEN_LIFETIME_MS + limits.PRUNE_AFTER_MS


def count(centre: PatientCentre, table: Table) -> int:
    with centre.engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def spent(centre: PatientCentre) -> tuple[Chain, Chain]:
    """A token of 100 of which two payees have deposited 30 and 50; its loader has the rest."""
    token = centre.token(centre.alice, 100)
    first = centre.pay(token, centre.alice, centre.bob, 30)
    second = centre.pay(first, centre.alice, centre.carol, 50, spend=1)
    assert centre.deposit(first) == (30, "")
    assert centre.deposit(second) == (50, "")
    return first, second


def ended(centre: PatientCentre, after_ms: int = LONG_AFTER + 1) -> None:
    """So much later, with all refunds made on their way."""
    centre.clock.advance(after_ms)
    while centre.central.refunds.step():
        pass


def forged(centre: PatientCentre, gone: pruned_chain.Gone, until_ms: int = 0) -> list[str]:
    """What the audit says of a row that somebody with the database has put into the chain."""
    with centre.engine.begin() as connection:
        pruned_chain.append(connection, gone, centre.clock.now_ms(), until_ms=until_ms)
    return audit(centre).problems
