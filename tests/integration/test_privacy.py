"""Who learns what of offline payments: everybody's databases and logs, read from end to end.

Alice banks at alpha, Bob at beta, Carol at gamma. Alice pays Bob, Bob pays Carol of it, both with
no bank in between; Carol deposits. The table is the one in docs/explanation/offline.md.

Alice loads a second time, and pays Dan at gamma; Erin of beta pays him with two loads together. He
deposits as well: what shows that two loads were one wallet's? Carol, too, has loaded twice, and
deposits what is left of both: what shows that two deposits were?"""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Iterator

import pytest

from dcep.registration.v1 import registration_pb2
from sandbox.demo.environment import System
from sandbox.stack.supervisor import Stack, init
from tests.integration.privacy_story import (
    ALICE_TO_BOB_FEN,
    BANKS,
    BOB_TO_CAROL_FEN,
    CENTRAL,
    LOADED_FEN,
    NAMES,
    PIN,
    Seen,
    Told,
    certified_keys,
    database_file,
    everything,
    read_home,
    tell,
)
from tests.integration.systems import fund

pytestmark = [pytest.mark.xdist_group("privacy"), pytest.mark.any_database]
BANKED = {"alpha", "beta", "gamma"}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """The story, told once; everything is stopped before anything is read."""
    folder = tmp_path_factory.mktemp("privacy")
    system = System(Stack(init(folder / "stack", banks=sorted(BANKED))), folder / "homes")
    with pytest.MonkeyPatch.context() as patch:
        # Wallets' services read it when they start.
        patch.setenv("DCEP_PIN", PIN)
        try:
            system.stack.up()
            fund(system)
            tell(system)
        finally:
            system.close()
    seen = {name: Seen() for name in (*sorted(BANKED), CENTRAL, *NAMES)}
    for bank in system.plan.banks:
        seen[bank.name].read(database_file(system.plan.database_url(bank.name)))
    seen[CENTRAL].read(database_file(system.plan.database_url("central-bank")))
    for name, person in system.people.items():
        read_home(seen[name], person)
    devices = {name: certified_keys(system, name) for name in NAMES}
    logs = {file.name: file.read_bytes() for file in (system.plan.folder / "logs").glob("*.log*")}
    yield Told(system, seen, devices, logs)


TABLE = {
    "alice's name": set(),
    "alice's phone": set(),
    "alice's wallet key": {"alpha"},
    "alice's number": {"alpha"},
    "alice loaded": {"alpha", CENTRAL},
    "alice's device": {"alpha", "gamma", CENTRAL},
    "alice loaded again": {"alpha", CENTRAL},
    "alice's second device": {"alpha", "gamma", CENTRAL},
    "bob's name": set(),
    "bob's phone": set(),
    "bob's wallet key": {"beta"},
    "bob's number": {"beta"},
    "bob loaded": {"beta", CENTRAL},
    "bob's device": {"beta", "gamma", CENTRAL},
    "carol's name": set(),
    "carol's phone": set(),
    "carol's wallet key": {"gamma"},
    "carol's number": {"gamma"},
    "carol loaded": {"gamma", CENTRAL},
    "carol's device": {"gamma", CENTRAL},
    "carol loaded again": {"gamma", CENTRAL},
    "carol's second device": {"gamma", CENTRAL},
    "dan's name": set(),
    "dan's phone": set(),
    "dan's wallet key": {"gamma"},
    "dan's number": {"gamma"},
    "dan loaded": {"gamma", CENTRAL},
    "dan's device": {"gamma", CENTRAL},
    "erin's name": set(),
    "erin's phone": set(),
    "erin's wallet key": {"beta"},
    "erin's number": {"beta"},
    "erin loaded": {"beta", CENTRAL},
    "erin's device": {"beta", "gamma", CENTRAL},
    "erin loaded again": {"beta", CENTRAL},
    "erin's second device": {"beta", "gamma", CENTRAL},
    "alice to bob": {"gamma", CENTRAL},
    "bob to carol": {"gamma", CENTRAL},
    "what bob kept": set(),
    "alice to dan": {"gamma", CENTRAL},
}
"""Which database tells what, without its bank's keys: no more, and no less."""


@pytest.mark.parametrize("fact", TABLE)
def test_what_the_banks_learn_is_what_the_table_says(told: Told, fact: str) -> None:
    assert told.knowing(everything(told)[fact]) & {*BANKED, CENTRAL} == TABLE[fact]


def test_the_table_leaves_nothing_out(told: Told) -> None:
    assert set(everything(told)) == set(TABLE)


@pytest.mark.parametrize("name", NAMES)
def test_holders_learn_nothing_about_who_the_others_are(told: Told, name: str) -> None:
    for other in set(NAMES) - {name}:
        for what in ("name", "phone", "wallet key", "number"):
            assert name not in told.knowing(everything(told)[f"{other}'s {what}"])


def test_bobs_bank_sees_nothing_of_what_stayed_offline(told: Told) -> None:
    seen = told.seen["beta"]
    for fen in (ALICE_TO_BOB_FEN, BOB_TO_CAROL_FEN, ALICE_TO_BOB_FEN - BOB_TO_CAROL_FEN):
        assert not seen.knows(fen)
    for other in ("alice", "carol", "dan"):
        assert not any(seen.knows(key) for key in told.devices[other])


