"""What the offline commands read and say."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from currency.amount import format_yuan, parse_yuan
from runtime.output import Unprintable, can_print
from wallet import hand_over, link, papers
from wallet.app import App
from wallet.card import Card
from wallet.cli_words import earlier
from wallet.desk import Placed
from wallet.device import Device, Limits, Piece, PieceState
from wallet.hand_over import Handed
from wallet.home import Profile
from wallet.limits import MAX_TEXT_CHARACTERS
from wallet.link import GivenBack, Taken
from wallet.pin import asked
from wallet.pocket import Deposited, Pocket
from wallet.speak import UsageError

if TYPE_CHECKING:
    from offline_token.formats import Request

Said = tuple[dict[str, Any], str]
DEPOSIT_IT = "Put them into the wallet with `wallet offline deposit`."


def given(text: str, file: Path | None, what: str) -> str:
    """The text itself, or a file's, or standard input's for ``-``. Raises UsageError."""
    if bool(text) == bool(file):
        raise UsageError(f"give the {what} as text, as --file FILE, or - for standard input")
    if text == "-":
        return sys.stdin.read(MAX_TEXT_CHARACTERS * 2)
    if file is None:
        return text
    try:
        with file.open(encoding="ascii") as source:
            return source.read(MAX_TEXT_CHARACTERS * 2)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from error


def keep(text: str, file: Path | None) -> None:
    """Writes a text to a file, if one is wanted. Raises Unprintable."""
    if file is None:
        return
    try:
        file.write_text(text + "\n", encoding="ascii")
    except OSError as error:
        raise Unprintable(f"{file} cannot be written: {error.strerror}") from error


def check_file(file: Path | None) -> None:
    """Raises UsageError for a file that cannot be written, before any money moves for it."""
    if file is None:
        return
    where = file if file.exists() else file.parent
    if file.is_dir() or not where.exists() or not os.access(where, os.W_OK):
        raise UsageError(f"{file} cannot be written: name a file in a folder of yours")


def asked_fen(request: str, expected_fen: int | None) -> int:
    """What a request asks for, once it is what was expected or its holder has said yes.

    Raises UsageError when it is not, or nobody can be asked.
    """
    found = _request(request)
    amount_fen = found.amount_fen
    if expected_fen is None:
        _ask(found)
    if expected_fen not in (None, amount_fen):
        raise UsageError(f"the request asks for {format_yuan(amount_fen)} yuan; nothing was paid")
    return amount_fen


def _request(text: str) -> Request:
    """A request as it reads. Raises UsageError."""
    from offline_token.formats import FormatError, Request

    try:
        return Request.decode(papers.read(papers.REQUEST, text))
    except FormatError as error:
        raise UsageError(f"this request is not whole: {error}") from error


def _ask(found: Request) -> None:
    """Has the holder say yes to an amount and a code. Raises UsageError."""
    amount = format_yuan(found.amount_fen)
    if not sys.stdin.isatty():
        raise UsageError(f"the request asks for {amount} yuan; say so, like: --amount {amount}")
    question = f"Pay {amount} yuan to a device of {found.certificate.bank}"
    sys.stderr.write(f"{question}, whose screen shows {found.code()}? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UsageError("nothing was paid")


def pay_over_link(pocket: Pocket, address: str, expected_fen: int | None, anew: bool) -> Handed:
    """Pays a device that listens."""

    def check(request: str) -> None:
        asked_fen(request, expected_fen)

    return hand_over.pay(pocket, _address(address), check, anew=anew)


def accept_over_link(
    app: App, address: str, amount_fen: int | None, anew: bool, say: Callable[[str], None]
) -> Taken:
    """Waits for the payer's device."""
    if amount_fen is None:
        raise UsageError("say what to ask for, like: --listen 127.0.0.1:7000 --amount 12.50")
    where, pocket = _address(address), app.pocket()
    request = hand_over.request_to_show(pocket, app.requests, app.clock, amount_fen, anew=anew)
    return hand_over.accept(
        pocket,
        where,
        request,
        on_listening=lambda at: say(f"Listening at {at}"),
        on_met=lambda: app.requests.seen(request, app.clock.now_ms()),
    )


def tap(app: App, card: Card, take_fen: int, give_fen: int, *, anew: bool) -> Said:
    """A hard wallet pays this device, or is paid by it."""
    from wallet import tap

    pocket, handed = app.pocket(), Handed(0, False)
    if give_fen:
        handed = tap.give(pocket, card, give_fen, anew=anew)
    elif take_fen:
        handed = tap.take(pocket, card, take_fen)
    return tapped(handed, card, pocket.balance_fen())


