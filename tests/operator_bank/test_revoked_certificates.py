"""A TLS certificate of the central bank that a good key revokes is revoked at every bank."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from operator_bank.api.inner import inner_authorizer
from operator_bank.peers.central_keys import KeysFile
from runtime.errors import Refusal
from runtime.settings import SettingsError
from runtime.tls import Identity
from tests.feeds import CENTRAL_KEY
from tests.operator_bank.system import System
from tests.operator_bank.trusting import FIRST, SECOND, THIEF, Trust, announced, public


@pytest.fixture
def trust(system: System) -> Trust:
    return Trust(system, FIRST)


STOLEN = "5a" * 32


def test_a_tls_certificate_that_a_good_key_revokes_is_revoked_for_good(trust: Trust) -> None:
    woken: list[bool] = []
    trust.keys.on_revoked = lambda: woken.append(True)
    by_a_thief = announced(THIEF, 1, None, certificates=["6b" * 32])
    trust.hear(by_a_thief, announced(FIRST, 2, None, certificates=[STOLEN]))
    assert woken == [True]
    for _ in range(2):
        assert trust.keys.revoked_certificates() == {STOLEN}
        trust.hear(announced(FIRST, 2, None, certificates=[STOLEN]), announced(FIRST, 3, SECOND))
        trust.restart()


def test_the_banks_operator_names_a_revoked_certificate_by_another_way(tmp_path: Path) -> None:
    file = tmp_path / "central_bank.keys"
    file.write_text(f"{public(FIRST).hex()}\nrevoked-certificate {STOLEN.upper()}  # stolen\n")
    keys = KeysFile(file)
    assert keys.revoked_certificates() == {STOLEN}
    assert list(keys.now().values()) == [public(FIRST)]
    for wrong in ("revoked-certificate", f"revoked-certificate {STOLEN} {STOLEN}", f"{STOLEN} x"):
        file.write_text(f"{public(FIRST).hex()}\n{wrong}\n")
        with pytest.raises(SettingsError, match="line 2"):
            KeysFile(file)
    fresh = tmp_path / "fresh"
    fresh.write_text(f"{public(FIRST).hex()}\n")
    fresh.replace(file)
    assert keys.revoked_certificates() == set()


def test_a_message_of_the_feed_that_tells_of_a_statement_has_it_asked_for_at_once(
    system: System,
) -> None:
    teller, follower = system.central.teller, system.bank.follower
    number = follower.place.number
    system.central.announced += [announced(CENTRAL_KEY, 4, None, certificates=[STOLEN])]
    follower.apply(teller.message(number))
    assert system.bank.central_keys.revoked_certificates() == set()
    follower.apply(teller.message(number, announced_number=4))
    assert system.bank.central_keys.revoked_certificates() == {STOLEN}
    assert follower.place.number == number


def test_a_statement_that_is_told_of_and_not_to_be_had_is_asked_for_once_by_the_feed(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def nothing() -> list[SignedEnvelope]:
        asked.append(True)
        return []

    monkeypatch.setattr(system.central, "announcements", nothing)
    for _ in range(3):
        number = system.bank.follower.place.number
        system.bank.follower.apply(system.central.teller.message(number, announced_number=4))
    assert asked == [True]


def test_nobody_who_shows_a_revoked_certificate_asks_a_bank_as_the_central_bank(
    system: System,
) -> None:
    authorize = inner_authorizer(
        system.bank.officers, system.bank.central_keys.revoked_certificates
    )
    thief = Identity("central-bank", "central-bank", STOLEN)
    authorize(thief, "/dcep.bank.v1.InboundService/CheckPayees")
    system.central.announced += [announced(CENTRAL_KEY, 4, None, certificates=[STOLEN])]
    system.bank.central_keys.step()
    for method in ("CheckPayees", "ReserveForRedemption"):
        with pytest.raises(Refusal, match="revoked") as caught:
            authorize(thief, f"/dcep.bank.v1.InboundService/{method}")
        assert caught.value.name == "ROLE_NOT_ALLOWED"
    authorize(Identity("central-bank", "central-bank", "6b" * 32), "/dcep.bank.v1.InboundService/x")
