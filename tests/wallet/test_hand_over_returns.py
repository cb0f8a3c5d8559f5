"""A payment over a link whose payee does not take it comes back, wherever the link is cut."""

from __future__ import annotations

import pytest

from runtime.errors import Refusal
from tests.offline.devices import deposited, deposits, make_device
from tests.offline.signers import NOW, Signers
from tests.wallet.linked import AMOUNT, TO_PAYEE, TO_PAYER, Cable, Pair, loaded_devices
from wallet.offline import link_payments, text_format
from wallet.offline.link import Taken
from wallet.offline.outcomes import PaymentReturn, PaymentReturned
from wallet.offline.payments import OfflinePayments
from wallet.secure_element.interface import Limits


@pytest.fixture(scope="module")
def loaded() -> tuple[bytes, bytes]:
    return loaded_devices()


# What is not taken comes back
def refusing(loaded: tuple[bytes, bytes], seed: int = 1) -> Pair:
    """The payee knows that a device on the way was revoked, the payer does not.

    Nor does it learn that over the link: whoever is between can keep a newer bundle to himself.
    """
    pair, signers = Pair(loaded, seed), Signers()
    revoking = signers.bundle(created_time_ms=NOW, revoked=(signers.alice.revocation,))
    pair.bob.element.trust.follow(signers.root_public + revoking.encode())
    pair.bob.element.trust.newer_than = lambda news: b""  # type: ignore[method-assign]
    return pair


def test_what_is_not_taken_comes_back_over_the_link(loaded: tuple[bytes, bytes]) -> None:
    pair = refusing(loaded)
    came, sent = pair.meet()
    assert isinstance(came, PaymentReturned) and isinstance(sent, PaymentReturn)
    assert (sent.amount_fen, str(sent)) == (AMOUNT, "a device was revoked")
    assert pair.hands == (100, 0)
    assert pair.alice.element.payer.unconfirmed() == []


def test_why_there_is_no_room_is_the_payees_own_business(loaded: tuple[bytes, bytes]) -> None:
    """Her limit says, with the amount, what she holds; she is told, and not her payer."""
    pair = Pair(loaded)
    request = OfflinePayments(pair.bob.element).request(AMOUNT)
    pair.bob.element.holdings.set_limits(Limits(total_fen=AMOUNT - 1))
    came, sent = pair.meet(request=request)
    assert isinstance(came, PaymentReturned) and isinstance(sent, PaymentReturn)
    assert "device's own limit" in str(came)
    assert str(sent) == "the payee's device did not take it"
    assert pair.hands == (100, 0)


@pytest.mark.parametrize("direction", [TO_PAYEE, TO_PAYER])
def test_cut_at_any_byte_the_money_is_the_payers_again(
    loaded: tuple[bytes, bytes], direction: str
) -> None:
    whole = 10**9
    cables: list[Cable] = []

    def measured(port: int) -> Cable:
        cables.append(Cable(port, direction, whole))
        return cables[-1]

    refusing(loaded).meet(cut=measured)
    for at in range(whole - cables[0].left_bytes):
        pair = refusing(loaded)
        came, sent = pair.meet(cut=lambda port, at=at: Cable(port, direction, at))
        assert not isinstance(came, Taken) and not isinstance(sent, link_payments.Handed), at
        assert pair.hands in ((100, 0), (100 - AMOUNT, 0)), at
        # Whatever was lost is shown, and given back, when they meet again.
        _, sent = pair.meet()
        assert isinstance(sent, PaymentReturn), (at, sent)
        assert pair.hands == (100, 0), at
        assert pair.alice.element.payer.unconfirmed() == []
        worth = [deposited(Signers(), each).value_fen for each in deposits(pair.alice)]
        assert sum(worth) == 100, at


def test_an_earlier_payment_comes_back_and_the_new_one_is_made_of_other_money(
    loaded: tuple[bytes, bytes],
) -> None:
    signers, pair = Signers(), Pair(loaded)
    carol = make_device(signers, "carol", AMOUNT)
    pair.alice = make_device(signers, "alice")
    assert (
        pair.alice.element.payee.accept(
            carol.element.payer.pay(pair.alice.element.payee.request(AMOUNT))
        )
        == AMOUNT
    )
    pair.meet(cut=lambda port: Cable(port, TO_PAYEE, 100))
    assert pair.hands == (0, 0)
    pair.alice.element.holdings.load([signers.mint(signers.alice, 100, number=5).token.encode()])
    revoking = signers.bundle(created_time_ms=NOW, revoked=(signers.carol.revocation,))
    pair.bob.element.trust.follow(signers.root_public + revoking.encode())
    came, sent = pair.meet(anew_request=True)
    assert (came, sent) == (Taken(AMOUNT), link_payments.Handed(AMOUNT, False, AMOUNT))
    assert pair.said == ["finishes 30", "pays"]
    assert pair.hands == (100, AMOUNT)
    assert pair.alice.element.holdings.payable_fen() == 100 - AMOUNT


def test_a_forged_give_back_leaves_the_payment_to_its_payee(
    loaded: tuple[bytes, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = Pair(loaded)

    def return_payment(
        offline_payments: OfflinePayments, payment: str, asked: bytes | None = None
    ) -> Taken:
        text = text_format.write(text_format.BACK, b"B1" + bytes(16) + b"\1" + bytes(129))
        raise PaymentReturned(text, "a device was revoked")

    with monkeypatch.context() as patch:
        patch.setattr(link_payments, "accept_or_return", return_payment)
        _, sent = pair.meet()
    assert isinstance(sent, Refusal)
    assert pair.hands == (70, 0)
    assert len(pair.alice.element.payer.unconfirmed()) == 1
    assert pair.meet(anew_request=True)[1] == link_payments.Handed(AMOUNT, True)
    assert pair.hands == (70, 30)
