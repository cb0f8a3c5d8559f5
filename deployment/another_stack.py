"""Checks whether what answers at a stack's ports is this stack, and not one that its folder copies.

A copy of a stack has the same ports, certificates and officers. While the first stack runs, it
would answer whatever is asked of the copy, and a rehearsal would move its money.
"""

from __future__ import annotations

import socket

from deployment.limits import LOOK_TIMEOUT_S
from deployment.processes import Running
from deployment.topology import CENTRAL_BANK, StackPlan
from language import _


class AnotherStack(Exception):
    """Another stack answers; the message says what to do."""


def check_ours(plan: StackPlan, name: str) -> None:
    """Raises AnotherStack if a service answers that cannot be the one of this folder.

    If nothing answers, that is no problem.

    Args:
        plan: the stack.
        name: the central bank or a bank.
    """
    address = plan.office_address(name)
    if _runs_here(plan, name) or not _answers(address):
        return
    raise AnotherStack(
        _(
            "{name} does not run from {folder}, and something else answers at {address}: the "
            "port is in use, perhaps by the stack that this folder is a copy of. Nothing was "
            "asked of it."
        ).format(name=name, folder=plan.folder, address=address)
    )


def check_ours_at(plan: StackPlan, address: str) -> None:
    """Does `check_ours` for the service at an address."""
    ports = {plan.central_address: CENTRAL_BANK}
    for bank in plan.banks:
        ports |= {bank.public_address: bank.name, bank.inner_address: bank.name}
    if address in ports:
        check_ours(plan, ports[address])


def _runs_here(plan: StackPlan, name: str) -> bool:
    """Whether a service runs from this folder: `dcep` started it, or its database is being
    written.
    """
    pid = plan.pids.get(name)
    if pid is not None and Running.find(plan.command(name), pid) is not None:
        return True
    from runtime.one_writer import may_be_written  # loads SQLAlchemy: a third of a start

    return may_be_written(plan.database_url(name))


def _answers(address: str) -> bool:
    host, _colon, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), LOOK_TIMEOUT_S).close()
    except OSError:
        return False
    return True
