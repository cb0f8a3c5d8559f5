"""A direct link cut at any byte, in either direction: the money is in one hand, and paid once."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from runtime.errors import Refusal
from runtime.randomness import SeededRandomness
from tests.offline.country import NOW, Country
from tests.offline.purses import FailingStore, Purse, _purse, deposited, deposits, purse
from wallet.offline import link_payments, text_format
from wallet.offline.link import Taken
from wallet.offline.outcomes import GivenBack, LinkError, LinkRefused, PaymentReturn
from wallet.offline.payments import OfflinePayments
from wallet.secure_element.interface import Limits

AMOUNT = 30
TO_PAYEE, TO_PAYER = "to the payee", "to the payer"
WAIT_S = 10.0


@pytest.fixture(scope="module")
def loaded() -> tuple[bytes, bytes]:
    """What Alice's and Bob's devices remember before they meet; making it takes time."""
    country = Country()
    return purse(country, "alice", 100).store.data, purse(country, "bob").store.data


class Memory:
    """`wallet.offline.link_payments.Requests`."""

    def __init__(self) -> None:
        self.open: list[tuple[str, int]] = []

    def unseen(self, amount_fen: int) -> str | None:
        found = [text for text, amount in self.open if amount == amount_fen]
        return found[-1] if found else None

    def add(self, text: str, amount_fen: int, now_ms: int) -> None:
        self.open.append((text, amount_fen))

    def seen(self, text: str, now_ms: int) -> None:
        self.open = [entry for entry in self.open if entry[0] != text]


class Pair:
    """A payer and a payee with a cable between them."""

    def __init__(self, loaded: tuple[bytes, bytes], seed: int = 1) -> None:
        self.alice, self.bob = (_holder(data, seed * 10 + at) for at, data in enumerate(loaded))
        self.requests = Memory()
        self.said: list[str] = []
        """What the payer is told before anything is shown."""

    def meet(
        self,
        amount: int = AMOUNT,
        cut: Callable[[int], Cable] | None = None,
        *,
        anew: bool = False,
        anew_request: bool = False,
        request: str = "",
    ) -> tuple[Any, Any]:
        """One command on each side; what each came to."""
        self.said = []
        payee, payer = OfflinePayments(self.bob.element), OfflinePayments(self.alice.element)
        request = request or link_payments.request_to_show(
            payee, self.requests, self.bob.clock, amount, anew=anew_request
        )
        listening, came = threading.Event(), []
        where: list[int] = []

        def listen(at: str) -> None:
            where.append(int(at.rpartition(":")[2]))
            listening.set()

        def wait() -> None:
            try:
                came.append(
                    link_payments.accept(
                        payee,
                        ("127.0.0.1", 0),
                        request,
                        on_listening=listen,
                        on_met=lambda: self.requests.seen(request, 0),
                        timeout_s=WAIT_S,
                    )
                )
            except Exception as error:
                came.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        assert listening.wait(WAIT_S)
        cable = cut(where[0]) if cut is not None else None
        port = cable.port if cable is not None else where[0]
        try:
            sent: Any = link_payments.pay(
                payer,
                ("127.0.0.1", port),
                lambda asked: self.said.append("pays"),
                finishing=lambda asked, amount_fen: self.said.append(f"finishes {amount_fen}"),
                anew=anew,
                timeout_s=WAIT_S,
            )
        except Exception as error:
            sent = error
        thread.join(WAIT_S)
        if cable is not None:
            cable.close()
        return came[0], sent

    @property
    def hands(self) -> tuple[int, int]:
        return self.alice.balance, self.bob.balance


def _holder(data: bytes, seed: int) -> Purse:
    store = FailingStore(bytes(32))
    store.data = data
    return _purse(store, NOW, SeededRandomness(seed))


class Cable:
    """Carries both directions to a port, and breaks after so many bytes of one of them."""

    def __init__(self, port: int, direction: str, whole: int) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._to, self._direction, self._left = port, direction, whole
        self._ends: list[socket.socket] = []
        self._thread = threading.Thread(target=self._carry)
        self._thread.start()

    def _carry(self) -> None:
        payer, _ = self._server.accept()
        payee = socket.create_connection(("127.0.0.1", self._to))
        self._ends = [payer, payee]
        back = threading.Thread(target=self._pump, args=(payee, payer, TO_PAYER))
        back.start()
        self._pump(payer, payee, TO_PAYEE)
        back.join()
        for end in self._ends:
            end.close()

    def _pump(self, source: socket.socket, sink: socket.socket, direction: str) -> None:
        try:
            while data := source.recv(65_536):
                if direction == self._direction:
                    data, self._left = data[: self._left], self._left - len(data[: self._left])
                    sink.sendall(data)
                    if self._left == 0:
                        break
                else:
                    sink.sendall(data)
        except OSError:
            pass
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._thread.join(WAIT_S)
        self._server.close()


def lengths(loaded: tuple[bytes, bytes]) -> dict[str, int]:
    """Bytes of a whole exchange in each direction."""
    pair = Pair(loaded)
    seen: list[Cable] = []

    def whole(port: int) -> Cable:
        seen.append(Cable(port, TO_PAYEE, 10**9))
        return seen[-1]

    assert pair.meet(cut=whole) == (Taken(AMOUNT), link_payments.Handed(AMOUNT, False))
    payee_bytes = 10**9 - seen[0]._left
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
        assert pair.alice.element.unconfirmed() == []


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
    assert pair.alice.element.unconfirmed() == []


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
    country = Country()
    pair = Pair(loaded)
    pair.meet(cut=lambda port: Cable(port, TO_PAYEE, 100))
    alice, pair.alice = pair.alice, purse(country, "carol", 100)
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
    assert len(pair.alice.element.unconfirmed()) == 1
    assert pair.meet(anew=True)[1] == link_payments.Handed(AMOUNT, False)


# The payee has another key than before


def loads(holder: Purse, bank: str) -> None:
    """It has a new key from here on."""
    country = Country()
    key = holder.element.load_key("6201000000000017", ())
    certificate = country.certify(key, bank).encode()
    holder.element.certify(certificate, country.bank_certificate(bank).encode())


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
    carol = purse(Country(), "carol")
    shown: list[str] = []
    real = carol.element.answers

    class Nosy(dict):  # type: ignore[type-arg]
        def __contains__(self, tag: object) -> bool:
            shown.append(str(tag))
            return True

        def __getitem__(self, tag: str) -> str:
            return tag

    pair.bob, payee = carol, link_payments.link.receive

    def receive(*arguments: Any, **more: Any) -> Taken:
        return payee(*arguments, **{**more, "answers": Nosy})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(link_payments.link, "receive", receive)
        assert pair.meet() == (Taken(AMOUNT), link_payments.Handed(AMOUNT, False))
    assert len(shown) == 1 and shown[0] not in {key.hex() for key in real()}
    assert len(pair.alice.element.unconfirmed()) == 1


# What is not taken comes back


def refusing(loaded: tuple[bytes, bytes], seed: int = 1) -> Pair:
    """The payee knows that a device on the way was revoked, the payer does not.

    Nor does it learn that over the link: whoever is between can keep a newer bundle to himself.
    """
    pair, country = Pair(loaded, seed), Country()
    revoking = country.bundle(created_time_ms=NOW, revoked=(country.alice.revocation,))
    pair.bob.element.trust(country.root_public + revoking.encode())
    pair.bob.element.newer_than = lambda news: b""  # type: ignore[method-assign]
    return pair


def test_what_is_not_taken_comes_back_over_the_link(loaded: tuple[bytes, bytes]) -> None:
    pair = refusing(loaded)
    came, sent = pair.meet()
    assert isinstance(came, GivenBack) and isinstance(sent, PaymentReturn)
    assert (sent.amount_fen, str(sent)) == (AMOUNT, "a device was revoked")
    assert pair.hands == (100, 0)
    assert pair.alice.element.unconfirmed() == []


def test_why_there_is_no_room_is_the_payees_own_business(loaded: tuple[bytes, bytes]) -> None:
    """Her limit says, with the amount, what she holds; she is told, and not her payer."""
    pair = Pair(loaded)
    request = OfflinePayments(pair.bob.element).request(AMOUNT)
    pair.bob.element.set_limits(Limits(total_fen=AMOUNT - 1))
    came, sent = pair.meet(request=request)
    assert isinstance(came, GivenBack) and isinstance(sent, PaymentReturn)
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
    for at in range(whole - cables[0]._left):
        pair = refusing(loaded)
        came, sent = pair.meet(cut=lambda port, at=at: Cable(port, direction, at))
        assert not isinstance(came, Taken) and not isinstance(sent, link_payments.Handed), at
        assert pair.hands in ((100, 0), (100 - AMOUNT, 0)), at
        # Whatever was lost is shown, and given back, when they meet again.
        _, sent = pair.meet()
        assert isinstance(sent, PaymentReturn), (at, sent)
        assert pair.hands == (100, 0), at
        assert pair.alice.element.unconfirmed() == []
        worth = [deposited(Country(), each).value_fen for each in deposits(pair.alice)]
        assert sum(worth) == 100, at


def test_an_earlier_payment_comes_back_and_the_new_one_is_made_of_other_money(
    loaded: tuple[bytes, bytes],
) -> None:
    country, pair = Country(), Pair(loaded)
    carol = purse(country, "carol", AMOUNT)
    pair.alice = purse(country, "alice")
    assert (
        pair.alice.element.accept(carol.element.pay(pair.alice.element.request(AMOUNT))) == AMOUNT
    )
    pair.meet(cut=lambda port: Cable(port, TO_PAYEE, 100))
    assert pair.hands == (0, 0)
    pair.alice.element.load([country.mint(country.alice, 100, number=5).token.encode()])
    revoking = country.bundle(created_time_ms=NOW, revoked=(country.carol.revocation,))
    pair.bob.element.trust(country.root_public + revoking.encode())
    came, sent = pair.meet(anew_request=True)
    assert (came, sent) == (Taken(AMOUNT), link_payments.Handed(AMOUNT, False, AMOUNT))
    assert pair.said == ["finishes 30", "pays"]
    assert pair.hands == (100, AMOUNT)
    assert pair.alice.element.payable_fen() == 100 - AMOUNT


def test_a_forged_give_back_leaves_the_payment_to_its_payee(
    loaded: tuple[bytes, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = Pair(loaded)

    def give_back(
        offline_payments: OfflinePayments, payment: str, asked: bytes | None = None
    ) -> Taken:
        text = text_format.write(text_format.BACK, b"B1" + bytes(16) + b"\1" + bytes(129))
        raise GivenBack(text, "a device was revoked")

    with monkeypatch.context() as patch:
        patch.setattr(link_payments, "accept_or_give_back", give_back)
        _, sent = pair.meet()
    assert isinstance(sent, Refusal)
    assert pair.hands == (70, 0)
    assert len(pair.alice.element.unconfirmed()) == 1
    assert pair.meet(anew_request=True)[1] == link_payments.Handed(AMOUNT, True)
    assert pair.hands == (70, 30)
