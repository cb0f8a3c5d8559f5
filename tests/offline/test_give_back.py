"""A payment that its payee does not take goes back to who paid, and nobody gains by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dcep.errors.v1 import errors_pb2
from offline_token.deposit import Deposit
from offline_token.formats import (
    CHANGE_OUTPUT,
    Chain,
    FormatError,
    Payment,
    Request,
    bank_name,
)
from offline_token.give_back import CIRCUMSTANCES, GiveBack, returned
from offline_token.limits import MAX_CHAINS, MAX_HOPS
from offline_token.possession import NONCE_BYTES
from offline_token.signing import sign_endorsement
from offline_token.verify import Reason, piece_of
from runtime.errors import Refusal
from tests.offline import second_verifier
from tests.offline.centre import Centre
from tests.offline.devices import TestDevice, deposited, deposits, make_device, pay
from tests.offline.signers import DAY, NOW, Device, Signers, key_of
from tests.offline.trust_cases import filter_of
from wallet.secure_element.interface import PieceState
from wallet.secure_element.state import State


def refused(reason: Reason, call: Callable[..., object], *arguments: object) -> None:
    with pytest.raises(Refusal) as caught:
        call(*arguments)
    assert caught.value.metadata["verdict"] == reason.name


def newer(signers: Signers, **changes: object) -> bytes:
    """A bundle that is newer than the usual one."""
    return signers.root_public + signers.bundle(created_time_ms=NOW, **changes).encode()


class System:
    """Bob has 100 of Alice's, who is revoked since. Carol knows it, Bob does not."""

    def __init__(self, signers: Signers, *values: int) -> None:
        self.signers = signers
        self.alice = make_device(signers, "alice", *(values or (100,)))
        self.bob, self.carol = make_device(signers, "bob"), make_device(signers, "carol")
        pay(self.alice, self.bob, sum(values or (100,)))
        self.carol.element.trust(newer(signers, revoked=(signers.alice.revocation,)))

    def paid(self, fen: int = 60) -> bytes:
        """Bob's payment to Carol."""
        return self.bob.element.pay(self.carol.element.request(fen))

    @property
    def hands(self) -> tuple[int, int]:
        return self.bob.balance, self.carol.balance


@pytest.fixture
def system(signers: Signers) -> System:
    return System(signers)


def test_what_is_not_taken_comes_back_and_can_be_deposited(system: System) -> None:
    payment = system.paid()
    assert system.hands == (40, 0)
    refused(Reason.DEVICE_REVOKED, system.carol.element.accept, payment)
    back = system.carol.element.give_back(payment)
    assert len(back) == 148
    assert system.bob.element.take_back(back) == 60
    assert system.hands == (100, 0)
    verdicts = [deposited(system.signers, body) for body in deposits(system.bob)]
    assert [(v.value_fen, v.pieces[0].owner) for v in verdicts] == [
        (40, system.signers.bob.public),
        (60, system.signers.bob.public),
    ]


def test_what_came_back_is_shown_as_such_and_cannot_be_paid(system: System) -> None:
    system.bob.element.take_back(system.carol.element.give_back(system.paid(100)))
    (piece,) = system.bob.element.pieces()
    assert (piece.state, piece.hops) == (PieceState.GIVEN_BACK, 3)
    assert "deposit it" in piece.reason
    assert system.bob.element.payable_fen() == 0
    with pytest.raises(Refusal) as caught:
        system.bob.element.pay(make_device(system.signers, "alice").element.request(1))
    assert caught.value.reason == errors_pb2.REASON_INSUFFICIENT_FUNDS


def test_each_side_answers_the_same_as_often_as_it_is_asked(system: System) -> None:
    payment = system.paid()
    back = system.carol.element.give_back(payment)
    assert system.carol.restarted().element.give_back(payment) == back
    for _ in range(2):
        assert system.bob.restarted().element.take_back(back) == 60
    assert system.hands == (100, 0)
    assert len(system.bob.store.read().pieces) == 2


