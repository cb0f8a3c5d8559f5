"""Compares a file with what its run has come to, and with what the wallet has."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from currency import text
from currency.amount import format_yuan
from currency.reasons import SENTENCES
from dcep.bank.v1 import wallets_pb2
from dcep.errors.v1 import errors_pb2
from language import _
from runtime.errors import Refusal
from wallet.limits import ALIKE_MS, MAX_RUN_NAME
from wallet.orders.bulk import Wish
from wallet.payroll.runs import Entry, Run, Runs
from wallet.payroll.sheet import Row, Sheet


class RunUnclear(Exception):
    """It has to be said which run a file belongs to; the message says between which."""


@dataclass(frozen=True)
class Plan:
    """What a run would do with a file.

    Attributes:
        run: the run's name.
        confirmed: what the holder has confirmed for it; None for a new run.
        entries: what the run has come to so far, by wallet number.
        left: the rows that are still to be ordered.
        changed: rows that are not as they were ordered, and were or may be paid.
        gone: wallet numbers that were or may be paid and are not in the file any more.
        elsewhere: how many equal payments other runs have, by run.
        alike: how many payments with other memos, but of the same amounts to the same payees, the
            runs of the last days have, by run.
    """

    run: str
    sheet: Sheet
    confirmed: Run | None
    entries: dict[str, Entry]
    left: list[Row]
    changed: list[Row]
    gone: list[str]
    elsewhere: Counter[str]
    alike: Counter[str]

    @property
    def left_fen(self) -> int:
        """The sum of the rows that are still to be ordered."""
        return sum(row.amount_fen for row in self.left)

    @property
    def is_confirmed(self) -> bool:
        """Whether the holder has confirmed this very file for this run."""
        return self.confirmed is not None and self.confirmed.digest == self.sheet.confirmed_as


def run_name(asked: str) -> str:
    """The name of a run as it was typed. Raises RunUnclear: it cannot be one."""
    name = " ".join(text.typed(asked).split())
    if (
        not name
        or len(name) > MAX_RUN_NAME
        or not name.isprintable()
        or "/" in name
        or name.startswith(".")
    ):
        raise RunUnclear(
            _("{name!r} cannot be the name of a run; name it like --run 2026-11").format(
                name=asked[:MAX_RUN_NAME]
            )
        )
    return name


def choose_run(runs: Runs, sheet: Sheet, asked: str, file: Path) -> str:
    """The run that a file belongs to.

    The one that was asked for; else the one for which this very file was confirmed; else a new one,
    called as the file is, but only if no run has any of these payments.

    Raises:
        RunUnclear: that cannot be told without risk of paying somebody twice.
    """
    if asked:
        return run_name(asked)
    same = runs.of_content(sheet.confirmed_as)
    if len(same) == 1:
        return same[0].name
    elsewhere = Counter({run.name: len(sheet.rows) for run in same}) or runs.elsewhere(
        "", [wish_of(row).content for row in sheet.rows]
    )
    for name, count in elsewhere.most_common(1):
        raise RunUnclear(
            _(
                "{count:,} payments of this file are in the run {name!r} already. To go on with "
                "that run, also after a correction: --run {name!r}. To pay them once more, as in "
                "another month: --run with a new name."
            ).format(count=count, name=name)
        )
    name = run_name(file.stem)
    if runs.get(name) is not None:
        raise RunUnclear(
            _(
                "there is a run {name!r} with other payments. To add these to it: --run {name!r}. "
                "To begin another: --run with a new name."
            ).format(name=name)
        )
    return name


def plan_of(runs: Runs, sheet: Sheet, run: str, now_ms: int, *, refused_too: bool) -> Plan:
    """What a run would do with a file.

    Args:
        now_ms: the time.
        refused_too: rows that were refused are ordered anew too.
    """
    entries = runs.entries(run)
    left, changed = [], []
    for row in sheet.rows:
        entry = entries.get(row.payee)
        if entry is None or not (entry.open or entry.settled):
            if entry is None or refused_too or not entry.refused or _differs(row, entry):
                left.append(row)
        elif _differs(row, entry):
            changed.append(row)
    there = {row.payee for row in sheet.rows}
    elsewhere = runs.elsewhere(run, [wish_of(row).content for row in left])
    fen = {row.payee: row.amount_fen for row in left}
    return Plan(
        run=run,
        sheet=sheet,
        confirmed=runs.get(run),
        entries=entries,
        left=left,
        changed=changed,
        gone=[
            payee
            for payee, entry in entries.items()
            if payee not in there and (entry.open or entry.settled)
        ],
        elsewhere=elsewhere,
        alike=runs.alike(run, fen, now_ms - ALIKE_MS) - elsewhere,
    )


def wish_of(row: Row) -> Wish:
    """The payment that a row asks for."""
    return Wish(row.payee, row.amount_fen, row.memo)


def changed_said(row: Row, entry: Entry) -> str:
    """What is wrong with a row that is not as it was ordered."""
    if row.amount_fen != entry.amount_fen:
        return _(
            "{payee} was paid {paid} yuan in this run, and the file says {now} now; put it back as "
            "it was, and pay a difference in a run of its own"
        ).format(
            payee=row.payee, paid=format_yuan(entry.amount_fen), now=format_yuan(row.amount_fen)
        )
    return _(
        "{payee} was paid in this run with another memo; put it back as it was: {memo!r}"
    ).format(payee=row.payee, memo=entry.memo)


def check_means(plan: Plan, state: wallets_pb2.GetWalletResponse) -> None:
    """Checks that the wallet may and can pay all that is left.

    Raises:
        Refusal: WALLET_FROZEN, WALLET_CLOSED, OVER_SINGLE_LIMIT, OVER_DAY_LIMIT, OVER_YEAR_LIMIT or
            INSUFFICIENT_FUNDS, with how much is missing.
    """
    if not plan.left:
        return
    if state.status == wallets_pb2.WALLET_STATUS_FROZEN:
        raise Refusal(errors_pb2.REASON_WALLET_FROZEN, SENTENCES["WALLET_FROZEN"])
    if state.status == wallets_pb2.WALLET_STATUS_CLOSED:
        raise Refusal(errors_pb2.REASON_WALLET_CLOSED, SENTENCES["WALLET_CLOSED"])
    limits, left_fen = state.limits, plan.left_fen
    largest_fen = max(row.amount_fen for row in plan.left)
    for reason, over_fen in (
        (errors_pb2.REASON_OVER_SINGLE_LIMIT, _over(largest_fen, limits.single_fen)),
        (errors_pb2.REASON_OVER_DAY_LIMIT, _over(state.day_spent_fen + left_fen, limits.day_fen)),
        (
            errors_pb2.REASON_OVER_YEAR_LIMIT,
            _over(state.year_spent_fen + left_fen, limits.year_fen),
        ),
        (errors_pb2.REASON_INSUFFICIENT_FUNDS, left_fen - state.available_fen),
    ):
        if over_fen > 0:
            raise Refusal(
                reason,
                _("{missing} yuan too much").format(missing=format_yuan(over_fen)),
                missing_fen=str(over_fen),
            )


def _over(amount_fen: int, limit_fen: int) -> int:
    return amount_fen - limit_fen if limit_fen else 0


def _differs(row: Row, entry: Entry) -> bool:
    return (row.amount_fen, row.memo) != (entry.amount_fen, entry.memo)
