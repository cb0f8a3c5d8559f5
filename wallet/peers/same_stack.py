"""Checks whether the bank that answers is of the stack where the wallet was opened.

The banks of a stack on this machine and those of a copy of its folder have the same addresses,
names and certificates. Only the folder from which they run tells them apart.
"""

from __future__ import annotations

from pathlib import Path

from language import N_
from wallet.home.home import HomeError


class AnotherStackAnswers(HomeError):
    """The bank that answers is another stack's; nothing was asked of it."""

    reason = "ANOTHER_STACK"
    refused = True
    following = N_(
        "Stop the other one first, and start this one; or use a home that was opened there: --home "
        "DIR."
    )


def check_same_stack(folder: str, bank: str, address: str) -> None:
    """Raises AnotherStackAnswers if the bank runs from another folder.

    A bank that runs elsewhere passes, and so does one whose stack is no longer there or cannot be
    read from here.

    Args:
        folder: the stack's, when the wallet was opened; "" if it is not known.
        bank: the bank's name.
        address: where the wallet finds it.
    """
    if not folder or not (Path(folder) / "stack.json").exists():
        return
    from deployment.another_stack import AnotherStack, check_ours
    from deployment.topology import StackMissing, load

    try:
        plan = load(Path(folder))
        if plan.bank(bank).public_address != address:
            return
    except (OSError, StackMissing):
        return
    try:
        check_ours(plan, bank)
    except AnotherStack as other:
        raise AnotherStackAnswers(str(other)) from other
