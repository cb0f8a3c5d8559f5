"""Says which class of wallet follows from what a holder has shown of who they are.

Banks open wallets by it, and the audit checks them by it.
"""

from __future__ import annotations

from enum import IntFlag

from dcep.bank.v1 import wallets_pb2


class Proof(IntFlag):
    """What a holder has shown; several flags may be set."""

    PHONE = 1
    """A telephone, by a code that was sent to it."""
    NAME_ALONE = 2
    """A name and nothing else, as banks took it once; no bank gives it any more."""
    DOCUMENT = 4
    """A document in the holder's name."""
    ACCOUNT = 8
    """A bank account in the holder's name."""
    PRESENCE = 16
    """The holder was at a counter, which two officers have signed."""


ASKED = {
    wallets_pb2.WALLET_CLASS_IV: Proof.PHONE,
    wallets_pb2.WALLET_CLASS_III: Proof.PHONE | Proof.DOCUMENT,
    wallets_pb2.WALLET_CLASS_II: Proof.PHONE | Proof.DOCUMENT | Proof.ACCOUNT,
    wallets_pb2.WALLET_CLASS_I: Proof.PHONE | Proof.DOCUMENT | Proof.ACCOUNT | Proof.PRESENCE,
}
"""What each class asks for; a class has all that the one below it has, and one proof more."""


def class_of(shown: Proof) -> int:
    """The best class (a dcep.bank.v1.WalletClass) for somebody who has shown this; 0 for none."""
    found = [each for each, asked in ASKED.items() if asked & shown == asked]
    if Proof.NAME_ALONE in shown:
        found.append(wallets_pb2.WALLET_CLASS_II)
    return min(found, default=0)
