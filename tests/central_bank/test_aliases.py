"""The directory of aliases: who has a label, what a bank may change and ask, and what is kept."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import pytest
from sqlalchemy import inspect, select, update

from central_bank.aliases import changes
from central_bank.aliases.changes import HELD, NOT_YOURS
from central_bank.aliases.finding import ANSWER_BYTES, said
from central_bank.aliases.tables import alias_budgets, alias_directory
from central_bank.limits import (
    ALIAS_CHANGES_PER_DAY,
    ALIAS_CLAIM_MS,
    ALIAS_LOOKUPS_PER_DAY,
    MAX_ANSWERS_FOR_ONE,
)
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import aliases_pb2
from runtime.envelope import sign
from runtime.errors import NoAnswer
from tests.central_bank.admitting import KEYS
from tests.central_bank.aliases import (
    CLAIM,
    KEEP,
    LABEL,
    OTHER,
    REGISTER,
    WITHDRAW,
    change,
    signed,
)
from tests.central_bank.system import System
from tests.refusals import refusal, refused, refused_for

DAY_MS = 86_400_000
TAKEN = "ALIAS_TAKEN"


def holder(system: System, label: bytes = LABEL) -> str:
    found = system.central.alias_changes.holder(label)
    return found.name if found is not None else ""


def test_the_first_has_a_label_until_it_gives_it_up(system: System) -> None:
    assert change(system, system.alpha, REGISTER) == "HELD"
    assert change(system, system.alpha, REGISTER) == "HELD"
    assert change(system, system.beta, REGISTER) == TAKEN
    assert change(system, system.beta, WITHDRAW) == "NOT_YOURS"
    assert change(system, system.beta, KEEP) == "NOT_YOURS"
    assert holder(system) == "alpha"
    assert change(system, system.alpha, WITHDRAW) == "NOT_YOURS"
    assert change(system, system.alpha, WITHDRAW) == "NOT_YOURS"
    assert holder(system) == ""
    assert change(system, system.beta, REGISTER) == "HELD"


def test_a_claim_waits_and_one_at_a_time(system: System) -> None:
    gamma = system.admit("other", "6203")
    change(system, system.alpha, REGISTER)
    assert change(system, system.beta, CLAIM) == "CLAIMED"
    assert change(system, gamma, CLAIM) == TAKEN
    system.clock.advance(ALIAS_CLAIM_MS - 1)
    assert change(system, system.beta, CLAIM) == "CLAIMED"  # and is not begun anew
    [claim] = system.central.alias_changes.claims(system.alpha, b"")
    assert claim.until_time_ms == system.clock.now_ms() + 1
    assert holder(system) == "alpha"
    system.clock.advance(1)
    assert holder(system) == "beta"
    [outcome] = system.central.alias_changes.ask(system.beta, [LABEL])
    assert outcome.standing == changes.HELD
    assert change(system, system.alpha, KEEP) == "NOT_YOURS"  # too late
    assert change(system, system.alpha, CLAIM) == "CLAIMED"


def test_who_keeps_a_label_is_left_alone_for_a_while(system: System) -> None:
    change(system, system.alpha, REGISTER)
    change(system, system.beta, CLAIM)
    assert change(system, system.alpha, KEEP) == "HELD"
    assert change(system, system.beta, CLAIM) == TAKEN
    [outcome] = system.central.alias_changes.ask(system.beta, [LABEL])
    assert outcome.standing == changes.NOT_YOURS


def test_a_claim_is_withdrawn_or_gets_what_is_given_up(system: System) -> None:
    change(system, system.alpha, REGISTER)
    change(system, system.beta, CLAIM)
    assert change(system, system.beta, WITHDRAW) == "NOT_YOURS"
    assert system.central.alias_changes.claims(system.alpha, b"") == []
    change(system, system.beta, CLAIM)
    change(system, system.alpha, WITHDRAW)
    assert holder(system) == "beta"


def test_a_suspended_bank_has_nothing_and_gets_nothing(system: System) -> None:
    change(system, system.alpha, REGISTER)
    change(system, system.beta, CLAIM)
    system.both(office_pb2.SuspendBank(name="beta"))
    system.clock.advance(ALIAS_CLAIM_MS)
    assert holder(system) == "alpha"
    assert change(system, system.alpha, REGISTER) == "HELD"  # the claim has come to nothing
    system.both(office_pb2.ReinstateBank(name="beta"))
    system.both(office_pb2.SuspendBank(name="alpha"))
    assert holder(system) == ""
    assert change(system, system.central.registry.get("beta"), REGISTER) == "CLAIMED"


def test_of_others_labels_nothing_is_told(system: System) -> None:
    change(system, system.alpha, REGISTER)
    found = system.central.alias_changes.ask(system.beta, [LABEL, OTHER])
    assert found[0] == found[1]


def test_a_claim_after_a_page_is_listed_once(system: System) -> None:
    labels = [bytes([n]) * 32 for n in range(1, 6)]
    for label in labels:
        change(system, system.alpha, REGISTER, label=label)
        change(system, system.beta, CLAIM, label=label)
    listed = system.central.alias_changes.claims(system.alpha, labels[1])
    assert [bytes(one.label) for one in listed] == labels[2:]


@pytest.mark.parametrize(
    ("spoiled", "expected"),
    [
        ({"bank": "beta"}, ("FIELD_INVALID", "changes[0].bank")),
        ({"incarnation": 7}, ("FEED_STEPPED_BACK", "changes[0].incarnation")),
        ({"expires_time_ms": 1, "created_time_ms": 1}, ("EXPIRED", "changes[0].expires_time_ms")),
    ],
)
def test_what_a_bank_signs_is_its_own_and_of_now(
    system: System, spoiled: dict[str, Any], expected: tuple[str, str]
) -> None:
    envelope = signed(system, system.alpha, REGISTER, **spoiled)
    assert refused(system.central.alias_changes.change, system.alpha, [envelope]) == expected
    assert holder(system) == ""


def test_a_forged_repeated_or_older_registration_changes_nothing(system: System) -> None:
    first = signed(system, system.alpha, REGISTER)
    by_beta = sign(aliases_pb2.AliasChange.FromString(first.payload), KEYS["beta"], b"alpha")
    act = system.central.alias_changes.change
    assert refused_for(act, system.alpha, [by_beta]) == "SIGNATURE_INVALID"
    act(system.alpha, [first])
    change(system, system.alpha, WITHDRAW)
    said_ = refusal(act, system.alpha, [first])  # whoever has recorded it
    assert (said_.name, said_.metadata["highest"]) == ("SEQUENCE_INVALID", str(system.last_number))
    assert refused(act, system.beta, [first]) == ("FIELD_INVALID", "changes[0].key_id")
    assert holder(system) == ""


def test_of_several_changes_all_or_none_are_made(system: System) -> None:
    good = signed(system, system.alpha, REGISTER)
    older = signed(system, system.alpha, REGISTER, label=OTHER, number=1)
    assert refused_for(system.central.alias_changes.change, system.alpha, [good, older]) == (
        "SEQUENCE_INVALID"
    )
    assert holder(system) == holder(system, OTHER) == ""


def test_a_bank_that_floods_comes_to_an_end_and_others_go_on(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(system, system.alpha, REGISTER)
    with system.engine.begin() as connection:
        connection.execute(update(alias_budgets).values(changes=ALIAS_CHANGES_PER_DAY))
    envelope = signed(system, system.alpha, REGISTER, label=OTHER)
    assert refused_for(system.central.alias_changes.change, system.alpha, [envelope]) == (
        "OVERLOADED"
    )
    assert change(system, system.beta, REGISTER, label=OTHER) == "HELD"
    system.clock.advance(DAY_MS)
    monkeypatch.setattr(changes, "MAX_ALIASES_OF_BANK", 1)  # it has one
    assert change(system, system.alpha, REGISTER, label=b"\x03" * 32) == "OVERLOADED"
    assert change(system, system.alpha, WITHDRAW) == "NOT_YOURS"
    system.clock.advance(DAY_MS)
    assert change(system, system.alpha, REGISTER, label=b"\x03" * 32) == "HELD"


def test_what_is_asked_is_counted_and_goes_to_who_has_it(system: System) -> None:
    change(system, system.beta, REGISTER)
    finding = system.central.alias_finding
    assert finding.begin(system.alpha, OTHER, bytes(16)) is None
    found = finding.begin(system.alpha, LABEL, bytes(16))
    assert said(found) == LABEL * 8
    assert system.banks.asked == [("beta", "answer_alias")]
    with system.engine.connect() as connection:
        row = connection.execute(
            select(alias_budgets).where(alias_budgets.c.bank == system.alpha.index)
        ).one()
    assert (row.lookups, row.changes) == (2, 0)
    system.banks.hanging.add("beta")
    waiting = [
        finding.begin(system.alpha, LABEL, bytes(16)) for _ in range(MAX_ANSWERS_FOR_ONE + 1)
    ]
    assert waiting[-1] is None
    assert None not in waiting[:-1]


def test_questions_and_refusals_take_no_turn_of_those_who_write(system: System) -> None:
    """A bank may ask as often as it likes, and a payment is settled by whoever writes next."""
    change(system, system.alpha, REGISTER)
    directory, finding = system.central.alias_changes, system.central.alias_finding
    finding.begin(system.beta, OTHER, bytes(16))
    with system.engine.begin() as connection:
        connection.execute(update(alias_budgets).values(lookups=ALIAS_LOOKUPS_PER_DAY))
    with system.engine.execution_options(writes=True).begin():  # or these would wait, and fail
        [held, nobodys] = directory.ask(system.alpha, [LABEL, OTHER])
        assert refused_for(finding.begin, system.beta, LABEL, bytes(16)) == "TOO_MANY_LOOKUPS"
    assert (held.standing, nobodys.standing) == (HELD, NOT_YOURS)


def test_whatever_comes_of_it_as_many_bytes_are_given() -> None:
    good, refusing, short = Future[bytes](), Future[bytes](), Future[bytes]()
    good.set_result(b"x" * ANSWER_BYTES)
    refusing.set_exception(NoAnswer("silent"))
    short.set_result(b"x")
    answers = [said(each) for each in (good, refusing, short, None, Future[bytes]())]
    assert {len(each) for each in answers} == {ANSWER_BYTES}
    assert len(set(answers)) == len(answers)
    assert answers[0] == b"x" * ANSWER_BYTES


def test_what_banks_change_is_counted_by_what_it_is(system: System) -> None:
    seen: list[tuple[str, str]] = []
    system.central.alias_changes.on_changed = lambda bank, action: seen.append((bank, action))
    change(system, system.alpha, REGISTER)
    change(system, system.beta, CLAIM)
    change(system, system.alpha, KEEP)
    assert seen == [("alpha", "register"), ("beta", "claim"), ("alpha", "keep")]


def test_the_directory_keeps_no_wallet_and_no_question(system: System) -> None:
    change(system, system.beta, REGISTER)
    said(system.central.alias_finding.begin(system.alpha, LABEL, bytes(16)))
    tables = [name for name in inspect(system.engine).get_table_names() if "alias" in name]
    assert sorted(tables) == ["alias_budgets", "alias_directory"]
    with system.engine.connect() as connection:
        [row] = connection.execute(select(alias_directory)).all()
    assert bytes(row.label) == LABEL  # and the signed change of it
    assert aliases_pb2.AliasChange.FromString(row.payload).label == LABEL
