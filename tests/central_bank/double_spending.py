"""What the tests of double spends share: two banks, and what each has borne."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from sqlalchemy import select

from central_bank.ledger import accounts
from central_bank.registration.offline.double_spends import DEPOSITED
from central_bank.registration.offline.tables import pieces, tokens
from offline_token.formats import Chain
from tests.offline.centre import Centre

RESERVES = 50_000


def made(folder: Path) -> Centre:
    """Both banks have reserves left, and both have circulation."""
    centre = Centre(folder)
    centre.issue(centre.beta, 100_000)
    for bank in ("alpha", "beta"):
        centre.pay_in(bank, RESERVES)
    return centre


def balance(centre: Centre, account: int) -> int:
    return int(centre.central.books.ledger.read([account])[0]["available_fen"])


def borne(centre: Centre) -> dict[str, int]:
    """What each bank's reserves have lost; proves equations 1 and 3 on the way."""
    books = centre.books()
    with centre.engine.connect() as connection:
        registered = sum(connection.execute(select(tokens.c.value_fen)).scalars())
        deposited = select(pieces.c.retired_fen).where(pieces.c.spent_by == DEPOSITED)
        retired = sum(connection.execute(deposited).scalars())
        per_token: dict[bytes, int] = defaultdict(int)
        ends = select(pieces.c.token_id, pieces.c.retired_fen)
        for token, fen in connection.execute(ends.where(pieces.c.spent_by == DEPOSITED)):
            per_token[token] += fen
        for token, fen in connection.execute(select(tokens.c.token_id, tokens.c.value_fen)):
            assert per_token.pop(token, 0) <= fen
    assert not per_token
    assert balance(centre, accounts.OFFLINE_FLOAT) == registered - retired
    return {name: RESERVES - held for name, (held, _) in books.items()}


def evidence(centre: Centre, bank: str = "") -> list[bytes]:
    """The device keys in the evidence that a bank may see; each case is proved."""
    cases = centre.central.evidence.list(centre.bank(bank) if bank else None, 100, None)
    assert [c.double_spend.wrong(centre.central.devices.root_key) for c in cases] == [""] * len(
        cases
    )
    return [case.double_spend.device_certificate.key for case in cases]


def spent_twice(centre: Centre, fen: int = 100) -> tuple[Chain, Chain]:
    """Alice's token, paid to Bob and to Dan."""
    token = centre.token(centre.alice, fen)
    to_bob = centre.pay(token, centre.alice, centre.bob, fen)
    return to_bob, centre.pay(token, centre.alice, centre.dan, fen)
