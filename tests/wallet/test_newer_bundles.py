"""Whoever has the newer trust bundle hands it on before a payment: over a link, and to a card."""

from __future__ import annotations

import base64
import threading
from typing import Any

import pytest

from offline_token.bundle import head_bytes
from offline_token.formats import KEY_BYTES
from runtime.errors import Refusal
from tests.offline.devices import TestDevice, make_device
from tests.offline.signers import NOW, Signers, key_of
from tests.offline.trust_cases import filter_of
from tests.wallet.held_cards import Held
from tests.wallet.linked import Memory
from wallet.hard_wallet import tap
from wallet.offline import link, link_payments, newer_bundles
from wallet.offline.link_payments import ShownRequest
from wallet.offline.outcomes import LinkError
from wallet.offline.payments import OfflinePayments

OTHER = filter_of(key_of("nobody").verify_key.encode()[:16], bits=32)


def encoded(signers: Signers, minutes: int, **changes: Any) -> bytes:
    bundle = signers.bundle(created_time_ms=NOW - 3_600_000 + minutes * 60_000, **changes)
    return signers.root_public + bundle.encode()


def created(holder: TestDevice) -> int:
    return (holder.element.trust.news().created_time_ms - NOW + 3_600_000) // 60_000


def exchange(payer: TestDevice, payee: TestDevice) -> list[str]:
    """What payer and payee say to each other."""
    said: list[str] = []

    def ask(line: str) -> str:
        answer = newer_bundles.answer_to(payee.element.trust, line)
        assert answer is not None
        said.extend((line, answer))
        return answer

    newer_bundles.begin(payer.element.trust, ask)
    return said


def meet(payer: TestDevice, payee: TestDevice, amount: int) -> tuple[object, object]:
    """A payment over a direct link; what each side came to."""
    there, came = threading.Event(), list[object]()
    where: list[str] = []

    def listen(at: str) -> None:
        where.append(at)
        there.set()

    def receive() -> None:
        try:
            mine, seen = OfflinePayments(payee.element), Memory()
            request = link_payments.request_to_show(mine, seen, payee.clock, amount)
            shown = ShownRequest(mine, seen, payee.clock, request)
            came.append(link.receive(("127.0.0.1", 0), shown, on_listening=listen, timeout_s=10))
        except Exception as error:
            came.append(error)

    thread = threading.Thread(target=receive)
    thread.start()
    assert there.wait(10)
    host, _, port = where[0].rpartition(":")
    sent: object
    try:
        sent = link_payments.pay(
            OfflinePayments(payer.element), (host, int(port)), lambda request: None, timeout_s=10
        )
    except Exception as error:
        sent = error
    thread.join(10)
    return sent, came[0]


def test_both_have_the_newer_one_afterwards_whoever_had_it(signers: Signers) -> None:
    for newer in (0, 1):
        pair = make_device(signers, "alice"), make_device(signers, "bob")
        pair[newer].element.trust.follow(encoded(signers, 9))
        exchange(*pair)
        assert [created(each) for each in pair] == [9, 9]


def test_nothing_is_handed_on_where_both_have_the_same(signers: Signers) -> None:
    said = exchange(make_device(signers, "alice"), make_device(signers, "bob"))
    assert len(said) == 2 and all(line.startswith("HAVE ") for line in said)


