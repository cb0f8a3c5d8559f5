"""Whom the aliases of a file stand for: looked for once, compared with the file's names, and kept.

A file that is gone on with pays whom it began to pay, whoever the alias is given to meanwhile; and
the next month's pays the wallets of before. A bank lets a holder look for so many aliases a day.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Select, delete, insert, select

from dcep.errors.v1 import errors_pb2
from language import _
from runtime.chunks import chunks
from runtime.clock import Clock
from runtime.database import Database
from runtime.errors import Refusal
from runtime.output import quoted
from wallet.limits import MAX_PAYEES_FOUND
from wallet.online.aliases import Payee
from wallet.payroll.sheet import Row, Sheet, paid_once
from wallet.tables import payees_found

_OF = payees_found.c
_NOBODY = frozenset((errors_pb2.REASON_ALIAS_NOT_FOUND, errors_pb2.REASON_TOO_MANY_LOOKUPS))


class PayeesFound:
    """Whom a wallet has found by aliases."""

    def __init__(self, database: Database, number: str, clock: Clock) -> None:
        self._database = database
        self._number = number
        self._clock = clock

    def known(self, aliases: Sequence[str]) -> dict[str, Payee]:
        """Those of these aliases that were found before, by alias."""
        found: dict[str, Payee] = {}
        for part in chunks(aliases):
            query = select(_OF.alias, _OF.payee_number, _OF.masked_name).where(
                _OF.number == self._number, _OF.alias.in_(part)
            )
            rows = self._database.read(lambda c, query=query: c.execute(query).all())  # type: ignore[misc]
            found |= {
                row.alias: Payee(row.alias, row.payee_number, row.masked_name) for row in rows
            }
        return found

    def keep(self, payee: Payee) -> None:
        """Remembers whom an alias stands for; of very many, the newest."""

        def body(connection: Connection) -> None:
            mine = _OF.number == self._number
            values = {
                "number": self._number,
                "alias": payee.alias,
                "payee_number": payee.number,
                "masked_name": payee.masked_name,
                "found_time_ms": self._clock.now_ms(),
            }
            connection.execute(delete(payees_found).where(mine, _OF.alias == payee.alias))
            connection.execute(insert(payees_found), values)
            newest = (
                select(_OF.found_time_ms)
                .where(mine)
                .order_by(_OF.found_time_ms.desc())
                .offset(MAX_PAYEES_FOUND)
                .limit(1)
            )
            too_old = connection.execute(newest).scalar()
            if too_old is not None:
                old = delete(payees_found).where(mine, _OF.found_time_ms <= too_old)
                connection.execute(old)

        self._database.transaction(body)

    def forget(self, aliases: Sequence[str]) -> None:
        """Has these looked for again the next time."""

        def body(connection: Connection) -> None:
            for part in chunks(aliases):
                mine = (_OF.number == self._number, _OF.alias.in_(part))
                connection.execute(delete(payees_found).where(*mine))

        if aliases:
            self._database.transaction(body)


@dataclass
class Found:
    """What came of a file's aliases.

    Attributes:
        known: those that were found before, with their rows.
        new: those that were found now.
    """

    known: list[tuple[Row, Payee]] = field(default_factory=list)
    new: list[tuple[Row, Payee]] = field(default_factory=list)


def find_payees(
    sheet: Sheet,
    own_number: str,
    book: PayeesFound,
    find: Callable[[str], Payee],
    advance: Callable[[int], None],
) -> Found:
    """Puts wallet numbers in the place of a file's aliases; what is wrong with them is noted.

    Args:
        sheet: without problems; its rows are replaced.
        own_number: the payer's wallet, which cannot be paid.
        find: asks the bank whom an alias stands for.
        advance: is told how many more aliases were looked for.

    Raises:
        Refusal, NoAnswer: by the bank, but for ALIAS_NOT_FOUND and TOO_MANY_LOOKUPS, which are
            problems of the file.
    """
    found = Found()
    known = book.known([row.alias for row in sheet.rows if row.alias])
    found.known = [(row, known[row.alias]) for row in sheet.rows if row.alias in known]
    unknown = [row for row in sheet.rows if row.alias and row.alias not in known]
    for at, row in enumerate(unknown):
        try:
            payee = find(row.alias)
        except Refusal as refusal:
            if refusal.reason not in _NOBODY:
                raise
            if refusal.reason == errors_pb2.REASON_TOO_MANY_LOOKUPS:
                sheet.wrong(row.line, _too_many(len(unknown) - at))
                break
            sheet.wrong(row.line, _("nobody can be found by {alias}").format(alias=row.alias))
            continue
        finally:
            advance(1)
        known[row.alias] = payee
        if is_called(row.name, payee.masked_name):
            book.keep(payee)
            found.new.append((row, payee))
    _replace(sheet, own_number, known)
    return found


def _replace(sheet: Sheet, own_number: str, known: dict[str, Payee]) -> None:
    seen = {own_number: 0} | {row.payee: row.line for row in sheet.rows if row.payee}
    rows: list[Row] = []
    for row in sheet.rows:
        if not row.alias:
            rows.append(row)
            continue
        payee = known.get(row.alias)
        if payee is None:
            continue
        if not is_called(row.name, payee.masked_name):
            sheet.wrong(row.line, _other_name(payee))
        elif paid_once(sheet, row.line, payee.number, seen):
            rows.append(row._replace(payee=payee.number))
    sheet.rows = rows


def is_called(name: str, masked_name: str) -> bool:
    """Whether a name may be the one that a bank has masked: the words of both begin alike, in any
    order. A bank shows the first letters of three words at most, and nothing of who has no name.
    """
    return not _first_letters(masked_name) - _first_letters(name)


def _first_letters(name: str) -> Counter[str]:
    return Counter(word[:1] for word in unicodedata.normalize("NFKC", name).casefold().split())


def _too_many(left: int) -> str:
    return _(
        "the bank lets you look for no more aliases today, and {count:,} of this file are left; "
        "what was found is kept: repeat the command tomorrow, or put wallet numbers in their place"
    ).format(count=left)


def _other_name(payee: Payee) -> str:
    return _("the payee's bank says that {alias} is {name}; correct the alias or the name").format(
        alias=payee.alias, name=quoted(payee.masked_name)
    )


def _rows(query: Select[Any], connection: Connection) -> Sequence[Any]:
    return connection.execute(query).all()
