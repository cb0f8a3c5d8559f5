"""Wallets of an audited history that ask for money."""

from __future__ import annotations

from tests.auditor.told import Stack
from wallet.online.requests import Requests

HOUR_MS = 3_600_000


def requests(stack: Stack, name: str) -> Requests:
    found: Requests = stack.system.built[name].requests_to_pay()
    return found


def ask(stack: Stack, asker: str, payer: str, fen: int, *, partial: bool = False) -> str:
    due_ms = stack.system.clock.now_ms() + HOUR_MS
    number = stack.number(payer)
    return requests(stack, asker).ask(
        number, fen, words="面条", due_time_ms=due_ms, partial=partial
    )
