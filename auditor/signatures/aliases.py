"""Compares the directory of aliases with what banks have signed, and with the banks' own rows.

The audit has no key of the banks, so it sees labels and no telephone or name, as the directory
does. A row that somebody wrote into the directory is not signed for, or its bank does not know it;
a row that somebody took out of it is missed by its bank; and a wallet has an alias by its order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Engine, Row, column, inspect, select, table

from auditor.signatures.orders import Wrong, read, same
from auditor.signatures.signers import RELEASE
from auditor.signatures.verifying import Problems, Verifying
from dcep.bank.v1 import aliases_pb2 as bank_pb2
from dcep.bank.v1 import orders_pb2, signers_pb2
from dcep.registration.v1 import aliases_pb2
from language import _

_directory = table(
    "alias_directory",
    *map(column, ("label", "bank", "payload", "signature")),
    *map(column, ("claim_bank", "claim_payload", "claim_signature")),
)
_budgets = table("alias_budgets", *map(column, ("bank", "number")))
_aliases = table(
    "aliases",
    *map(column, ("number", "wallet", "label", "digest", "private", "state", "live", "to_tell")),
    *map(column, ("key", "payload", "signature")),
)
_wallets = table("wallets", *map(column, ("number", "public_key")))
_replaced = table("key_replacements", *map(column, ("number", "public_key", "key_number")))
_lists = table("signer_lists", *map(column, ("number", "payload")))
_HOLDING: tuple[int, ...] = (
    aliases_pb2.ALIAS_ACTION_REGISTER,
    aliases_pb2.ALIAS_ACTION_CLAIM,
    aliases_pb2.ALIAS_ACTION_KEEP,
)
_CLAIMING: tuple[int, ...] = (aliases_pb2.ALIAS_ACTION_REGISTER, aliases_pb2.ALIAS_ACTION_CLAIM)
_ACTIVE = bank_pb2.ALIAS_STATE_ACTIVE
_AT_ONCE = 10_000


def check_aliases(
    central: Engine,
    banks: Mapping[str, Engine],
    indexes: Mapping[str, int],
    keys: Mapping[str, Sequence[bytes]],
    verifying: Verifying,
) -> dict[str, Problems]:
    """Names what is wrong with aliases, by institution; "" is the central bank.

    While services run, rows change between two looks; only what two looks agree on is named.

    Args:
        central: the central bank's database.
        banks: the banks' databases, by name.
        indexes: the banks' ids at the central bank, by name.
        keys: the banks' business keys, by name.
        verifying: verifies signatures.
    """
    found = {name: Problems() for name in ("", *banks)}
    names = {index: name for name, index in indexes.items()}
    before = {name: _active(engine) for name, engine in banks.items()}
    held = _check_directory(central, names, keys, verifying, found[""])
    for name, engine in banks.items():
        _check_bank(name, engine, verifying, found[name])
        after, live = _active(engine), _live(engine)
        index = indexes[name]
        for label in sorted((before[name] & after) - held.get(index, set())):
            if not _has(central, index, label):
                found[name].say(_missing(label))
        for label in sorted(held.get(index, set()) - live):
            if _has(central, index, label) and label not in _live(engine):
                found[name].say(_nobodys(label))
    return found


def _missing(label: bytes) -> str:
    where = _("table aliases, row label={label}").format(label=label.hex())
    return _("{where}: the directory of aliases does not have it for this bank").format(where=where)


def _nobodys(label: bytes) -> str:
    where = _("table aliases, row label={label}").format(label=label.hex())
    return _("{where}: the directory has it, and no wallet here does").format(where=where)


def _check_directory(
    central: Engine,
    names: Mapping[int, str],
    keys: Mapping[str, Sequence[bytes]],
    verifying: Verifying,
    problems: Problems,
) -> dict[int, set[bytes]]:
    """Checks each row's signatures; returns the labels of each bank, by its id."""
    held: dict[int, set[bytes]] = {}
    if not inspect(central).has_table(_directory.name):
        return held
    with central.connect() as connection:
        rows = connection.execute(select(_directory)).all()
        last = {row.bank: row.number for row in connection.execute(select(_budgets))}
    for row in rows:
        held.setdefault(row.bank, set()).add(bytes(row.label))
        signed = [(row.bank, row.payload, row.signature, _HOLDING)]
        if row.claim_bank >= 0:
            signed.append((row.claim_bank, row.claim_payload, row.claim_signature, _CLAIMING))
        for bank, payload, signature, actions in signed:
            where = _("table alias_directory, row label={label}").format(label=row.label.hex())
            name = names.get(bank, "")
            try:
                content = read(aliases_pb2.AliasChange, bytes(payload))
                same("bank", content.bank, name)
                same("label", content.label.hex(), bytes(row.label).hex())
                if content.action not in actions:
                    raise Wrong(_("its bank has signed something else"))
                if content.number > last.get(bank, 0):
                    raise Wrong(_("its number is above the last one of its bank"))
            except Wrong as wrong:
                problems.say(f"{where}: {wrong}")
                continue
            by, kind = keys.get(name, ()), aliases_pb2.AliasChange
            if not verifying.now(by, [kind], bytes(payload), bytes(signature)):
                problems.say(
                    _("{where}: the signature is not by the key that it must be by").format(
                        where=where
                    )
                )
    return held


