"""What ``wallet payroll`` says: what is wrong, what would be paid, how far it is, what came."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from currency.amount import format_yuan, parse_yuan
from dcep.bank.v1.wallets_pb2 import GetWalletResponse
from language import N_, _
from language.wide import labelled
from wallet.cli.aliases import called
from wallet.cli.amounts import yuan
from wallet.cli.asking import answer
from wallet.cli.console import (
    EXIT_DONE,
    EXIT_NO_ANSWER,
    EXIT_REFUSED,
    EXIT_USAGE,
    CommandResult,
    Output,
    UsageError,
)
from wallet.cli.limits_output import limits_in_words
from wallet.cli.payroll_result import (
    NOT_PAID,
    PENDING,
    REFUSED,
    RETURNED,
    SETTLED,
    STATE_WORDS,
    STATES,
    Tally,
    reason_words,
)
from wallet.payroll.payees import Found
from wallet.payroll.payroll import Payroll, PayrollRunning, Waits
from wallet.payroll.plan import Plan, RunUnclear, changed_said
from wallet.payroll.sheet import Problem

FILE_REFUSED_NEXT = N_("Nothing was paid. Correct the file and repeat the command.")
CHANGED_NEXT = N_("Nothing more was paid. Correct the file and repeat the command.")
RUN_UNCLEAR_NEXT = N_("Nothing was paid. Repeat the command with --run NAME.")
RUNNING_NEXT = N_("Wait until it has ended, then repeat the command.")
MAX_NAMED = 5
"""Wallet numbers that a remark names."""
MAX_FOUND_SHOWN = 50
"""Payees that were found by their aliases."""


@contextmanager
def failures(output: Output) -> Iterator[None]:
    """Ends the command with words for what only a payroll raises."""
    try:
        yield
    except RunUnclear as error:
        output.fail(EXIT_USAGE, "RUN_UNCLEAR", str(error), _(RUN_UNCLEAR_NEXT))
    except PayrollRunning:
        message = _("Another payroll of this home runs at this moment.")
        output.fail(EXIT_REFUSED, "PAYROLL_RUNNING", message, _(RUNNING_NEXT))


def problems(found: Sequence[Problem], more: int) -> tuple[str, dict[str, Any]]:
    """All that is wrong with a file: a text for people, and fields for programs."""
    lines = [
        _("{count:,} things are wrong with the file:").format(count=len(found) + more),
        *map(str, found),
    ]
    if more:
        lines.append(_("… and {more:,} more").format(more=more))
    listed = [{"line": problem.line, "problem": problem.said} for problem in found]
    return "\n".join(lines), {"problems": listed, "problems_not_listed": more}


def changed(plan: Plan) -> list[Problem]:
    """What is wrong with the rows that are not as they were ordered."""
    return [Problem(row.line, changed_said(row, plan.entries[row.payee])) for row in plan.changed]


def checked(plan: Plan, state: GetWalletResponse, found: Found) -> str:
    """What would be paid, out of what; before anybody is asked."""
    sheet = plan.sheet
    largest = max(plan.left, key=lambda row: row.amount_fen, default=None)
    rows = [
        (_("Run"), plan.run),
        (
            _("File"),
            _("{count:,} rows, {total} yuan ({encoding})").format(
                count=len(sheet.rows),
                total=format_yuan(sheet.total_fen),
                encoding=sheet.encoding,
            ),
        ),
        (
            _("To pay"),
            _("{count:,} rows, {total} yuan").format(
                count=len(plan.left), total=format_yuan(plan.left_fen)
            ),
        ),
    ]
    if largest is not None:
        rows.append(
            (
                _("Largest"),
                _("{amount} yuan to {name} (line {line})").format(
                    amount=format_yuan(largest.amount_fen), name=largest.name, line=largest.line
                ),
            )
        )
    rows.append((_("Wallet"), yuan(state.available_fen)))
    rows += limits_in_words(state)
    return "\n".join([*labelled(rows, 10), *_payees(plan, found), *_remarks(plan)])


def _payees(plan: Plan, found: Found) -> Iterator[str]:
    """Whom the file's aliases stand for, as long as nobody has confirmed it."""
    if found.known:
        yield _("Aliases that were found before, and stand for the same wallets: {count:,}").format(
            count=len(found.known)
        )
    if plan.is_confirmed:
        return
    named = [*found.new, *found.known]
    for row, payee in named[:MAX_FOUND_SHOWN]:
        yield _("line {line}: {name} is {payee}").format(
            line=row.line, name=row.name, payee=called(payee)
        )
    if len(named) > MAX_FOUND_SHOWN:
        yield _("… and {more:,} more").format(more=len(named) - MAX_FOUND_SHOWN)


