"""What tests of sub-wallets share: orders about them, and wallets that hold them."""

from __future__ import annotations

import uuid
from typing import Any

from nacl.signing import SigningKey

from dcep.bank.v1 import sub_wallets_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from tests.operator_bank.system import Holder, System

OPEN = sub_wallets_pb2.SUB_WALLET_ACTION_OPEN
CHANGE = sub_wallets_pb2.SUB_WALLET_ACTION_CHANGE
CLOSE = sub_wallets_pb2.SUB_WALLET_ACTION_CLOSE
IS_OPEN = sub_wallets_pb2.SUB_WALLET_STATE_OPEN
IS_FROZEN = sub_wallets_pb2.SUB_WALLET_STATE_FROZEN
CLOSING = sub_wallets_pb2.SUB_WALLET_STATE_CLOSING
CLOSED = sub_wallets_pb2.SUB_WALLET_STATE_CLOSED
DAY_MS = 86_400_000
SubWallet = sub_wallets_pb2.SubWallet


def terms(system: System, **more: Any) -> sub_wallets_pb2.SubWalletTerms:
    """200 yuan in it, 50 at once, 100 a day, for 30 days."""
    usual = {
        "balance_cap_fen": 20_000,
        "single_fen": 5_000,
        "day_fen": 10_000,
        "ends_time_ms": system.clock.now_ms() + 30 * DAY_MS,
    }
    return sub_wallets_pb2.SubWalletTerms(**{**usual, **more})


def order(parent: Holder, action: int, **more: Any) -> SignedEnvelope:
    """What a parent signs about a sub-wallet."""
    usual = {"request_id": str(uuid.uuid4()), "action": action, "bank": "alpha"}
    return parent.signed(sub_wallets_pb2.SubWalletOrder, **{**usual, **more})


def opened(parent: Holder, *, key: SigningKey | None = None, fen: int = 0, **more: Any) -> Holder:
    """A sub-wallet of a wallet, with terms that `more` changes, and with money from its parent."""
    system, key = parent.system, key or SigningKey.generate()
    public, wanted = bytes(key.verify_key), terms(system, **more)
    done = system.bank.sub_wallets.order(order(parent, OPEN, public_key=public, terms=wanted))
    child = Holder(system, system.bank.directory.get(done.wallet_number), key)
    if fen:
        parent.pay(child.number, fen)
    return child


def change(parent: Holder, child: Holder, **more: Any) -> SubWallet:
    wanted = terms(parent.system, **more)
    about = {"sub_wallet_number": child.number, "terms": wanted}
    return parent.system.bank.sub_wallets.order(order(parent, CHANGE, **about))


def close(parent: Holder, child: Holder, **more: Any) -> SubWallet:
    about = {"sub_wallet_number": child.number, **more}
    return parent.system.bank.sub_wallets.order(order(parent, CLOSE, **about))


def family(parent: Holder) -> list[SubWallet]:
    return parent.system.bank.sub_wallets.page(parent.wallet)
