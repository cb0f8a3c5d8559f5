"""What the offline commands do with other devices and cards, and the load of a renewal."""

from __future__ import annotations

import os
from collections.abc import Callable

from currency.amount import format_yuan
from currency.reasons import in_words
from dcep.bank.v1.offline_pb2 import LoadTokensResponse
from language import _
from runtime.errors import NoAnswer, Refusal
from runtime.output import harmless
from wallet.app import App
from wallet.cli.console import CommandResult, UsageError
from wallet.cli.offline_input import asked_fen, check_expected, request_of
from wallet.cli.offline_output import tapped
from wallet.hard_wallet.card_parts import Balances
from wallet.hard_wallet.reader import Card
from wallet.home.pin import asked
from wallet.offline import link, link_payments
from wallet.offline.link import Taken
from wallet.offline.link_payments import Handed, ShownRequest
from wallet.offline.outcomes import LinkError
from wallet.offline.payments import Deposited, NotTaken, OfflinePayments, TokenLoading
from wallet.orders.submitter import Placed


def pay_over_link(
    offline_payments: OfflinePayments,
    address: str,
    expected_fen: int | None,
    *,
    anew: bool,
    yes: bool,
    say: Callable[[str], None],
) -> Handed:
    """Pays a device that listens."""

    def check(request: str) -> None:
        asked_fen(offline_payments, request, expected_fen, yes, say)

    def finishing(request: str, amount_fen: int) -> None:
        asked = request_of(request)
        check_expected(asked, expected_fen)
        say(
            _(
                "Finishing an earlier payment of {yuan} yuan to this device of {bank}, whose "
                "answer was lost; nothing new is paid for it. {left} yuan are left."
            ).format(
                yuan=format_yuan(amount_fen),
                bank=harmless(asked.certificate.bank),
                left=format_yuan(offline_payments.balance_fen()),
            )
        )

    return link_payments.pay(
        offline_payments, _address(address), check, finishing=finishing, anew=anew
    )


def accept_over_link(
    app: App, address: str, amount_fen: int | None, anew: bool, say: Callable[[str], None]
) -> Taken:
    """Waits for the payer's device."""
    if amount_fen is None:
        raise UsageError(_("say what to ask for, like: --listen 127.0.0.1:7000 --amount 12.50"))
    where, offline_payments = _address(address), app.offline_payments()
    request = link_payments.request_to_show(
        offline_payments, app.requests, app.clock, amount_fen, anew=anew
    )
    return link.receive(
        where,
        ShownRequest(offline_payments, app.requests, app.clock, request),
        on_listening=lambda at: say(_("Listening at {at}").format(at=at)),
    )


def tap(app: App, card: Card, take_fen: int, give_fen: int, *, anew: bool) -> CommandResult:
    """A hard wallet pays this device, or is paid by it."""
    from wallet.hard_wallet import tap

    offline_payments = app.offline_payments()
    if not (give_fen or take_fen):
        return tapped(Handed(0, False), card.holdings.balances(), offline_payments.balance_fen())
    if give_fen:
        handed = tap.give(offline_payments, card, give_fen, anew=anew)
    else:
        handed = tap.take(offline_payments, card, take_fen)
    return tapped(handed, left_on(card), offline_payments.balance_fen())


def left_on(card: Card) -> Balances | None:
    """What is on a card after all is done; only its owner is told.

    None too if it was taken away by then: that is no error, for nothing is to be repeated.
    """
    try:
        return card.holdings.balances() if card.owned else None
    except LinkError:
        return None


def open_card(
    app: App, card: Card, given: str, *, take_fen: int, with_pin: bool, owner: bool
) -> None:
    """Proves the PIN to the card, asking for it if it is needed, and pairs this wallet.

    Args:
        given: the PIN, if it was given.
        with_pin: the PIN is required.
        owner: the card must recognise its owner, by the PIN or by this wallet.
    """
    profile, key = app.profile(), app.home.key()
    given = given or os.environ.get("DCEP_CARD_PIN", "")
    if not with_pin:
        if owner and card.recognises(profile.number, key):
            return
        if not (owner or given) and take_fen <= card.free_fen:
            return
    given = given or asked(_("PIN of the card: "))
    if not given:
        # The card would count it as one of its ten tries.
        raise UsageError(
            _("the card wants its PIN; give it with --card-pin, DCEP_CARD_PIN, or at a terminal")
        )
    card.unlock(given)
    if with_pin:
        # The wallet may deposit what it loads, even if the PIN is lost.
        card.pair(profile.number, bytes(key.verify_key))


def load_anew(loading: TokenLoading, done: Deposited) -> Placed[LoadTokensResponse]:
    """Loads what was deposited. An error says where the money is."""
    amount = format_yuan(done.amount_fen)
    where = _("{yuan} yuan are in the wallet now; `wallet offline load {yuan}` loads them").format(
        yuan=amount
    )
    try:
        return loading.load(done.amount_fen)
    except NotTaken:
        raise
    except NoAnswer as error:
        raise NoAnswer(_("{where}, once; {error}").format(where=where, error=error)) from error
    except Refusal as no:
        message = _("{where}; it was refused: {why}").format(
            where=where, why=in_words(no.name, no.message, no.metadata)
        )
        raise Refusal(no.reason, message, field=no.field, **no.metadata) from no


def _address(text: str) -> tuple[str, int]:
    try:
        return link.parse_address(text)
    except ValueError as error:
        raise UsageError(str(error)) from None
