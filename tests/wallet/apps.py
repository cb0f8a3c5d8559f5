"""What the tests of wallets share."""

from __future__ import annotations

from collections.abc import Callable

from wallet.app import App
from wallet.peers.bank_directory import BankEntry

ALPHA = BankEntry("alpha", "127.0.0.1:1", ca=__file__, offline_root="")
MakeApp = Callable[..., App]
