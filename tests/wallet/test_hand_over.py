"""A direct link cut at any byte, in either direction: the money is in one hand, and paid once."""

from __future__ import annotations

import errno
import os

import pytest

from tests.offline.devices import TestDevice, make_device
from tests.offline.signers import Signers
from tests.wallet.linked import AMOUNT, TO_PAYEE, TO_PAYER, Cable, Pair, loaded_devices
from wallet.offline import link, link_payments, text_format
from wallet.offline.link import Taken
from wallet.offline.outcomes import LinkError, LinkRefused
from wallet.offline.payments import OfflinePayments


@pytest.fixture(scope="module")
def loaded() -> tuple[bytes, bytes]:
    return loaded_devices()


def lengths(loaded: tuple[bytes, bytes]) -> dict[str, int]:
    """Bytes of a whole exchange in each direction."""
    pair = Pair(loaded)
    seen: list[Cable] = []

    def whole(port: int) -> Cable:
        seen.append(Cable(port, TO_PAYEE, 10**9))
        return seen[-1]

    assert pair.meet(cut=whole) == (Taken(AMOUNT), link_payments.Handed(AMOUNT, False))
    payee_bytes = 10**9 - seen[0].left_bytes
    request = len(OfflinePayments(pair.bob.element).request(AMOUNT)) + 1
    return {TO_PAYEE: payee_bytes, TO_PAYER: request + len(f"OK {AMOUNT} {bytes(64).hex()}\n")}


@pytest.mark.parametrize("direction", [TO_PAYEE, TO_PAYER])
def test_a_link_cut_at_any_byte_pays_once(loaded: tuple[bytes, bytes], direction: str) -> None:
    for whole in range(lengths(loaded)[direction]):
        pair = Pair(loaded)
        came, sent = pair.meet(cut=lambda port, at=whole: Cable(port, direction, at))
        assert isinstance(sent, (LinkError, link_payments.Handed)), (whole, sent)
        assert sum(pair.hands) in (100, 100 - AMOUNT), whole
        if not isinstance(sent, link_payments.Handed):
            came, sent = pair.meet()
            assert sent.amount_fen == AMOUNT, (whole, sent)
        assert isinstance(came, Taken)
        assert pair.hands == (100 - AMOUNT, AMOUNT), whole
        assert pair.alice.element.payer.unconfirmed() == []


def test_cut_again_and_again_it_is_still_paid_once(loaded: tuple[bytes, bytes]) -> None:
    bounds = lengths(loaded)
    for seed in range(20):
        pair = Pair(loaded, seed)
        for turn in range(4):
            direction = (TO_PAYEE, TO_PAYER)[(seed + turn) % 2]
            at = (seed * 7_919 + turn * 104_729) % bounds[direction]
            _, sent = pair.meet(cut=lambda port, d=direction, n=at: Cable(port, d, n))
            if isinstance(sent, link_payments.Handed):
                break
        else:
            pair.meet()
        assert pair.hands == (100 - AMOUNT, AMOUNT), seed


def before_the_ok(loaded: tuple[bytes, bytes], pair: Pair) -> None:
    """The payee takes the payment, and the payer does not hear it."""
    at = lengths(loaded)[TO_PAYER] - 1
    came, sent = pair.meet(cut=lambda port: Cable(port, TO_PAYER, at))
    assert came == Taken(AMOUNT) and isinstance(sent, LinkError)
    assert pair.hands == (100 - AMOUNT, AMOUNT)


def test_the_payee_says_that_nothing_new_came(loaded: tuple[bytes, bytes]) -> None:
    pair = Pair(loaded)
    before_the_ok(loaded, pair)
    came, sent = pair.meet()
    assert came == Taken(AMOUNT, repeated=True, asked=False)
    assert sent == link_payments.Handed(AMOUNT, True)
    assert pair.said == ["finishes 30"]
    assert pair.meet() == (Taken(AMOUNT), link_payments.Handed(AMOUNT, False))
    assert pair.said == ["pays"]
    assert pair.hands == (40, 60)


def test_another_amount_is_paid_after_the_earlier_one_is_confirmed(
    loaded: tuple[bytes, bytes],
) -> None:
    pair = Pair(loaded)
    before_the_ok(loaded, pair)
    assert pair.meet(20) == (Taken(20), link_payments.Handed(20, False))
    assert pair.said == ["pays", "finishes 30"]
    assert pair.hands == (50, 50)
    assert pair.alice.element.payer.unconfirmed() == []


def test_a_new_payment_can_be_wished_for(loaded: tuple[bytes, bytes]) -> None:
    pair = Pair(loaded)
    before_the_ok(loaded, pair)
    assert pair.meet(anew=True)[1] == link_payments.Handed(AMOUNT, False)
    assert pair.hands == (40, 60)


def test_a_payment_that_never_arrived_pays_a_new_request(loaded: tuple[bytes, bytes]) -> None:
    pair = Pair(loaded)
    _, sent = pair.meet(cut=lambda port: Cable(port, TO_PAYEE, 100))
    assert isinstance(sent, LinkError) and pair.hands == (70, 0)
    came, sent = pair.meet(anew_request=True)
    assert (came, sent) == (Taken(AMOUNT, asked=False), link_payments.Handed(AMOUNT, True))
    assert pair.hands == (70, 30)