def _remarks(plan: Plan) -> Iterator[str]:
    if plan.sheet.unused:
        yield _("Columns that are not used: {names}").format(names=", ".join(plan.sheet.unused))
    if plan.confirmed is not None and not plan.is_confirmed:
        yield _("The file is another one than was confirmed for this run before.")
    paid = [payee for payee in plan.gone if plan.entries[payee].settled]
    if paid:
        yield _("Paid in this run, and not in the file any more: {payees}").format(
            payees=_some(paid)
        )
    on_its_way = [payee for payee in plan.gone if plan.entries[payee].open]
    if on_its_way:
        yield _(
            "Ordered in this run, and not in the file any more; it is not sent again, but may "
            "still be paid, beside the file's total: {payees}"
        ).format(payees=_some(on_its_way))
    for name, count in plan.elsewhere.most_common(MAX_NAMED):
        yield _(
            "{count:,} of these payments are in the run {name!r} too: they are made again."
        ).format(count=count, name=name)
    for name, count in plan.alike.most_common(MAX_NAMED):
        yield _(
            "{count:,} of these payees were ordered the same amounts in the run {name!r} some days "
            "ago, with other memos: they are paid again."
        ).format(count=count, name=name)


def _some(payees: list[str]) -> str:
    """The first of some payees."""
    return ", ".join([*payees[:MAX_NAMED], *(["…"] if payees[MAX_NAMED:] else [])])


def confirm_total(plan: Plan, given: str) -> None:
    """Has the holder repeat the file's total, once for a file and its run.

    Args:
        given: the total, as typed with the command; "" to ask at the terminal.

    Raises:
        UsageError: it is another total, or there is nobody to ask.
    """
    total = format_yuan(plan.sheet.total_fen)
    if given:
        if parse_yuan(given) != plan.sheet.total_fen:
            raise UsageError(
                _("the file's total is {total} yuan; nothing was paid").format(total=total)
            )
        return
    if plan.is_confirmed or not plan.left:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            _("nobody can be asked here; repeat the file's total: --total {total}").format(
                total=total.replace(",", "")
            )
        )
    typed = answer(_("Repeat the file's total in yuan to pay; anything else pays nothing: "))
    if not typed or parse_yuan(typed) != plan.sheet.total_fen:
        raise UsageError(_("this is not the file's total; nothing was paid"))


@contextmanager
def bar(output: Output, payroll: Payroll, what: str, count: int) -> Iterator[Payroll]:
    """The payroll, with a progress bar on standard error while people look on."""
    if output.as_json or not count:
        yield payroll
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (
        TextColumn("{task.description}", justify="right"),
        BarColumn(bar_width=40),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(what, total=count)
        yield replace(
            payroll,
            advance=lambda more: progress.advance(task, more),
            remark=lambda said: console.print(said, markup=False),
        )


def exit_code(found: Tally) -> int:
    """3 if a row has no end yet, else 1 if one was not paid, else 0."""
    if found.count[PENDING] or found.count[NOT_PAID]:
        return EXIT_NO_ANSWER
    return EXIT_REFUSED if found.count[REFUSED] or found.count[RETURNED] else EXIT_DONE


def paid(plan: Plan, found: Tally, place: Path, why: str, waits: Waits) -> CommandResult:
    """After the run, or as far as it came.

    Args:
        place: the result's file.
        why: why it ended early, in a sentence; "" if it did not.
        waits: what waits for others' signatures.
    """
    fields: dict[str, Any] = {
        "run": plan.run,
        "file_sha256": plan.sheet.digest.hex(),
        "rows": len(plan.sheet.rows),
        "total_fen": plan.sheet.total_fen,
    }
    for state in STATES:
        fields[state.lower()] = found.count[state]
        fields[f"{state.lower()}_fen"] = found.fen[state]
    fields |= {
        "waiting": len(waits.orders),
        "waiting_fen": waits.amount_fen,
        "signatures_missing": waits.missing,
        "releases": list(waits.names),
        "reasons": dict(found.reasons),
        "why": why,
        "result": str(place),
    }
    lines = [
        _("Run {run!r}: {rows:,} rows, {total} yuan.").format(
            run=plan.run, rows=fields["rows"], total=format_yuan(fields["total_fen"])
        )
    ]
    lines += labelled(
        [
            (
                _(word),
                _("{count:,} rows, {total} yuan").format(
                    count=found.count[state], total=format_yuan(found.fen[state])
                ),
            )
            for state, word in zip(STATES, STATE_WORDS, strict=True)
            if found.count[state] or state == SETTLED
        ],
        10,
    )
    for reason, count in found.reasons.most_common():
        lines.append(_("{count:,} rows: {said}").format(count=count, said=reason_words(reason)))
    lines += [why] if why else []
    lines.append(_("The result is in {place}").format(place=place))
    lines += _waiting(waits) if waits.orders else _next_steps(found)
    return fields, "\n".join(lines)


def _waiting(waits: Waits) -> Iterator[str]:
    yield _(
        "{count:,} payments, {total} yuan, wait for {missing} more signatures. The others look "
        "with `wallet pending` and sign with:"
    ).format(count=len(waits.orders), total=format_yuan(waits.amount_fen), missing=waits.missing)
    yield from (_("  wallet release {id}").format(id=name) for name in waits.names)
    yield _("Then repeat the same command: it pays what they have released, and nobody twice.")


def _next_steps(found: Tally) -> Iterator[str]:
    if found.count[PENDING] or found.count[NOT_PAID]:
        yield _("Repeat the same command: it goes on with the rest and pays nobody twice.")
    if found.count[REFUSED]:
        yield _(
            "Refused rows moved no money. Correct them in the file, or ask the payees; `--refused` "
            "orders them anew."
        )
    if found.count[RETURNED]:
        yield _("Returned money comes back to this wallet; look with `wallet history`.")
