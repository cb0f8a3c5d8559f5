"""Reads a file of payments as offices write it, and says all that is wrong with it, by line.

The file is read once, as bytes. What is checked, shown, confirmed and paid comes from these bytes,
whatever happens to the file meanwhile.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from currency import text
from currency.aliases import AliasError, read_alias
from currency.amount import AmountError, parse_yuan
from currency.number import NumberError
from currency.number import typed as number_typed
from language import _
from runtime.output import harmless
from wallet.limits import (
    MAX_MEMO,
    MAX_NAME,
    MAX_PAYROLL_BYTES,
    MAX_PAYROLL_PROBLEMS,
    MAX_PAYROLL_ROWS,
)

COLUMNS = {
    "payee": (
        "payee",
        "wallet",
        "walletnumber",
        "number",
        "收款钱包",
        "钱包编号",
        "钱包号码",
        "钱包",
        "alias",
        "别名",
    ),
    "name": ("name", "payeename", "holder", "姓名", "户名", "收款人", "收款人姓名"),
    "amount": ("amount", "yuan", "amount(yuan)", "金额", "金额(元)", "实发工资", "实发金额"),
    "memo": ("memo", "note", "备注", "附言", "用途"),
}
"""How the header may name each column; spaces, width and case do not matter."""

_CHINESE = {"payee": "钱包编号", "name": "姓名", "amount": "金额"}
REQUIRED = ("payee", "name", "amount")
_SEPARATORS = (",", ";", "\t")
_ENCODINGS = ("utf-8-sig", "gb18030")
_SHORTENED = re.compile(r"[0-9.]+E\+?[0-9]+", re.IGNORECASE)
_TOTAL_ROWS = ("total", "sum", "合计", "总计", "小计")


class Lines(Protocol):
    """What `csv.reader` gives."""

    line_num: int

    def __iter__(self) -> Iterator[list[str]]:
        """Yields the cells of each line."""
        ...


class SheetError(Exception):
    """The file cannot be read at all; the message says why."""


class Row(NamedTuple):
    """One payment of the file.

    Attributes:
        line: the line of the file on which it ends, from 1.
        payee: the wallet's number; "" as long as nobody has looked for its alias.
        name: the payee's, as the file has it; no bank checks it.
        alias: in its one spelling; "" if the file has the wallet's number.
    """

    line: int
    payee: str
    name: str
    amount_fen: int
    memo: str
    alias: str = ""


class Problem(NamedTuple):
    """What is wrong with a line; line 0 is the file as a whole."""

    line: int
    said: str

    def __str__(self) -> str:
        if not self.line:
            return self.said
        return _("line {line}: {said}").format(line=self.line, said=self.said)


@dataclass
class Sheet:
    """A file that was read.

    Attributes:
        digest: SHA-256 of its bytes.
        rows: the good ones, each for another payee.
        problems: the first MAX_PAYROLL_PROBLEMS that were found.
        more: how many problems there are beyond those.
        unused: names of columns of which nothing is taken.
    """

    digest: bytes
    encoding: str = ""
    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    more: int = 0
    unused: list[str] = field(default_factory=list)

    @property
    def confirmed_as(self) -> bytes:
        """What a holder confirms: SHA-256 of the file, and of whom its aliases stand for."""
        found = [f"{row.alias} {row.payee}\n" for row in self.rows if row.alias]
        return (
            hashlib.sha256(self.digest + "".join(found).encode()).digest() if found else self.digest
        )

    @property
    def total_fen(self) -> int:
        """The sum of all rows."""
        return sum(row.amount_fen for row in self.rows)

    def wrong(self, line: int, said: str) -> None:
        """Notes a problem."""
        if len(self.problems) < MAX_PAYROLL_PROBLEMS:
            self.problems.append(Problem(line, said))
        else:
            self.more += 1


def read_bytes(path: Path) -> bytes:
    """The content of a file. Raises SheetError: it is too long; OSError."""
    with path.open("rb") as file:
        content = file.read(MAX_PAYROLL_BYTES + 1)
    if len(content) > MAX_PAYROLL_BYTES:
        raise SheetError(
            _("{path} is longer than {most:,} bytes").format(path=path, most=MAX_PAYROLL_BYTES)
        )
    return content


def payee_of(cell: str) -> str:
    """The wallet number that a cell names, 16 digits. Raises NumberError.

    An apostrophe in front, with which spreadsheets mark text, is left out.
    """
    bare = _bare(cell)
    if _SHORTENED.fullmatch(unicodedata.normalize("NFKC", bare)):
        raise NumberError(
            _(
                "a spreadsheet has shortened the wallet number to {cell}; make the column a text "
                "column and enter the number again"
            ).format(cell=bare[:40])
        )
    return number_typed(bare)


def read_sheet(content: bytes, own_number: str = "") -> Sheet:
    """Reads a file's content: UTF-8 with or without a mark, or GB18030; separated by , ; or tabs.

    Args:
        content: the bytes of the file.
        own_number: the payer's wallet, which cannot be paid.

    Returns:
        The good rows, and every problem, by line.

    Raises:
        SheetError: it is no text in these encodings.
    """
    sheet = Sheet(hashlib.sha256(content).digest())
    decoded = _decoded(content, sheet)
    lines = csv.reader(io.StringIO(decoded, newline=""), delimiter=_separator(decoded), strict=True)
    try:
        _read_lines(lines, sheet, own_number)
    except csv.Error:
        # What follows cannot be told apart any more: a quote that is not closed takes it all.
        sheet.wrong(
            lines.line_num,
            _("a quotation mark is not closed, or stands inside a cell; the rest cannot be read"),
        )
    return sheet


def _read_lines(lines: Lines, sheet: Sheet, own_number: str) -> None:
    filled = ((lines.line_num, cells) for cells in lines if any(map(str.strip, cells)))
    first = next(filled, None)
    if first is None:
        sheet.wrong(0, _("the file is empty"))
        return
    places = _places(first[1], sheet)
    if places is None:
        return
    seen: dict[str, int] = {own_number: 0}
    for count, (line, cells) in enumerate(filled):
        if count == MAX_PAYROLL_ROWS:
            most = _("more than {most:,} rows; make several files").format(most=MAX_PAYROLL_ROWS)
            sheet.wrong(line, most)
            return
        _read_row(line, {name: _cell(cells, at) for name, at in places.items()}, sheet, seen)
    if not sheet.rows and not sheet.problems:
        sheet.wrong(0, _("the file has a header and no rows: there is nothing to pay"))


def _read_row(line: int, cells: dict[str, str], sheet: Sheet, seen: dict[str, int]) -> None:
    """Takes a row, or notes all that is wrong with it.

    Args:
        seen: by wallet number or alias, the line that pays it; 0 for the payer's own.
    """
    before = len(sheet.problems) + sheet.more
    payee, alias = _payee(line, cells, sheet, seen)
    name = _text(line, cells["name"], _("name"), MAX_NAME, sheet)
    if not cells["name"]:
        sheet.wrong(line, _("the name is missing"))
    memo = _text(line, cells.get("memo", ""), _("memo"), MAX_MEMO, sheet)
    amount_fen = 0
    try:
        amount_fen = parse_yuan(cells["amount"])
    except AmountError as error:
        sheet.wrong(line, str(error) if cells["amount"] else _("the amount is missing"))
    if before == len(sheet.problems) + sheet.more:
        sheet.rows.append(Row(line, payee, name, amount_fen, memo, alias))


def _payee(line: int, cells: dict[str, str], sheet: Sheet, seen: dict[str, int]) -> tuple[str, str]:
    """The wallet's number, or the alias, that a row names; none of both if that is wrong."""
    if not cells["payee"]:
        is_total = cells["name"].casefold() in _TOTAL_ROWS
        sheet.wrong(
            line,
            _("this is the sheet's total; leave it out")
            if is_total
            else _("the wallet number is missing"),
        )
        return "", ""
    payee, alias = "", ""
    try:
        if _is_alias(cells["payee"]):
            alias = read_alias(_bare(cells["payee"])).shown
        else:
            payee = payee_of(cells["payee"])
    except (NumberError, AliasError) as error:
        sheet.wrong(line, str(error))
        return "", ""
    paid_once(sheet, line, payee or alias, seen)
    return payee, alias


