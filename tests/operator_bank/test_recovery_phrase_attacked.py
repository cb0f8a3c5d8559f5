"""Who has a stolen home, and does what they can against the holder's recovery phrase."""

from __future__ import annotations

from nacl.signing import SigningKey

from operator_bank.limits import KEY_REQUESTS_EACH, RECOVERY_ORDERS_PER_DAY
from tests.operator_bank.keys import (
    APPROVED,
    REQUESTED,
    SUPERSEDED,
    asked,
    objection,
    recover,
    rotated,
    state,
)
from tests.operator_bank.system import System


def test_a_thief_with_the_home_does_not_use_up_the_orders_of_the_holder_s_phrase(
    system: System,
) -> None:
    phrase, named, key = (SigningKey.generate() for _ in range(3))
    carol = system.open(phone="13800000001", recovery_key=bytes(phrase.verify_key))
    thief = rotated(system, carol, SigningKey.generate(), named)
    for _ in range(RECOVERY_ORDERS_PER_DAY):
        system.clock.advance(1)
        last = SigningKey.generate()
        assert recover(system, carol.number, named, last) == APPROVED
    assert recover(system, carol.number, phrase, key) == APPROVED
    assert state(system, carol.number, last).state == SUPERSEDED
    # And once the thief has objected, officers hear the phrase.
    system.bank.keys.replacements.object(objection(system, thief, key))
    again = SigningKey.generate()
    system.clock.advance(1)
    assert recover(system, carol.number, phrase, again) == REQUESTED
    heard = [one for one in system.bank.keys.asked(carol.number).keys if one.HasField("recovery")]
    assert [one.recovery.key_id for one in heard] == [bytes(phrase.verify_key).hex().encode()]


def test_strangers_push_out_no_word_of_a_recovery_phrase(system: System) -> None:
    phrase, key = SigningKey.generate(), SigningKey.generate()
    carol = system.open(phone="13800000001", recovery_key=bytes(phrase.verify_key))
    recover(system, carol.number, phrase, key)
    system.bank.keys.replacements.object(objection(system, carol, key))
    system.clock.advance(1)
    assert recover(system, carol.number, phrase, SigningKey.generate()) == REQUESTED
    for _ in range(KEY_REQUESTS_EACH + 1):
        system.clock.advance(1)
        last = SigningKey.generate()
        assert recover(system, carol.number, phrase, last) == REQUESTED
    plain = asked(system, carol.number, SigningKey.generate())
    known = system.bank.keys.asked(carol.number).keys
    assert known[0].request == plain, "nor does one phrase fill all room"
    assert [one.HasField("recovery") for one in known] == [False, True]
    for _ in range(KEY_REQUESTS_EACH + 1):
        system.clock.advance(1)
        asked(system, carol.number, SigningKey.generate())
    known = system.bank.keys.asked(carol.number).keys
    assert len(known) == KEY_REQUESTS_EACH
    assert [one.HasField("recovery") for one in known].count(True) == 1
