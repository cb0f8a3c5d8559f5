"""Lists where the services of a stack listen, for people and for programs."""

from __future__ import annotations

from deployment.topology import CENTRAL_BANK, StackPlan


def public_address(plan: StackPlan, name: str) -> str:
    """Where others reach the central bank, or wallets reach a bank."""
    return plan.central_address if name == CENTRAL_BANK else plan.bank(name).public_address


def addresses(plan: StackPlan) -> dict[str, object]:
    """All addresses of a stack, and its officers."""
    return {
        "folder": str(plan.folder),
        "central_bank": plan.central_address,
        "banks": {
            bank.name: {"public": bank.public_address, "inner": bank.inner_address}
            for bank in plan.banks
        },
        "officers": [
            *plan.central_officers,
            *(name for bank in plan.banks for name in bank.officers),
        ],
    }
