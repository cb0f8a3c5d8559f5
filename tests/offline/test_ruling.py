"""A device ends a piece by the root's word on that very chain, whatever a bank says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from offline_token.deposit import Deposit
from offline_token.formats import Chain, Payment
from offline_token.possession import NONCE_BYTES
from offline_token.ruling import End, Ruling, sign_ruling
from runtime.errors import Refusal
from tests.offline.centre import Centre
from tests.offline.devices import TestDevice, deposits, make_device, ruled
from tests.offline.signers import DAY, NOW, Signers, key_of
from tests.refusals import verdict_name

PENDING = registration_pb2.OUTCOME_STATE_PENDING
REFUSED = registration_pb2.OUTCOME_STATE_REFUSED


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    return Centre(tmp_path)


def broken(chain: Chain) -> Chain:
    """A copy with a bad signature: it ends in the same piece, for ids have no signatures."""
    hop = chain.hops[-1]
    return Chain(
        chain.token,
        (
            *chain.hops[:-1],
            replace(hop, endorsement=replace(hop.endorsement, signature=bytes(64))),
        ),
    )


def only_chain(deposit: bytes) -> Chain:
    return Deposit.decode(deposit[NONCE_BYTES:]).payment.chains[0]


FOREIGN: dict[str, Callable[[Signers, Chain], bytes]] = {
    "nothing": lambda c, chain: b"",
    "something": lambda c, chain: b"refused",
    "by somebody": lambda c, chain: sign_ruling(key_of("mallory"), chain, 0, End.BAD, NOW).encode(),
    "by the bank": lambda c, chain: sign_ruling(
        c.banks["alpha"], chain, 0, End.DEPOSITED, NOW
    ).encode(),
    "of the other output": lambda c, chain: sign_ruling(c.root, chain, 1, End.BAD, NOW).encode(),
    "of another chain": lambda c, chain: sign_ruling(
        c.root, c.mint(c.alice, 7), 0, End.DEPOSITED, NOW
    ).encode(),
    "of a broken copy": lambda c, chain: sign_ruling(
        c.root, broken(chain), 0, End.BAD, NOW
    ).encode(),
}


def paid_bob(signers: Signers) -> TestDevice:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    bob.element.payee.accept(alice.element.payer.pay(bob.element.payee.request(60)))
    return bob


@pytest.mark.parametrize("name", FOREIGN)
def test_no_other_word_ends_a_piece_and_it_is_signed_over_anew(signers: Signers, name: str) -> None:
    bob = paid_bob(signers)
    (first,) = deposits(bob)
    bob.element.deposits.refuse(
        first, FOREIGN[name](signers, only_chain(first)), "the bank's words"
    )
    assert [piece.reason for piece in bob.element.holdings.pieces()] == ["the bank's words"]
    (second,) = deposits(bob.restarted())
    assert second != first and only_chain(second) == only_chain(first)
    with pytest.raises(Refusal):
        bob.element.payer.pay(signers.request(signers.carol, 1).encode())


@pytest.mark.parametrize("end", End)
def test_the_roots_word_ends_it(signers: Signers, end: End) -> None:
    bob = paid_bob(signers)
    (deposit,) = deposits(bob)
    bob.element.deposits.refuse(deposit, ruled(signers, deposit, end), "the bank's words")
    assert deposits(bob.restarted()) == []
    kept = [piece.state.name for piece in bob.element.holdings.pieces()]
    assert kept == ([] if end == End.DEPOSITED else ["REFUSED"])


def ruling(centre: Centre, *chains: Chain, own: bool = False) -> Ruling | None:
    """The centre's ruling where it refuses a deposit; None where the refusal has none."""
    item = centre.item(*chains, own=(centre.alice,) if own else ())
    (outcome,) = centre.send(item)
    assert centre.send(item)[0].refusal is not None
    assert outcome.state == REFUSED and outcome.refusal is not None
    told = registration_pb2.DepositRefusal.FromString(outcome.refusal.payload)
    return Ruling.decode(told.ruling) if told.ruling else None


def test_who_breaks_a_copy_of_a_chain_gets_no_word_against_the_true_one(centre: Centre) -> None:
    """He knows Bob's chain, and needs no key to hand in a copy of it that is bad."""
    root = centre.central.devices.root_key
    paid = centre.pay(centre.token(centre.alice, 100), centre.alice, centre.bob, 60)
    found = ruling(centre, broken(paid))
    assert found is not None and found.end == End.BAD
    assert found.ends(broken(paid), 0, root)
    assert not found.ends(paid, 0, root)
    assert centre.deposit(paid) == (60, "")


