"""What is said about the money in a device: its pieces, its limits, the texts that were made."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from currency.amount import format_yuan
from offline_token.formats import Request
from wallet import papers
from wallet.device import Device, Limits, Made, Piece, PieceState, Rules
from wallet.drawn import columns
from wallet.home import Profile
from wallet.limits import FEW_DAYS, FEW_HOPS, MAX_LISTED
from wallet.pocket import Deposited
from wallet.secure_element.limits import REQUEST_VALID_MS
from wallet.times import clock

Said = tuple[dict[str, Any], str]
_AMOUNT = 12
_DAY_MS = 86_400_000
_RENEW = "`wallet offline renew`"


def shown(profile: Profile, device: Device) -> Said:
    """After ``offline show``."""
    pieces, limits, offline_fen = device.pieces(), device.limits(), device.balance_fen()
    payable_fen = sum(p.value_fen for p in pieces if p.state == PieceState.SPENDABLE)
    unconfirmed = [papers.write(papers.PAYMENT, payment) for payment in device.unconfirmed()]
    made, waiting = device.made(), device.requests()
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
    lines = [f"Offline {format_yuan(offline_fen)} yuan"]
    if payable_fen != offline_fen:
        lines.append(f"Payable {format_yuan(payable_fen)} yuan")
    lines += [line for piece in pieces for line in _piece(piece)]
    if unconfirmed:
        lines.append(
            f"{len(unconfirmed)} handed over without an OK; pay the same device again to ask."
        )
    if made or waiting:
        lines.append(
            f"{_count(len(made), 'payment')} as text, {_count(len(waiting), 'request')} that "
            f"{'waits' if len(waiting) == 1 else 'wait'}: wallet offline again"
        )
    return fields, "\n".join([*lines, *hints(pieces)])


def hints(pieces: Sequence[Piece]) -> list[str]:
    """What its holder should do before money cannot be paid any more, or because it cannot."""
    spendable = [piece for piece in pieces if piece.state == PieceState.SPENDABLE]
    worn_fen = _worth(piece for piece in spendable if piece.hops_left <= FEW_HOPS)
    soon_ms = time.time() * 1000 + FEW_DAYS * _DAY_MS
    ending_fen = _worth(piece for piece in spendable if piece.expires_time_ms < soon_ms)
    stuck_fen = _worth(piece for piece in pieces if piece.state == PieceState.NOT_PAYABLE)
    found = []
    if worn_fen:
        found.append(
            f"Of it {format_yuan(worn_fen)} yuan can be paid on {FEW_HOPS} times more at most; "
            f"{_RENEW} exchanges them for fresh ones, with the bank in reach."
        )
    if ending_fen:
        found.append(
            f"Of it {format_yuan(ending_fen)} yuan can be paid for {FEW_DAYS} days more at most; "
            f"{_RENEW} exchanges them for fresh ones, with the bank in reach."
        )
    if stuck_fen:
        found.append(
            f"Of it {format_yuan(stuck_fen)} yuan cannot be paid, but are not lost: {_RENEW} "
            "deposits them and loads as much anew, with the bank in reach."
        )
    return found


def _worth(pieces: Any) -> int:
    return sum(piece.value_fen for piece in pieces)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + "s" * (number != 1)


def _piece(piece: Piece) -> list[str]:
    until = time.strftime("%Y-%m-%d", time.localtime(piece.expires_time_ms / 1000))
    hops = _count(piece.hops, "hop")
    if piece.state == PieceState.SPENDABLE:
        hops += f", {piece.hops_left} left"
    state = piece.state.lower().replace("_", " ")
    why = f": {piece.reason}" if piece.reason else ""
    return _cells(piece.value_fen, [f"{hops:<16}", f"until {until}", state + why])


def _cells(amount_fen: int, cells: Sequence[str]) -> list[str]:
    """A line that begins with an amount; what does not fit the window goes on below, indented."""
    head = f"  {format_yuan(amount_fen):>{_AMOUNT}}  "
    line = "  ".join(cells)
    width = max(columns() - len(head), 16)
    if len(line) > width:
        line = "  ".join(cell.strip() for cell in cells)
    wrapped = textwrap.wrap(line, width, break_long_words=False) or [""]
    return [head + wrapped[0], *(" " * len(head) + more for more in wrapped[1:])]


def limited(limits: Limits, rules: Rules | None) -> Said:
    """After ``offline limit``."""
    fields = {
        "single_limit_fen": limits.single_fen,
        "total_limit_fen": limits.total_fen,
        "rule_single_fen": None if rules is None else rules.single_fen,
        "rule_total_fen": None if rules is None else rules.total_fen,
        "rule_hops": None if rules is None else rules.hops,
    }
    lines = ["One payment"]
    lines += _limit(limits.single_fen, None if rules is None else rules.single_fen)
    lines.append("In the device in all")
    lines += _limit(limits.total_fen, None if rules is None else rules.total_fen)
    lines.append("The narrower one counts.")
    if rules is None:
        lines.append("The central bank's are known once the bank was in reach.")
    else:
        lines.append(f"Money changes hands {rules.hops} times at most before it is deposited.")
    return fields, "\n".join(lines)


def _limit(own_fen: int, rule_fen: int | None) -> list[str]:
    own = f"{format_yuan(own_fen)} yuan" if own_fen else "no limit"
    rule = "unknown" if rule_fen is None else f"{format_yuan(rule_fen)} yuan"
    return [f"  your own            {own}", f"  the central bank's  {rule}"]


def listed(device: Device) -> Said:
    """After ``offline again`` without a code: what was made as text, the newest below."""
    requests = [Request.decode(each) for each in device.requests()[-MAX_LISTED:]]
    made = device.made()[-MAX_LISTED:]
    fields = {
        "requests": [
            {
                "compare": each.code(),
                "amount_fen": each.amount_fen,
                "time_ms": each.expires_time_ms - REQUEST_VALID_MS,
                "expires_time_ms": each.expires_time_ms,
                "text": papers.write(papers.REQUEST, each.encode()),
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
                "text": papers.write(papers.PAYMENT, each.payment),
            }
            for each in made
        ],
    }
    rows = [
        (each.expires_time_ms - REQUEST_VALID_MS, each.amount_fen, _request_cells(each))
        for each in requests
    ]
    rows += [(each.time_ms, each.amount_fen, _made_cells(each)) for each in made]
    lines = [line for _, fen, cells in sorted(rows) for line in _cells(fen, cells)]
    if not lines:
        return fields, "No payment was made as text, and no request waits."
    return fields, "\n".join([*lines, "One of them again: wallet offline again CODE"])


def _request_cells(request: Request) -> list[str]:
    asked_ms = request.expires_time_ms - REQUEST_VALID_MS
    return [request.code(), clock(asked_ms), "request that waits"]


def _made_cells(made: Made) -> list[str]:
    state = ", which came back" if made.came_back else ""
    return [made.code, clock(made.time_ms), f"payment to a device of {made.bank}{state}"]


def renewed(done: Deposited, loaded_fen: int, offline_fen: int, pending: bool) -> Said:
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
        lines.append("Nothing is to be exchanged: all of it is fresh.")
    if loaded_fen:
        lines.append(
            f"{format_yuan(loaded_fen)} yuan exchanged for fresh ones; {format_yuan(offline_fen)} "
            "yuan can be paid offline."
        )
    if pending:
        amount = format_yuan(done.amount_fen)
        lines.append(
            f"{amount} yuan are deposited, and their load is on its way; `wallet offline load "
            f"{amount}` asks for it, and loads once."
        )
    if done.pending:
        lines.append(
            f"{_count(done.pending, 'piece')} on the way into the wallet; repeat the command to "
            "ask."
        )
    lines += [f"Refused: {no.message}" for no in done.refused]
    return fields, "\n".join(lines)