def paid_once(sheet: Sheet, line: int, payee: str, seen: dict[str, int]) -> bool:
    """Notes a problem unless a row is the only one for its payee, who is not the payer.

    Args:
        seen: by payee, the line that pays them; 0 for the payer. This line is added.
    """
    earlier = seen.setdefault(payee, line)
    if earlier == 0:
        sheet.wrong(line, _("this is the payer's own wallet"))
    elif earlier != line:
        sheet.wrong(
            line,
            _("{payee} is paid in line {earlier} already; put both into one row").format(
                payee=payee, earlier=earlier
            ),
        )
    return earlier == line


def _bare(cell: str) -> str:
    """A cell without the apostrophe with which spreadsheets mark text."""
    return cell.strip().removeprefix("'").strip()


def _is_alias(cell: str) -> bool:
    """Whether a cell names a payee by "@" and a name, or by a telephone: from abroad with a plus
    sign, else 11 digits that begin with 1. Fewer digits of anything else are a wallet's number that
    is not whole.
    """
    bare = unicodedata.normalize("NFKC", _bare(cell))
    digits = "".join(each for each in bare if each.isdecimal())
    return bare.startswith(("@", "+")) or (len(digits) == 11 and digits.startswith("1"))


def _text(line: int, cell: str, what: str, most: int, sheet: Sheet) -> str:
    if len(cell) > most:
        sheet.wrong(
            line,
            _("the {what} has {count} characters; at most {most}").format(
                what=what, count=len(cell), most=most
            ),
        )
    elif not cell.isprintable():
        sheet.wrong(line, _("the {what} has characters that cannot be printed").format(what=what))
    return cell


