"""Customers are not wallets: who somebody is lies in one room, and what pays never meets it."""

from __future__ import annotations

from itertools import product

import pytest
from sqlalchemy import Connection, func, insert, select
from sqlalchemy.exc import IntegrityError

from dcep.bank.v1 import orders_pb2, wallets_pb2
from operator_bank.customers import tables as of_customers
from operator_bank.customers.customers import Applicant, Proof, class_of
from operator_bank.customers.tables import customers, opening_orders
from operator_bank.metadata import metadata
from operator_bank.wallets.tables import wallets
from tests.operator_bank.system import System
from tests.refusals import refused

NAME, PHONE = "Zhao Quexiang", "13900139000"
ROOM = {of_customers.customers.name, of_customers.opening_orders.name}


@pytest.mark.parametrize(("name", "phone"), list(product(("", NAME), ("", PHONE))))
def test_the_class_follows_from_what_was_shown(name: str, phone: str) -> None:
    order = orders_pb2.OpenWalletOrder(holder_name=name, phone=phone)
    if not name and not phone:
        assert refused(Applicant.of, order) == ("FIELD_MISSING", "holder_name")
        return
    shown = Applicant.of(order).shown
    assert (Proof.NAME in shown, Proof.PHONE in shown) == (bool(name), bool(phone))
    expected = wallets_pb2.WALLET_CLASS_II if name else wallets_pb2.WALLET_CLASS_IV
    assert class_of(shown) == expected


def test_a_wallet_belongs_to_a_customer_of_its_own(system: System) -> None:
    opened = [system.open(name=NAME), system.open(phone=PHONE), system.open(name=NAME)]
    system.restart()
    opened.append(system.open(name=NAME, phone=PHONE))
    query = select(wallets.c.number, customers.c.name, customers.c.phone, customers.c.shown)
    query = query.join(customers, customers.c.id == wallets.c.customer).order_by(wallets.c.id)
    with system.engine.connect() as connection:
        assert [tuple(row) for row in connection.execute(query)] == [
            (opened[0].number, NAME, "", Proof.NAME),
            (opened[1].number, "", PHONE, Proof.PHONE),
            (opened[2].number, NAME, "", Proof.NAME),
            (opened[3].number, NAME, PHONE, Proof.NAME | Proof.PHONE),
        ]
        assert connection.execute(select(func.count()).select_from(customers)).scalar_one() == 4


def test_no_other_table_has_a_name_or_a_phone_in_it(system: System) -> None:
    holder = system.open(name=NAME, phone=PHONE)
    holder.exchange(5_000)
    holder.pay(system.open(name="Ben").number, 700)
    assert project(system)
    found = set()
    with system.engine.connect() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(select(table)):
                if any(has(value, secret) for value in row for secret in (NAME, PHONE)):
                    found.add(table.name)
    assert found == ROOM


def test_an_opening_that_fails_leaves_no_customer(system: System) -> None:
    def taken(connection: Connection) -> None:
        connection.execute(
            insert(opening_orders).values(
                wallet=1, digest=bytes(32), order_payload=b"", order_signature=bytes(64)
            )
        )

    with system.engine.begin() as connection:
        taken(connection)
    with pytest.raises(IntegrityError):
        system.open(name=NAME)
    with system.engine.connect() as connection:
        assert connection.execute(select(customers)).all() == []
        assert connection.execute(select(wallets)).all() == []


def project(system: System) -> bool:
    """All rows that people query are written."""
    while system.bank.project():
        pass
    return True


def has(value: object, secret: str) -> bool:
    """Whether a column says a word, as text or within bytes."""
    if isinstance(value, bytes):
        return secret.encode() in value
    return isinstance(value, str) and secret in value
