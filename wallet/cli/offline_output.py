"""What the offline commands say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from currency.amount import format_yuan
from currency.reasons import in_words
from dcep.bank.v1.offline_pb2 import LoadTokensResponse
from language import N_, _
from wallet.cli.console import CommandResult, UsageError
from wallet.cli.offline_input import request_of
from wallet.cli.offline_texts import hints
from wallet.cli.output import earlier
from wallet.cli.qr import columns, drawn
from wallet.hard_wallet.card_parts import Balances
from wallet.offline import link_payments, text_format
from wallet.offline.link import Taken
from wallet.offline.link_payments import Handed
from wallet.offline.outcomes import PaymentReturned
from wallet.offline.payments import Deposited, OfflinePayments
from wallet.orders.submitter import Placed
from wallet.secure_element.interface import Device, Made

DEPOSIT_IT = N_("Put them into the wallet with `wallet offline deposit`.")


def tapped(handed: Handed, card: Balances | None, offline_fen: int) -> CommandResult:
    """After ``offline tap``.

    Args:
        card: what is on the card, if that is known.
    """
    fields = {
        "amount_fen": handed.amount_fen,
        "repeated": handed.repeated,
        "came_back_fen": handed.came_back_fen,
        "card_fen": None if card is None else card.held_fen,
        "card_payable_fen": None if card is None else card.payable_fen,
        "offline_fen": offline_fen,
    }
    text = _("This device holds {offline} yuan.").format(offline=format_yuan(offline_fen))
    if card is not None:
        text = _("The card holds {card} yuan. {text}").format(
            card=format_yuan(card.held_fen), text=text
        )
    if handed.amount_fen:
        text = _("{yuan} yuan moved. {text}").format(yuan=format_yuan(handed.amount_fen), text=text)
    if handed.repeated:
        text += _("\nThis is the payment that was cut off before; nothing was paid anew.")
    return fields, text + _came_back(handed.came_back_fen)


def accept_text(offline_payments: OfflinePayments, text: str) -> CommandResult:
    """Takes a payment as text, or as the texts of its codes; or one of its own that comes back.

    Raises PaymentReturned for a payment that is not taken and goes back.
    """
    text = text_format.joined(text)
    if text_format.gives_back(text):
        return came_back(offline_payments.take_back(text), offline_payments.balance_fen())
    return taken(
        link_payments.accept_or_return(offline_payments, text), offline_payments.balance_fen()
    )


def came_back(amount_fen: int, offline_fen: int) -> CommandResult:
    """After an own payment was returned."""
    fields = {"state": "CAME_BACK", "amount_fen": amount_fen, "offline_fen": offline_fen}
    text = _("{yuan} yuan came back; they are good for a deposit. {deposit_it}").format(
        yuan=format_yuan(amount_fen), deposit_it=_(DEPOSIT_IT)
    )
    return fields, text


def payment_returned(back: PaymentReturned, file: Path | None, *, over_link: bool) -> CommandResult:
    """After a payment was refused: the text that returns it to its payer."""
    fields: dict[str, Any] = {"ok": False, "state": "RETURNED", "message": str(back)}
    fields["text"] = back.text
    fields["next"] = _("Let the payer read the text: it gives the payment back.")
    lines = [_("Not taken: {back}.").format(back=_(str(back)))]
    codes = text_format.codes(back.text)
    if over_link:
        fields["next"] = _("Nothing is to be done.")
        lines.append(_("It was given back over the link."))
    elif file is not None:
        fields["file"] = str(file)
        lines.append(_("What gives it back to the payer is in {file}.").format(file=file))
    else:
        lines += [
            _("This gives it back; let the payer read it:"),
            *drawn(back.text, columns()),
            back.text,
        ]
    if len(codes) > 1:
        fields["codes"] = codes
    return fields, "\n".join(lines)


def loaded(
    amount_fen: int, offline_fen: int | None, placed: Placed[LoadTokensResponse]
) -> CommandResult:
    """After ``offline load``.

    Args:
        offline_fen: what there is now; None for a card that was taken away before it said so.
    """
    fields = {
        "order_id": placed.order.payment_id,
        "state": "PENDING" if placed.pending else "SETTLED",
        "amount_fen": amount_fen,
        "offline_fen": offline_fen,
        "repeated": placed.resent,
    }
    if placed.pending:
        text = _("The central bank has not answered yet; repeat the same command: it loads once.")
    else:
        text = _("{yuan} yuan loaded; the card has gone.").format(yuan=format_yuan(amount_fen))
        if offline_fen is not None:
            text = _("{yuan} yuan loaded; {offline} yuan can be paid offline.").format(
                yuan=format_yuan(amount_fen), offline=format_yuan(offline_fen)
            )
        text = earlier(placed, _("{yuan} yuan loaded").format(yuan=format_yuan(amount_fen))) or text
    return fields, text


def requested(text: str, amount_fen: int, file: Path | None) -> CommandResult:
    """A request that was made, or is shown again."""
    code = request_of(text).code()
    fields = {"text": text, "amount_fen": amount_fen, "compare": code}
    following = [_("The payer's screen has to show {code}.").format(code=code)]
    return _paper(N_("request"), fields, file, following, again_with(code))


def paid(
    text: str, amount_fen: int, file: Path | None, asked: str, device: Device
) -> CommandResult:
    """A payment that was made as a text.

    Args:
        text: the payment.
        amount_fen: its worth.
        file: where it was written, if anywhere.
        asked: the request.
        device: that has paid.
    """
    request = request_of(asked)
    made = Made(request.code(), amount_fen, request.certificate.bank, 0, b"", False)
    return shown_payment(text, made, file, device)


def shown_payment(text: str, made: Made, file: Path | None, device: Device) -> CommandResult:
    """A payment as a text."""
    offline_fen = device.holdings.balance_fen()
    fields = {
        "text": text,
        "amount_fen": made.amount_fen,
        "payee_bank": made.bank,
        "compare": made.code,
        "offline_fen": offline_fen,
    }
    amount, left = format_yuan(made.amount_fen), format_yuan(offline_fen)
    again = again_with(made.code)
    following = [
        _(
            "{yuan} yuan to a device of {bank} whose screen shows {code}; {left} yuan are left "
            "offline."
        ).format(yuan=amount, bank=made.bank, code=made.code, left=left),
        _("Let the payee read it, as often as is needed: `{again}` shows it again.").format(
            again=again
        ),
        *hints(device.holdings.pieces()),
    ]
    return _paper(N_("payment"), fields, file, following, again)


def shown_again(device: Device, code: str, file: Path | None) -> CommandResult:
    """A payment or a request once more, by its code. Raises UsageError when there is none."""
    wanted = code.strip().upper().replace("-", "")
    for made in reversed(device.payer.made()):
        if made.code.replace("-", "") == wanted:
            return shown_payment(
                text_format.write(text_format.PAYMENT, made.payment), made, file, device
            )
    for request in reversed(device.payee.requests()):
        text = text_format.write(text_format.REQUEST, request)
        asked = request_of(text)
        if asked.code().replace("-", "") == wanted:
            return requested(text, asked.amount_fen, file)
    raise UsageError(
        _("no payment and no request has this code; `wallet offline again` lists them")
    )


def again_with(code: str) -> str:
    """The command that shows a text once more."""
    return f"wallet offline again {code}"


def _paper(
    what: str, fields: dict[str, Any], file: Path | None, following: list[str], again: str
) -> CommandResult:
    """A text as codes that fit the window, the text itself, and a remark."""
    text = fields["text"]
    if file is not None:
        amount = format_yuan(fields["amount_fen"])
        where = _("The {what} of {yuan} yuan is in {file}.").format(
            what=_(what), yuan=amount, file=file
        )
        return {**fields, "file": str(file)}, "\n".join([where, *following])
    codes = text_format.codes(text)
    if len(codes) > 1:
        fields = {**fields, "codes": codes}
    return fields, "\n".join([*drawn(text, columns(), again), text, *following])


def handed_over(handed: Handed, offline_fen: int) -> CommandResult:
    """After ``offline pay --connect``."""
    amount = _("{yuan} yuan").format(yuan=format_yuan(handed.amount_fen))
    said = _("Paid {yuan}; {offline} yuan left offline.")
    if handed.repeated:
        said = _(
            "The earlier payment of {yuan} has arrived; {offline} yuan left offline.\n"
            "Nothing new was paid. With --anew another payment is made."
        )
    text = said.format(yuan=amount, offline=format_yuan(offline_fen))
    fields = {
        "state": "TAKEN",
        "amount_fen": handed.amount_fen,
        "repeated": handed.repeated,
        "came_back_fen": handed.came_back_fen,
        "offline_fen": offline_fen,
    }
    return fields, text + _came_back(handed.came_back_fen)


def _came_back(came_back_fen: int) -> str:
    if not came_back_fen:
        return ""
    return _(
        "\n"
        "An earlier payment was not taken: {came_back} yuan came back, for a deposit. "
        "{deposit_it}"
    ).format(came_back=format_yuan(came_back_fen), deposit_it=_(DEPOSIT_IT))


def taken(took: Taken, offline_fen: int) -> CommandResult:
    """After ``offline accept``."""
    amount = _("{yuan} yuan").format(yuan=format_yuan(took.amount_fen))
    text = _("Took {yuan}; {offline} yuan offline now.").format(
        yuan=amount, offline=format_yuan(offline_fen)
    )
    if took.repeated:
        text = _("This payment of {yuan} was taken before; nothing new has come.").format(
            yuan=amount
        )
    fields = {
        "state": "TAKEN",
        "amount_fen": took.amount_fen,
        "repeated": took.repeated,
        "offline_fen": offline_fen,
    }
    return fields, text


def deposited(done: Deposited, offline_fen: int | None) -> CommandResult:
    """After ``offline deposit``.

    Args:
        offline_fen: what is left; None for a card that was taken away before it said so.
    """
    refused = [{"reason": no.name, "message": no.message} for no in done.refused]
    fields = {
        "amount_fen": done.amount_fen,
        "available_fen": done.available_fen if done.amount_fen else None,
        "offline_fen": offline_fen,
        "pending": done.pending,
        "refused": refused,
    }
    lines = [_("{yuan} yuan deposited.").format(yuan=format_yuan(done.amount_fen))]
    if done.pending:
        lines.append(
            _("{pending} on their way; repeat the command to ask.").format(pending=done.pending)
        )
    lines += [
        _("Refused: {why}").format(why=in_words(no.name, no.message, no.metadata))
        for no in done.refused
    ]
    return fields, "\n".join(lines)


def pin_set(with_pin: bool) -> CommandResult:
    """After ``offline pin``."""
    text = _("The device has a new PIN. Nobody can tell it to you again.")
    if not with_pin:
        text = _("The device has no PIN any more.")
    return {"pin": with_pin}, text