def test_two_payers_of_one_cut_link_both_keep_what_is_theirs(loaded: tuple[bytes, bytes]) -> None:
    """The second pays while the first does not know whether it has."""
    signers = Signers()
    pair = Pair(loaded)
    pair.meet(cut=lambda port: Cable(port, TO_PAYEE, 100))
    alice, pair.alice = pair.alice, make_device(signers, "carol", 100)
    assert pair.meet()[0] == Taken(AMOUNT)
    assert pair.hands == (70, AMOUNT)
    pair.alice = alice
    assert pair.meet() == (Taken(AMOUNT, asked=False), link_payments.Handed(AMOUNT, True))
    assert pair.hands == (70, 2 * AMOUNT)


def test_a_request_paid_by_another_way_is_not_shown_again(loaded: tuple[bytes, bytes]) -> None:
    pair = Pair(loaded)
    payee = OfflinePayments(pair.bob.element)
    text = link_payments.request_to_show(payee, pair.requests, pair.bob.clock, AMOUNT)
    assert link_payments.request_to_show(payee, pair.requests, pair.bob.clock, AMOUNT) == text
    payee.accept(OfflinePayments(pair.alice.element).pay(text))
    assert link_payments.request_to_show(payee, pair.requests, pair.bob.clock, AMOUNT) != text


def test_a_payee_that_asks_for_what_cannot_be_read_is_told_so(loaded: tuple[bytes, bytes]) -> None:
    pair = Pair(loaded)
    _, sent = pair.meet(request=text_format.write(text_format.REQUEST, b"R1"))
    assert isinstance(sent, text_format.PaperError) and "not whole" in str(sent)
    assert pair.said == [] and pair.hands == (100, 0)


def test_a_no_is_a_no_and_the_payment_is_kept(loaded: tuple[bytes, bytes]) -> None:
    pair = Pair(loaded)
    pair.bob.store.failing = False
    before_the_ok(loaded, pair)
    state = pair.bob.store.read()
    state.taken.clear()
    pair.bob.store.data = state.encode()
    came, sent = pair.meet()
    assert isinstance(sent, LinkRefused)
    assert len(pair.alice.element.payer.unconfirmed()) == 1
    assert pair.meet(anew=True)[1] == link_payments.Handed(AMOUNT, False)


def test_a_payee_whose_disk_is_full_says_nothing_of_its_disk(
    loaded: tuple[bytes, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(body: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/home/holder/.wallet/element.log")

    pair = Pair(loaded)
    request = OfflinePayments(pair.bob.element).request(AMOUNT)
    monkeypatch.setattr(pair.bob.store, "change", full)
    came, sent = pair.meet(request=request)
    assert isinstance(came, LinkError) and "No space left on device" in str(came)
    assert isinstance(sent, LinkRefused) and str(sent) == "the payee's device did not take it"
    monkeypatch.undo()
    assert pair.meet(request=request)[1] == link_payments.Handed(AMOUNT, True)
    assert pair.hands == (100 - AMOUNT, AMOUNT)


# The payee has another key than before
def loads(holder: TestDevice, bank: str) -> None:
    """It has a new key from here on."""
    signers = Signers()
    key = holder.element.keys.load_key("6201000000000017", ())
    certificate = signers.certify(key, bank).encode()
    holder.element.keys.certify(certificate, signers.bank_certificate(bank).encode())


def test_a_payee_that_has_loaded_since_is_known_again(loaded: tuple[bytes, bytes]) -> None:
    pair = Pair(loaded)
    before_the_ok(loaded, pair)
    loads(pair.bob, "beta")
    assert pair.meet() == (
        Taken(AMOUNT, repeated=True, asked=False),
        link_payments.Handed(AMOUNT, True),
    )
    assert pair.hands == (70, 30)
    _, sent = pair.meet(cut=lambda port: Cable(port, TO_PAYEE, 100))
    assert isinstance(sent, LinkError) and pair.hands == (40, 30)
    loads(pair.bob, "beta")
    came, sent = pair.meet(anew_request=True)
    assert (came, sent) == (Taken(AMOUNT, asked=False), link_payments.Handed(AMOUNT, True))
    assert pair.hands == (40, 60)


def test_another_payee_is_shown_nothing_of_what_was_paid_before(
    loaded: tuple[bytes, bytes],
) -> None:
    """Though it says that everything is its own."""
    pair = Pair(loaded)
    before_the_ok(loaded, pair)
    carol = make_device(Signers(), "carol")
    shown: list[str] = []
    real = carol.element.payee.answers

    class Nosy(dict):  # type: ignore[type-arg]
        def __contains__(self, tag: object) -> bool:
            shown.append(str(tag))
            return True

        def __getitem__(self, tag: str) -> str:
            return tag

    pair.bob, answer_to = carol, link.answer_to
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(link, "answer_to", lambda line, _: answer_to(line, Nosy))
        assert pair.meet() == (Taken(AMOUNT), link_payments.Handed(AMOUNT, False))
    assert len(shown) == 1 and shown[0] not in {key.hex() for key in real()}
    assert len(pair.alice.element.payer.unconfirmed()) == 1
