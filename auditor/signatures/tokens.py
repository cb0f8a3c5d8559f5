"""Checks tokens: a root signed each, for the device that its load was ordered for.

Somebody who can write the tables could change a token's row and the token in it alike. Its owner's
deposits would be refused until the money went back to its loader. But he has no root's key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Engine, Row, column, select, table

from auditor.signatures.bank_keys import check_root
from auditor.signatures.key_rows import Term
from auditor.signatures.verifying import Problems, Verifying
from language import _
from offline_token.formats import FormatError, Token

_tokens = table("tokens", *map(column, ("token_id", "bank", "number", "owner", "body")))
_ROWS = 5_000


def check_tokens(
    engine: Engine,
    owners: Mapping[tuple[int, int], bytes],
    roots: Sequence[Term],
    verifying: Verifying,
) -> Problems:
    """Verifies each token whose load is in the journal.

    Args:
        engine: the central bank's database.
        owners: the key of the device of each load in the journal, by bank and number.
        roots: of offline money, by the acts of officers.
        verifying: verifies the signatures.
    """
    problems, named = Problems(), _("table tokens, row token_id={token_id}")
    for row in _rows(engine):
        owner = owners.get((row.bank, row.number))
        if owner is None:
            continue  # its load is not in the journal, or is newer than this audit
        where = named.format(token_id=bytes(row.token_id).hex())
        if bytes(row.owner) != owner:
            problems.say(_("{where}: its load was ordered for another device").format(where=where))
        try:
            token = Token.decode(bytes(row.body))
        except FormatError:
            continue  # `auditor.tokens` names it
        check_root(verifying, problems, where, roots, token, token.registered_time_ms)
    return problems


def _rows(engine: Engine) -> Iterator[Row[Any]]:
    after = b""
    while True:
        query = select(_tokens).where(_tokens.c.token_id > after).order_by(_tokens.c.token_id)
        with engine.connect() as connection:
            rows = connection.execute(query.limit(_ROWS)).all()
        yield from rows
        if len(rows) < _ROWS:
            return
        after = bytes(rows[-1].token_id)
