"""A recovery phrase: its words, its keys, and a wallet that comes back by it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from mnemonic import Mnemonic

from dcep.bank.v1 import keys_pb2
from dcep.errors.v1 import errors_pb2
from runtime.errors import NoAnswer, Refusal
from runtime.randomness import SystemRandomness
from tests.refusals import refused_for
from tests.wallet.apps import ALPHA, MakeApp
from tests.wallet.fake_bank import FakeBank
from wallet.app import App
from wallet.online.keys import APPROVED, IN_FORCE
from wallet.peers.bank_directory import BankEntry
from wallet.recovery.by_phrase import BankNotSure, NowhereKnown
from wallet.recovery.errors import PhraseError
from wallet.recovery.phrase import made, recovery_key, typed

BETA = ALPHA.__class__("beta", "127.0.0.1:2", ca=__file__, offline_root="")
# Of BIP-39's own vectors: the entropy, the words, and the seed under the passphrase "TREZOR".
ENTROPY = bytes.fromhex("9e885d952ad362caeb4efe34a8e91bd2")
WORDS = "ozone drill grab fiber curtain grace pudding thank cruise elder eight picnic"
SEED = "274ddc525802f7c828d8ef7ddbcdc5304e87ac3535913611fbbfa986d0c9e547"


class Fixed(SystemRandomness):
    def bytes(self, count: int) -> bytes:
        return ENTROPY[:count] if count == 16 else super().bytes(count)


@pytest.fixture
def words() -> str:
    return made(SystemRandomness())


@pytest.fixture
def old(make_app: MakeApp, words: str) -> App:
    """A wallet with a phrase, which nothing of is left in its home."""
    home = make_app("alice", opened=False)
    key = bytes(recovery_key(words, "alpha").verify_key)
    home.open(ALPHA, phone="13800000001", recovery_key=key)
    home.holder().top_up(10_000)
    return home


def test_the_words_are_bip_39s() -> None:
    assert made(Fixed()) == WORDS
    assert Mnemonic.to_seed(WORDS, "TREZOR")[:32].hex() == SEED


def test_each_bank_gets_another_key_of_the_same_phrase() -> None:
    keys = {bytes(recovery_key(WORDS, bank).verify_key) for bank in ("alpha", "beta", "alph")}
    assert len(keys) == 3
    # It stays the same for ever: whoever has written a phrase down has to get the wallet back.
    digest = hashlib.sha256(bytes(recovery_key(WORDS, "alpha").verify_key)).hexdigest()
    assert digest == PINNED


PINNED = "2e8b348475366978ce0579d249e02d5cc44e81821f998f50b902674eb33d9be1"


def test_a_phrase_is_typed_with_numbers_and_spaces_in_any_case() -> None:
    numbered = "\n".join(f" {place}. {word.upper()}" for place, word in enumerate(WORDS.split(), 1))
    assert typed(numbered) == WORDS


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("", "12 words"),
        (WORDS.rsplit(" ", 1)[0], "these are 11"),
        (WORDS + " picnic", "these are 13"),
        (WORDS.replace("grab", "grabb"), "word 3, 'grabb'"),
        (WORDS.replace("grab fiber", "fiber grab"), "changed places"),
        (WORDS.replace("grab", "grace"), "do not belong together"),
        ("x" * 1_000_000, "12 words"),
    ],
)
def test_what_is_no_phrase_is_said(wrong: str, said: str) -> None:
    with pytest.raises(PhraseError, match=said):
        typed(wrong)


def test_who_has_the_phrase_alone_gets_the_wallet_back(
    old: App, bank: FakeBank, make_app: MakeApp, words: str
) -> None:
    number, new = old.profile().number, make_app("new", opened=False)
    asked: list[str] = []

    def given() -> str:
        asked.append(words)
        return words

    done = new.recover_by_phrase([BETA, ALPHA], given)
    assert (done.profile.number, done.profile.bank) == (number, "alpha")
    assert (done.state.state, done.profile.opened) == (APPROVED, False)
    assert new.recover_by_phrase([BETA, ALPHA], given).state.state == APPROVED
    assert len(asked) == 1  # only what has to be signed takes the phrase
    bank.replace_key(number, done.key)
    done = new.recover_by_phrase([BETA, ALPHA], given)
    assert (done.state.state, done.profile.opened) == (IN_FORCE, True)
    assert new.holder().show().available_fen == 10_000
    assert refused_for(old.holder().show) == "KEY_REPLACED"
    assert len(asked) == 1
    assert not any(
        word.encode() in content
        for content in (file.read_bytes() for file in new.home.folder.iterdir() if file.is_file())
        for word in words.split()
        if len(word) > 6
    )


def test_a_phrase_of_no_wallet_makes_no_home(make_app: MakeApp, old: App) -> None:
    new = make_app("new", opened=False)
    with pytest.raises(NowhereKnown):
        new.recover_by_phrase([ALPHA, BETA], lambda: made(SystemRandomness()))
    assert new.home.profile() is None and not new.home.has_key


def test_a_bank_that_is_silent_may_be_the_one(
    make_app: MakeApp, old: App, bank: FakeBank, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = make_app("new", opened=False)

    def silent(_query: Any) -> Any:
        raise NoAnswer("nobody there")

    with monkeypatch.context() as patch:
        patch.setattr(bank, "find_wallet", silent)
        with pytest.raises(NoAnswer):
            new.recover_by_phrase([ALPHA], lambda: words)
    assert new.home.profile() is None
    assert new.recover_by_phrase([ALPHA], lambda: words).state.state == APPROVED


def dishonest(bank: FakeBank, monkeypatch: pytest.MonkeyPatch, says: Callable[[], str]) -> None:
    """Beta, which listens at the same bank here, says of any phrase what it likes."""
    honest = bank.find_wallet

    def find(query: Any) -> Any:
        if keys_pb2.RecoveryQuery.FromString(query.payload).bank == "beta":
            return keys_pb2.FindWalletResponse(wallet_number=says())
        return honest(query)

    monkeypatch.setattr(bank, "find_wallet", find)


@pytest.mark.parametrize("order", [[BETA, ALPHA], [ALPHA, BETA]])
def test_no_bank_that_lies_is_believed_because_it_comes_first(
    old: App,
    bank: FakeBank,
    make_app: MakeApp,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    order: list[BankEntry],
) -> None:
    number, new = old.profile().number, make_app("new", opened=False)
    dishonest(bank, monkeypatch, lambda: "6202000000000016")
    with pytest.raises(BankNotSure, match=f"alpha: {number}") as said:
        new.recover_by_phrase(order, lambda: words)
    assert "beta: 6202000000000016" in str(said.value) and "--bank" in said.value.following
    assert new.home.profile() is None and not new.home.has_key, "nothing is begun at either"
    assert new.recover_by_phrase([ALPHA], lambda: words).profile.bank == "alpha"


def test_no_bank_that_refuses_keeps_the_others_from_being_asked(
    old: App, bank: FakeBank, make_app: MakeApp, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses() -> str:
        raise Refusal(errors_pb2.REASON_OVERLOADED, "not now")

    new = make_app("new", opened=False)
    dishonest(bank, monkeypatch, refuses)
    with pytest.raises(BankNotSure, match="alpha: .*; these say nothing: beta"):
        new.recover_by_phrase([BETA, ALPHA], lambda: words)
    assert refused_for(new.recover_by_phrase, [BETA], lambda: words) == "OVERLOADED"


def test_a_key_that_was_objected_to_is_thrown_away_and_the_next_is_another(
    old: App, bank: FakeBank, make_app: MakeApp, words: str
) -> None:
    number, new = old.profile().number, make_app("new", opened=False)
    first = new.recover_by_phrase([ALPHA], lambda: words)
    bank.keys[number, first.key] = keys_pb2.GetKeyResponse(state=keys_pb2.KEY_STATE_OBJECTED)
    assert refused_for(new.recover_by_phrase, [ALPHA], lambda: words) == "ALREADY_DECIDED"
    again = new.recover_by_phrase([ALPHA], lambda: words)
    assert again.key != first.key and again.state.state == APPROVED
