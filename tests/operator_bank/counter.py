"""What tests of the counter share: what a holder shows there, and what officers sign of it."""

from __future__ import annotations

from typing import Any

from currency.papers import seen_digest
from dcep.bank.v1 import orders_pb2
from dcep.office.v1.office_pb2 import ConfirmPresence, DowngradeWallet
from tests.operator_bank.system import Holder, System

NAME, PHONE, PAPERS = "Zhao Quexiang", "13900139000", "E1234567"
ID_CARD = orders_pb2.DOCUMENT_KIND_ID_CARD
SALT = b"0123456789abcdef"
ONE, II, III, IV = 1, 2, 3, 4


def seen(number: str, name: str = NAME, papers: str = PAPERS, salt: bytes = SALT) -> Any:
    """An officer has seen this document, in the hands of a wallet's holder."""
    digest = seen_digest(salt, number, name, ID_CARD, papers)
    return ConfirmPresence(wallet_number=number, salt=salt, shown_digest=digest)


def withdrawn(number: str, to: int) -> Any:
    """What the holder has shown beyond a class is to count no more."""
    return DowngradeWallet(wallet_number=number, wallet_class=to)


def known(system: System, name: str = NAME, papers: str = PAPERS, phone: str = PHONE) -> Holder:
    """Somebody with a wallet of class II, who has shown all but presence."""
    document = orders_pb2.Document(kind=ID_CARD, number=papers)
    return system.open(name, phone, document=document, bank_account="CN1")