def open_card(
    app: App, card: Card, given: str, *, take_fen: int, with_pin: bool, owner: bool
) -> None:
    """Shows the card its PIN, asked for where what is to be done needs it, and pairs this wallet.

    Args:
        given: the PIN, if it was given.
        with_pin: nothing else will do.
        owner: the card has to know its owner, by the PIN or by this wallet.
    """
    profile, key = app.profile(), app.home.key()
    given = given or os.environ.get("DCEP_CARD_PIN", "")
    if not with_pin:
        if owner and card.recognises(profile.number, key):
            return
        if not (owner or given) and take_fen <= card.free_fen:
            return
    card.unlock(given or asked("PIN of the card: "))
    if with_pin:
        # What this wallet loads it may deposit, also when the PIN is lost.
        card.pair(profile.number, bytes(key.verify_key))


def tapped(handed: Handed, card: Card, offline_fen: int) -> Said:
    """After ``offline tap``; what the card holds it tells its owner alone."""
    card_fen = card.balance_fen() if card.owned else None
    fields = {
        "amount_fen": handed.amount_fen,
        "repeated": handed.repeated,
        "came_back_fen": handed.came_back_fen,
        "card_fen": card_fen,
        "card_payable_fen": card.payable_fen() if card.owned else None,
        "offline_fen": offline_fen,
    }
    text = f"This device holds {format_yuan(offline_fen)} yuan."
    if card_fen is not None:
        text = f"The card holds {format_yuan(card_fen)} yuan. {text}"
    if handed.amount_fen:
        text = f"{format_yuan(handed.amount_fen)} yuan moved. {text}"
    if handed.repeated:
        text += "\nThis is the payment that was cut off before; nothing was paid anew."
    return fields, text + _came_back(handed.came_back_fen)


def accept_text(pocket: Pocket, text: str) -> Said:
    """Takes a payment as text, or as the texts of its codes; or one of its own that comes back.

    Raises GivenBack for a payment that is not taken and goes back.
    """
    text = papers.joined(text)
    if papers.gives_back(text):
        return came_back(pocket.take_back(text), pocket.balance_fen())
    return taken(hand_over.accept_or_give_back(pocket, text), pocket.balance_fen())


def came_back(amount_fen: int, offline_fen: int) -> Said:
    """After a payment of one's own was taken back."""
    fields = {"state": "CAME_BACK", "amount_fen": amount_fen, "offline_fen": offline_fen}
    text = f"{format_yuan(amount_fen)} yuan came back; they are good for a deposit. {DEPOSIT_IT}"
    return fields, text


def gave_back(back: GivenBack, file: Path | None, *, over_link: bool) -> Said:
    """After a payment was not taken: what gives it back, for its payer."""
    fields: dict[str, Any] = {"ok": False, "state": "GIVEN_BACK", "message": str(back)}
    fields["text"] = back.text
    lines = [f"Not taken: {back}."]
    codes = papers.codes(back.text)
    if over_link:
        lines.append("It was given back over the link.")
    elif file is not None:
        fields["file"] = str(file)
        lines.append(f"What gives it back to the payer is in {file}.")
    else:
        lines += ["This gives it back; let the payer read it:", *map(_drawn, codes), back.text]
    if len(codes) > 1:
        fields["codes"] = codes
    return fields, "\n".join(lines)


def loaded(amount_fen: int, offline_fen: int, placed: Placed) -> Said:
    """After ``offline load``."""
    fields = {
        "order_id": placed.order.payment_id,
        "state": "PENDING" if placed.pending else "SETTLED",
        "amount_fen": amount_fen,
        "offline_fen": offline_fen,
        "repeated": placed.resent,
    }
    if placed.pending:
        text = "The central bank has not answered yet; repeat the same command: it loads once."
    else:
        text = (
            f"{format_yuan(amount_fen)} yuan loaded; {format_yuan(offline_fen)} yuan can be paid "
            "offline."
        )
        text = earlier(placed, f"{format_yuan(amount_fen)} yuan loaded") or text
    return fields, text


def paper(
    what: str, text: str, amount_fen: int, file: Path | None, offline_fen: int | None = None
) -> Said:
    """A request or a payment: its text, and the QR codes that carry it."""
    fields: dict[str, Any] = {"text": text, "amount_fen": amount_fen}
    compare = []
    if what == "request":
        fields["compare"] = _request(text).code()
        compare = [f"The payer's screen has to show {fields['compare']}."]
    if offline_fen is not None:
        fields["offline_fen"] = offline_fen
    if file is not None:
        fields["file"] = str(file)
        where = f"The {what} of {format_yuan(amount_fen)} yuan is in {file}."
        return fields, "\n".join([where, *compare])
    codes = papers.codes(text)
    if len(codes) == 1:
        return fields, "\n".join([_drawn(text), text, *compare])
    fields["codes"] = codes
    lines = [f"{_drawn(code)}\nCode {at} of {len(codes)}" for at, code in enumerate(codes, 1)]
    return fields, "\n".join([*lines, text, *compare])


def handed_over(handed: Handed, offline_fen: int) -> Said:
    """After ``offline pay --connect``."""
    amount = f"{format_yuan(handed.amount_fen)} yuan"
    text = f"Paid {amount}; {format_yuan(offline_fen)} yuan left offline."
    if handed.repeated:
        text += (
            "\nThis is the payment whose answer was lost; nothing was paid anew. "
            "With --anew another one is made."
        )
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
    return (
        f"\nAn earlier payment was not taken: {format_yuan(came_back_fen)} yuan came back, for a "
        f"deposit. {DEPOSIT_IT}"
    )


