"""Aliases across two banks: found, private, claimed, kept; and what the audit sees of forgeries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from central_bank.aliases.tables import alias_budgets, alias_directory
from central_bank.limits import ALIAS_CLAIM_MS, ALIAS_LOOKUPS_PER_DAY, ALIAS_QUIET_MS
from dcep.bank.v1 import aliases_pb2 as bank_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import aliases_pb2
from operator_bank.aliases.tables import aliases
from operator_bank.limits import ALIAS_ASKED_PER_DAY, ALIAS_LOOK_MS, ALIAS_LOOKUPS_EACH
from runtime.envelope import sign
from runtime.errors import Refusal
from tests.auditor.simulated import CENTRAL
from tests.auditor.told import ALICE, BOB, CAROL, DAN, STRANGER, Stack, named
from tests.central_bank.admitting import KEYS
from tests.refusals import refusal, refused_for
from wallet.online.aliases import Aliases, AliasLine, Payee

PHONE, NAME = "13900139000", "@li.ming"
DAY_MS = 86_400_000


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(tmp_path)


def of(stack: Stack, wallet: str) -> Aliases:
    """A wallet's use-cases; a pause is time in which the banks work."""
    app = stack.system.built[wallet]
    return Aliases(app.submitter(), app.randomness, pause=lambda _: stack.settle())


def states(stack: Stack, wallet: str) -> dict[str, str]:
    return {line.alias: line.state for line in reversed(of(stack, wallet).lines()[0])}


def after(stack: Stack, time_ms: int) -> None:
    """Time passes, and banks look at the directory."""
    stack.system.clock.advance(time_ms)
    for _ in range(3):
        stack.settle()
        stack.system.clock.advance(ALIAS_LOOK_MS)
    stack.settle()


def add(stack: Stack, wallet: str, alias: str, **values: Any) -> AliasLine:
    return of(stack, wallet).add(alias, **values)


def find(stack: Stack, wallet: str, alias: str) -> Payee:
    return of(stack, wallet).find(alias)


def not_found(stack: Stack, wallet: str, alias: str) -> bytes:
    """The bytes of a refusal, but for nothing."""
    said = refusal(find, stack, wallet, alias)
    return repr((said.reason, str(said), said.field, sorted(said.metadata.items()))).encode()


def test_a_wallet_is_found_at_another_bank_and_at_its_own(stack: Stack) -> None:
    assert add(stack, BOB, NAME).state == "ACTIVE"
    assert add(stack, BOB, "139 0013 9000").alias == "+8613900139000"
    number = stack.number(BOB)
    for asker in (ALICE, DAN, BOB):
        assert find(stack, asker, "@LI_MING") == Payee("@li_ming", number, "w***")
        assert find(stack, asker, PHONE).number == number
    assert stack.audit().ok, stack.problems()


def test_nothing_tells_who_is_private_from_who_is_not_there(stack: Stack) -> None:
    add(stack, BOB, NAME, private=True)
    add(stack, DAN, "@wang")
    of(stack, DAN).remove("@wang")
    add(stack, BOB, PHONE)
    with stack.system.engines["beta"].begin() as connection:
        today = stack.system.clock.now_ms() // DAY_MS
        often = {"asked_day": today, "asked_count": ALIAS_ASKED_PER_DAY}
        connection.execute(update(aliases).where(aliases.c.kind == 1).values(often))
    add(stack, CAROL, "@closed")
    stack.holder(CAROL).cash_out(100_000)
    stack.holder(CAROL).close()
    words = {
        not_found(stack, ALICE, alias)
        for alias in (NAME, "@wang", PHONE, "@nobody", "@closed", "13700137000")
    }
    assert len(words) == 1
    add(stack, BOB, NAME)
    assert find(stack, ALICE, NAME).number == stack.number(BOB)
    assert stack.audit().ok, stack.problems()


def test_the_answers_that_a_bank_gets_look_alike(stack: Stack) -> None:
    add(stack, BOB, NAME, private=True)
    add(stack, DAN, "@dan")
    secret = stack.system.built["alpha"].alias_finding
    seen: list[bytes] = []
    port = stack.system.built["alpha"].context.central_bank
    ask = port.find_alias

    def overheard(label: bytes, nonce: bytes) -> bytes:
        seen.append(bytes(ask(label, nonce)))
        return seen[-1]

    port.find_alias = overheard
    for alias in (NAME, "@nobody", "@dan"):
        with pytest.raises(Refusal) if alias != "@dan" else pytest.MonkeyPatch.context():
            secret.find(stack.wallet(ALICE), alias)
    assert [len(answer) for answer in seen] == [256, 256, 256]
    assert len(set(seen)) == 3
    for answer in seen:  # the wallet that is found is not to be read on the way
        assert stack.number(DAN).encode() not in answer


