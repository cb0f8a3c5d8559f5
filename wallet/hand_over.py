"""Paying and being paid over a direct link; one that is cut anywhere pays once.

A payer keeps each payment until its payee has said OK. When it meets that payee again it shows the
payments without an OK first, and the payee says OK again to one that it took.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from offline_token.formats import Payment, Request
from runtime.clock import Clock
from wallet import link, papers
from wallet.limits import LINK_TIMEOUT_S
from wallet.link import Taken
from wallet.pocket import Pocket


class Requests(Protocol):
    """Remembers requests that were shown over a link."""

    def unpaid(self, amount_fen: int) -> str | None:
        """The newest request of that amount that nobody has paid."""
        ...

    def add(self, text: str, amount_fen: int, now_ms: int) -> None:
        """Keeps a request before it is shown."""
        ...

    def paid(self, text: str, now_ms: int) -> None:
        """It was paid, or nobody can pay it any more."""
        ...


@dataclass(frozen=True)
class Handed:
    """What the payee took; `repeated` when it is a payment made before, and no other was made."""

    amount_fen: int
    repeated: bool


def pay(
    pocket: Pocket,
    address: tuple[str, int],
    check: Callable[[str], None],
    *,
    anew: bool = False,
    timeout_s: float = LINK_TIMEOUT_S,
) -> Handed:
    """Pays a device that listens.

    Args:
        check: raises when a request should not be paid.
        anew: leave payments without an OK aside, and pay.
    """

    def talk(request: str, show: link.Show) -> Handed:
        check(request)
        data = papers.read(papers.REQUEST, request)
        asked = Request.decode(data)
        for earlier in [] if anew else _earlier(pocket, asked):
            amount_fen = _shown(pocket, earlier, show)
            if amount_fen == asked.amount_fen:
                return Handed(amount_fen, True)
        payment = pocket.device.pay(data, unconfirmed=True)
        return Handed(_shown(pocket, payment, show), False)

    return link.send(address, talk, timeout_s=timeout_s)


def request_to_show(
    pocket: Pocket, requests: Requests, clock: Clock, amount_fen: int, *, anew: bool = False
) -> str:
    """A request of that amount: the last one, while it waits for its payment, or a new one."""
    while not anew and (request := requests.unpaid(amount_fen)) is not None:
        if pocket.device.awaits(papers.read(papers.REQUEST, request)):
            return request
        requests.paid(request, clock.now_ms())
    request = pocket.request(amount_fen)
    requests.add(request, amount_fen, clock.now_ms())
    return request


def accept(
    pocket: Pocket,
    address: tuple[str, int],
    request: str,
    *,
    on_listening: Callable[[str], None],
    timeout_s: float = LINK_TIMEOUT_S,
) -> Taken:
    """Waits for the payer's device and takes what it pays."""
    asked = papers.read(papers.REQUEST, request)

    def take(payment: str) -> Taken:
        repeated = pocket.has_taken(payment)
        amount_fen = pocket.accept(payment)
        return Taken(amount_fen, repeated, asked=not pocket.device.awaits(asked))

    return link.receive(address, request, take, on_listening=on_listening, timeout_s=timeout_s)


def _earlier(pocket: Pocket, asked: Request) -> list[bytes]:
    """Payments to this payee without an OK; for this very request only that one."""
    found = []
    for payment in pocket.device.unconfirmed():
        end = Payment.decode(payment).chains[0].hops[-1].endorsement
        if end.challenge == asked.challenge:
            return [payment]
        if end.payee == asked.certificate.key:
            found.append(payment)
    return found


def _shown(pocket: Pocket, payment: bytes, show: link.Show) -> int:
    amount_fen = show(papers.write(papers.PAYMENT, payment))
    pocket.device.confirm(payment)
    return amount_fen
