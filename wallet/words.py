"""Refusals in a person's words: what happened, and what to do next."""

from __future__ import annotations

from wallet.times import clock

_WORDS = {
    "INSUFFICIENT_FUNDS": (
        "There is not enough money in the wallet.",
        "Look with `wallet show`; put money in with `wallet topup AMOUNT`.",
    ),
    "DEPOSIT_SHORT": (
        "There is not enough money on your deposit account.",
        "Ask for less, or put cash in at a machine: `wallet topup AMOUNT --receipt TEXT`.",
    ),
    "NO_DEPOSIT_ACCOUNT": (
        "This wallet has no deposit account behind it.",
        "Put cash in at a machine: `wallet topup AMOUNT --receipt TEXT`; take it out the same way.",
    ),
    "CASH_NOT_ACCEPTED": (
        "This bank takes no cash.",
        "Leave --receipt away to use your deposit account.",
    ),
    "RECEIPT_USED": (
        "This receipt has been put into a wallet already.",
        "Look with `wallet history`.",
    ),
    "BANK_CANNOT_NOW": (
        "The bank cannot do this at the moment; no money moved.",
        "Ask for less, or repeat the command later. If it lasts, ask the bank.",
    ),
    "BANK_BEHIND": (
        "The bank is putting its books right and pays nothing until that is done.",
        "Repeat the same command later: it does not pay twice.",
    ),
    "OVER_BALANCE_CAP": (
        "More than may be held here.",
        "Move less, or move some out first.",
    ),
    "OVER_SINGLE_LIMIT": (
        "More than may be paid at once.",
        "Pay less; `wallet show` says the limits of payments through the bank.",
    ),
    "OVER_DAY_LIMIT": (
        "More than a wallet of this class may pay in a day.",
        "Pay less, or after midnight in Beijing; `wallet show` says what is left.",
    ),
    "OVER_YEAR_LIMIT": (
        "More than a wallet of this class may pay in a year.",
        "Pay less; `wallet show` says what is left. A wallet opened with a name may pay more.",
    ),
    "WALLET_FROZEN": ("The bank has frozen this wallet.", "Ask the bank why."),
    "WALLET_CLOSED": ("This wallet is closed.", "Open another in a home of its own: --home DIR."),
    "WALLET_NOT_EMPTY": (
        "There is still money in the wallet.",
        "Take it out first with `wallet cashout AMOUNT`.",
    ),
    "BANK_UNKNOWN": ("No bank has wallets with numbers like this.", "Check the number."),
    "PAYEE_CANNOT_BE_PAID": (
        "This payment cannot be made to this payee now.",
        "Check the number, or ask the payee.",
    ),
    "TOO_MANY_REFUSALS": (
        "So many orders of this wallet were refused that it has to wait.",
        "Repeat the command in an hour.",
    ),
    "SAME_ACCOUNT": ("Payer and payee are the same wallet.", "Check the number."),
    "EXPIRED": (
        "The order came too late; no money moved.",
        "Repeat the command to make it anew.",
    ),
    "NOT_YET_VALID": ("This machine's clock is ahead of the bank's.", "Set the clock."),
    "TOO_MANY_HOLDS": (
        "Too many payments of this wallet are on their way.",
        "Wait for them, then repeat the command.",
    ),
    "ALREADY_EXISTS": (
        "Another wallet lives in this home.",
        "Use a home of its own for each wallet: --home DIR.",
    ),
    "WALLET_USED_ELSEWHERE": (
        "This wallet is used from another place too: from a copy of this home, from before an "
        "older copy of it was put back, or by somebody who has its key.",
        "Look with `wallet history`. If all of it is yours: `wallet resume` orders from here "
        "again. If not, move the money away at once: `wallet resume`, then "
        "`wallet cashout AMOUNT`, and tell the bank.",
    ),
    "TOKEN_INVALID": (
        "This offline payment is not good; it was not taken.",
        "Ask the payer to show it again, whole.",
    ),
    "ALREADY_DEPOSITED": ("This offline money was deposited before.", "Nothing is to be done."),
    "DEVICE_REVOKED": (
        "A device of this wallet was revoked; it loads no offline money any more.",
        "Deposit what it has: `wallet offline deposit`. Ask the bank why.",
    ),
    "DEVICE_UNKNOWN": (
        "This wallet's device is not ready for offline money.",
        "Once with the bank in reach: `wallet offline load AMOUNT`.",
    ),
    "SIGNATURE_INVALID": (
        "The bank does not take this wallet's signature.",
        "Check that this home is the one the wallet was opened in.",
    ),
    "FIELD_INVALID": ("The bank does not take what was entered.", "Correct it and repeat."),
}


def sentence(reason: str, message: str) -> tuple[str, str]:
    """What to tell a person, and what they can do next ("" when there is nothing)."""
    if reason not in _WORDS:
        return message, ""
    said, following = _WORDS[reason]
    return (f"{said} ({message})" if message else said), following


LIMIT_NAMES = {
    "OVER_BALANCE_CAP": "May hold",
    "OVER_SINGLE_LIMIT": "A payment",
    "OVER_DAY_LIMIT": "A day",
    "OVER_YEAR_LIMIT": "A year",
}
"""By reason, how `cli_words.limits_in_words` calls the limit that was met."""


def earlier(said: str, ordered_time_ms: int) -> tuple[str, str]:
    """What to tell of an order that an earlier command made, and what can be done next."""
    made = clock(ordered_time_ms)
    return (
        f"The order of {made} was refused, and nothing was sent now. {said}",
        "Repeat the command to order it anew.",
    )


ASK_LATER = "Ask again later; nothing was ordered."
NO_ANSWER_NEXT = "Repeat the same command: it does not pay twice."