def test_a_name_is_the_first_ones_wherever_they_are(stack: Stack) -> None:
    add(stack, BOB, NAME)
    assert refused_for(add, stack, DAN, "@Liming") == "ALIAS_TAKEN"
    assert add(stack, ALICE, "@li-m1ng").state == "TAKEN"
    after(stack, 2 * ALIAS_CLAIM_MS)
    assert find(stack, ALICE, NAME).number == stack.number(BOB)
    of(stack, BOB).remove(NAME)
    assert add(stack, ALICE, NAME).state == "ACTIVE"
    assert states(stack, BOB) == {NAME: "REMOVED"}
    assert stack.audit().ok, stack.problems()


def test_a_phone_moves_to_who_shows_it_later_unless_it_is_shown_again(stack: Stack) -> None:
    add(stack, BOB, PHONE)
    waiting = add(stack, ALICE, PHONE)
    assert waiting.state == "WAITING"
    assert waiting.until_time_ms == stack.system.clock.now_ms() + ALIAS_CLAIM_MS
    after(stack, 0)
    assert states(stack, BOB) == {"+8613900139000": "CONTESTED"}  # its holder is told
    assert find(stack, DAN, PHONE).number == stack.number(BOB)
    assert stack.audit().ok, stack.problems()
    assert add(stack, BOB, PHONE).state == "ACTIVE"  # the code came to them
    after(stack, 0)
    assert states(stack, BOB) == {"+8613900139000": "ACTIVE"}
    assert states(stack, ALICE) == {"+8613900139000": "TAKEN"}
    assert add(stack, ALICE, PHONE).state == "TAKEN"  # they are left alone for a while
    after(stack, ALIAS_QUIET_MS)
    assert add(stack, ALICE, PHONE).state == "WAITING"
    after(stack, ALIAS_CLAIM_MS)
    assert states(stack, ALICE)["+8613900139000"] == "ACTIVE"
    assert states(stack, BOB) == {"+8613900139000": "MOVED"}
    assert find(stack, DAN, PHONE).number == stack.number(ALICE)
    assert stack.audit().ok, stack.problems()


def test_a_phone_moves_at_once_within_a_bank_and_when_it_is_given_up(stack: Stack) -> None:
    add(stack, BOB, PHONE)
    assert add(stack, DAN, PHONE).state == "ACTIVE"
    assert states(stack, BOB) == {"+8613900139000": "MOVED"}
    assert add(stack, ALICE, PHONE).state == "WAITING"
    of(stack, DAN).remove(PHONE)
    after(stack, 0)
    assert states(stack, ALICE) == {"+8613900139000": "ACTIVE"}
    assert stack.audit().ok, stack.problems()


def test_aliases_end_with_their_wallet(stack: Stack) -> None:
    add(stack, BOB, NAME)
    stack.holder(BOB).cash_out(100_000)
    stack.holder(BOB).close()
    assert not_found(stack, ALICE, NAME) == not_found(stack, ALICE, "@nobody")
    stack.settle()
    assert add(stack, ALICE, NAME).state == "ACTIVE"


def test_a_wallet_that_was_closed_before_a_crash_gives_its_aliases_up(stack: Stack) -> None:
    add(stack, BOB, NAME)
    stack.system.built["beta"].wallets.on_closed = lambda number: None  # the bank dies here
    stack.holder(BOB).cash_out(100_000)
    stack.holder(BOB).close()
    stack.system.rebuild("beta")
    stack.settle()
    assert add(stack, ALICE, NAME).state == "ACTIVE"


def test_the_names_of_a_bank_that_left_can_be_had_after_the_wait(stack: Stack) -> None:
    add(stack, BOB, NAME)
    stack.system.by_two(office_pb2.SuspendBank(name="beta"))
    assert not_found(stack, ALICE, NAME) == not_found(stack, ALICE, "@nobody")
    assert add(stack, ALICE, NAME).state == "WAITING"
    stack.system.clock.advance(ALIAS_CLAIM_MS + 1)
    for _ in range(2):
        stack.system.built["alpha"].send()
        stack.system.clock.advance(ALIAS_LOOK_MS)
    assert states(stack, ALICE) == {NAME: "ACTIVE"}


