"""Enums of the contract in the words that statements, `--json` and metrics have for them."""

from __future__ import annotations

from dcep.bank.v1 import officers_pb2, states_pb2, wallets_pb2
from dcep.purposes.v1 import purposes_pb2

_PURPOSES: dict[purposes_pb2.Purpose, str] = {
    number: name.removeprefix("PURPOSE_").lower().replace("_", "-")
    for name, number in purposes_pb2.Purpose.items()
}
_PURPOSES |= {
    purposes_pb2.PURPOSE_TOKEN_LOAD: "offline-load",
    purposes_pb2.PURPOSE_TOKEN_DEPOSIT: "offline-deposit",
    purposes_pb2.PURPOSE_TOKEN_EXPIRY: "offline-restore",
}
_BY_WORD = {word: number for number, word in _PURPOSES.items()}
_SUBJECTS: dict[int, str] = {
    number: name.removeprefix("SUBJECT_").lower().replace("_", " ")
    for name, number in officers_pb2.Subject.items()
}
_SUBJECTS[officers_pb2.SUBJECT_OFFICERS_ACTS] = "officers' acts"


WALLET_CLASSES = tuple(sorted(filter(None, wallets_pb2.WalletClass.values())))
"""The classes of wallets, as `dcep.bank.v1.WalletClass` numbers them."""


def purpose_word(purpose: purposes_pb2.Purpose) -> str:
    """What a statement calls a movement of this purpose, such as ``top-up``."""
    return _PURPOSES[purpose]


def purpose_of(word: str) -> purposes_pb2.Purpose:
    """The purpose that a statement calls so."""
    return _BY_WORD[word]


def subject_word(subject: int) -> str:
    """What a contradiction is about, such as ``central keys``."""
    return _SUBJECTS[subject]


def class_name(value: int) -> str:
    """``IV`` for WALLET_CLASS_IV."""
    return str(wallets_pb2.WalletClass.Name(value)).removeprefix("WALLET_CLASS_")


def status_name(value: int) -> str:
    """``OPEN`` for WALLET_STATUS_OPEN."""
    return str(wallets_pb2.WalletStatus.Name(value)).removeprefix("WALLET_STATUS_")


def state_name(value: int) -> str:
    """``SETTLED`` for PAYMENT_STATE_SETTLED."""
    return str(states_pb2.PaymentState.Name(value)).removeprefix("PAYMENT_STATE_")
