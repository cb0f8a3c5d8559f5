"""The central bank signs where its officers' acts end; what it signed it cannot take back."""

from __future__ import annotations

import pytest

from dcep.registration.v1 import registration_pb2
from operator_bank.peers.contradictions import ACTS
from tests.operator_bank.conftest import World

ISSUED = registration_pb2.Issued(amount_fen=100)


def acts(number: int, digest: bytes = b"\x05") -> registration_pb2.ActsPlace:
    return registration_pb2.ActsPlace(number=number, hash=digest * 32)


def tells(world: World, place: registration_pb2.ActsPlace) -> None:
    teller, follower = world.central.teller, world.bank.follower
    follower.apply(teller.message(follower.place.number, acts=place))


def cause(world: World) -> str:
    said = world.bank.contradictions.now().get(ACTS)
    return said.cause if said is not None else ""


def test_acts_that_go_on_contradict_nothing(world: World) -> None:
    for number in (3, 3, 4, 9):
        tells(world, acts(number))
    assert cause(world) == ""


@pytest.mark.parametrize("shown", [acts(2), acts(3, b"\x06"), acts(0)])
def test_acts_that_were_taken_back_or_changed_are_a_contradiction(
    world: World, shown: registration_pb2.ActsPlace
) -> None:
    tells(world, acts(3))
    tells(world, shown)
    assert "acts of its officers end with" in cause(world)
    tells(world, acts(7, b"\x07"))  # what goes on from another history is longer one day
    assert cause(world)
    tells(world, acts(3))
    assert cause(world) == ""


def test_a_bank_that_starts_again_knows_the_last_word_that_it_kept(world: World) -> None:
    world.entry(issued=ISSUED)
    tells(world, acts(3))
    world.restart()
    tells(world, acts(2))
    assert "end with 2, after 3" in cause(world)


def test_the_feed_goes_on_beside_it(world: World) -> None:
    tells(world, acts(3))
    before = world.bank.follower.place.number
    tells(world, acts(2))
    world.hear(issued=ISSUED)
    assert world.bank.follower.place.number == before + 1
    assert world.bank.follower.stopped is None
