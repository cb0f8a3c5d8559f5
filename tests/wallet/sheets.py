"""Files of payments for tests."""

from __future__ import annotations

from collections.abc import Sequence

from currency.amount import format_yuan
from currency.number import make
from tests.wallet.apps import ALPHA, MakeApp
from tests.wallet.fake_bank import PREFIX

HEAD = "payee,name,amount,memo"


def numbers(count: int) -> list[str]:
    """Good wallet numbers that nobody has."""
    return [make(PREFIX, 900 + serial) for serial in range(count)]


def sheet_of(rows: Sequence[tuple[str, str, int, str]]) -> bytes:
    """A file of these rows: payee, name, fen, memo."""
    lines = [f'{payee},{name},"{format_yuan(fen)}",{memo}' for payee, name, fen, memo in rows]
    return "\n".join([HEAD, *lines, ""]).encode()


def staff(make_app: MakeApp, count: int) -> list[str]:
    """The numbers of so many wallets, opened at the bank."""
    return [
        make_app(f"worker{n}", opened=False).open(ALPHA, holder_name=f"worker{n}").number
        for n in range(count)
    ]