TIME = re.compile(rb'"timestamp": "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"')
ROUND_SIZES = {digit * 10**power for power in range(2, 8) for digit in (1, 2, 5)}
"""Of tokens, the same for everybody's loads."""
KINDS_OF_BATCHES = {b"registration", b"deposit"}


def common(told: Told, party: str, name: str) -> set[int | bytes]:
    """What a party has beside both keys of somebody, but for the name of their bank."""
    first, second = (told.seen[party].traits(key) for key in told.devices[name])
    assert first and second
    # In a registration that is kept as its bank signed it, a tag and a length stand before it, and
    # before these the end of the amount.
    certificate = b'\x01"yD' + BANKS[name].encode().ljust(16, b"\0")
    # A depositor's bank knows whose the deposits are: whoever paid them has no part in that.
    heads = [_order_head(told, other) for other in NAMES if BANKS[other] == party != BANKS[name]]
    # Which bank brings a deposit in is no secret of its; it stands in what the owners signed.
    brought_in = [
        b"\0E" + bytes([output]) + bank.encode().ljust(16, b"\0")
        for bank in set(BANKS.values())
        for output in (0, 1)
    ]
    known = [certificate, *heads, *brought_in]
    told_of_all = {part[at : at + 12] for part in known for at in range(len(part) - 11)}
    # Behind a bank's name, padded to 16 bytes, stands what is drawn anew each time: its first byte
    # is the same once in 256 times. What is really shared has other windows than this one.
    told_of_all |= {bytes(11) + bytes([first]) for first in range(256)}
    # Before a deposit, or a certificate, stands the end of a signature, of which two or three bytes
    # are the same now and then (the last one is 16 at most: RFC 8032, 5.1.7). A signature that is
    # shared has windows of its own.
    begin = [head[skip:] for head in brought_in for skip in (0, 1)] + [certificate[3:]]
    told_of_all |= {
        found
        for found in first & second
        if isinstance(found, bytes)
        and any(found[skip:] == head[: 12 - skip] for head in begin for skip in (1, 2, 3))
    }
    return (first & second) - told_of_all - KINDS_OF_BATCHES - ROUND_SIZES


def _order_head(told: Told, name: str) -> bytes:
    """What every order of a holder begins with: the wallet's number and the next field's tag."""
    number = told.system.people[name].number.encode()
    return b"\n" + bytes([len(number)]) + number + b"\x10"


@pytest.mark.parametrize(
    ("party", "name"), [("gamma", "alice"), (CENTRAL, "alice"), (CENTRAL, "carol")]
)
def test_nothing_tells_that_two_loads_were_one_wallets(told: Told, party: str, name: str) -> None:
    assert common(told, party, name) == set()


@pytest.mark.parametrize("party", ["gamma", CENTRAL])
def test_loads_that_were_paid_together_can_be_told(told: Told, party: str) -> None:
    assert common(told, party, "erin")


def test_the_search_finds_what_is_there(told: Told) -> None:
    assert {CENTRAL, "gamma"} <= told.knowing(struct.pack(">Q", ALICE_TO_BOB_FEN))
    assert told.seen["alpha"].knows(LOADED_FEN["alice"])
    note = registration_pb2.TokensDeposited(number=1, amount_fen=ALICE_TO_BOB_FEN)
    assert Seen(parts=[note.SerializeToString()]).knows(ALICE_TO_BOB_FEN)


def test_logs_hold_no_names_phones_numbers_or_amounts(told: Told) -> None:
    # The central bank, each bank and its edge, each holder.
    assert len(told.logs) == 1 + 2 * len(BANKED) + len(NAMES)
    for file, logged in told.logs.items():
        assert logged, file
        # The digits of a time say nothing, but may be those of an amount: 17.133029 is 330.29 yuan.
        content = TIME.sub(b"", logged)
        for fact, what in everything(told).items():
            forms = {str(what)} if isinstance(what, (int, str)) else {what.hex()}
            assert not any(form.encode() in content for form in forms), (file, fact)


def test_neither_logs_nor_databases_hold_private_keys_or_pins(told: Told) -> None:
    secrets = [PIN.encode(), *secrets_of(told)]
    assert len(secrets) > 3 * (len(BANKED) + len(NAMES))
    for secret in secrets:
        assert not any(secret in content for content in told.logs.values())
        for bank in (*BANKED, CENTRAL):
            assert not told.seen[bank].knows(secret)
    for name in NAMES:
        assert not told.seen[name].knows(PIN)


def secrets_of(told: Told) -> Iterator[bytes]:
    """Every private key of the stack and of the wallets, in the forms in which it could leak."""
    folders = [told.system.plan.folder, *(person.home for person in told.system.people.values())]
    files = [file for folder in folders for file in folder.rglob("*.key")]
    files += [person.home / "device.seal" for person in told.system.people.values()]
    for file in files:
        content = file.read_bytes()
        if content.startswith(b"-----BEGIN"):
            yield content.splitlines()[1]
        else:
            yield content
            yield content.hex().encode()
            yield base64.b64encode(content).rstrip(b"=")