def test_the_centre_rules_on_what_is_the_pieces_fault(centre: Centre) -> None:
    root = centre.central.devices.root_key
    token = centre.token(centre.alice, 100)
    to_bob = centre.pay(token, centre.alice, centre.bob, 60)
    assert centre.deposit(to_bob) == (60, "")
    again = ruling(centre, to_bob)
    assert again is not None and again.end == End.DEPOSITED and again.ends(to_bob, 0, root)
    spent = ruling(centre, token)
    assert spent is not None and spent.end == End.SPENT_TWICE and spent.ends(token, 0, root)


def test_the_centre_rules_on_nothing_where_the_deposit_is_wrong(centre: Centre) -> None:
    paid = centre.pay(centre.token(centre.alice, 100), centre.alice, centre.bob, 60)
    forged = centre.item(paid)
    data = forged.offline_payment
    forged.offline_payment = data[:-1] + bytes([data[-1] ^ 1])
    elsewhere = centre.item(paid, bank="beta")
    unreadable = centre.item(paid)
    unreadable.offline_payment += b"\0"
    for item in (forged, elsewhere, unreadable):
        (outcome,) = centre.send(item)
        assert outcome.state == REFUSED and outcome.refusal is not None
        told = registration_pb2.DepositRefusal.FromString(outcome.refusal.payload)
        assert told.ruling == b""
    assert centre.deposit(paid) == (60, ""), "signed over anew it is paid"


def test_a_bank_that_calls_a_cheats_key_its_customers_ends_nothing(centre: Centre) -> None:
    """Alice pays 60 twice. Bob's bank says that her key is Bob's own."""
    centre.pay_in("alpha", 60)
    token = centre.token(centre.alice, 60)
    assert centre.deposit(centre.pay(token, centre.alice, centre.carol, 60)) == (60, "")
    to_bob = centre.pay(token, centre.alice, centre.bob, 60)
    assert ruling(centre, to_bob, own=True) is None
    assert centre.deposit(to_bob, bank="beta") == (60, ""), "at an honest one"


def test_of_a_deposit_of_several_it_is_not_said_which_has_ended(centre: Centre) -> None:
    token = centre.token(centre.alice, 100)
    to_bob = centre.pay(token, centre.alice, centre.bob, 60)
    assert centre.deposit(to_bob) == (60, "")
    other = centre.pay(centre.token(centre.alice, 5), centre.alice, centre.bob, 5)
    assert ruling(centre, to_bob, other) is None
    assert centre.deposit(other) == (5, "")


def test_what_is_late_is_pending_until_its_money_has_gone_back(centre: Centre) -> None:
    paid = centre.pay(centre.token(centre.alice, 100), centre.alice, centre.bob, 60)
    item = centre.item(paid)
    centre.clock.advance(1_000 * DAY)
    (outcome,) = centre.send(item)
    said = errors_pb2.REASON_TOKEN_INVALID, "TOKEN_EXPIRED"
    assert (outcome.state, outcome.reason, verdict_name(outcome.verdict)) == (PENDING, *said)
    centre.clock.set_back(1_000 * DAY)
    assert centre.send(item)[0].amount_fen == 60, "the centre's clock was wrong"

    late = centre.pay(centre.token(centre.alice, 10), centre.alice, centre.bob, 10)
    centre.clock.advance(1_000 * DAY)
    assert centre.send(centre.item(late))[0].state == PENDING
    while centre.central.refunds.step():
        pass
    found = ruling(centre, late)
    assert found is not None and found.end == End.REFUNDED
    assert found.ends(late, 0, centre.central.devices.root_key)


def test_a_limit_that_is_lowered_takes_no_money_that_is_there(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid = centre.pay(centre.token(centre.alice, 100), centre.alice, centre.bob, 60)
    monkeypatch.setattr("central_bank.authentication.trust_bundle.MAX_TOKEN_FEN", 1)
    assert centre.deposit(paid) == (60, "")


def test_several_pieces_end_one_by_one(signers: Signers) -> None:
    alice = make_device(signers, "alice", 10, 20, 30)
    first, second, third = deposits(alice)
    assert Payment((only_chain(first),)).encode() != Payment((only_chain(second),)).encode()
    alice.element.deposits.refuse(first, ruled(signers, second), "no")
    alice.element.deposits.refuse(second, ruled(signers, second), "no")
    left = deposits(alice)
    assert third in left and len(left) == 2 and first not in left