def test_a_holder_who_walks_comes_to_an_end(stack: Stack) -> None:
    add(stack, BOB, NAME)
    for place in range(ALIAS_LOOKUPS_EACH):
        assert refused_for(find, stack, ALICE, f"1390013{place:04}") == "ALIAS_NOT_FOUND"
    assert of(stack, ALICE).lines()[1] == 0
    stack.system.rebuild("alpha")  # it is counted durably
    said = refusal(find, stack, ALICE, NAME)
    assert said.name == "TOO_MANY_LOOKUPS"
    assert int(said.metadata["retry_time_ms"]) > stack.system.clock.now_ms()
    assert find(stack, CAROL, NAME).number == stack.number(BOB)  # others go on
    stack.system.clock.advance(DAY_MS)
    assert find(stack, ALICE, NAME).number == stack.number(BOB)
    stack.system.clock.set_back(DAY_MS)  # a clock that is set back gives nobody another day
    assert of(stack, ALICE).lines()[1] == ALIAS_LOOKUPS_EACH - 1


def test_a_bank_that_asks_for_ten_thousand_phones_comes_to_an_end(stack: Stack) -> None:
    central = stack.system.built[CENTRAL]
    asker = central.registry.get("alpha")
    with stack.system.engines[CENTRAL].begin() as connection:
        used = dict(bank=asker.index, number=0, held=0, changes=0)
        day = stack.system.clock.now_ms() // DAY_MS
        connection.execute(
            insert(alias_budgets).values(**used, day=day, lookups=ALIAS_LOOKUPS_PER_DAY - 10)
        )
    for place in range(10):
        central.alias_finding.begin(asker, place.to_bytes(32, "big"), bytes(16))
    stack.system.rebuild(CENTRAL)
    central = stack.system.built[CENTRAL]
    for place in range(10_000, 10_010):
        label = place.to_bytes(32, "big")
        assert refused_for(central.alias_finding.begin, asker, label, bytes(16)) == (
            "TOO_MANY_LOOKUPS"
        )
    beta = central.registry.get("beta")
    assert central.alias_finding.begin(beta, bytes(32), bytes(16)) is None


def test_a_rogue_bank_takes_no_phone_that_its_holder_shows(stack: Stack) -> None:
    """The bank has no code: it lies. It gets what nobody defends, and only after the wait."""
    add(stack, BOB, PHONE)
    add(stack, BOB, NAME)
    central, now_ms = stack.system.built[CENTRAL], stack.system.clock.now_ms()
    rogue = central.registry.get("alpha")
    with stack.system.engines["beta"].connect() as connection:
        labels = [bytes(each) for each in connection.scalars(select(aliases.c.label))]
    claims = [
        sign(change_of("alpha", label, now_ms, now_ms + place), KEYS["alpha"], b"alpha")
        for place, label in enumerate(labels, 1)
    ]
    said = central.alias_changes.change(rogue, claims)
    assert {one.standing for one in said} == {aliases_pb2.ALIAS_STANDING_CLAIMED}
    after(stack, 0)
    # A name is kept at once; whoever has the telephone is told, and keeps it by its code.
    assert states(stack, BOB) == {"+8613900139000": "CONTESTED", NAME: "ACTIVE"}
    add(stack, BOB, PHONE)
    after(stack, 2 * ALIAS_CLAIM_MS)
    assert states(stack, BOB) == {"+8613900139000": "ACTIVE", NAME: "ACTIVE"}
    assert stack.audit().ok, stack.problems()


def change_of(
    bank: str, label: bytes, now_ms: int, number: int, action: int = aliases_pb2.ALIAS_ACTION_CLAIM
) -> aliases_pb2.AliasChange:
    return aliases_pb2.AliasChange(
        bank=bank,
        number=number,
        label=label,
        action=action,  # type: ignore[arg-type]
        created_time_ms=now_ms,
        expires_time_ms=now_ms + 60_000,
    )


