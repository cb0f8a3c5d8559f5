"""What tests of mandates share: wallets that give them, and payees who ask by them."""

from __future__ import annotations

import uuid
from typing import Any

from nacl.signing import SigningKey

from dcep.bank.v1 import asking_pb2, orders_pb2, sub_wallets_pb2
from dcep.errors.v1 import errors_pb2
from operator_bank.asking import rows
from tests.operator_bank import asking
from tests.operator_bank.sub_wallets import OPEN, order, terms
from tests.operator_bank.system import Holder

ALLOW = orders_pb2.ASKED_CHANGE_ALLOW
Mandate = sub_wallets_pb2.Mandate


def wanted(
    giver: Holder, payee: str, each_fen: int, month_fen: int, **more: Any
) -> sub_wallets_pb2.SubWalletTerms:
    """The terms of a mandate; a wallet may be asked for 500 yuan by it at most."""
    usual = {"balance_cap_fen": 50_000, "single_fen": 0, "day_fen": 0, "payees": [payee]}
    mandate = Mandate(each_fen=each_fen, month_fen=month_fen)
    return terms(giver.system, **{**usual, "mandate": mandate, **more})


def given(
    giver: Holder,
    payee: str,
    each_fen: int = 3_000,
    month_fen: int = 5_000,
    *,
    key: SigningKey | None = None,
    **more: Any,
) -> str:
    """Gives a mandate: 30 yuan a request, 50 a month; returns its number."""
    public = bytes((key or SigningKey.generate()).verify_key)
    asked = wanted(giver, payee, each_fen, month_fen, **more)
    made = order(giver, OPEN, public_key=public, terms=asked, request_id=str(uuid.uuid4()))
    return giver.system.bank.sub_wallets.order(made).wallet_number


def ask(payee: Holder, mandate: str, fen: int, **more: Any) -> str:
    """Asks by a mandate, which is tried at once; returns the request's id."""
    name = asking.ask(payee, mandate, fen, **more)
    payee.system.bank.mandates.step()
    return name


def states(holder: Holder) -> dict[str, tuple[str, str]]:
    """State of each request that a wallet has made or sees, and why it was not paid, by id."""
    found, _ = holder.system.bank.asks.page(holder.wallet, 100, "", "")
    made = {}
    for one in found:
        content = orders_pb2.RequestToPay.FromString(one.request.payload)
        word = asking_pb2.AskedState.Name(one.state).removeprefix("ASKED_STATE_")
        reason = errors_pb2.Reason.Name(one.not_paid).removeprefix("REASON_")
        made[rows.id_of(content)] = (word, "" if reason == "UNSPECIFIED" else reason)
    return made


def spent_fen(giver: Holder) -> list[int]:
    """What was paid by each mandate of a wallet this month."""
    return [each.month_spent_fen for each in giver.system.bank.sub_wallets.page(giver.wallet)]


def became(payee: Holder, mandate: str, fen: int, **more: Any) -> str:
    """The state of what a payee asks, once it was tried."""
    name = ask(payee, mandate, fen, **more)
    return states(payee)[name][0]


def why_not(giver: Holder, payee: Holder, mandate: str, fen: int, **more: Any) -> str:
    """Why what a payee asks is not paid, as its holder is told."""
    name = ask(payee, mandate, fen, **more)
    return states(giver)[name][1]