def test_it_uses_the_request_up(system: System) -> None:
    request = system.carol.element.request(60)
    payment = system.bob.element.pay(request)
    system.carol.element.give_back(payment)
    assert not system.carol.element.awaits(request)
    refused(Reason.DEVICE_REVOKED, system.carol.element.accept, payment)
    system.carol.element.trust(
        system.signers.root_public + system.signers.bundle(created_time_ms=NOW + 1).encode()
    )
    refused(Reason.WRONG_CHALLENGE, system.carol.element.accept, payment)
    assert system.hands == (40, 0)


def test_a_request_whose_payment_came_back_is_not_paid_again(system: System) -> None:
    request = system.carol.element.request(60)
    system.bob.element.take_back(system.carol.element.give_back(system.bob.element.pay(request)))
    with pytest.raises(Refusal) as caught:
        system.bob.element.pay(request)
    assert caught.value.reason == errors_pb2.REASON_ALREADY_DECIDED


def test_many_later_payments_do_not_keep_it_from_coming_back(
    signers: Signers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wallet.secure_element.paying.MAX_REMEMBERED", 3)
    system = System(signers)
    payment = system.bob.element.pay(system.carol.element.request(60), unconfirmed=True)
    for _ in range(4):
        system.paid(1)
    assert len(system.bob.store.read().paid) == 3
    assert system.bob.element.take_back(system.carol.element.give_back(payment)) == 60


def test_of_payments_that_all_wait_the_oldest_is_forgotten(
    signers: Signers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wallet.secure_element.paying.MAX_REMEMBERED", 3)
    system = System(signers)
    requests = [system.carol.element.request(fen) for fen in range(1, 6)]
    payments = [system.bob.element.pay(request, unconfirmed=True) for request in requests]
    assert system.bob.element.unconfirmed() == payments[-3:]


def test_it_is_no_longer_without_an_answer(system: System) -> None:
    payment = system.bob.element.pay(system.carol.element.request(60), unconfirmed=True)
    assert system.bob.element.unconfirmed() == [payment]
    system.bob.element.take_back(system.carol.element.give_back(payment))
    assert system.bob.element.unconfirmed() == []


def test_cut_off_before_it_is_kept_it_changes_nothing(system: System) -> None:
    payment = system.paid()
    before = system.carol.store.data
    system.carol.store.failing = True
    with pytest.raises(OSError):
        system.carol.element.give_back(payment)
    system.carol.store.failing = False
    assert system.carol.store.data == before
    back = system.carol.element.give_back(payment)
    system.bob.store.failing = True
    with pytest.raises(OSError):
        system.bob.element.take_back(back)
    system.bob.store.failing = False
    assert system.hands == (40, 0)
    assert system.bob.element.take_back(back) == 60


def test_several_pieces_of_several_keys_go_back_each_to_its_own(signers: Signers) -> None:
    alice, carol = make_device(signers, "alice", 30), make_device(signers, "carol")
    second = alice.element.load_key("6201000000000017", ())
    certificate = signers.certify(second, "alpha")
    alice.element.certify(certificate.encode(), signers.bank_certificate("alpha").encode())
    alice.element.load([signers.mint(second, 50, number=77).token.encode()])
    payment = alice.element.pay(carol.element.request(80))
    carol.element.trust(newer(signers, revoked=(certificate.revocation(),)))
    back = carol.element.give_back(payment)
    assert len(GiveBack.decode(back).endorsements) == 2
    assert alice.element.take_back(back) == 80
    owners = {piece.owner for piece in alice.store.read().pieces}
    assert owners == {signers.alice.public.hex(), second.hex()}


def test_as_many_pieces_as_a_payment_has_go_back(signers: Signers) -> None:
    system = System(signers, *[1] * MAX_CHAINS)
    payment = system.paid(MAX_CHAINS)
    back = system.carol.element.give_back(payment)
    assert len(back) == 19 + 129 * MAX_CHAINS
    assert system.bob.element.take_back(back) == MAX_CHAINS


def test_a_key_is_kept_as_long_as_what_it_paid_may_come_back(signers: Signers) -> None:
    """Only its signature brings what comes back into a wallet."""
    system = System(signers)
    payment = system.paid(100)
    for _ in range(2):
        key = system.bob.element.load_key("6202000000000015", ())
        certificate = signers.certify(key, "beta").encode()
        system.bob.element.certify(certificate, signers.bank_certificate("beta").encode())
        system.bob.element.request(1)
    assert system.bob.element.holds(signers.bob.public)
    assert system.bob.element.take_back(system.carol.element.give_back(payment)) == 100
    (back,) = deposits(system.bob)
    assert deposited(signers, back).value_fen == 100


# What is given back, and what is not


def suspended(signers: Signers) -> bytes:
    return newer(signers, barred=(bank_name("beta"),))


CAUSES: dict[Reason, Callable[[Signers], bytes]] = {
    Reason.DEVICE_REVOKED: lambda c: newer(c, revoked=(c.alice.revocation,)),
    Reason.DEVICE_UNCLEAR: lambda c: newer(c, filter=filter_of(c.alice.revocation)),
    Reason.BANK_UNKNOWN: suspended,
    Reason.TOO_MANY_HOPS: lambda c: newer(c, max_hops=1),
    Reason.VALUE_TOO_LARGE: lambda c: newer(c, max_value_fen=99),
    Reason.PAYMENT_TOO_LARGE: lambda c: newer(c, max_payment_fen=59),
    Reason.TOKEN_EXPIRED: lambda c: (
        c.root_public + c.bundle(created_time_ms=NOW + 91 * DAY).encode()
    ),
    Reason.DEVICE_EXPIRED: lambda c: (
        c.root_public + c.bundle(created_time_ms=NOW + 101 * DAY).encode()
    ),
}


@pytest.mark.parametrize("reason", CAUSES, ids=lambda reason: reason.name)
def test_what_the_payer_cannot_help_is_a_cause(signers: Signers, reason: Reason) -> None:
    expires = NOW + (400 if reason == Reason.DEVICE_EXPIRED else 90) * DAY
    alice, bob, carol = (make_device(signers, name) for name in ("alice", "bob", "carol"))
    alice.element.load([signers.mint(signers.alice, 100, expires=expires).token.encode()])
    pay(alice, bob, 100)
    payment = bob.element.pay(carol.element.request(60))
    carol.element.trust(CAUSES[reason](signers))
    refused(reason, carol.element.accept, payment)
    assert bob.element.take_back(carol.element.give_back(payment)) == 60


def test_every_cause_is_tried() -> None:
    assert set(CAUSES) == CIRCUMSTANCES


def test_a_good_payment_is_accepted_and_not_given_back(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    payment = alice.element.pay(bob.element.request(60))
    with pytest.raises(Refusal, match="accept it"):
        bob.element.give_back(payment)
    assert bob.element.accept(payment) == 60
    refused(Reason.WRONG_CHALLENGE, bob.element.give_back, payment)


def revoking_bob(signers: Signers, *chains: Chain, fen: int = 100) -> tuple[TestDevice, bytes]:
    """A payee who knows that Alice is revoked, and chains for a request of his."""
    bob = make_device(signers, "bob")
    bob.element.trust(newer(signers, revoked=(signers.alice.revocation,)))
    challenge = Request.decode(bob.element.request(fen)).challenge
    made = []
    for chain in chains:
        hop = chain.hops[-1]
        before = Chain(chain.token, chain.hops[:-1])
        by = Device(key_of("alice"), hop.certificate)
        amount = hop.endorsement.amount_fen
        made.append(signers.endorse(before, by, signers.bob, amount, challenge=challenge))
    return bob, Payment(tuple(made)).encode()


def test_who_gives_back_never_signs_one_piece_twice(signers: Signers) -> None:
    """Else a payer could make a payee a double spender."""
    chain = signers.endorse(signers.mint(signers.alice, 50), signers.alice, signers.bob, 50)
    bob, payment = revoking_bob(signers, chain, chain)
    refused(Reason.TOKEN_TWICE, bob.element.give_back, payment)
    bob, payment = revoking_bob(signers, chain, fen=50)
    bob.element.give_back(payment)
    (one,) = Payment.decode(payment).chains
    again = replace(one.hops[-1], endorsement=replace(one.hops[-1].endorsement, salt=7))
    other = Payment((Chain(one.token, (*one.hops[:-1], again)),)).encode()
    with pytest.raises(Refusal):
        bob.element.give_back(other)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda c, p: p[:-1], Reason.UNREADABLE),
        (lambda c, p: p[:-2] + bytes([p[-2] ^ 1, p[-1]]), Reason.DEVICE_FORGED),
        (lambda c, p: p[:-123] + bytes([p[-123] ^ 1]) + p[-122:], Reason.ENDORSEMENT_FORGED),
        (lambda c, p: p[:3] + b"T" + bytes([p[4] ^ 1]) + p[5:], Reason.TOKEN_FORGED),
    ],
)
def test_a_payment_that_is_wrong_besides_is_not_given_back(
    signers: Signers, spoil: Callable[[Signers, bytes], bytes], reason: Reason
) -> None:
    chain = signers.endorse(signers.mint(signers.alice, 100), signers.alice, signers.bob, 100)
    bob, payment = revoking_bob(signers, chain)
    before = bob.store.read().asked
    refused(reason, bob.element.give_back, spoil(signers, payment))
    assert bob.store.read().asked == before
    assert bob.element.give_back(payment)


