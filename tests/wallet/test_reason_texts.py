"""A refusal in a person's words."""

from __future__ import annotations

import pytest

from operator_bank.ledger.reasons import cannot_now
from wallet.cli.reason_texts import sentence

NOT_NOW = cannot_now()


@pytest.mark.parametrize(
    ("reason", "message", "said"),
    [
        (NOT_NOW.name, NOT_NOW.message, "The bank cannot do this at the moment; no money moved."),
        (
            "WALLET_NOT_EMPTY",
            "the wallet still holds money",
            "There is still money in the wallet.",
        ),
        (
            "WALLET_NOT_EMPTY",
            "a coupon is left",
            "There is still money in the wallet. (a coupon is left)",
        ),
    ],
)
def test_a_bank_is_quoted_where_it_says_more_than_the_sentence(
    reason: str, message: str, said: str
) -> None:
    assert sentence(reason, message)[0] == said
