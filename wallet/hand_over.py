"""Paying and being paid over a direct link; one that is cut anywhere pays once.

A payer keeps each payment until its payee has said OK. When it meets that payee again it shows the
payments without an OK first, and the payee says OK again to one that it took. A payee shows a
request to one device only: two that paid the same one would both have paid.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from offline_token.formats import Payment, Request
from runtime.clock import Clock
from wallet import link, papers
from wallet.device import Device
from wallet.limits import LINK_TIMEOUT_S
from wallet.link import Taken
from wallet.pocket import Pocket


class Requests(Protocol):
    """Remembers requests that were shown over a link."""

    def unseen(self, amount_fen: int) -> str | None:
        """The newest request of that amount that was shown to nobody."""
        ...

    def add(self, text: str, amount_fen: int, now_ms: int) -> None:
        """Keeps a request before it is shown."""
        ...

    def seen(self, text: str, now_ms: int) -> None:
        """It is shown to somebody now, or nobody can pay it any more."""
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
        return pay_shown(
            pocket.device, data, lambda paid: show(papers.write(papers.PAYMENT, paid)), anew=anew
        )

    return link.send(address, talk, timeout_s=timeout_s)


def pay_shown(
    device: Device, request: bytes, show: Callable[[bytes], int], *, anew: bool = False
) -> Handed:
    """Pays a request, or shows a payment of the same amount again that got no OK.

    Args:
        show: shows a payment to the payee; returns what it took, in fen.
    """
    asked = Request.decode(request)
    for earlier in [] if anew else _earlier(device, asked):
        amount_fen = show(earlier)
        device.confirm(earlier)
        if amount_fen == asked.amount_fen:
            return Handed(amount_fen, True)
    payment = device.pay(request, unconfirmed=True)
    amount_fen = show(payment)
    device.confirm(payment)
    return Handed(amount_fen, False)


def request_to_show(
    pocket: Pocket, requests: Requests, clock: Clock, amount_fen: int, *, anew: bool = False
) -> str:
    """A request of that amount that nobody has seen: one that is left, or a new one."""
    while not anew and (request := requests.unseen(amount_fen)) is not None:
        if pocket.device.awaits(papers.read(papers.REQUEST, request)):
            return request
        requests.seen(request, clock.now_ms())
    request = pocket.request(amount_fen)
    requests.add(request, amount_fen, clock.now_ms())
    return request


def accept(
    pocket: Pocket,
    address: tuple[str, int],
    request: str,
    *,
    on_listening: Callable[[str], None],
    on_met: Callable[[], None],
    timeout_s: float = LINK_TIMEOUT_S,
) -> Taken:
    """Waits for the payer's device and takes what it pays."""
    asked = papers.read(papers.REQUEST, request)

    def take(payment: str) -> Taken:
        repeated = pocket.has_taken(payment)
        amount_fen = pocket.accept(payment)
        return Taken(amount_fen, repeated, asked=not pocket.device.awaits(asked))

    return link.receive(
        address, request, take, on_listening=on_listening, on_met=on_met, timeout_s=timeout_s
    )


def _earlier(device: Device, asked: Request) -> list[bytes]:
    """Payments to this payee without an OK; for this very request only that one."""
    found = []
    for payment in device.unconfirmed():
        end = Payment.decode(payment).chains[0].hops[-1].endorsement
        if end.challenge == asked.challenge:
            return [payment]
        if end.payee == asked.certificate.key:
            found.append(payment)
    return found
