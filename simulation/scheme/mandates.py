"""What the model knows of mandates: which request is paid by one, out of whose wallet, or why not.

It learns from a bank which requests were tried in which order, and the number of each payment: both
are the bank's to choose. What comes of each it says itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from dcep.errors.v1 import errors_pb2
from simulation.scheme.judge import Judge
from simulation.scheme.known import Bank, Effect, Identity, Wrong

_E = errors_pb2
_OVER = (_E.REASON_REQUEST_TO_PAY_OVER, _E.REASON_REQUEST_TO_PAY_UNKNOWN)


class Try(NamedTuple):
    """A request that a bank tries to pay by a mandate.

    Attributes:
        number: its place among the bank's.
        request: its id.
        allowed: the mandate's holder has said that it be paid.
        waits: it was not tried yet.
        reason: why it was not paid; 0 if it was.
        sequence: of the payment.
    """

    number: int
    request: str
    allowed: bool
    waits: bool = True
    reason: int = 0
    sequence: int = 0


class Mandates:
    """Sub-wallets whose payees are paid when they ask."""

    def __init__(self, judge: Judge, take: Callable[[Bank, Identity, bytes, Effect], None]) -> None:
        """Takes what says how orders are judged, and what notes what one does."""
        self._judge = judge
        self._take = take

    def asked(self, here: Bank, request: str) -> None:
        """A wallet of the bank has asked, and was told that this is written down."""
        asked = here.requests[request].asked
        mandate = here.wallets[asked.payer_number].mandate
        if mandate is not None and mandate.payee == asked.wallet_number:
            here.to_try.append(request)

    def look(self, here: Bank, tries: Sequence[Try], now_ms: int) -> None:
        """A bank has done something. Raises Wrong if a try came to another end than it had to."""
        for one in tries:
            if one.number > here.last_try:
                here.last_try = one.number
                here.tries.add(one.number)
                self._check_begun(here, one)
        wanted = set(here.to_try) - {one.request for one in tries}
        if wanted:
            raise Wrong(f"no mandate is tried for {wanted}")
        here.to_try.clear()
        for one in tries:
            if one.number in here.tries and not one.waits:
                here.tries.remove(one.number)
                self._end(here, one, now_ms)

    def _check_begun(self, here: Bank, one: Try) -> None:
        """Raises Wrong unless who has the mandate has asked, or its holder said yes."""
        request = here.requests.get(one.request)
        asked = None if request is None else request.asked
        mandate = None if asked is None else here.wallets[asked.payer_number].mandate
        if request is None or asked is None or mandate is None:
            raise Wrong(f"{one.request} is tried, which asks no mandate")
        if mandate.payee != asked.wallet_number:
            raise Wrong(f"{asked.wallet_number} is tried for the mandate of {mandate.payee}")
        if one.allowed and not request.allowed:
            raise Wrong(f"{one.request} is tried as allowed, and nobody has allowed it")

    def _end(self, here: Bank, one: Try, now_ms: int) -> None:
        against = self._against(here, one, now_ms)
        if not one.reason:
            if against:
                raise Wrong(f"{one.request} is paid by a mandate; against it are {sorted(against)}")
            self._pay(here, one)
        elif here.requests[one.request].perhaps and one.reason in _OVER:
            return  # a power cut came, and whatever it left is right
        elif one.reason not in against:
            raise Wrong(f"{one.request} is not paid for {one.reason}, but {sorted(against)}")

    def _against(self, here: Bank, one: Try, now_ms: int) -> set[int]:
        """Why a request cannot be paid by a mandate now."""
        request = here.requests[one.request]
        asked, fen = request.asked, request.asked.amount_fen
        wallet, payee = here.wallets[asked.payer_number], here.wallets.get(asked.wallet_number)
        parent, mandate = here.wallets[wallet.parent], wallet.mandate
        assert mandate is not None
        paid_fen = sum(of_fen for of, of_fen in here.answered.values() if of == one.request)
        spent = [of_fen for of, of_fen in here.by_mandate.values() if of == asked.payer_number]
        left_fen = min(mandate.each_fen, mandate.month_fen - sum(spent))
        if wallet.of_a_copy:
            left_fen = 0
        against = {
            _E.REASON_WALLET_CLOSED: wallet.closing,
            _E.REASON_BEYOND_MANDATE: fen > (wallet.cap_fen if one.allowed else left_fen),
            _E.REASON_REQUEST_TO_PAY_OVER: request.over
            or paid_fen >= fen
            or asked.due_time_ms < now_ms,
            _E.REASON_AMOUNT_NOT_ASKED: 0 < paid_fen < fen,
            _E.REASON_WALLET_FROZEN: parent.frozen or wallet.frozen,
            _E.REASON_INSUFFICIENT_FUNDS: parent.available_fen < fen,
            _E.REASON_OVER_SINGLE_LIMIT: fen > wallet.single_fen,
            _E.REASON_PAYEE_CANNOT_BE_PAID: not self._judge.can_take(wallet, fen)
            or (payee is not None and not self._judge.can_be_paid(payee, fen, first=True)),
        }
        return {reason for reason, holds in against.items() if holds}

    def _pay(self, here: Bank, one: Try) -> None:
        """The money goes from parent to payee; it counts in the month if nobody said yes."""
        asked = here.requests[one.request].asked
        number, fen, payee = asked.payer_number, asked.amount_fen, asked.wallet_number
        own = payee in here.wallets
        changes = {here.wallets[number].parent: (-fen, 0, 0), number: (0, 0 if own else fen, 0)}
        if own:
            swept_fen = self._judge.swept_fen(here.wallets[payee], fen, first=True)
            changes[payee] = (fen - swept_fen, 0, swept_fen)
        effect = Effect(changes, pending=not own, parties=(number, payee, fen), answers=one.request)
        if (number, one.sequence) in here.decided:
            raise Wrong(f"{number} pays by {one.sequence} for the second time")
        self._take(here, (number, one.sequence), asked.SerializeToString(), effect)
        if not one.allowed:
            here.by_mandate[f"{number}-{one.sequence}"] = (number, fen)