def taken(took: Taken, offline_fen: int) -> Said:
    """After ``offline accept``."""
    amount = f"{format_yuan(took.amount_fen)} yuan"
    text = f"Took {amount}; {format_yuan(offline_fen)} yuan offline now."
    if took.repeated:
        text = f"This payment of {amount} was taken before; nothing new has come."
    fields = {
        "state": "TAKEN",
        "amount_fen": took.amount_fen,
        "repeated": took.repeated,
        "offline_fen": offline_fen,
    }
    return fields, text


def shown(profile: Profile, device: Device) -> Said:
    """After ``offline show``."""
    pieces, limits, offline_fen = device.pieces(), device.limits(), device.balance_fen()
    payable_fen = sum(p.value_fen for p in pieces if p.state == PieceState.SPENDABLE)
    unconfirmed = [papers.write(papers.PAYMENT, payment) for payment in device.unconfirmed()]
    fields = {
        "number": profile.number,
        "bank": profile.bank,
        "offline_fen": offline_fen,
        "payable_fen": payable_fen,
        "single_limit_fen": limits.single_fen,
        "total_limit_fen": limits.total_fen,
        "pieces": [asdict(piece) for piece in pieces],
        "unconfirmed": unconfirmed,
    }
    lines = [f"Offline {format_yuan(offline_fen)} yuan"]
    if payable_fen != offline_fen:
        lines.append(f"Payable {format_yuan(payable_fen)} yuan")
    lines += [_piece(piece) for piece in pieces]
    if unconfirmed:
        lines.append(
            f"{len(unconfirmed)} handed over without an OK; pay the same device again to ask."
        )
    return fields, "\n".join(lines)


def _piece(piece: Piece) -> str:
    until = time.strftime("%Y-%m-%d", time.localtime(piece.expires_time_ms / 1000))
    state = piece.state.lower().replace("_", " ")
    why = f": {piece.reason}" if piece.reason else ""
    hops = f"{piece.hops} hop" + "s" * (piece.hops != 1)
    return f"  {format_yuan(piece.value_fen):>12}  {hops:<8} until {until}  {state}{why}"


def deposited(done: Deposited, offline_fen: int) -> Said:
    """After ``offline deposit``."""
    refused = [{"reason": no.name, "message": no.message} for no in done.refused]
    fields = {
        "amount_fen": done.amount_fen,
        "available_fen": done.available_fen if done.amount_fen else None,
        "offline_fen": offline_fen,
        "pending": done.pending,
        "refused": refused,
    }
    lines = [f"{format_yuan(done.amount_fen)} yuan deposited."]
    if done.pending:
        lines.append(f"{done.pending} on their way; repeat the command to ask.")
    lines += [f"Refused: {no.message}" for no in done.refused]
    return fields, "\n".join(lines)


def new_limits(old: Limits, single: str, total: str) -> Limits:
    """The limits with what was said changed."""
    return Limits(
        _limit_fen(single) if single else old.single_fen,
        _limit_fen(total) if total else old.total_fen,
    )


def _limit_fen(text: str) -> int:
    return 0 if text == "0" else parse_yuan(text)


def limited(limits: Limits) -> Said:
    """After ``offline limit``."""
    fields = {"single_limit_fen": limits.single_fen, "total_limit_fen": limits.total_fen}
    single, total = (
        f"{format_yuan(fen)} yuan" if fen else "no limit"
        for fen in (limits.single_fen, limits.total_fen)
    )
    return fields, f"One payment  {single}\nIn all       {total}"


def new_pin(given: str) -> str:
    """The new PIN: as given, from the environment, or typed twice. Raises UsageError."""
    pin = given or os.environ.get("DCEP_NEW_PIN", "")
    if pin:
        return pin
    pin = asked("New PIN: ")
    if not pin:
        raise UsageError("give the new PIN with --new, DCEP_NEW_PIN, or at a terminal")
    if asked("Once more: ") != pin:
        raise UsageError("these are two different PINs; nothing was changed")
    return pin


def pin_set(with_pin: bool) -> Said:
    """After ``offline pin``."""
    text = "The device has a new PIN. Nobody can tell it to you again."
    if not with_pin:
        text = "The device has no PIN any more."
    return {"pin": with_pin}, text


def _drawn(text: str) -> str:
    from io import StringIO

    import segno

    out = StringIO()
    segno.make_qr(text, error="l").terminal(out, compact=True)
    drawn = out.getvalue().rstrip("\n")
    return drawn if can_print(drawn) else "(This terminal cannot draw a code; the text says all.)"


def _address(text: str) -> tuple[str, int]:
    try:
        return link.parse_address(text)
    except ValueError as error:
        raise UsageError(str(error)) from None
