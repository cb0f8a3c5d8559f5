"""Customers are not wallets: who somebody is lies sealed in one room, and what pays never meets
it.
"""

from __future__ import annotations

from itertools import combinations

import pytest
from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from currency.papers import one_document
from currency.phones import one_phone
from currency.proofs import ASKED, Proof, class_of
from dcep.bank.v1 import orders_pb2
from operator_bank.customers.customers import Customers
from operator_bank.customers.person import Person
from operator_bank.customers.sealing import KeyFileWrong, Sealer
from operator_bank.customers.tables import customers, opening_orders, unsealed_customers
from operator_bank.metadata import metadata
from operator_bank.wallets.tables import wallets
from runtime.database import Database
from tests.operator_bank.system import DEPOSIT_FEN, Holder, System
from tests.refusals import refused

NAME, PHONE, DOCUMENT, ACCOUNT = "Zhao Quexiang", "13900139000", "E12345678X", "CN6222020200112233"
SECRETS = (NAME, PHONE, DOCUMENT, ACCOUNT)
I, II, III, IV = range(1, 5)  # noqa: E741


def papers(number: str = DOCUMENT) -> orders_pb2.Document:
    return orders_pb2.Document(kind=orders_pb2.DOCUMENT_KIND_ID_CARD, number=number)


def test_each_class_asks_for_one_proof_more_than_the_one_below() -> None:
    assert list(ASKED) == [IV, III, II, I]
    for lower, higher in combinations(ASKED.values(), 2):
        assert lower & higher == lower != higher
    for value in range(1 << 5):
        shown = Proof(value)
        enough = [each for each, asked in ASKED.items() if asked & shown == asked]
        if Proof.NAME_ALONE not in shown:
            assert class_of(shown) == min(enough, default=0)
    assert class_of(Proof.DOCUMENT | Proof.ACCOUNT | Proof.PRESENCE) == 0, "without a telephone"
    assert class_of(Proof.NAME_ALONE) == II


@pytest.mark.parametrize(
    ("shown", "expected", "banked"),
    [
        ({"name": "", "phone": PHONE}, IV, False),
        ({"phone": PHONE, "document": papers()}, III, False),
        ({"phone": PHONE, "document": papers(), "bank_account": ACCOUNT}, II, True),
        # In the sandbox alone: somebody with a name has papers.
        ({"name": NAME}, II, True),
        ({"name": NAME, "phone": PHONE}, II, True),
    ],
)
def test_the_class_follows_from_what_was_shown(
    system: System, shown: dict, expected: int, banked: bool
) -> None:
    opened = system.bank.opening.open(system.opening(**{"name": NAME, **shown}))
    assert opened.wallet_class == expected
    assert (opened.deposit_account is not None) == banked
    state = system.bank.wallets.state(opened)
    assert state.deposit_fen == (DEPOSIT_FEN if banked else None)
    assert state.limits_fen == system.limits.get(expected, (0, 0, 0, 0))


def test_a_wallet_belongs_to_a_customer_of_its_own(system: System) -> None:
    opened = [system.open(name=NAME), system.open(phone=PHONE), system.open(name=NAME)]
    system.restart()
    opened.append(system.open(name=NAME, phone=PHONE))
    people = [person_of(system, each) for each in opened]
    assert [(each.name, each.phone) for each in people] == [
        (NAME, ""), ("", PHONE), (NAME, ""), (NAME, PHONE),
    ]  # fmt: skip
    assert len({each.document for each in people}) == 4, "a name does not make two people one"
    assert people[1].shown == Proof.PHONE
    assert people[1].proofs["PHONE"] == (system.clock.now_ms(), "sandbox-at-once")
    with system.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(customers)).scalar_one() == 4


def test_nothing_in_the_database_tells_who_somebody_is(system: System) -> None:
    holder = system.open(NAME, PHONE, document=papers(), bank_account=ACCOUNT)
    system.open(name="Ben")
    assert holder.wallet.wallet_class == II
    assert project(system)
    with system.engine.connect() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(select(table)):
                assert not any(has(value, secret) for value in row for secret in SECRETS)
    assert person_of(system, holder).document == DOCUMENT
    file = system.engine.url.database
    assert file is not None
    for end in ("", "-wal"):
        with open(file + end, "rb") as content:
            read = content.read()
        assert not any(secret.encode() in read for secret in SECRETS)


@pytest.mark.parametrize(
    "spelled",
    [
        "+86 139 0013 9000", "008613900139000", "13900139000", "8613900139000", "139 0013 9000",
        "１３９００１３９０００", "+8613900139000", "0086 139 0013 9000",
    ],
)  # fmt: skip
def test_a_telephone_has_one_spelling(spelled: str) -> None:
    assert one_phone(spelled) == "8613900139000"


def test_different_telephones_stay_different() -> None:
    some = ["13900139001", "+1 390 013 9000", "+13900139000", "010 12345678", "+44 20 7946 0000"]
    assert len({one_phone(each) for each in some}) == 4
    assert one_phone("010 12345678") == one_phone("+86 10 12345678")
    assert one_document(1, "e1234-5678 x") == one_document(1, "E12345678X")
    assert one_document(1, "E1") != one_document(2, "E1")