def test_with_the_same_filter_the_head_is_enough(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice"), make_device(signers, "bob")
    for each in (alice, bob):
        each.element.trust.follow(encoded(signers, 1, filter=OTHER))
    newer = encoded(signers, 2, filter=OTHER, revoked=(signers.carol.revocation,))
    bob.element.trust.follow(newer)
    (answer,) = [line for line in exchange(alice, bob) if line.startswith("NEWER ")]
    handed = base64.b64decode(answer.partition(" ")[2])
    assert len(handed) == KEY_BYTES + head_bytes(newer[KEY_BYTES:]) < len(newer)
    assert alice.store.read().bundle == newer


def test_a_head_without_the_filter_that_it_names_is_refused(signers: Signers) -> None:
    alice = make_device(signers, "alice")
    alice.element.trust.follow(encoded(signers, 1, filter=filter_of(bytes(16))))
    newer = encoded(signers, 2, filter=OTHER)
    before = alice.store.read().bundle
    for wrong in (
        newer[: KEY_BYTES + head_bytes(newer[KEY_BYTES:])],
        newer[:-1],
        newer + b"\0",
        newer[: KEY_BYTES + head_bytes(newer[KEY_BYTES:])] + filter_of(bytes(16)),
        newer[:100],
        b"",
    ):
        with pytest.raises(Refusal) as caught:
            alice.element.trust.follow(wrong)
        assert caught.value.field == "trust_bundle"
    assert alice.store.read().bundle == before


def test_what_the_root_has_not_signed_or_is_older_changes_nothing(signers: Signers) -> None:
    alice = make_device(signers, "alice")
    alice.element.trust.follow(encoded(signers, 5, revoked=(signers.carol.revocation,)))
    before = alice.store.data
    mallory = bytes(key_of("mallory").verify_key)
    good = encoded(signers, 9)
    for wrong in (
        good[:-70] + bytes([good[-70] ^ 1]) + good[-69:],
        mallory + good[KEY_BYTES:],
        encoded(signers, 4),
        encoded(signers, 9 - 45 * 24 * 60),
        b"\xff" * 40,
        b"",
    ):
        line = f"NEWER {base64.b64encode(wrong).decode()}"
        answer = newer_bundles.answer_to(alice.element.trust, line)
        assert answer is not None and answer.startswith("HAVE ")
        newer_bundles.begin(alice.element.trust, lambda _, line=line: line)  # type: ignore[misc]
    for line in ("NEWER", "NEWER ***", "HAVE", "HAVE x y", "HAVE " + "9" * 40):
        assert newer_bundles.answer_to(alice.element.trust, line) is not None
        newer_bundles.begin(alice.element.trust, lambda _, line=line: line)  # type: ignore[misc]
    assert alice.store.data == before


def test_a_payer_learns_from_the_payee_what_would_be_refused_and_keeps_it(
    signers: Signers,
) -> None:
    """Without it the money would leave, and come back for a deposit only."""
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    bob.element.trust.follow(encoded(signers, 9, revoked=(signers.alice.revocation,)))
    sent, came = meet(alice, bob, 30)
    assert isinstance(sent, Refusal) and sent.metadata["verdict"] == "DEVICE_REVOKED"
    assert isinstance(came, LinkError)
    assert alice.balance == 100 and alice.element.payer.unconfirmed() == []


def test_a_payee_learns_from_the_payer_who_was_revoked(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    alice.element.trust.follow(encoded(signers, 9, revoked=(signers.carol.revocation,)))
    sent, came = meet(alice, bob, 30)
    assert not isinstance(sent, Exception) and not isinstance(came, Exception)
    assert (created(bob), bob.balance) == (9, 30)


def test_a_card_and_a_wallet_hand_it_on_either_way(signers: Signers) -> None:
    for newer in ("card", "wallet"):
        held, bob = Held(signers, 100), make_device(signers, "bob", 50)
        element = held.hard.element if newer == "card" else bob.element
        element.trust.follow(encoded(signers, 9, filter=OTHER))
        assert tap.take(OfflinePayments(bob.element), held.again(), 10).amount_fen == 10
        assert held.hard.element.trust.news() == bob.element.trust.news()
        assert created(bob) == 9
        assert tap.give(OfflinePayments(bob.element), held.again(), 5).amount_fen == 5


def test_a_card_that_hands_on_no_good_one_is_paid_all_the_same(
    signers: Signers, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, bob = Held(signers, 100), make_device(signers, "bob")
    before = bob.store.read().bundle
    forged = encoded(signers, 9)[:-1] + b"\0"
    monkeypatch.setattr(held.hard.element.trust, "newer_than", lambda news: forged)
    assert tap.take(OfflinePayments(bob.element), held.again(), 10).amount_fen == 10
    assert bob.store.read().bundle == before
