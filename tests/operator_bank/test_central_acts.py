"""The central bank signs where its officers' acts end; what it signed it cannot take back."""

from __future__ import annotations

import pytest

from dcep.registration.v1 import registration_pb2
from operator_bank.peers.contradictions import ACTS
from tests.operator_bank.system import System

ISSUED = registration_pb2.Issued(amount_fen=100)


def acts(number: int, digest: bytes = b"\x05") -> registration_pb2.ActsPlace:
    return registration_pb2.ActsPlace(number=number, hash=digest * 32)


def tells(system: System, place: registration_pb2.ActsPlace) -> None:
    teller, follower = system.central.teller, system.bank.follower
    follower.apply(teller.message(follower.place.number, acts=place))


def cause(system: System) -> str:
    said = system.bank.contradictions.now().get(ACTS)
    return said.cause if said is not None else ""


def test_acts_that_go_on_contradict_nothing(system: System) -> None:
    for number in (3, 3, 4, 9):
        tells(system, acts(number))
    assert cause(system) == ""


@pytest.mark.parametrize("shown", [acts(2), acts(3, b"\x06"), acts(0)])
def test_acts_that_were_taken_back_or_changed_are_a_contradiction(
    system: System, shown: registration_pb2.ActsPlace
) -> None:
    tells(system, acts(3))
    tells(system, shown)
    assert "acts of its officers end with" in cause(system)
    tells(system, acts(7, b"\x07"))  # what goes on from another history is longer one day
    assert cause(system)
    tells(system, acts(3))
    assert cause(system) == ""


def test_a_bank_that_starts_again_knows_the_last_word_that_it_kept(system: System) -> None:
    system.entry(issued=ISSUED)
    tells(system, acts(3))
    system.restart()
    tells(system, acts(2))
    assert "end with 2, after 3" in cause(system)


def test_the_feed_goes_on_beside_it(system: System) -> None:
    tells(system, acts(3))
    before = system.bank.follower.place.number
    tells(system, acts(2))
    system.hear(issued=ISSUED)
    assert system.bank.follower.place.number == before + 1
    assert system.bank.follower.stopped is None
