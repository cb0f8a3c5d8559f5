"""What is said about the money in a device: its pieces, its limits, the texts that were made."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from currency.amount import format_yuan
from currency.days import DAY_MS
from currency.reasons import in_words
from language import N_, _, ngettext
from language.wide import broken, columns_of, labelled, padded
from offline_token.formats import Request
from wallet.cli.amounts import yuan
from wallet.cli.console import CommandResult
from wallet.cli.qr import columns
from wallet.cli.times import clock
from wallet.home.home import Profile
from wallet.limits import FEW_DAYS, FEW_HOPS, MAX_LISTED
from wallet.offline import text_format
from wallet.offline.payments import Deposited
from wallet.secure_element.interface import Device, Limits, Made, PieceState, Rules, ShownPiece
from wallet.secure_element.limits import REQUEST_VALID_MS

_AMOUNT = 12
_STATES = (
    N_("spendable"),
    N_("depositing"),
    N_("returned"),
    N_("refused"),
    N_("expired"),
    N_("not payable"),
)
_RENEW = "`wallet offline renew`"


def shown(profile: Profile, device: Device) -> CommandResult:
    """After ``offline show``."""
    pieces, limits, offline_fen = (
        device.holdings.pieces(),
        device.holdings.limits(),
        device.holdings.balance_fen(),
    )
    payable_fen = sum(p.value_fen for p in pieces if p.state == PieceState.SPENDABLE)
    unconfirmed = [
        text_format.write(text_format.PAYMENT, payment) for payment in device.payer.unconfirmed()
    ]
    made, waiting = device.payer.made(), device.payee.requests()
    fields = {
        "number": profile.number,
        "bank": profile.bank,
        "offline_fen": offline_fen,
        "payable_fen": payable_fen,
        "single_limit_fen": limits.single_fen,
        "total_limit_fen": limits.total_fen,
        "pieces": [asdict(piece) for piece in pieces],
        "unconfirmed": unconfirmed,
        "payments_as_text": len(made),
        "requests_waiting": len(waiting),
        "hints": hints(pieces),
    }
    lines = [_("Offline {offline} yuan").format(offline=format_yuan(offline_fen))]
    if payable_fen != offline_fen:
        lines.append(_("Payable {payable} yuan").format(payable=format_yuan(payable_fen)))
    lines += [line for piece in pieces for line in _piece(piece)]
    if unconfirmed:
        lines.append(
            _("{count} handed over without an OK; pay the same device again to ask.").format(
                count=len(unconfirmed)
            )
        )
    if made or waiting:
        lines.append(
            _("{payments} as text, {requests}: wallet offline again").format(
                payments=ngettext("{number} payment", "{number} payments", len(made)).format(
                    number=len(made)
                ),
                requests=ngettext(
                    "{number} request that waits", "{number} requests that wait", len(waiting)
                ).format(number=len(waiting)),
            )
        )
    return fields, "\n".join([*lines, *hints(pieces)])


def hints(pieces: Sequence[ShownPiece]) -> list[str]:
    """What its holder should do before money cannot be paid any more, or because it cannot."""
    spendable = [piece for piece in pieces if piece.state == PieceState.SPENDABLE]
    worn_fen = _worth(piece for piece in spendable if piece.hops_left <= FEW_HOPS)
    soon_ms = time.time() * 1000 + FEW_DAYS * DAY_MS
    ending_fen = _worth(piece for piece in spendable if piece.expires_time_ms < soon_ms)
    stuck_fen = _worth(piece for piece in pieces if piece.state == PieceState.NOT_PAYABLE)
    found = []
    if worn_fen:
        found.append(
            _(
                "Of it {worn} yuan can be paid on {few_hops} times more at most; {renew} "
                "exchanges them for fresh ones, with the bank in reach."
            ).format(worn=format_yuan(worn_fen), few_hops=FEW_HOPS, renew=_RENEW)
        )
    if ending_fen:
        found.append(
            _(
                "Of it {ending} yuan can be paid for {few_days} days more at most; {renew} "
                "exchanges them for fresh ones, with the bank in reach."
            ).format(ending=format_yuan(ending_fen), few_days=FEW_DAYS, renew=_RENEW)
        )
    if stuck_fen:
        found.append(
            _(
                "Of it {stuck} yuan cannot be paid, but are not lost: {renew} deposits them and "
                "loads as much anew, with the bank in reach."
            ).format(stuck=format_yuan(stuck_fen), renew=_RENEW)
        )
    return found


def _worth(pieces: Iterable[ShownPiece]) -> int:
    return sum(piece.value_fen for piece in pieces)


def _piece(piece: ShownPiece) -> list[str]:
    until = time.strftime("%Y-%m-%d", time.localtime(piece.expires_time_ms / 1000))
    hops = ngettext("{number} hop", "{number} hops", piece.hops).format(number=piece.hops)
    if piece.state == PieceState.SPENDABLE:
        hops += _(", {hops_left} left").format(hops_left=piece.hops_left)
    state = _(piece.state.lower().replace("_", " "))
    why = f": {_(piece.reason)}" if piece.reason else ""
    return _cells(
        piece.value_fen, [padded(hops, 16), _("until {until}").format(until=until), state + why]
    )


def _cells(amount_fen: int, cells: Sequence[str]) -> list[str]:
    """A line that begins with an amount; what does not fit the window goes on below, indented."""
    head = f"  {format_yuan(amount_fen):>{_AMOUNT}}  "
    line = "  ".join(cells)
    width = max(columns() - len(head), 16)
    if columns_of(line) > width:
        line = "  ".join(cell.strip() for cell in cells)
    wrapped = broken(line, width)
    return [head + wrapped[0], *(" " * len(head) + more for more in wrapped[1:])]


def limited(limits: Limits, rules: Rules | None) -> CommandResult:
    """After ``offline limit``."""
    fields = {
        "single_limit_fen": limits.single_fen,
        "total_limit_fen": limits.total_fen,
        "rule_single_fen": None if rules is None else rules.single_fen,
        "rule_total_fen": None if rules is None else rules.total_fen,
        "rule_hops": None if rules is None else rules.hops,
    }
    lines = [_("One payment")]
    lines += _limit(limits.single_fen, None if rules is None else rules.single_fen)
    lines.append(_("In the device in all"))
    lines += _limit(limits.total_fen, None if rules is None else rules.total_fen)
    lines.append(_("The narrower one counts."))
    if rules is None:
        lines.append(_("The central bank's are known once the bank was in reach."))
    else:
        lines.append(
            _("Money changes hands {hops} times at most before it is deposited.").format(
                hops=rules.hops
            )
        )
    return fields, "\n".join(lines)


def _limit(own_fen: int, rule_fen: int | None) -> list[str]:
    own = yuan(own_fen) if own_fen else _("no limit")
    rule = _("unknown") if rule_fen is None else yuan(rule_fen)
    return labelled([(_("  your own"), own), (_("  the central bank's"), rule)], 21)


def listed(device: Device) -> CommandResult:
    """After ``offline again`` without a code: what was made as text, the newest below."""
    requests = [Request.decode(each) for each in device.payee.requests()[-MAX_LISTED:]]
    made = device.payer.made()[-MAX_LISTED:]
    fields = {
        "requests": [
            {
                "compare": each.code(),
                "amount_fen": each.amount_fen,
                "time_ms": each.expires_time_ms - REQUEST_VALID_MS,
                "expires_time_ms": each.expires_time_ms,
                "text": text_format.write(text_format.REQUEST, each.encode()),
            }
            for each in requests
        ],
        "payments": [
            {
                "compare": each.code,
                "amount_fen": each.amount_fen,
                "payee_bank": each.bank,
                "time_ms": each.time_ms,
                "came_back": each.came_back,
                "text": text_format.write(text_format.PAYMENT, each.payment),
            }
            for each in made
        ],
    }
    rows = [
        (each.expires_time_ms - REQUEST_VALID_MS, each.amount_fen, _request_cells(each))
        for each in requests
    ]
    rows += [(each.time_ms, each.amount_fen, _made_cells(each)) for each in made]
    lines = [line for _order, fen, cells in sorted(rows) for line in _cells(fen, cells)]
    if not lines:
        return fields, _("No payment was made as text, and no request waits.")
    return fields, "\n".join([*lines, _("One of them again: wallet offline again CODE")])


def _request_cells(request: Request) -> list[str]:
    asked_ms = request.expires_time_ms - REQUEST_VALID_MS
    return [request.code(), clock(asked_ms), _("request that waits")]


def _made_cells(made: Made) -> list[str]:
    state = _(", which came back") if made.came_back else ""
    return [
        made.code,
        clock(made.time_ms),
        _("payment to a device of {bank}{state}").format(bank=made.bank, state=state),
    ]


def renewed(done: Deposited, loaded_fen: int, offline_fen: int, pending: bool) -> CommandResult:
    """After ``offline renew``."""
    fields = {
        "state": "PENDING" if pending or done.pending else "SETTLED",
        "deposited_fen": done.amount_fen,
        "loaded_fen": loaded_fen,
        "pending": done.pending,
        "refused": [{"reason": no.name, "message": no.message} for no in done.refused],
        "offline_fen": offline_fen,
    }
    lines = []
    if not done.amount_fen and not done.pending and not done.refused:
        lines.append(_("Nothing is to be exchanged: all of it is fresh."))
    if loaded_fen:
        lines.append(
            _("{loaded} yuan exchanged for fresh ones; {offline} yuan can be paid offline.").format(
                loaded=format_yuan(loaded_fen), offline=format_yuan(offline_fen)
            )
        )
    if pending:
        amount = format_yuan(done.amount_fen)
        lines.append(
            _(
                "{yuan} yuan are deposited, and their load is on its way; `wallet offline load "
                "{yuan}` asks for it, and loads once."
            ).format(yuan=amount)
        )
    if done.pending:
        lines.append(
            ngettext(
                "{number} piece on the way into the wallet; repeat the command to ask.",
                "{number} pieces on the way into the wallet; repeat the command to ask.",
                done.pending,
            ).format(number=done.pending)
        )
    lines += [
        _("Refused: {why}").format(why=in_words(no.name, no.message, no.metadata))
        for no in done.refused
    ]
    return fields, "\n".join(lines)
