"""``wallet payroll``: pays the rows of a file, each once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from language import _
from wallet.cli.options import HomeOption, JsonOption, wallet

if TYPE_CHECKING:
    from wallet.cli.console import Output
    from wallet.payroll.payees import Found
    from wallet.payroll.payroll import Payroll
    from wallet.payroll.plan import Plan
    from wallet.payroll.sheet import Sheet


def payroll(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV with the columns payee (number or alias), name, amount and, if wanted, memo."
        ),
    ],
    run: Annotated[
        str,
        typer.Option(
            "--run", help="The run's name; in a run each wallet is paid once.", show_default=False
        ),
    ] = "",
    total: Annotated[
        str,
        typer.Option(
            "--total", help="The file's total in yuan, instead of being asked.", show_default=False
        ),
    ] = "",
    refused: Annotated[
        bool, typer.Option("--refused", help="Order anew the rows that were refused.")
    ] = False,
    result: Annotated[
        Path | None,
        typer.Option("--result", help="Where the result goes; default RUN.result.csv."),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Pay the rows of a file, at any bank: check all, ask once for the total, pay each once.

    After any interruption the same command goes on and pays nobody twice. What came of each row is
    written to a file of its own. Where several sign for the wallet, it puts the payments before
    the others, and pays what they have released once it is repeated.
    """
    from wallet.cli.payroll_output import exit_code, failures, paid
    from wallet.cli.payroll_result import check_place, outcomes, tally, write_result
    from wallet.payroll.plan import choose_run

    with wallet(context, home, as_json, limits=True) as (app, output):
        number = app.profile().number
        sheet = _read(file, number, output)
        payroll = app.payroll()
        with failures(output), payroll.alone():
            found_payees = _find_payees(payroll, sheet, output)
            name = choose_run(payroll.runs, sheet, run, file)
            place = result or file.with_name(f"{name}.result.csv")
            check_place(place, file)
            _settle_open(payroll, name, sheet, output)
            plan = payroll.plan(name, sheet, refused_too=refused)
            _check(plan, payroll, total, output, found_payees)
            # First, so that nothing is paid whose result could not be written.
            write_result(place, number, outcomes(sheet, plan.entries))
            if plan.left:
                payroll.confirm(plan)
            try:
                why = _pay(payroll, plan, output)
            finally:
                entries = payroll.runs.entries(name)
                payroll.look_again(name, sheet)
                write_result(place, number, outcomes(sheet, entries))
            found = tally(outcomes(sheet, entries))
            output.result(*paid(plan, found, place, why, payroll.waiting(name)))
        if code := exit_code(found):
            raise SystemExit(code)


def _read(file: Path, own_number: str, output: Output) -> Sheet:
    """The file, if nothing is wrong with it; else all that is wrong is printed, and it ends."""
    from wallet.cli.console import EXIT_USAGE
    from wallet.cli.payroll_output import FILE_REFUSED_NEXT
    from wallet.payroll.sheet import SheetError, read_bytes, read_sheet

    try:
        sheet = read_sheet(read_bytes(file), own_number)
    except SheetError as error:
        output.fail(EXIT_USAGE, "FILE_REFUSED", str(error), _(FILE_REFUSED_NEXT))
    _check_sheet(sheet, output)
    return sheet


def _check_sheet(sheet: Sheet, output: Output) -> None:
    """Prints all that is wrong with a file, and ends, if anything is."""
    from wallet.cli.console import EXIT_USAGE
    from wallet.cli.payroll_output import FILE_REFUSED_NEXT, problems

    if sheet.problems:
        text, fields = problems(sheet.problems, sheet.more)
        output.fail(EXIT_USAGE, "FILE_REFUSED", text, _(FILE_REFUSED_NEXT), **fields)


def _find_payees(payroll: Payroll, sheet: Sheet, output: Output) -> Found:
    """Puts wallet numbers in the place of aliases; if one is wrong, it ends."""
    from wallet.cli.payroll_output import bar

    count = sum(1 for row in sheet.rows if row.alias)
    with bar(output, payroll, _("looking for aliases"), count) as watched:
        found = watched.find_payees(sheet)
    _check_sheet(sheet, output)
    return found


def _settle_open(payroll: Payroll, run: str, sheet: Sheet, output: Output) -> None:
    """Learns what came of what an interrupted command has left open, before anything is planned."""
    from wallet.cli.payroll_output import bar

    count = sum(1 for _order in payroll.runs.orders(run, only_open=True))
    with bar(output, payroll, _("asking about earlier orders"), count) as watched:
        watched.settle_open(run, sheet)


def _check(plan: Plan, payroll: Payroll, total: str, output: Output, found_payees: Found) -> None:
    """Shows what would be paid, and has it confirmed; if anything stands against it, it ends."""
    from wallet.cli.console import EXIT_USAGE
    from wallet.cli.payroll_output import CHANGED_NEXT, changed, checked, confirm_total, problems
    from wallet.payroll.plan import check_means
    from wallet.peers.interface import GET_WALLET

    if plan.changed:
        text, fields = problems(changed(plan), 0)
        output.fail(EXIT_USAGE, "ROWS_CHANGED", text, _(CHANGED_NEXT), **fields)
    submitter = payroll.submitter
    state = submitter.bank.get_wallet(submitter.query(GET_WALLET))
    if not output.as_json:
        output.say(checked(plan, state, found_payees))
    check_means(plan, state)
    confirm_total(plan, total)


def _pay(payroll: Payroll, plan: Plan, output: Output) -> str:
    """Pays what is left; why it ended early, in a sentence, or ""."""
    from dcep.errors.v1 import errors_pb2
    from runtime.errors import NoAnswer, reason_name
    from wallet.cli.payroll_output import bar
    from wallet.cli.reason_texts import sentence

    if not plan.left:
        return ""
    try:
        with bar(output, payroll, _("paying"), len(plan.left)) as watched:
            stopped = watched.pay(plan)
    except NoAnswer as error:
        return _("The bank does not answer ({why}).").format(why=error)
    if stopped == errors_pb2.REASON_OVERLOADED:
        return _("The bank keeps no more now that waits for signatures.")
    return sentence(reason_name(stopped), "")[0] if stopped else ""