def test_another_payees_is_not_given_back(signers: Signers) -> None:
    chain = signers.endorse(signers.mint(signers.alice, 100), signers.alice, signers.bob, 100)
    bob, payment = revoking_bob(signers, chain, fen=99)
    carol = make_device(signers, "carol")
    refused(Reason.WRONG_CHALLENGE, carol.element.give_back, payment)


@pytest.mark.parametrize("fen", [1, 99, 101])
def test_another_amount_than_was_asked_for_comes_back(signers: Signers, fen: int) -> None:
    """A middleman has altered the request: the payee takes nothing, the payer has it again."""
    alice, bob = make_device(signers, "alice", 200), make_device(signers, "bob")
    request = bob.element.request(100)
    chain = signers.endorse(
        signers.mint(signers.alice, 200, number=1_000),
        signers.alice,
        signers.bob,
        fen,
        challenge=Request.decode(request).challenge,
    )
    payment = Payment((chain,)).encode()
    alice.store.change(lambda state: _has_paid(state, request, payment))
    refused(Reason.WRONG_AMOUNT, bob.element.accept, payment)
    assert alice.element.take_back(bob.element.give_back(payment)) == fen
    assert bob.element.pieces() == []


def _has_paid(state: State, request: bytes, payment: bytes) -> None:
    asked = Request.decode(request)
    state.paid[asked.challenge.hex()] = (payment.hex(), asked.certificate.encode().hex())