def _cell(cells: Sequence[str], at: int) -> str:
    return text.typed(cells[at]).strip() if at < len(cells) else ""


def _decoded(content: bytes, sheet: Sheet) -> str:
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise SheetError(_("this is a workbook, not a CSV file; save it as “CSV UTF-8”"))
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SheetError(_("the file is in UTF-16; save it as “CSV UTF-8”"))
    for encoding in _ENCODINGS:
        try:
            decoded = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        sheet.encoding = encoding.removesuffix("-sig").upper()
        return decoded
    raise SheetError(_("the file is neither in UTF-8 nor in GB18030; save it as “CSV UTF-8”"))


def _separator(decoded: str) -> str:
    """The separator with which the header has the most columns that are wanted."""
    lines = io.StringIO(decoded, newline="")
    first = next((line for line in lines if line.strip(" ,;\t\r\n")), "")
    return max(_SEPARATORS, key=lambda separator: _columns_named(first, separator))


def _columns_named(header: str, separator: str) -> int:
    try:
        cells = next(csv.reader([header], delimiter=separator), [])
    except csv.Error:
        return 0  # a cell longer than any that csv reads
    return sum(_column(cell) is not None for cell in cells)


def _column(cell: str) -> str | None:
    """Which column a cell of the header names; None for one of which nothing is taken."""
    bare = "".join(unicodedata.normalize("NFKC", text.typed(cell)).casefold().split())
    bare = bare.replace("_", "")
    return next((column for column, names in COLUMNS.items() if bare in names), None)


def _places(header: Sequence[str], sheet: Sheet) -> dict[str, int] | None:
    """Where each column stands; None, and problems noted, if it cannot be said."""
    places: dict[str, int] = {}
    for at, cell in enumerate(header):
        column = _column(cell)
        if column is None:
            if cell.strip():
                sheet.unused.append(harmless(cell.strip()))
        elif column in places:
            sheet.wrong(0, _("two columns are called {name}").format(name=harmless(cell.strip())))
        else:
            places[column] = at
    for column in REQUIRED:
        if column not in places:
            sheet.wrong(
                0,
                _(
                    "no column is called {names}; the first line has to name the columns wallet "
                    "number, name and amount"
                ).format(names=" / ".join((COLUMNS[column][0], _CHINESE[column]))),
            )
    return None if sheet.problems else places
