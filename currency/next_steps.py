"""Says what can be done after a refusal, whoever refused and whatever was asked.

A tool may know better for some reasons, and adds its own texts. No tool's commands are named here,
because the holder of a wallet cannot do what an officer can.
"""

from __future__ import annotations

from language import N_

_VERSIONS = N_("Use versions of this program and of the service that fit each other.")
_LESS = N_("Ask for less at once.")
_NUMBER = N_("Check the number.")
_ANEW = N_("Repeat the command to make it anew.")
_LATER = N_("Repeat the same command later.")
_SOON = N_("Repeat the same command in a moment.")
_OTHER_PAYEE = N_("Ask the payee for another number.")

STEPS = {
    "UNSPECIFIED": _VERSIONS,
    "FIELD_MISSING": N_("Say what is missing, and repeat."),
    "FIELD_INVALID": N_("Correct it and repeat."),
    "FIELD_UNKNOWN": _VERSIONS,
    "AMOUNT_INVALID": N_("Write the amount in yuan, like 12.50."),
    "TOO_MANY_ITEMS": _LESS,
    "MESSAGE_UNREADABLE": _VERSIONS,
    "DEADLINE_MISSING": _VERSIONS,
    "PAGE_TOKEN_INVALID": N_("Begin with the first page."),
    "SAME_ACCOUNT": _NUMBER,
    "SEQUENCE_INVALID": _ANEW,
    "MESSAGE_TOO_LONG": _LESS,
    "SIGNATURE_INVALID": N_("Check whether the key here is the one that is registered."),
    "CERTIFICATE_REQUIRED": N_(
        "Check whether the certificate here is the newest one, and has not ended."
    ),
    "ROLE_NOT_ALLOWED": N_("Have somebody order it who may."),
    "BANK_NOT_ADMITTED": N_("Ask again once the central bank has admitted it."),
    "BANK_SUSPENDED": N_("Ask again once it is reinstated."),
    "SAME_OFFICER": N_("Have another officer decide."),
    "WRONG_WALLET": _NUMBER,
    "OFFICER_UNKNOWN": N_("Check the officer's name."),
    "RIGHT_MISSING": N_("Have an officer do it who has the right."),
    "ACT_DIFFERS": N_("Look at it again, and decide nothing before it is known why."),
    "EXPIRED": N_(
        "Repeat the command to make it anew. If it comes too late again at once, this machine's "
        "clock is behind: set it."
    ),
    "NOT_YET_VALID": N_(
        "Compare this machine's clock with the service's, and set the one that is wrong."
    ),
    "ID_REUSED": N_("Choose another id, or leave it away."),
    "SEQUENCE_STALE": _ANEW,
    "VALIDITY_TOO_LONG": N_("Set this machine's clock if it is ahead; else choose an earlier end."),
    "WALLET_UNKNOWN": _NUMBER,
    "BANK_UNKNOWN": N_("Check the bank's name, or the number."),
    "REQUEST_UNKNOWN": N_("Check the id."),
    "PAYMENT_UNKNOWN": N_("Check the id."),
    "ALREADY_DECIDED": N_("Nothing is to be done."),
    "ALREADY_EXISTS": N_("Choose another, or look whether it is the one that you want."),
    "OFFICERS_TOO_FEW": N_("Register another officer first."),
    "WALLET_USED_ELSEWHERE": N_("Its holder has to look what was ordered from elsewhere."),
    "SIGNER_MAY_NOT": N_("Have somebody do it who may."),
    "NOT_RELEASED": N_("Have the others release it, then repeat the same command."),
    "ORDER_WITHDRAWN": N_("Ask who withdrew it; prepare it anew if it is to be made."),
    "SIGNERS_CHANGED": N_("Look who signs now, and repeat."),
    "HAS_SIGNERS": N_("Let a new key into the list, and cut the old one off."),
    "RECOVERY_KEY_COUNTS": N_("Give it up with a list of signers, and repeat seven days later."),
    "KEY_REPLACED": N_("Order from where the new key is."),
    "HOLDER_DIFFERS": N_(
        "Check what the holder has shown; give it just as the bank got to know it."
    ),
    "WALLET_CLOSED": N_("Use another wallet."),
    "WALLET_FROZEN": N_("Ask the bank why."),
    "PAYEE_CLOSED": _OTHER_PAYEE,
    "PAYEE_FROZEN": _OTHER_PAYEE,
    "OVER_SINGLE_LIMIT": N_("Pay less at once."),
    "OVER_DAY_LIMIT": N_("Pay less, or tomorrow."),
    "OVER_YEAR_LIMIT": N_("Pay less."),
    "INSUFFICIENT_FUNDS": N_("Ask for less, or put money in first."),
    "OVER_BALANCE_CAP": N_("Move less, or move some out first."),
    "WALLET_NOT_EMPTY": N_("Empty it first."),
    "TOO_MANY_HOLDS": N_("Wait for them, then repeat the command."),
    "LINKED_FAILED": N_("See to what was refused, then repeat."),
    "TOO_MANY_REFUSALS": N_("Repeat the command in an hour."),
    "NOT_REFUNDABLE": N_("Pay it back instead."),
    "REFUND_TOO_LARGE": _LESS,
    "TOO_MANY_WALLETS": N_("Close one that is needed no more, or use another bank."),
    "PHONE_NOT_CONFIRMED": N_("Have a code sent, and repeat with it."),
    "IDENTITY_NOT_CONFIRMED": N_("Check what was entered; if it is right, ask at the counter."),
    "RESERVES_SHORT": N_("Ask for less, or have reserves paid in first."),
    "CIRCULATION_SHORT": N_("Ask for less, or have it issued first."),
    "VAULT_SHORT": N_("Ask for less, or have money issued to the bank first."),
    "DEPOSIT_SHORT": N_("Ask for less."),
    "NO_DEPOSIT_ACCOUNT": N_("Use cash, at a machine of the bank."),
    "CASH_NOT_ACCEPTED": N_("Use the deposit account instead."),
    "BANK_CANNOT_NOW": N_("Ask for less, or repeat the command later. If it lasts, ask the bank."),
    "MACHINE_UNKNOWN": N_("Use a machine that the bank has registered."),
    "RECEIPT_USED": N_("Nothing is to be done."),
    "BANK_BEHIND": _LATER,
    "PAYEE_CANNOT_BE_PAID": N_("Check the number, or ask the payee."),
    "PEER_UNAVAILABLE": _LATER,
    "NOTHING_TO_RETURN": N_("Check the id."),
    "FEED_TIP_UNKNOWN": N_("The bank's officers have to compare it with the central bank's."),
    "FEED_STEPPED_BACK": N_("The bank's officers have to bring its newest database back."),
    "DEVICE_UNKNOWN": N_("Check the device's key."),
    "DEVICE_REVOKED": N_("Use another device; what this one holds can be deposited."),
    "TOKEN_INVALID": N_("Ask the payer to show it again, whole."),
    "ALREADY_DEPOSITED": N_("Nothing is to be done."),
    "NOT_THE_OWNER": N_("Have its owner do it."),
    "TOO_MANY_DEVICE_KEYS": N_("Deposit what the device holds, and ask the bank."),
    "REQUEST_TO_PAY_UNKNOWN": N_("Check the id."),
    "REQUEST_TO_PAY_OVER": N_("Nothing is to be done."),
    "AMOUNT_NOT_ASKED": N_("Look at the request again."),
    "TOO_MANY_REQUESTS": _LATER,
    "NOT_FOR_SUB_WALLETS": N_("Have it done from the wallet that it belongs to."),
    "PAYEE_NOT_ALLOWED": N_("Have whoever gave the sub-wallet change whom it may pay."),
    "SUB_WALLETS_OPEN": N_("Close them first."),
    "TOO_MANY_SUB_WALLETS": N_("Close one that is needed no more."),
    "LIMIT_NOT_OFFERED": N_("Choose one of the amounts that are offered."),
    "ALIAS_NOT_FOUND": N_("Check the alias, or ask for the wallet's number."),
    "ALIAS_TAKEN": N_("Choose another name."),
    "ALIAS_UNKNOWN": N_("Check the alias."),
    "TOO_MANY_ALIASES": N_("Remove an alias, or wait a day."),
    "TOO_MANY_LOOKUPS": _LATER,
    "BEYOND_MANDATE": N_("Have whoever gave the mandate allow it, or ask for less."),
    "OVERLOADED": _SOON,
    "STOPPING": _SOON,
    "NOT_SERVING": _SOON,
    "INTERNAL": N_("Repeat the same command; if it lasts, ask whoever runs the service."),
}
"""By the contract's reason, in English."""