def test_spellings_of_a_telephone_count_together(system: System) -> None:
    system.publish(wallets_per_phone=2)
    system.open(phone="+86 139 0013 9000")
    system.open(phone="008613900139000")
    no = ("TOO_MANY_WALLETS", "phone")
    assert refused(system.open, phone="13900139000") == no
    assert refused(system.open, phone="139 0013 9000") == no
    system.open(phone="+1 390 013 9000")


def test_wallets_of_a_document_are_counted_and_the_refusal_does_not_say_so(system: System) -> None:
    system.publish(wallets_per_document=2)

    def opened(number: str, phone: str) -> Holder:
        return system.open(NAME, phone, document=papers(number))

    opened(DOCUMENT, "13900000001")
    last = opened(DOCUMENT.lower(), "13900000002")
    before = len(system.bank.directory)
    assert refused(opened, DOCUMENT, "13900000003")[0] == "IDENTITY_NOT_CONFIRMED"
    assert len(system.bank.directory) == before
    opened("ANOTHER1", "13900000003")
    system.bank.wallets.close(last.closing())
    opened(DOCUMENT, "13900000003")
    several = [system.opening(name=NAME, document=papers("MANY1")) for _ in range(3)]
    assert refused(system.bank.opening.open_many, several)[0] == "IDENTITY_NOT_CONFIRMED"
    system.bank.opening.open_many(several[:2])


def test_a_row_opens_for_its_customer_alone(system: System) -> None:
    for _ in range(2):
        system.open(name=NAME)
    with system.engine.begin() as connection:
        first = connection.execute(select(customers.c.sealed).where(customers.c.id == 1))
        of_other = update(customers).where(customers.c.id == 2)
        connection.execute(of_other.values(sealed=first.scalar_one()))
    with pytest.raises(KeyFileWrong, match="customer 2"):
        Customers(Database(system.engine), sealer(system))


def test_a_bank_does_not_start_with_another_key(system: System) -> None:
    system.open(name=NAME)
    system.customers_keys = {1: b"d" * 32}
    with pytest.raises(KeyFileWrong, match="does not open"):
        system.restart()
    system.customers_keys = {2: b"c" * 32}
    with pytest.raises(KeyFileWrong, match="key 1 is missing"):
        system.restart()
    with pytest.raises(KeyFileWrong):
        Customers(Database(system.engine), Sealer("beta", {1: b"c" * 32}))
    system.customers_keys = {1: b"c" * 32}
    system.restart()


def test_a_new_key_seals_everybody_anew_and_the_old_one_can_go(system: System) -> None:
    system.publish(wallets_per_phone=1)
    holder = system.open(phone=PHONE)
    old = system.customers_keys[1]
    system.customers_keys = {1: old, 2: b"n" * 32}
    system.restart()
    with system.engine.connect() as connection:
        assert connection.execute(select(customers.c.sealed_by)).scalars().all() == [2]
    system.customers_keys = {2: b"n" * 32}
    system.restart()
    assert person_of(system, holder).phone == PHONE
    assert refused(system.open, phone=PHONE) == ("TOO_MANY_WALLETS", "phone"), "found as before"


def test_customers_of_before_are_sealed_when_the_bank_starts(system: System) -> None:
    holder, other = system.open(name=NAME), system.open(phone=PHONE)
    before = [(1, NAME, "", Proof.NAME_ALONE), (2, "", PHONE, Proof.PHONE)]
    with system.engine.begin() as connection:
        for number, name, phone, shown in before:
            row = {"id": number, "name": name, "phone": phone}
            connection.execute(insert(unsealed_customers).values(row))
            of_customer = update(customers).where(customers.c.id == number)
            connection.execute(
                of_customer.values(sealed=b"", sealed_by=0, phone_key=None, shown=int(shown))
            )
            of_wallet = update(opening_orders).where(opening_orders.c.wallet == number)
            connection.execute(of_wallet.values(order_payload=f"of {name}".encode()))
    system.restart()
    with system.engine.connect() as connection:
        assert connection.execute(select(unsealed_customers)).all() == []
        kept = connection.execute(select(opening_orders.c.order_payload)).scalars().all()
        assert kept == [b"", b""]
    person = person_of(system, holder)
    assert (person.name, person.shown) == (NAME, Proof.NAME_ALONE)
    assert bytes.fromhex(person.order) == f"of {NAME}".encode()
    assert person.proofs["NAME_ALONE"][1] == "before"
    assert person_of(system, other).phone == PHONE
    system.publish(wallets_per_phone=1)
    assert refused(system.open, phone=PHONE) == ("TOO_MANY_WALLETS", "phone")


def test_an_opening_that_fails_leaves_no_customer(system: System) -> None:
    def taken(connection: Connection) -> None:
        connection.execute(
            insert(opening_orders).values(
                wallet=1, digest=bytes(32), shown=1, order_payload=b"", order_signature=bytes(64)
            )
        )

    with system.engine.begin() as connection:
        taken(connection)
    with pytest.raises(IntegrityError):
        system.open(name=NAME)
    with system.engine.connect() as connection:
        assert connection.execute(select(customers)).all() == []
        assert connection.execute(select(wallets)).all() == []


def sealer(system: System) -> Sealer:
    return Sealer("alpha", system.customers_keys)


def person_of(system: System, holder: Holder) -> Person:
    query = select(wallets.c.customer).where(wallets.c.number == holder.number)
    with system.engine.connect() as connection:
        customer = connection.execute(query).scalar_one()
    found = Customers(Database(system.engine), sealer(system)).person(customer)
    assert found is not None
    return found


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