def test_a_bank_that_was_away_learns_what_it_lost(stack: Stack) -> None:
    add(stack, BOB, PHONE)
    assert add(stack, ALICE, PHONE).state == "WAITING"
    stack.system.clock.advance(ALIAS_CLAIM_MS + 1)
    stack.system.built["alpha"].send()
    assert states(stack, ALICE) == {"+8613900139000": "ACTIVE"}
    stack.system.rebuild("beta")
    after(stack, 0)
    assert states(stack, BOB) == {"+8613900139000": "MOVED"}


def test_a_directory_that_lost_a_label_gets_it_again(stack: Stack) -> None:
    add(stack, BOB, NAME)
    with stack.system.engines[CENTRAL].begin() as connection:
        connection.execute(delete(alias_directory))
    assert named(stack.problems(), "the directory of aliases does not have it for this bank")
    after(stack, DAY_MS)
    after(stack, DAY_MS)
    assert find(stack, ALICE, NAME).number == stack.number(BOB)
    assert stack.audit().ok, stack.problems()


def test_an_order_is_its_wallets_and_comes_once(stack: Stack) -> None:
    beta = stack.system.built["beta"]
    add(stack, BOB, NAME)
    with stack.system.engines["beta"].connect() as connection:
        row = connection.execute(select(aliases)).one()
    of(stack, BOB).remove(NAME)
    stack.settle()
    older = SignedEnvelope(
        payload=row.payload, signature=row.signature, key_id=stack.number(BOB).encode()
    )
    stack.system.clock.advance(700_000)
    request = bank_pb2.AddAliasRequest(order=older, alias_text=b"\x0a\x03abc")
    assert refused_for(beta.aliases.add, request) == "EXPIRED"
    request.order.signature = bytes(64)
    assert refused_for(beta.aliases.add, request) == "SIGNATURE_INVALID"


@pytest.mark.parametrize("forged", ["bank", "signature", "label", "claim", "number"])
def test_a_row_that_somebody_changed_in_the_directory_is_named(stack: Stack, forged: str) -> None:
    add(stack, BOB, NAME)
    central = stack.system.built[CENTRAL]
    alpha = central.registry.get("alpha").index
    values: dict[str, dict[str, Any]] = {
        "bank": {"bank": alpha},
        "signature": {"signature": bytes(64)},
        "label": {"label": b"\x01" * 32},
        "claim": {"claim_bank": alpha, "claim_payload": b"", "claim_signature": bytes(64)},
    }
    with stack.system.engines[CENTRAL].begin() as connection:
        if forged == "number":
            connection.execute(update(alias_budgets).values(number=1))
        else:
            connection.execute(update(alias_directory).values(**values[forged]))
    assert named(stack.problems(), "alias_directory")


def test_a_row_that_no_wallet_ordered_is_named(stack: Stack) -> None:
    add(stack, BOB, NAME)
    change = sign(change_of("beta", b"\x02" * 32, 1, 1), KEYS["beta"], b"beta")
    with stack.system.engines[CENTRAL].begin() as connection:
        row = connection.execute(select(alias_directory)).one()._asdict()
        more = {"label": b"\x02" * 32, "payload": change.payload, "signature": change.signature}
        connection.execute(insert(alias_directory).values({**row, **more}))
    assert named(stack.problems(), "the directory has it, and no wallet here does")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"wallet": "dan"}, "wallet"),
        ({"private": 1}, "its holder has ordered something else"),
        ({"key": bytes(STRANGER.verify_key)}, "a key that is not the wallet's"),
        ({"signature": bytes(64)}, "the signature is not by the key that it must be by"),
        ({"digest": bytes(32)}, "digest"),
    ],
)
def test_an_alias_that_its_wallet_did_not_order_is_named(
    stack: Stack, values: dict[str, Any], sentence: str
) -> None:
    add(stack, BOB, NAME)
    if "wallet" in values:
        values = {"wallet": stack.number(DAN)}
    with stack.system.engines["beta"].begin() as connection:
        connection.execute(update(aliases).values(**values))
    assert named(stack.problems(), sentence)


def test_no_telephone_and_no_name_is_to_be_read_anywhere(stack: Stack) -> None:
    add(stack, BOB, PHONE)
    add(stack, BOB, NAME)
    for name in (CENTRAL, "beta"):
        for table in (alias_directory, alias_budgets) if name == CENTRAL else (aliases,):
            with stack.system.engines[name].connect() as connection:
                cells = repr(connection.execute(select(table)).all())
            for word in ("13900139000", "ming", stack.number(BOB)):
                assert word not in cells or (word, name) == (stack.number(BOB), "beta")
