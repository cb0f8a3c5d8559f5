"""Refusals in a person's words: what happened, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping

from currency.next_steps import STEPS
from currency.reasons import detail, in_words
from language import N_, _
from wallet.cli.times import clock

_WORDS = {
    "INSUFFICIENT_FUNDS": (
        N_("There is not enough money in the wallet."),
        N_("Look with `wallet show`; put money in with `wallet topup AMOUNT`."),
    ),
    "DEPOSIT_SHORT": (
        N_("There is not enough money on your deposit account."),
        N_("Ask for less, or put cash in at a machine: `wallet topup AMOUNT --receipt TEXT`."),
    ),
    "NO_DEPOSIT_ACCOUNT": (
        N_("This wallet has no deposit account behind it."),
        N_(
            "Put cash in at a machine: `wallet topup AMOUNT --receipt TEXT`; take it out the "
            "same way."
        ),
    ),
    "CASH_NOT_ACCEPTED": (
        N_("This bank takes no cash."),
        N_("Leave --receipt away to use your deposit account."),
    ),
    "RECEIPT_USED": (
        N_("This receipt has been put into a wallet already."),
        N_("Look with `wallet history`."),
    ),
    "BANK_CANNOT_NOW": (
        N_("The bank cannot do this at the moment; no money moved."),
        N_("Ask for less, or repeat the command later. If it lasts, ask the bank."),
    ),
    "BANK_BEHIND": (
        N_("The bank is putting its books right and pays nothing until that is done."),
        N_("Repeat the same command later: it does not pay twice."),
    ),
    "OVER_BALANCE_CAP": (
        N_("More than may be held here."),
        N_("Move less, or move some out first."),
    ),
    "OVER_SINGLE_LIMIT": (
        N_("More than may be paid at once."),
        N_("Pay less at once; `wallet limits` says the limits of payments through the bank."),
    ),
    "OVER_DAY_LIMIT": (
        N_("More than a wallet of this class may pay in a day."),
        N_("Pay less, or later; `wallet limits` says more."),
    ),
    "OVER_YEAR_LIMIT": (
        N_("More than a wallet of this class may pay in a year."),
        N_("Pay less; `wallet limits` says how you may pay more."),
    ),
    "WALLET_FROZEN": (N_("The bank has frozen this wallet."), N_("Ask the bank why.")),
    "WALLET_CLOSED": (
        N_("This wallet is closed."),
        N_("Open another in a home of its own: --home DIR."),
    ),
    "WALLET_NOT_EMPTY": (
        N_("There is still money in the wallet."),
        N_("Take it out first with `wallet cashout AMOUNT`."),
    ),
    "BANK_UNKNOWN": (N_("No bank has wallets with numbers like this."), N_("Check the number.")),
    "BANK_SUSPENDED": (
        N_("A bank that is needed for this is suspended; no money moved."),
        N_("Ask again later, or pay in another way."),
    ),
    "PAYEE_CANNOT_BE_PAID": (
        N_("This payment cannot be made to this payee now."),
        N_("Check the number, or ask the payee."),
    ),
    "NOT_REFUNDABLE": (
        N_(
            "Only a payment from another wallet is refunded: no offline money that was deposited, "
            "no refund, nothing that came back, no exchange."
        ),
        N_("To give money back all the same: `wallet pay NUMBER AMOUNT`."),
    ),
    "REFUND_TOO_LARGE": (
        N_("More than is left of this payment to refund."),
        N_("Look with `wallet payment ID`."),
    ),
    "REQUEST_TO_PAY_UNKNOWN": (
        N_("There is no such request for this wallet."),
        N_("Look with `wallet requests`."),
    ),
    "REQUEST_TO_PAY_OVER": (
        N_("The request was paid, declined or withdrawn, or has expired."),
        N_("Look with `wallet requests --all`. To pay all the same: `wallet pay NUMBER AMOUNT`."),
    ),
    "AMOUNT_NOT_ASKED": (
        N_("The request is for another amount."),
        N_("Look with `wallet requests`."),
    ),
    "TOO_MANY_REQUESTS": (
        N_("This wallet has asked, or reminded, as often as it may."),
        N_("Withdraw what is no longer needed with `wallet requests withdraw ID`, or wait a day."),
    ),
    "NOT_FOR_SUB_WALLETS": (
        N_("A sub-wallet does not do this: it has no cash, no deposit, no class of its own."),
        N_("Have it done from the wallet that it belongs to; `wallet limits` says which."),
    ),
    "PAYEE_NOT_ALLOWED": (
        N_("This sub-wallet was opened to pay others only."),
        N_("Look with `wallet limits`; who gave it to you can change that."),
    ),
    "BEYOND_MANDATE": (
        N_("The request is for more than the mandate allows."),
        N_("Allow it with `wallet mandate allow ID`, or change the mandate."),
    ),
    "SUB_WALLETS_OPEN": (
        N_("Sub-wallets of this wallet are open."),
        N_("Close them first: `wallet sub list`, then `wallet sub close NUMBER`."),
    ),
    "TOO_MANY_SUB_WALLETS": (
        N_("This wallet has as many sub-wallets as it may have."),
        N_("Close one that you need no more: `wallet sub close NUMBER`."),
    ),
    "ALIAS_NOT_FOUND": (
        N_("Nobody can be found by this alias now."),
        N_("Check it, or ask whom you want to pay for the wallet's number."),
    ),
    "ALIAS_TAKEN": (
        N_("Somebody else has this alias."),
        N_("Choose another name, with `wallet alias add @NAME`."),
    ),
    "ALIAS_UNKNOWN": (
        N_("This wallet has no such alias."),
        N_("Look with `wallet alias list`."),
    ),
    "TOO_MANY_ALIASES": (
        N_("This wallet has, or took today, as many aliases as it may."),
        N_("Give one up with `wallet alias remove ALIAS`, or wait a day."),
    ),
    "TOO_MANY_LOOKUPS": (
        N_("As many aliases were looked for as may be today."),
        N_("Wait until tomorrow, or pay the wallet's number: `wallet pay NUMBER AMOUNT`."),
    ),
    "TOO_MANY_REFUSALS": (
        N_("So many orders of this wallet were refused that it has to wait."),
        N_("Repeat the command in an hour."),
    ),
    "TOO_MANY_WALLETS": (
        N_("No more wallets can be opened with this telephone number at this bank."),
        N_("Close one that you need no more, or open one at another bank."),
    ),
    "PHONE_NOT_CONFIRMED": (
        N_("The bank wants the code that it sends to the telephone; it has six or twelve digits."),
        N_("Repeat the same command with --code and the newest code that came."),
    ),
    "IDENTITY_NOT_CONFIRMED": (
        N_("The bank could not confirm what was shown of who you are."),
        N_("Check the name, the document and the account; if they are right, ask at the counter."),
    ),
    "SAME_ACCOUNT": (N_("Payer and payee are the same wallet."), N_("Check the number.")),
    "EXPIRED": (
        N_("It came too late; no money moved."),
        N_(
            "Repeat the command to make it anew. If it comes too late again at once, this "
            "machine's clock is behind: set it."
        ),
    ),
    "NOT_YET_VALID": (N_("This machine's clock is ahead of the bank's."), N_("Set the clock.")),
    "TOO_MANY_HOLDS": (
        N_("Too many payments of this wallet are on their way."),
        N_("Wait for them, then repeat the command."),
    ),
    "ALREADY_EXISTS": (
        N_("Another wallet lives in this home."),
        N_("Use a home of its own for each wallet: --home DIR."),
    ),
    "WALLET_USED_ELSEWHERE": (
        N_(
            "This wallet is used from another place too: from a copy of this home, from before "
            "an older copy of it was put back, or by somebody who has its key."
        ),
        N_(
            "Look with `wallet history`. If all of it is yours: `wallet resume` orders from "
            "here again. If not, move the money away at once: `wallet resume`, then `wallet "
            "cashout AMOUNT`, and tell the bank."
        ),
    ),
    "KEY_REPLACED": (
        N_("This wallet has another key now: the one in this home orders nothing any more."),
        N_(
            "Go on from the home that has the new key. Offline money in this one stays good: pay "
            "it to that home's device, `wallet offline pay`. If you did not ask for another key, "
            "go to your bank at once."
        ),
    ),
    "SIGNER_MAY_NOT": (
        N_("This home may not do this alone: it is one of several that sign for the wallet."),
        N_(
            "Look with `wallet signers` who may. If it takes several: `wallet prepare` puts a "
            "payment before the others."
        ),
    ),
    "NOT_RELEASED": (
        N_("Too few of those who may release this have done so yet."),
        N_(
            "They look with `wallet pending` and sign with `wallet release ID`. Then repeat the "
            "same command."
        ),
    ),
    "SIGNERS_CHANGED": (
        N_("Somebody else has changed just now who signs for this wallet; nothing was changed."),
        N_("Look with `wallet signers`, and repeat."),
    ),
    "HAS_SIGNERS": (
        N_("Several keys sign for this wallet, and none of them takes the place of all."),
        N_(
            "Make a new home: `wallet signers join NUMBER --bank NAME --home DIR`. Let it in with "
            "`wallet signers add CODE`, then cut the old one off: `wallet signers remove PLACE`."
        ),
    ),
    "RECOVERY_KEY_COUNTS": (
        N_(
            "The wallet's recovery phrase counts: whoever has it could give the wallet one key. So "
            "long an order takes one signature."
        ),
        N_(
            "Give it up with `wallet signers give-up-phrase`, and repeat this seven days later. "
            "Then only your bank helps who has lost all keys."
        ),
    ),
    "TOKEN_INVALID": (
        N_("This offline payment is not good; it was not taken."),
        N_("Ask the payer to show it again, whole."),
    ),
    "ALREADY_DEPOSITED": (
        N_("This offline money was deposited before."),
        N_("Nothing is to be done."),
    ),
    "DEVICE_REVOKED": (
        N_("A device of this wallet was revoked; it loads no offline money any more."),
        N_("Deposit what it has: `wallet offline deposit`. Ask the bank why."),
    ),
    "DEVICE_UNKNOWN": (
        N_("This wallet's device is not ready for offline money."),
        N_("Once with the bank in reach: `wallet offline load AMOUNT`."),
    ),
    "SIGNATURE_INVALID": (
        N_("The bank does not take this wallet's signature."),
        N_("Check that this home is the one the wallet was opened in."),
    ),
    "FIELD_INVALID": (N_("The bank does not take what was entered."), N_("Correct it and repeat.")),
}
_OWN_STEPS = {
    "USAGE": N_("Look with `wallet --help`."),
    "PAYMENT_UNKNOWN": N_("Look with `wallet history`."),
    "REFUSED": N_(
        "Ask the payee what is wrong; repeated, the same command shows the same payment."
    ),
}

_ASK_BANK = N_("Ask the bank.")
_NOTHING_MORE = frozenset(
    (
        N_("the wallet still holds money"),
        N_("the bank cannot do this at the moment; ask for less, or again later"),
    )
)
"""What a bank says of a refusal that is what the words here say already."""


def sentence(
    reason: str, message: str, metadata: Mapping[str, str] | None = None
) -> tuple[str, str]:
    """What happened, and what to do next."""
    if reason not in _WORDS:
        return in_words(reason, message, metadata or {}), next_step(reason)
    said, following = map(_, _WORDS[reason])
    more = detail(reason, message, metadata or {})
    if message not in _NOTHING_MORE and more and more.casefold() != said.rstrip(".").casefold():
        said = _("{said} ({more})").format(said=said, more=more)
    return said, following


def next_step(reason: str) -> str:
    """What to do after an error, in the reader's language, judging by its reason alone."""
    if reason in _WORDS:
        return _(_WORDS[reason][1])
    return _(_OWN_STEPS.get(reason) or STEPS.get(reason) or _ASK_BANK)


def earlier(said: str, ordered_time_ms: int) -> tuple[str, str]:
    """What became of an order of an earlier command, and what to do next."""
    made = clock(ordered_time_ms)
    return (
        _("The order of {made} was refused, and nothing was sent now. {said}").format(
            made=made, said=said
        ),
        _("Repeat the command to order it anew."),
    )


ASK_LATER = N_("Ask again later; nothing was ordered.")
NO_ANSWER_NEXT = N_("Repeat the same command: it does not pay twice.")
