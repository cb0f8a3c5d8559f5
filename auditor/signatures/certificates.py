"""Checks the certificates that roots signed: for banks' keys, and for the next root.

If no root has signed a bank's certificate, all devices of that bank are useless. If the root before
has not signed a root's, devices that know only the one before refuse its tokens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

from sqlalchemy import Engine, column, select, table

from auditor.signatures.acts import Approved
from auditor.signatures.key_rows import Term
from auditor.signatures.verifying import Problems
from language import _
from offline_token.formats import BANK, CENTRAL_BANK, Certificate, FormatError
from runtime.ed25519 import verified

_keys = table("bank_keys", *map(column, ("business_key", "bank", "offline_certificate")))
_roots = table("offline_roots", *map(column, ("root_key", "introduction")))


class CertificateRows(NamedTuple):
    """The rows as they were before the acts were read."""

    keys: Sequence[Any]
    roots: Sequence[Any]

    @classmethod
    def read(cls, engine: Engine) -> Self:
        """Reads them as they are now."""
        with engine.connect() as connection:
            keys = connection.execute(select(_keys).order_by(_keys.c.business_key)).all()
            return cls(keys, connection.execute(select(_roots).order_by(_roots.c.root_key)).all())

    def check(
        self, names: Mapping[int, str], acts: Sequence[Approved], roots: Sequence[Term]
    ) -> Problems:
        """Names certificates that no root has signed, or that are for another key.

        Args:
            names: of the banks, by their ids.
            acts: that took effect.
            roots: all roots by these acts.
        """
        problems = Problems()
        for row in self.keys:
            key = bytes(row.business_key)
            where = _("table bank_keys, row business_key={key}").format(key=key.hex())
            if not _certifies(bytes(row.offline_certificate), names.get(row.bank, ""), key, roots):
                problems.say(
                    _("{where}: no root has signed its offline_certificate").format(where=where)
                )
        introduced = {
            act.content.renew_offline_root.root_key
            for act in acts
            if act.content.WhichOneof("kind") == "renew_offline_root"
            and act.content.renew_offline_root.old_until_time_ms
        }
        for row in self.roots:
            key, encoded = bytes(row.root_key), bytes(row.introduction)
            others = [root for root in roots if root.value != key]
            right = _certifies(encoded, CENTRAL_BANK, key, others)
            if right if key in introduced else not encoded:
                continue
            where = _("table offline_roots, row root_key={key}").format(key=key.hex())
            problems.say(
                _("{where}: its introduction is not what the root before signed").format(
                    where=where
                )
            )
        return problems


def _certifies(encoded: bytes, name: str, key: bytes, roots: Sequence[Term]) -> bool:
    try:
        found = Certificate.decode(encoded, BANK)
    except FormatError:
        return False
    part = found.signed_part()
    return (found.bank, found.key) == (name, key) and any(
        verified(root.value, part, found.signature) for root in roots
    )