def _check_bank(name: str, engine: Engine, verifying: Verifying, problems: Problems) -> None:
    """Checks that each alias of a bank was ordered by its wallet, as the row says."""
    if not inspect(engine).has_table(_aliases.name):
        return
    for rows, keys in _batches(engine):
        for row in rows:
            where = _("table aliases, row number={number}").format(number=row.number)
            try:
                _check_order(row, name, keys.get(row.wallet, ()))
            except Wrong as wrong:
                problems.say(f"{where}: {wrong}")
                continue
            verifying.add(
                problems,
                where,
                key=bytes(row.key),
                kind=orders_pb2.AliasOrder,
                payload=bytes(row.payload),
                signature=bytes(row.signature),
            )


def _batches(engine: Engine) -> Iterator[tuple[Sequence[Row[Any]], dict[str, list[bytes]]]]:
    """The live rows, some at a time, with the keys of their wallets."""
    last, has_keys = 0, inspect(engine).has_table(_replaced.name)
    has_lists = inspect(engine).has_table(_lists.name)
    while True:
        query = select(_aliases).where(_aliases.c.live == 1, _aliases.c.number > last)
        query = query.order_by(_aliases.c.number).limit(_AT_ONCE)
        with engine.connect() as connection:
            rows = connection.execute(query).all()
            if not rows:
                return
            keys: dict[str, list[bytes]] = {}
            numbers = {row.wallet for row in rows}
            of = select(_wallets).where(_wallets.c.number.in_(numbers))
            found = list(connection.execute(of))
            if has_keys:
                found += connection.execute(select(_replaced).where(_replaced.c.key_number > 0))
            for each in found:
                keys.setdefault(each.number, []).append(bytes(each.public_key))
            listed = select(_lists).where(_lists.c.number.in_(numbers))
            for each in connection.execute(listed) if has_lists else ():
                keys.setdefault(each.number, []).extend(_alone(each))
        last = rows[-1].number
        yield rows, keys


def _alone(listed: Row[Any]) -> list[bytes]:
    """The keys each of which ordered alone under a list of signers."""
    try:
        order = read(signers_pb2.SignersOrder, bytes(listed.payload))
    except Wrong:
        return []  # which is said where lists are checked
    may = [bytes(one.public_key) for one in order.signers if one.role == RELEASE]
    return may if order.threshold == 1 else []


def _check_order(row: Row[Any], bank: str, keys: Sequence[bytes]) -> None:
    """Raises Wrong unless a row says what an order by a key of its wallet says."""
    order = read(orders_pb2.AliasOrder, bytes(row.payload))
    same("wallet", order.wallet_number, row.wallet)
    same("bank", order.bank, bank)
    same("digest", order.alias_digest.hex(), bytes(row.digest).hex())
    wish = orders_pb2.ALIAS_WISH_ADD_PRIVATE if row.private else orders_pb2.ALIAS_WISH_ADD
    if order.wish != wish:
        raise Wrong(_("its holder has ordered something else"))
    if bytes(row.key) not in keys:
        raise Wrong(_("it was ordered by a key that is not the wallet's"))


def _active(engine: Engine) -> set[bytes]:
    """Labels that a bank's wallets are found by, and that the directory has heard of."""
    of = _aliases.c
    return _labels(engine, of.live == 1, of.state == int(_ACTIVE), of.to_tell == 0)


def _live(engine: Engine) -> set[bytes]:
    return _labels(engine, _aliases.c.live == 1)


def _labels(engine: Engine, *where: Any) -> set[bytes]:
    if not inspect(engine).has_table(_aliases.name):
        return set()
    with engine.connect() as connection:
        query = select(_aliases.c.label).where(*where)
        return {bytes(label) for label in connection.scalars(query)}


def _has(central: Engine, bank: int, label: bytes) -> bool:
    """Whether the directory has a label for a bank now."""
    of = _directory.c
    query = select(of.label).where(of.label == label, of.bank == bank)
    with central.connect() as connection:
        return connection.execute(query).first() is not None
