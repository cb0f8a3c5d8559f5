"""What is lost by double spends, and at which pieces, does not depend on who deposits first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import permutations
from random import Random

import pytest

from central_bank.registration.offline.double_spends import Spends, VerifiedDeposit
from offline_token.deposit import DepositEndorsement
from offline_token.formats import Chain, Payment
from tests.offline.signers import Device, Signers

_SIGNED = DepositEndorsement(0, "alpha", bytes(32), bytes(16))
Losses = tuple[dict[bytes, int], int]


def cleared(signers: Signers, chains: Sequence[Chain]) -> Losses:
    """Fen lost at each piece, by its id, and what left the float."""
    spends, lost, retired_fen = Spends(0), Counter[bytes](), 0
    for number, chain in enumerate(chains, 1):
        verdict = signers.verdict(Payment((chain,)).encode())
        assert verdict.good, verdict
        (allocation,) = spends.add(VerifiedDeposit((chain,), verdict, (_SIGNED,), number))
        assert (
            allocation.retired_fen + sum(fen for _, fen in allocation.lost)
            == allocation.end.value_fen
        )
        for double, fen in allocation.lost:
            lost[double.piece.id] += fen
        retired_fen += allocation.retired_fen
    return dict(lost), retired_fen


def claims(signers: Signers, random: Random) -> list[Chain]:
    """Pieces at the ends of a tree in which everybody may have spent what he had twice."""
    people = [signers.device(name, "alpha") for name in ("alice", "bob", "carol", "dan", "erin")]
    owners: list[tuple[Chain, Device]] = [(signers.mint(people[0], 1_000), people[0])]
    ends: list[Chain] = []
    for salt in range(1, 10):
        chain, owner = random.choice(owners)
        payee = random.choice(people)
        worth = chain.hops[-1].endorsement.amount_fen if chain.hops else chain.token.value_fen
        paid = signers.endorse(chain, owner, payee, random.randint(1, worth), salt=salt)
        owners.append((paid, payee))
        ends.append(paid)
    return random.sample(ends, 4)


@pytest.mark.parametrize("seed", range(20))
def test_in_whatever_order_deposits_come_the_same_is_lost_at_the_same_pieces(
    seed: int,
) -> None:
    signers = Signers()
    chains = claims(signers, Random(seed))
    found = [cleared(signers, order) for order in permutations(chains)]
    assert all(one == found[0] for one in found)
    worth_fen = sum(chain.hops[-1].endorsement.amount_fen for chain in chains)
    lost, retired_fen = found[0]
    assert retired_fen + sum(lost.values()) == worth_fen
    assert retired_fen <= 1_000
