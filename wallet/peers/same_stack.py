"""Whether what answers at a bank's address is the bank of the stack that a wallet was opened at.

Banks of a stack on this machine and those of a copy of its folder have the same addresses, names
and certificates: only which folder they run from tells them apart.
"""

from __future__ import annotations

from pathlib import Path

from language import N_
from wallet.home.home import HomeError


class AnotherStackAnswers(HomeError):
    """It is another stack's; nothing was asked of it."""

    reason = "ANOTHER_STACK"
    refused = True
    following = N_(
        "Stop the other one first, and start this one; or use a home that was opened there: --home "
        "DIR."
    )


def check_same_stack(folder: str, bank: str, address: str) -> None:
    """Raises AnotherStackAnswers.

    Nothing is said against a bank that runs elsewhere, or of a stack that is not at that place any
    more, or not to be read from here.

    Args:
        folder: the stack's, as it was when the wallet was opened; "" if it is not known.
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
