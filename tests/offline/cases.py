"""Payments with the answer they deserve. The table of the tests and of the test vectors."""

from __future__ import annotations

from tests.offline import trust_cases
from tests.offline.case_table import Case, Table
from tests.offline.chain_cases import (
    amount_cases,
    deposit_cases,
    device_cases,
    endorsement_cases,
    owner_and_output_cases,
    token_cases,
)
from tests.offline.form_cases import (
    bundle_cases,
    first_reason_cases,
    good_cases,
    request_cases,
    roots_cases,
    size_cases,
    unreadable_cases,
)
from tests.offline.signers import Signers


def all_cases(signers: Signers) -> list[Case]:
    """Every case, each with a name of its own."""
    table = Table(signers)
    for add in (
        good_cases,
        unreadable_cases,
        bundle_cases,
        token_cases,
        device_cases,
        owner_and_output_cases,
        amount_cases,
        endorsement_cases,
        size_cases,
        request_cases,
        first_reason_cases,
        deposit_cases,
        roots_cases,
        trust_cases.banks,
        trust_cases.filters,
        trust_cases.bytes_of_statements,
        trust_cases.lifetimes,
    ):
        add(table)
    return table.cases