def test_what_would_be_over_the_payees_cap_comes_back(signers: Signers) -> None:
    """Two requests that fit one by one, and not both."""
    narrow = signers.bundle(max_holding_fen=5_000)
    alice, bob = (
        make_device(signers, "alice", 1_000, 1_000),
        make_device(signers, "bob", 4_200, bundle=narrow),
    )
    asked = [bob.element.request(500) for _ in range(2)]
    first, second = (alice.element.pay(each) for each in asked)
    assert bob.element.accept(first) == 500
    with pytest.raises(Refusal) as caught:
        bob.element.accept(second)
    assert caught.value.name == "OVER_BALANCE_CAP"
    back = bob.element.give_back(second)
    assert bob.element.give_back(second) == back
    assert alice.element.take_back(back) == 500
    with pytest.raises(Refusal):
        bob.element.accept(second)


def test_what_would_be_a_piece_too_many_comes_back(
    signers: Signers, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob", 1)
    payment = alice.element.pay(bob.element.request(100))
    monkeypatch.setattr("wallet.secure_element.pieces.MAX_PIECES", 1)
    with pytest.raises(Refusal):
        bob.element.accept(payment)
    back = bob.element.give_back(payment)
    monkeypatch.undo()
    assert alice.element.take_back(back) == 100


def test_a_hundred_requests_do_not_push_out_one_that_was_paid(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 1_000), make_device(signers, "bob")
    payment = alice.element.pay(bob.element.request(1_000))
    for _ in range(150):
        bob.element.request(1)
    assert bob.element.accept(payment) == 1_000


def test_the_longest_chain_there_can_be_has_no_room_to_come_back(signers: Signers) -> None:
    bob = make_device(signers, "bob")
    bob.element.trust(newer(signers, revoked=(signers.alice.revocation,), max_hops=MAX_HOPS))
    challenge = Request.decode(bob.element.request(500)).challenge
    for hops in (MAX_HOPS, MAX_HOPS - 1):
        chain = signers.mint(signers.alice, 500)
        for _ in range(hops - 1):
            chain = signers.endorse(chain, signers.alice, signers.alice, 500)
        last = signers.endorse(chain, signers.alice, signers.bob, 500, challenge=challenge)
        payment = Payment((last,)).encode()
        if hops == MAX_HOPS:
            refused(Reason.TOO_MANY_HOPS, bob.element.give_back, payment)
        else:
            assert GiveBack.decode(bob.element.give_back(payment))


# Forged give-backs


def altered(good: GiveBack) -> dict[str, tuple[GiveBack, Reason]]:
    """Give-backs of Carol's that she has not signed, or not for this."""
    (end,) = good.endorsements
    mallory = key_of("mallory")

    def signed(signer: str, **changes: object) -> GiveBack:
        made = sign_endorsement(key_of(signer), bytes(32), replace(end, **changes))
        return GiveBack(good.challenge, (made,))

    return {
        "another's signature": (signed("mallory"), Reason.ENDORSEMENT_FORGED),
        "the payer's own": (signed("bob"), Reason.ENDORSEMENT_FORGED),
        "of another piece": (signed("carol"), Reason.ENDORSEMENT_FORGED),
        "a fen more": (signed("carol", amount_fen=61), Reason.WRONG_AMOUNT),
        "a fen less": (signed("carol", amount_fen=59), Reason.WRONG_AMOUNT),
        "to another": (
            signed("carol", payee=bytes(mallory.verify_key)),
            Reason.NOT_FOR_THIS_PAYEE,
        ),
        "the change": (signed("carol", output=CHANGE_OUTPUT), Reason.OUTPUT_INVALID),
        "another challenge within": (signed("carol", challenge=bytes(16)), Reason.WRONG_CHALLENGE),
        "twice": (GiveBack(good.challenge, (end, end)), Reason.WRONG_AMOUNT),
        "another salt": (
            GiveBack(good.challenge, (replace(end, salt=9),)),
            Reason.ENDORSEMENT_FORGED,
        ),
    }


def test_a_forged_give_back_is_refused(system: System) -> None:
    good = GiveBack.decode(system.carol.element.give_back(system.paid()))
    before = system.bob.store.data
    for name, (forged, reason) in altered(good).items():
        with pytest.raises(Refusal) as caught:
            system.bob.element.take_back(forged.encode())
        assert caught.value.metadata["verdict"] == reason.name, name
    assert system.bob.store.data == before
    assert system.bob.element.take_back(good.encode()) == 60


def test_bytes_of_no_give_back_are_refused(system: System) -> None:
    good = system.carol.element.give_back(system.paid())
    for end in range(len(good)):
        with pytest.raises(FormatError):
            GiveBack.decode(good[:end])
    for wrong in (good + b"\0", b"B2" + good[2:], good[:18] + bytes([17]) + good[19:]):
        with pytest.raises(FormatError):
            GiveBack.decode(wrong)
    for at in range(len(good)):
        with pytest.raises(Refusal):
            system.bob.element.take_back(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
    assert GiveBack.decode(good).encode() == good


def test_one_payment_is_not_taken_back_for_another(signers: Signers) -> None:
    system = System(signers, 100)
    first = system.paid(30)
    second = system.paid(30)
    backs = [GiveBack.decode(system.carol.element.give_back(each)) for each in (first, second)]
    crossed = GiveBack(backs[0].challenge, backs[1].endorsements)
    refused(Reason.WRONG_CHALLENGE, system.bob.element.take_back, crossed.encode())
    for back in backs:
        assert system.bob.element.take_back(back.encode()) == 30
    assert system.bob.balance == 100


def test_what_the_device_has_not_paid_it_does_not_take_back(system: System) -> None:
    back = system.carol.element.give_back(system.paid())
    with pytest.raises(Refusal) as caught:
        system.alice.element.take_back(back)
    assert caught.value.reason == errors_pb2.REASON_PAYMENT_UNKNOWN


def test_nobody_but_the_payer_owns_what_came_back(system: System) -> None:
    payment = Payment.decode(system.paid())
    back = GiveBack.decode(system.carol.element.give_back(payment.encode()))
    (chain,) = returned(payment, system.signers.carol.certificate, back)
    assert piece_of(chain, 0).owner == system.signers.bob.public
    assert piece_of(chain, 0).value_fen == 60


def test_a_second_implementation_makes_the_same_deposit_of_what_a_device_gave_back(
    system: System,
) -> None:
    payment = system.paid()
    back = system.carol.element.give_back(payment)
    payee = system.signers.carol.certificate.encode()
    reason, came_back = second_verifier.taken_back(payment, payee, back)
    system.bob.element.take_back(back)
    assert reason == "GOOD"
    bodies = [Deposit.decode(each[NONCE_BYTES:]) for each in deposits(system.bob)[1:]]
    assert came_back == [body.payment.encode() for body in bodies]


# At the registration centre


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    made = Centre(tmp_path)
    made.pay_in("beta", 1_000)
    return made


def test_what_came_back_is_paid_though_the_device_is_revoked(centre: Centre) -> None:
    token = centre.token(centre.alice, 100)
    paid = centre.pay(token, centre.alice, centre.bob, 100)
    onward = centre.pay(paid, centre.bob, centre.dan, 60)
    centre.central.devices.revoke(centre.alpha, centre.alice.public, "lost")
    back = centre.pay(onward, centre.dan, centre.bob, 60)
    assert centre.deposit(back) == (60, "")
    assert centre.deposit(onward, output=1) == (40, "")
    assert centre.deposit(back) == (0, "ALREADY_DEPOSITED")


def test_a_payee_who_gives_back_and_deposits_is_found_out(centre: Centre) -> None:
    token = centre.token(centre.alice, 100)
    onward = centre.pay(token, centre.alice, centre.dan, 100)
    back = centre.pay(onward, centre.dan, centre.alice, 100)
    assert centre.deposit(onward, bank="beta") == (100, "")
    assert centre.deposit(back) == (100, "")
    assert centre.central.devices.is_revoked(centre.dan.certificate)


def test_a_payee_who_gives_back_and_pays_on_is_a_proven_double_spender(centre: Centre) -> None:
    token = centre.token(centre.alice, 100)
    onward = centre.pay(token, centre.alice, centre.dan, 100)
    back = centre.pay(onward, centre.dan, centre.alice, 100)
    spent = centre.pay(onward, centre.dan, centre.erin, 100)
    assert centre.deposit(back) == (100, "")
    assert centre.deposit(spent, bank="beta") == (100, "")
    (case,) = centre.central.evidence.list(None, 10, None)
    assert case.double_spend.device_certificate.key == centre.dan.public
    assert case.double_spend.wrong(bytes(centre.central.devices.root_key)) == ""
    assert centre.central.devices.is_revoked(centre.dan.certificate)


def test_a_payer_who_takes_back_what_he_spent_twice_is_not_paid(centre: Centre) -> None:
    token = centre.token(centre.alice, 100)
    taken = centre.pay(token, centre.alice, centre.bob, 100)
    refused_ = centre.pay(token, centre.alice, centre.dan, 100)
    back = centre.pay(refused_, centre.dan, centre.alice, 100)
    assert centre.deposit(taken) == (100, "")
    assert centre.deposit(back) == (0, "SPENT_TWICE")


def test_the_longest_chain_that_devices_take_can_be_given_back_and_deposited(
    centre: Centre,
) -> None:
    hops = centre.central.devices.bundle().max_hops
    chain = centre.token(centre.alice, 100)
    for hop in range(hops):
        pair = (centre.alice, centre.bob) if hop % 2 == 0 else (centre.bob, centre.alice)
        chain = centre.pay(chain, *pair, 100)
    back = centre.pay(chain, centre.alice, centre.bob, 100)
    assert len(back.hops) == hops + 1
    assert centre.deposit(back) == (100, "")
