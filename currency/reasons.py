"""Says what each reason of a refusal means, in a sentence that can be translated.

A refusal has a reason, the field that it is about, figures, and a sentence in English from whoever
refused. English readers get that sentence; if there are figures, they get the meaning of the reason
with the figures in yuan. Other readers get the meaning of the reason in their language, and the
sentence itself only if it says more than the reason does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import language
from currency.amount import format_yuan
from language import N_, _

SENTENCES = {
    "UNSPECIFIED": N_("It was refused for no reason that this version knows."),
    "FIELD_MISSING": N_("Something is missing in what was asked."),
    "FIELD_INVALID": N_("Something in what was asked is not allowed."),
    "FIELD_UNKNOWN": N_("What was asked holds something that is not known there."),
    "AMOUNT_INVALID": N_("This amount cannot be moved."),
    "TOO_MANY_ITEMS": N_("Too much was asked for at once."),
    "MESSAGE_UNREADABLE": N_("What was asked could not be read."),
    "DEADLINE_MISSING": N_("What was asked names no deadline, or one too far away."),
    "PAGE_TOKEN_INVALID": N_("This page is not known; begin with the first one."),
    "SAME_ACCOUNT": N_("Payer and payee are the same wallet."),
    "SEQUENCE_INVALID": N_("The number of this order is not the next one."),
    "MESSAGE_TOO_LONG": N_("What was asked is too long."),
    "SIGNATURE_INVALID": N_("The signature is not good."),
    "CERTIFICATE_REQUIRED": N_("Who asks has shown no certificate that is good."),
    "ROLE_NOT_ALLOWED": N_("Who asks may not do this."),
    "BANK_NOT_ADMITTED": N_("This bank has not been admitted."),
    "BANK_SUSPENDED": N_("This bank is suspended."),
    "SAME_OFFICER": N_("Another officer than who proposed it has to approve."),
    "WRONG_WALLET": N_("This is another wallet's."),
    "OFFICER_UNKNOWN": N_("No such officer is registered here."),
    "RIGHT_MISSING": N_("This officer has no right to do this."),
    "ACT_DIFFERS": N_("This is another act than the one that was shown."),
    "EXPIRED": N_("Its time is over."),
    "NOT_YET_VALID": N_("Its time has not come: the clocks differ."),
    "ID_REUSED": N_("This id was used for something else."),
    "SEQUENCE_STALE": N_("Later orders than this one have been made."),
    "VALIDITY_TOO_LONG": N_("It would be good for too long."),
    "WALLET_UNKNOWN": N_("There is no such wallet."),
    "BANK_UNKNOWN": N_("There is no such bank."),
    "REQUEST_UNKNOWN": N_("There is no such request."),
    "PAYMENT_UNKNOWN": N_("There is no such payment."),
    "ALREADY_DECIDED": N_("It has been decided already."),
    "ALREADY_EXISTS": N_("There is one already."),
    "OFFICERS_TOO_FEW": N_("Too few officers would be left."),
    "WALLET_USED_ELSEWHERE": N_("This wallet is used from another place too."),
    "SIGNER_MAY_NOT": N_("This signer of the wallet may not do this alone."),
    "NOT_RELEASED": N_("Too few of those who may release this order have done so."),
    "ORDER_WITHDRAWN": N_("One of the wallet's signers has withdrawn it."),
    "SIGNERS_CHANGED": N_("The wallet has other signers meanwhile."),
    "HAS_SIGNERS": N_("This wallet has a list of signers; a key is changed in the list."),
    "RECOVERY_KEY_COUNTS": N_("A recovery phrase still counts for this wallet."),
    "KEY_REPLACED": N_("This wallet's key was replaced by another one."),
    "HOLDER_DIFFERS": N_("This is not what the wallet was opened with."),
    "WALLET_CLOSED": N_("This wallet is closed."),
    "WALLET_FROZEN": N_("The bank has frozen this wallet."),
    "PAYEE_CLOSED": N_("The payee's wallet is closed."),
    "PAYEE_FROZEN": N_("The payee's wallet is frozen."),
    "OVER_SINGLE_LIMIT": N_("More than may be paid at once."),
    "OVER_DAY_LIMIT": N_("More than a wallet of this class may pay in a day."),
    "OVER_YEAR_LIMIT": N_("More than a wallet of this class may pay in a year."),
    "INSUFFICIENT_FUNDS": N_("There is not enough money in the wallet."),
    "OVER_BALANCE_CAP": N_("More than may be held here."),
    "WALLET_NOT_EMPTY": N_("There is still money in the wallet."),
    "TOO_MANY_HOLDS": N_("Too many payments of this wallet are on their way."),
    "LINKED_FAILED": N_("What belongs together with it was refused."),
    "TOO_MANY_REFUSALS": N_("So many orders of this wallet were refused that it has to wait."),
    "NOT_REFUNDABLE": N_("Only a payment from another wallet is refunded."),
    "REFUND_TOO_LARGE": N_("More than is left of this payment to refund."),
    "TOO_MANY_WALLETS": N_("No more wallets can be opened with this here."),
    "PHONE_NOT_CONFIRMED": N_("The telephone has not been confirmed by a code yet."),
    "IDENTITY_NOT_CONFIRMED": N_("What was shown of who the holder is was not confirmed."),
    "RESERVES_SHORT": N_("The bank's reserves do not suffice."),
    "CIRCULATION_SHORT": N_("The bank has less in circulation than that."),
    "VAULT_SHORT": N_("The bank's vault does not hold enough."),
    "DEPOSIT_SHORT": N_("There is not enough money on the deposit account."),
    "NO_DEPOSIT_ACCOUNT": N_("This wallet has no deposit account behind it."),
    "CASH_NOT_ACCEPTED": N_("This bank takes no cash."),
    "BANK_CANNOT_NOW": N_("The bank cannot do this at the moment; no money moved."),
    "MACHINE_UNKNOWN": N_("The bank does not know this cash machine."),
    "RECEIPT_USED": N_("This receipt has been put into a wallet already."),
    "BANK_BEHIND": N_("The bank is putting its books right and pays nothing until that is done."),
    "PAYEE_CANNOT_BE_PAID": N_("This payment cannot be made to this payee now."),
    "PEER_UNAVAILABLE": N_("The other side does not answer now."),
    "NOTHING_TO_RETURN": N_("There is no such payment to give back."),
    "FEED_TIP_UNKNOWN": N_("The central bank's journal does not say what the bank has applied."),
    "FEED_STEPPED_BACK": N_("The bank has acknowledged more of its feed than it asks for now."),
    "DEVICE_UNKNOWN": N_("This device is not known."),
    "DEVICE_REVOKED": N_("This device was revoked."),
    "TOKEN_INVALID": N_("This offline payment is not good; it was not taken."),
    "ALREADY_DEPOSITED": N_("This offline money was deposited before."),
    "NOT_THE_OWNER": N_("This belongs to somebody else."),
    "TOO_MANY_DEVICE_KEYS": N_("This wallet has as many device keys as it may have."),
    "REQUEST_TO_PAY_UNKNOWN": N_("There is no such request for this wallet."),
    "REQUEST_TO_PAY_OVER": N_("The request was paid, declined or withdrawn, or has expired."),
    "AMOUNT_NOT_ASKED": N_("The request is for another amount."),
    "TOO_MANY_REQUESTS": N_("This wallet has asked, or reminded, as often as it may."),
    "NOT_FOR_SUB_WALLETS": N_("This is done by the wallet that a sub-wallet belongs to."),
    "PAYEE_NOT_ALLOWED": N_("This sub-wallet was opened to pay others only."),
    "SUB_WALLETS_OPEN": N_("Sub-wallets of this wallet are open."),
    "TOO_MANY_SUB_WALLETS": N_("This wallet has as many sub-wallets as it may have."),
    "LIMIT_NOT_OFFERED": N_("A limit of a sub-wallet is one of a few amounts."),
    "ALIAS_NOT_FOUND": N_("Nobody can be found by this alias now."),
    "ALIAS_TAKEN": N_("Somebody else has this alias."),
    "ALIAS_UNKNOWN": N_("This wallet has no such alias."),
    "TOO_MANY_ALIASES": N_("This wallet has, or took today, as many aliases as it may."),
    "TOO_MANY_LOOKUPS": N_("As many aliases were looked for as may be today."),
    "BEYOND_MANDATE": N_("The request is for more than the mandate allows."),
    "OVERLOADED": N_("There is too much to do now; it has not been judged."),
    "STOPPING": N_("The service is stopping; it has not been judged."),
    "NOT_SERVING": N_("The service has lost sight of its books and shows none that may be old."),
    "INTERNAL": N_("The service has a fault of its own; it has not been judged."),
}

_EXPRESSION = re.compile("; it looks like .*", re.DOTALL)
_FIGURES = {
    "missing_fen": N_("{yuan} yuan are missing"),
    "over_fen": N_("{yuan} yuan too much"),
    "left_fen": N_("{yuan} yuan are left"),
}
_SAYS_MORE = frozenset(
    [
        "UNSPECIFIED",
        "FIELD_MISSING",
        "FIELD_INVALID",
        "FIELD_UNKNOWN",
        "MESSAGE_UNREADABLE",
        "ACT_DIFFERS",
        "ALREADY_EXISTS",
        "ROLE_NOT_ALLOWED",
        "CERTIFICATE_REQUIRED",
        "SIGNATURE_INVALID",
        "NOT_THE_OWNER",
        "INTERNAL",
        "OVERLOADED",
        "FEED_TIP_UNKNOWN",
        "FEED_STEPPED_BACK",
        "LINKED_FAILED",
        "LIMIT_NOT_OFFERED",
    ]
)
"""Reasons that have many causes: only the sentence says which it was."""


def in_words(reason: str, message: str, metadata: Mapping[str, str], field: str = "") -> str:
    """The text of a refusal for a person.

    Args:
        reason: its name, such as ``WALLET_FROZEN``.
        message: the sentence of whoever refused.
        metadata: its figures, such as ``missing_fen``.
        field: the field of the request that it is about.
    """
    if not language.chosen() and not _figures(metadata):
        return _for_people(message)
    said = _(SENTENCES.get(reason, SENTENCES["UNSPECIFIED"]))
    more = detail(reason, message, metadata)
    if field and reason in _SAYS_MORE:
        more = _("field {field}; {more}").format(field=field, more=more)
    return _("{said} ({more})").format(said=said, more=more) if more else said


def detail(reason: str, message: str, metadata: Mapping[str, str]) -> str:
    """What is to be said besides the meaning of the reason; "" for nothing."""
    if figures := _figures(metadata):
        return _(", ").join(figures)
    message = _for_people(message)
    if not language.chosen():
        return message
    if message == SENTENCES.get(reason):
        return ""
    if (known := _(message)) != message or not message.isascii():
        return known  # it is in the reader's language already
    if reason in _SAYS_MORE or reason not in SENTENCES:
        return _("in its own words: {message}").format(message=message)
    return ""


def _figures(metadata: Mapping[str, str]) -> list[str]:
    """What is missing or too much, in yuan, whatever unit the sentence has."""
    return [
        _(words).format(yuan=format_yuan(int(metadata[name])))
        for name, words in _FIGURES.items()
        if metadata.get(name, "").isdecimal() and int(metadata[name])
    ]


def _for_people(message: str) -> str:
    """A sentence without the expression that says what a field looks like."""
    return _EXPRESSION.sub("", message)
