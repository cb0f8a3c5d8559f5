"""Who looks at who a customer is does it on record, with a reason, and so often a day."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import select

from currency.number import make
from dcep.bank.v1 import officers_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.office.v1 import office_pb2
from operator_bank.counter.tables import customer_looks
from operator_bank.limits import LOOKS_KEPT_MS, LOOKS_PER_DAY
from runtime.errors import Refusal
from tests.officers.people import Person
from tests.operator_bank.counter import NAME, PAPERS, PHONE, known, seen, withdrawn
from tests.operator_bank.system import CHEN, WANG, ZHOU, Holder, System
from tests.refusals import refused, refused_for

DAY_MS = 86_400_000


def asked(system: System, wallet: str, who: Person = WANG, **more: Any) -> SignedEnvelope:
    """A look as an officer signs it."""
    now_ms, last = system.clock.now_ms(), system.bank.looks.last(who.name)
    fields = {
        "bank": "alpha",
        "officer": who.name,
        "number": last.number + 1,
        "previous_time_ms": last.time_ms,
        "wallet_number": wallet,
        "cause": "the holder asks by letter",
        "created_time_ms": now_ms,
        "expires_time_ms": now_ms + 60_000,
        **more,
    }
    return who.signer.sign(officers_pb2.CustomerLook(**fields))


def look(
    system: System, wallet: str, who: Person = WANG, **more: Any
) -> officers_pb2.LookAtCustomerResponse:
    return system.bank.looks.look(who.identity, asked(system, wallet, who, **more))


def on_record(system: System) -> list[tuple[str, str, str]]:
    rows = system.bank.looks.page(500, None)
    said = [officers_pb2.CustomerLook.FromString(bytes(row.payload)) for row in rows]
    return [
        (row.officer, one.wallet_number, one.cause) for row, one in zip(rows, said, strict=True)
    ]


def test_who_the_holder_is_and_that_somebody_looked(system: System) -> None:
    holder = known(system)
    system.both(seen(holder.number))
    found = look(system, holder.number)
    assert (found.name, found.phone, found.document.number) == (NAME, PHONE, PAPERS)
    assert (found.bank_account, found.wallet_class) == ("CN1", 2)
    proofs = {officers_pb2.HolderProof.Name(each.proof)[13:]: each for each in found.proofs}
    assert set(proofs) == {"PHONE", "DOCUMENT", "ACCOUNT", "PRESENCE"}
    assert proofs["PRESENCE"].confirmed_by == "counter: wang, zhou"
    assert on_record(system) == [("wang", holder.number, "the holder asks by letter")]
    # A document that was withdrawn is shown, and not among what counts.
    system.both(withdrawn(holder.number, 4))
    found = look(system, holder.number, ZHOU)
    assert found.document.number == PAPERS
    assert [each.proof for each in found.proofs] == [officers_pb2.HOLDER_PROOF_PHONE]


def test_a_look_needs_a_reason_a_right_and_the_officers_key(system: System) -> None:
    holder = known(system)
    assert refused(look, system, holder.number, cause="") == ("FIELD_MISSING", "cause")
    assert refused(look, system, holder.number, cause="  ") == ("FIELD_INVALID", "cause")
    signed = asked(system, holder.number)
    theft = system.bank.looks.look
    assert refused_for(theft, ZHOU.identity, signed) == "SIGNATURE_INVALID"
    assert refused_for(theft, Person("beta", "wang").identity, signed) == "ROLE_NOT_ALLOWED"
    assert refused_for(theft, Person("alpha", "ghost").identity, signed) == "OFFICER_UNKNOWN"
    assert refused_for(theft, None, signed) == "CERTIFICATE_REQUIRED"
    assert refused(look, system, holder.number, officer="zhou") == ("FIELD_INVALID", "officer")
    assert refused(look, system, holder.number, bank="beta") == ("FIELD_INVALID", "bank")
    system.both(office_pb2.ChangeRights(name="chen", rights=[office_pb2.RIGHT_WALLETS]))
    assert refused_for(look, system, holder.number, CHEN) == "RIGHT_MISSING"
    now_ms = system.clock.now_ms()
    for reason, times in (
        ("EXPIRED", (now_ms - 60_000, now_ms)),
        ("NOT_YET_VALID", (now_ms + 120_000, now_ms + 180_000)),
        ("VALIDITY_TOO_LONG", (now_ms, now_ms + 300_001)),
    ):
        made, ends = times
        more: Any = {"created_time_ms": made, "expires_time_ms": ends}
        assert refused_for(look, system, holder.number, WANG, **more) == reason
    assert on_record(system) == []


def test_numbers_that_are_guessed_are_on_record_too(system: System, alice: Holder) -> None:
    for serial in range(LOOKS_PER_DAY):
        assert refused_for(look, system, make("6201", 900 + serial)) == "WALLET_UNKNOWN"
    assert len(on_record(system)) == LOOKS_PER_DAY
    assert refused_for(look, system, alice.number) == "OVERLOADED"
    assert len(on_record(system)) == LOOKS_PER_DAY
    assert look(system, alice.number, ZHOU).name == "Alice", "each officer for himself"
    system.restart()
    assert refused_for(look, system, alice.number) == "OVERLOADED"
    system.clock.advance(DAY_MS)
    assert look(system, alice.number).name == "Alice"


def test_a_look_is_counted_once_and_without_a_gap(system: System, alice: Holder) -> None:
    first = asked(system, alice.number)
    answer = system.bank.looks.look(WANG.identity, first)
    assert system.bank.looks.look(WANG.identity, first) == answer
    assert len(on_record(system)) == 1
    system.clock.advance(1)
    wrong: Any
    for wrong in ({"number": 1}, {"number": 3}, {"previous_time_ms": 0}):
        assert refused(look, system, alice.number, WANG, **wrong) == ("FIELD_INVALID", "number")
    look(system, alice.number, cause="another one")
    # An old one that comes again is not the newest, so nothing is shown by it.
    assert refused(system.bank.looks.look, WANG.identity, first) == ("FIELD_INVALID", "number")


def test_looks_at_once_are_one_after_the_other(system: System, alice: Holder) -> None:
    signed = [asked(system, alice.number, cause=f"reason {n}") for n in range(8)]

    def one(envelope: SignedEnvelope) -> str:
        try:
            return system.bank.looks.look(WANG.identity, envelope).name
        except Refusal as refusal:
            return refusal.name

    with ThreadPoolExecutor(8) as pool:
        said = sorted(pool.map(one, signed))
    assert said == ["Alice", *["FIELD_INVALID"] * 7]
    assert len(on_record(system)) == 1


def test_old_looks_go_and_the_newest_of_each_officer_stays(system: System, alice: Holder) -> None:
    look(system, alice.number, ZHOU)
    for _ in range(3):
        look(system, alice.number)
        system.clock.advance(1)
    system.clock.advance(LOOKS_KEPT_MS)
    look(system, alice.number)
    assert [officer for officer, _, _ in on_record(system)] == ["wang", "zhou"]
    assert system.bank.looks.last("zhou").number == 1
    with system.engine.connect() as connection:
        query = select(customer_looks.c.number).where(customer_looks.c.officer == "wang")
        assert connection.execute(query).scalars().all() == [4]
