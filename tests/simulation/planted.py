"""Bugs for the simulation to find: each puts something wrong in the place of production code."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from sqlalchemy.exc import OperationalError

from central_bank.registration import feed
from central_bank.registration import settlement as settling
from central_bank.registration.feed_book import Link
from central_bank.registration.offline import losses
from dcep.bank.v1 import wallets_pb2
from dcep.errors.v1 import errors_pb2
from officers import acts, people
from operator_bank.counter import effects as counter_effects
from operator_bank.feed import events, follower
from operator_bank.feed.entries import captured, released
from operator_bank.feed.written import Written
from operator_bank.ledger import accounts
from operator_bank.payments import refunds, topped_up
from operator_bank.payments.lanes import Lane
from operator_bank.payments.outbound import Outbound
from operator_bank.sub_wallets import tries
from operator_bank.sub_wallets.families import Families
from operator_bank.sub_wallets.homecoming import Homecoming
from operator_bank.sub_wallets.mandates import Mandates
from operator_bank.sweeps.sweeping import Sweeps
from operator_bank.wallets import changing, directory
from runtime import database
from runtime.errors import Refusal
from runtime.randomness import SeededRandomness
from wallet.orders.sql_order_book import SqlBook
from wallet.secure_element.mark import Mark, MarkFile
from wallet.secure_element.sealed_file import SealedFile

_times = itertools.count(1)
Wrong = Callable[..., Any]
"""Gets what stood there, and its arguments."""


def planted(owner: Any, name: str, wrong: Wrong) -> AbstractContextManager[object]:
    """Has `wrong(right, *arguments)` run in the place of a function or a method."""
    right = getattr(owner, name)

    def instead(*arguments: Any, **named: Any) -> Any:
        return wrong(right, *arguments, **named)

    return patch.object(owner, name, instead)


def nothing(*_: Any, **__: Any) -> None:
    """Does nothing."""


def yes(*_: Any, **__: Any) -> bool:
    """Says yes."""
    return True


def no(*_: Any, **__: Any) -> bool:
    """Says no."""
    return False


def _a_fen_more(right: Any, one: Any, account: int, fen: int, purpose: int) -> Any:
    return right(one, account, fen + 1, purpose)


def _to_suspense(right: Any, one: Any, account: int, fen: int, purpose: int) -> Any:
    return right(one, accounts.SUSPENSE, fen, purpose)


def _released(_: Any, one: Any, sent: Any, purpose: int) -> Any:
    return released(one, sent, purpose)


def _captured(_: Any, one: Any, sent: Any, purpose: int) -> Any:
    return captured(one, sent, purpose)


def _believed(right: Any, kind: Any, envelope: Any, bank: Any, now_ms: int) -> Any:
    """Believes what a bank sends, whoever has signed it."""
    return kind.FromString(envelope.payload)


def _any_signature(_: Any, __: Any, ___: Any, ____: Any, envelope: Any) -> Any:
    """Believes that an officer has signed something."""
    return envelope.payload


def _gone_on(right: Any, database: Any, body: Any) -> Any:
    """Goes on as if nothing were wrong when the disk fails."""
    try:
        return right(database, body)
    except OperationalError:
        return None


def _told_anew(right: Any, entry: Any, *rest: Any) -> None:
    """Tells another time each time that it tells an entry."""
    right(entry, *rest)
    entry.time_ms += next(_times)


def _thawed(right: Any, directory: Any, number: str, _: bool, **named: Any) -> Any:
    return right(directory, number, False, **named)


def _another_reason(*_: Any, **__: Any) -> Refusal:
    return Refusal(errors_pb2.REASON_SEQUENCE_STALE, "for no reason")


def _the_till(*_: Any) -> int:
    return int(accounts.TILL)


def _a_fen_too_far(right: Any, *arguments: Any, **named: Any) -> Any:
    swept = right(*arguments, **named)
    return swept and swept._replace(fen=swept.fen + 1)


def _elsewhere(right: Any, homecoming: Any, sub: Any, sequence: int, fen: int) -> Any:
    return right(homecoming, sub, sequence, fen)._replace(credit=int(accounts.SUSPENSE))


def _allowed(right: Any, mandates: Any, connection: Any, one: Any, *rest: Any) -> Any:
    """Takes whatever is asked for allowed."""
    try:
        return right(mandates, connection, one, *rest)
    except Refusal:
        return 0


def _class_one(*_: Any) -> int:
    return int(wallets_pb2.WALLET_CLASS_I)


def _nothing_spent(*_: Any) -> dict[int, int]:
    return {}


def _another_bank(right: Any, losses_: Any, double: Any) -> int:
    return 3 - int(right(losses_, double))


def _any_number(right: Any, book: Any, number: str, _: int) -> None:
    right(book, number, 0)


def _of_the_files(right: Any, mark: MarkFile) -> Mark | None:
    """Takes what is written down for the newest, whatever the counter says."""
    found = SealedFile(mark.path.parent, SeededRandomness(1), str).found()
    return Mark(found.newest.counter, found.newest.digest.hex()) if found else None


def _at_its_end(right: Any, asked: Any, bank: Any, place: Any) -> Any:
    """Believes that the journal led to where a bank says that it is."""
    try:
        return right(asked, bank, place)
    except Refusal:
        return Link(place.number, place.hash, 2**40)


def _never_again(right: Any, lane: Any, *arguments: Any) -> None:
    """Does not send again what the central bank has said to be settled."""
    right(lane, *arguments)
    lane.again_at_ms = 2**62


PLANTED: dict[str, tuple[Any, str, Wrong, int]] = {
    "a payment arrives with a fen more": (events, "delivered", _a_fen_more, 1),
    "no payment from elsewhere reaches its wallet": (events, "delivered", _to_suspense, 1),
    "a settled payment is given back": (events, "captured", _released, 1),
    "a refused payment is taken": (events, "released", _captured, 1),
    "a settled payment stays on its way": (Written, "settle", nothing, 1),
    "what nobody could take is not sent back": (Written, "undelivered", nothing, 2),
    "an ended payment stays on its way": (Written, "end", nothing, 1),
    "a deposit that was paid stays pending": (Written, "deposit", nothing, 1),
    "a bank sends nothing": (Outbound, "step", no, 1),
    "any signature of a bank is believed": (settling, "open_signed", _believed, 1),
    "a bank may pay from anybody's wallet": (settling, "check_payment", nothing, 3),
    "an officer may approve alone": (acts.Acts, "_check_second", nothing, 1),
    "the place in the feed is not kept": (follower, "write_place", nothing, 1),
    "an entry of the feed is told in two ways": (feed, "_tell", _told_anew, 1),
    "an officer's signature is not looked at": (people.Officers, "verified", _any_signature, 1),
    "a write that failed counts as done": (database.Database, "transaction", _gone_on, 1),
    "a frozen wallet is not frozen": (directory.Directory, "set_frozen", _thawed, 1),
    "a payment is refused for another reason": (topped_up, "payers_refusal", _another_reason, 1),
    "what a payment lacks comes out of the till": (topped_up, "account_of", _the_till, 1),
    "a sweep takes a fen more than came over the level": (Sweeps, "_needed", _a_fen_too_far, 1),
    "a closed sub-wallet's money does not go home": (Homecoming, "_homeward", _elsewhere, 1),
    "whatever a sub-wallet pays counts as paid in the family": (Families, "are_kin", yes, 1),
    "a mandate pays whatever is asked": (Mandates, "_check", _allowed, 4),
    "a mandate's month is never used up": (tries, "spent_fen", _nothing_spent, 4),
    "a mandate pays whoever asks": (Families, "pays_by_mandate", yes, 1),
    "what a mandate has paid is not written down": (tries, "paid", nothing, 2),
    "a mandate is not tried when its payee asks": (tries, "put", yes, 1),
    "class I needs nobody at a counter": (changing, "class_of", _class_one, 1),
    "officers see whatever they are shown": (counter_effects, "_check_seen", nothing, 1),
    "more may be refunded than was paid": (refunds.Refunds, "_check_left", nothing, 1),
    "a double spend falls on another bank": (losses.Losses, "_bearer", _another_bank, 3),
    "a double spend falls on its payee": (losses.Losses, "beyond_cap", yes, 4),
    "an older home does not notice that it is one": (SqlBook, "seen_elsewhere", nothing, 2),
    "an older home goes on with used numbers": (SqlBook, "resume", _any_number, 1),
    "a device takes older files": (MarkFile, "read", _of_the_files, 1),
    "an older central bank goes on for whoever has more": (feed.Feed, "_known", _at_its_end, 6),
    "a bank believes the answer and not the feed": (Lane, "submitted_new", _never_again, 4),
}
"""By what is wrong: where, what stands there instead, and the first seed that finds it."""
