"""The glossary has every account, kind of movement and room, in two languages, with its source."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from central_bank.ledger import accounts as central_accounts
from operator_bank.ledger import accounts as bank_accounts
from settlement.records import ADMINISTRATIVE, Kind

ROOT = Path(__file__).resolve().parent.parent
ENGLISH = ROOT / "docs/reference/glossary.md"
CHINESE = ROOT / "docs/zh-CN/reference/glossary.md"

# What every service has, and what the wallet's program is made of, is no business of the glossary.
NO_TERMS = {"api", "cli", "home", "online"}
CENTRAL = ("RESERVES", "CIRCULATION", "OFFLINE_FLOAT")
NOT_ACCOUNTS = {"CURRENCY", "OWN_BOOKS", "NOBODY", "FIRST_OF_WALLETS"}


class Row(NamedTuple):
    """A row of a table with five columns."""

    term: str
    other: str
    meaning: str
    code: str
    source: str


def rows(page: Path, width: int = 5) -> Iterator[list[str]]:
    """The cells of the rows of its tables with so many columns, without the heads."""
    for line in page.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line[:1] == "|" else []
        if len(cells) == width and cells[0] not in ("Term", "术语", "Name", "简称", "---"):
            yield cells


def terms(page: Path) -> list[Row]:
    return [Row(*cells) for cells in rows(page)]


def in_code() -> set[str]:
    """Names in the code that are words of the field."""
    rooms = {
        folder.parent.name
        for service in ("central_bank", "operator_bank", "wallet")
        for folder in (ROOT / service).glob("*/__init__.py")
    }
    accounts = {
        name
        for name, value in vars(bank_accounts).items()
        if name.isupper() and name[0] != "_" and isinstance(value, int)
    }
    kinds = {kind.name for kind in Kind if kind not in ADMINISTRATIVE}
    assert all(name in Path(central_accounts.__file__).read_text() for name in CENTRAL)
    return (rooms - NO_TERMS) | (accounts - NOT_ACCOUNTS) | kinds | set(CENTRAL)


def test_each_word_of_the_field_that_the_code_has_is_explained() -> None:
    explained = {name for row in terms(ENGLISH) for name in re.findall(r"`(\w+)`", row.code)}
    assert in_code() - explained == set()


def test_each_term_has_its_chinese_its_meaning_and_a_source_that_is_listed() -> None:
    for page in (ENGLISH, CHINESE):
        sources = {name for name, _ in rows(page, 2)}
        for row in terms(page):
            assert row.term, row
            assert row.other, row
            assert row.meaning, row
            assert row.source in sources, row


def test_both_languages_name_each_other() -> None:
    ours = [(row.term, row.other, row.code) for row in terms(ENGLISH)]
    theirs = [(row.other, row.term, row.code) for row in terms(CHINESE)]
    assert ours == theirs
    assert all(re.search(r"[\u4e00-\u9fff]", row.other) for row in terms(ENGLISH))
    assert len({row.term for row in terms(ENGLISH)}) == len(ours)
