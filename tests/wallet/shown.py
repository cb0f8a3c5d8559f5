"""What is shown to people: an entry that takes much room, and whose wallet it is."""

from __future__ import annotations

from wallet.home.home import Profile
from wallet.online.account import HistoryEntry

NOW = 1_800_000_000_000
WIDE = HistoryEntry(
    payment_id="6201000000000012-9007199254740991",
    state="REFUSED",
    kind="payment",
    counterparty="6202000000000029",
    change_fen=-(10**13),
    balance_after_fen=10**13,
    time_ms=NOW,
    memo="午饭和晚饭的钱" * 20,
    reason="PAYEE_CANNOT_BE_PAID",
)
PROFILE = Profile("", "", "", "Bob", "", number="6201000000000018", bank="alpha")
