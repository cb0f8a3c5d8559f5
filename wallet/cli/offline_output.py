"""What the offline commands read and say."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from currency.amount import format_yuan, parse_yuan
from currency.reasons import in_words
from dcep.errors.v1 import errors_pb2
from language import N_, _
from runtime.errors import NoAnswer, Refusal
from runtime.output import Unprintable, harmless, reason_of
from wallet.app import App
from wallet.cli.console import CommandResult, UsageError
from wallet.cli.offline_texts import hints
from wallet.cli.output import earlier
from wallet.cli.qr import columns, drawn
from wallet.hard_wallet.reader import Card
from wallet.home.pin import asked
from wallet.limits import ASK_ABOVE_FEN, MAX_INPUT_BYTES
from wallet.offline import link, link_payments, text_format
from wallet.offline.found_text import decoded, found
from wallet.offline.link import Taken
from wallet.offline.link_payments import Handed
from wallet.offline.outcomes import PaymentReturned
from wallet.offline.payments import Deposited, OfflinePayments, TokenLoading
from wallet.orders.submitter import Placed
from wallet.secure_element.interface import Device, Limits, Made

if TYPE_CHECKING:
    from offline_token.formats import Request

DEPOSIT_IT = N_("Put them into the wallet with `wallet offline deposit`.")


def given(text: str, file: Path | None, what: str, *wanted: str) -> str:
    """The offline text that was typed, or is in a file, or on standard input for ``-``.

    Args:
        text: what was typed.
        file: the file, if one was named.
        what: its name in messages, in English.
        wanted: the prefixes that are accepted.

    Raises:
        UsageError: nothing was given, or it cannot be read.
    """
    if bool(text) == bool(file):
        raise UsageError(
            _("give the {what} as text, as --file FILE, or - for standard input").format(
                what=_(what)
            )
        )
    if file is not None and str(file) == "-":
        file, text = None, "-"
    if text != "-" and file is None:
        return found(text, wanted)
    try:
        if file is None:
            data = sys.stdin.buffer.read(MAX_INPUT_BYTES + 1)
        else:
            with file.open("rb") as source:
                data = source.read(MAX_INPUT_BYTES + 1)
    except OSError as error:
        raise UsageError(
            _("{file} cannot be read: {error}").format(
                file=file or _("standard input"), error=reason_of(error)
            )
        ) from error
    if len(data) > MAX_INPUT_BYTES:
        raise UsageError(
            _("this has more than {most} bytes; give the {what} alone").format(
                most=MAX_INPUT_BYTES, what=_(what)
            )
        )
    return found(decoded(data), wanted)


def keep(text: str, file: Path | None) -> None:
    """Writes a text to a file, if one is wanted. Raises Unprintable."""
    if file is None:
        return
    try:
        file.write_text(text + "\n", encoding="ascii")
    except OSError as error:
        raise Unprintable(
            _("{file} cannot be written: {error}").format(file=file, error=reason_of(error))
        ) from error


def check_file(file: Path | None) -> None:
    """Raises UsageError if a file cannot be written; called before any money moves."""
    if file is None:
        return
    where = file if file.exists() else file.parent
    if file.is_dir() or not where.exists() or not os.access(where, os.W_OK):
        raise UsageError(
            _("{file} cannot be written: name a file in a folder of yours").format(file=file)
        )


def asked_fen(
    offline_payments: OfflinePayments,
    request: str,
    expected_fen: int | None,
    yes: bool,
    say: Callable[[str], None],
) -> int:
    """The amount of a request, in fen, once it is as expected or the holder has confirmed it.

    Prints what is paid, to whom as far as that is known, and what is left.

    Raises UsageError when the amount differs, or nobody can be asked to confirm it.
    """
    asked = request_of(request)
    amount = format_yuan(asked.amount_fen)
    _check_expected(asked, expected_fen)
    if offline_payments.has_paid(request):
        say(
            _("This request of {yuan} yuan was paid before; this is the same payment.").format(
                yuan=amount
            )
        )
        return asked.amount_fen
    _check_enough(offline_payments, asked.amount_fen)
    pays = _("{yuan} yuan to {payee}; {left}").format(
        yuan=amount, payee=payee(asked), left=_left(offline_payments, asked.amount_fen)
    )
    if yes or (expected_fen is not None and asked.amount_fen <= ASK_ABOVE_FEN):
        say(_("Paying {pays}.").format(pays=pays))
    elif sys.stdin.isatty():
        _ask(_("Pay {pays}. Is that right? [y/N] ").format(pays=pays))
    elif expected_fen is None:
        raise UsageError(
            _("the request asks for {yuan} yuan; say so, like: --amount {yuan}").format(yuan=amount)
        )
    else:
        raise UsageError(
            _(
                "{yuan} yuan to {payee} is more than {ask_above} yuan: say --yes as well; "
                "nothing was paid"
            ).format(yuan=amount, payee=payee(asked), ask_above=format_yuan(ASK_ABOVE_FEN))
        )
    return asked.amount_fen


def _check_enough(offline_payments: OfflinePayments, amount_fen: int) -> None:
    """Raises Refusal for a payment that cannot be made, before anything is printed."""
    missing_fen = amount_fen - offline_payments.balance_fen()
    if missing_fen > 0:
        raise Refusal(
            errors_pb2.REASON_INSUFFICIENT_FUNDS,
            N_("not enough money in the device"),
            missing_fen=str(missing_fen),
        )


def _check_expected(asked: Request, expected_fen: int | None) -> None:
    if expected_fen not in (None, asked.amount_fen):
        raise UsageError(
            _("the request asks for {yuan} yuan; nothing was paid").format(
                yuan=format_yuan(asked.amount_fen)
            )
        )


def payee(asked: Request) -> str:
    """The payee, as far as known."""
    return _("a device of {bank} whose screen shows {code}").format(
        bank=harmless(asked.certificate.bank), code=asked.code()
    )


def _left(offline_payments: OfflinePayments, amount_fen: int) -> str:
    left_fen = offline_payments.balance_fen() - amount_fen
    return _("{left} yuan are left then").format(left=format_yuan(max(left_fen, 0)))


def request_of(text: str) -> Request:
    """Decodes a request. Raises UsageError."""
    from offline_token.formats import FormatError, Request

    try:
        return Request.decode(text_format.read(text_format.REQUEST, text))
    except FormatError as error:
        raise UsageError(_("this request is not whole: {error}").format(error=error)) from error


def _ask(question: str) -> None:
    """Raises UsageError unless the holder says yes."""
    sys.stderr.write(question)
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UsageError(_("nothing was paid"))


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
        _check_expected(asked, expected_fen)
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
    return link_payments.accept(
        offline_payments,
        where,
        request,
        on_listening=lambda at: say(_("Listening at {at}").format(at=at)),
        on_met=lambda: app.requests.seen(request, app.clock.now_ms()),
    )


def tap(app: App, card: Card, take_fen: int, give_fen: int, *, anew: bool) -> CommandResult:
    """A hard wallet pays this device, or is paid by it."""
    from wallet.hard_wallet import tap

    offline_payments, handed = app.offline_payments(), Handed(0, False)
    if give_fen:
        handed = tap.give(offline_payments, card, give_fen, anew=anew)
    elif take_fen:
        handed = tap.take(offline_payments, card, take_fen)
    return tapped(handed, card, offline_payments.balance_fen())


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


def tapped(handed: Handed, card: Card, offline_fen: int) -> CommandResult:
    """After ``offline tap``. Only its owner is told what the card holds."""
    card_fen = card.holdings.balance_fen() if card.owned else None
    fields = {
        "amount_fen": handed.amount_fen,
        "repeated": handed.repeated,
        "came_back_fen": handed.came_back_fen,
        "card_fen": card_fen,
        "card_payable_fen": card.holdings.payable_fen() if card.owned else None,
        "offline_fen": offline_fen,
    }
    text = _("This device holds {offline} yuan.").format(offline=format_yuan(offline_fen))
    if card_fen is not None:
        text = _("The card holds {card} yuan. {text}").format(card=format_yuan(card_fen), text=text)
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


def loaded(amount_fen: int, offline_fen: int, placed: Placed) -> CommandResult:
    """After ``offline load``."""
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


def load_anew(loading: TokenLoading, done: Deposited) -> Placed:
    """Loads what was deposited. An error says where the money is."""
    amount = format_yuan(done.amount_fen)
    where = _("{yuan} yuan are in the wallet now; `wallet offline load {yuan}` loads them").format(
        yuan=amount
    )
    try:
        return loading.load(done.amount_fen)
    except NoAnswer as error:
        raise NoAnswer(_("{where}, once; {error}").format(where=where, error=error)) from error
    except Refusal as no:
        message = _("{where}; it was refused: {why}").format(
            where=where, why=in_words(no.name, no.message, no.metadata)
        )
        raise Refusal(no.reason, message, field=no.field, **no.metadata) from no


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


def deposited(done: Deposited, offline_fen: int) -> CommandResult:
    """After ``offline deposit``."""
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


def new_limits(old: Limits, single: str, total: str) -> Limits:
    """The limits with the given ones changed."""
    return Limits(
        _limit_fen(single) if single else old.single_fen,
        _limit_fen(total) if total else old.total_fen,
    )


def _limit_fen(text: str) -> int:
    return 0 if text == "0" else parse_yuan(text)


def new_pin(given: str) -> str:
    """The new PIN: as given, from the environment, or typed twice. Raises UsageError."""
    pin = given or os.environ.get("DCEP_NEW_PIN", "")
    if pin:
        return pin
    pin = asked(_("New PIN: "))
    if not pin:
        raise UsageError(_("give the new PIN with --new, DCEP_NEW_PIN, or at a terminal"))
    if asked(_("Once more: ")) != pin:
        raise UsageError(_("these are two different PINs; nothing was changed"))
    return pin


def pin_set(with_pin: bool) -> CommandResult:
    """After ``offline pin``."""
    text = _("The device has a new PIN. Nobody can tell it to you again.")
    if not with_pin:
        text = _("The device has no PIN any more.")
    return {"pin": with_pin}, text


def _address(text: str) -> tuple[str, int]:
    try:
        return link.parse_address(text)
    except ValueError as error:
        raise UsageError(str(error)) from None
