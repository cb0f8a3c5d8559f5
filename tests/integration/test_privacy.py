"""Who learns what of offline payments: everybody's databases and logs, read from end to end.

Alice banks at alpha, Bob at beta, Carol at gamma. Alice pays Bob, Bob pays Carol of it, both with
no bank in between; Carol deposits. The table is the one in docs/explanation/offline.md.

Alice loads a second time, and pays Dan at gamma; Erin of beta pays him with two loads together. He
deposits as well: what shows that two loads were one wallet's? Carol, too, has loaded twice, and
deposits what is left of both: what shows that two deposits were?
"""

from __future__ import annotations

import base64
import re
import sqlite3
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from dcep.registration.v1 import registration_pb2
from sandbox.demo.environment import System
from sandbox.demo.wallet_process import Person
from sandbox.stack.supervisor import Stack, init
from settlement.packing import unpack
from settlement.records import RECORD
from tests.integration.commands import wallet
from tests.integration.systems import fund

pytestmark = [pytest.mark.xdist_group("privacy"), pytest.mark.any_database]

PIN = "marmot-73915"
NAMES = {
    "alice": "Ailsa Quendryth",
    "bob": "Borislav Zymunt",
    "carol": "Carlotta Wexfjord",
    "dan": "Desmond Uqvist",
    "erin": "Ermelinda Vrobel",
}
PHONES = {
    "alice": "+8613911112222",
    "bob": "+8613933334444",
    "carol": "+8613955556666",
    "dan": "+8613977778888",
    "erin": "+8613999990000",
}
BANKS = {"alice": "alpha", "bob": "beta", "carol": "gamma", "dan": "gamma", "erin": "beta"}
CENTRAL = "central bank"
LOADED_FEN = {"alice": 300_011, "bob": 30_013, "carol": 20_021, "dan": 25_031, "erin": 35_051}
LOADED_AGAIN_FEN = {"alice": 45_007, "carol": 22_039, "erin": 33_029}
ALICE_TO_BOB_FEN, BOB_TO_CAROL_FEN = 49_927, 31_043
ALICE_TO_DAN_FEN, ERIN_TO_DAN_FEN = 14_017, 47_043
BANKED = {"alpha", "beta", "gamma"}


@dataclass
class Seen:
    """All that one party has written down: every number, and every text and blob as bytes."""

    numbers: set[int] = field(default_factory=set)
    parts: list[bytes] = field(default_factory=list)
    rows: list[tuple[object, ...]] = field(default_factory=list)

    def traits(self, what: bytes) -> set[int | bytes]:
        """What stands beside something: larger numbers, and every 12 bytes of texts and blobs."""
        found: set[int | bytes] = set()
        for row in self.rows:
            cells = [cell.encode() if isinstance(cell, str) else cell for cell in row]
            if any(isinstance(cell, bytes) and what in cell for cell in cells):
                found |= {cell for cell in cells if isinstance(cell, int) and cell > 9_999}
                for cell in cells:
                    if isinstance(cell, bytes):
                        found |= {cell[at : at + 12] for at in range(max(len(cell) - 11, 1))}
        return found - {b""}

    def knows(self, what: str | bytes | int) -> bool:
        """Whether it is anywhere in there."""
        if isinstance(what, int):
            return what in self.numbers or any(self._has(form) for form in _encoded(what))
        return self._has(what.encode() if isinstance(what, str) else what)

    def read(self, database: Path) -> None:
        """Every cell of every table; of a journal what is packed in it.

        Not the packed bytes: two of a hash beside a field of zeros may look like any amount.
        """
        with sqlite3.connect(database) as connection:
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            for (name,) in names.fetchall():
                cursor = connection.execute(f'SELECT * FROM "{name}"')
                columns = [column[0] for column in cursor.description]
                for row in cursor:
                    self.rows.append(row)
                    for column, cell in zip(columns, row, strict=True):
                        if (name, column) == ("journal", "body"):
                            self._add_journal(cell)
                        else:
                            self._add(cell)

    def add_file(self, file: Path) -> None:
        """A file as it is."""
        self.parts.append(file.read_bytes())

    def _has(self, form: bytes) -> bool:
        return any(form in part for part in self.parts)

    def _add(self, cell: object) -> None:
        if isinstance(cell, int):
            self.numbers.add(cell)
        elif isinstance(cell, str):
            self.parts.append(cell.encode())
        elif isinstance(cell, bytes):
            self.parts.append(cell)

    def _add_journal(self, body: bytes) -> None:
        records, _, details, notes, *_ = unpack(body)
        for name in RECORD.names or ():
            self.numbers.update(records[name].reshape(-1).tolist())
        self.numbers.update(details.tolist())
        self.parts += notes or []


def _encoded(number: int) -> list[bytes]:
    """A number in an endorsement, in a packed array, and behind any tag of a message's field."""
    varint, rest = bytearray(), number
    while rest:
        varint.append(rest & 127 | (128 if rest > 127 else 0))
        rest >>= 7
    tags = [bytes([field_number << 3]) + bytes(varint) for field_number in range(1, 16)]
    return [struct.pack(">Q", number), struct.pack("<Q", number), *tags]


@dataclass
class Told:
    """The stack after the story, with what everybody has seen."""

    system: System
    seen: dict[str, Seen]
    devices: dict[str, list[bytes]]
    logs: dict[str, bytes]

    def knowing(self, what: str | bytes | int) -> set[str]:
        """Who knows something."""
        return {party for party, seen in self.seen.items() if seen.knows(what)}


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
            _tell(system)
        finally:
            system.close()
    seen = {name: Seen() for name in (*sorted(BANKED), CENTRAL, *NAMES)}
    for bank in system.plan.banks:
        seen[bank.name].read(_file(system.plan.database_url(bank.name)))
    seen[CENTRAL].read(_file(system.plan.database_url("central-bank")))
    for name, person in system.people.items():
        _read_home(seen[name], person)
    devices = {name: _device_keys(system, name) for name in NAMES}
    logs = {file.name: file.read_bytes() for file in (system.plan.folder / "logs").glob("*.log*")}
    yield Told(system, seen, devices, logs)


def _tell(system: System) -> None:
    for name, bank in BANKS.items():
        person = system.person(name, bank, holder_name=NAMES[name], phone=PHONES[name])
        person.top_up(950_000)
        person.offline_load(LOADED_FEN[name])
        person.stop()
        done = wallet("offline", "--home", str(person.home), "pin", DCEP_NEW_PIN=PIN)
        assert done.code == 0, done.err
        person.start()
    for name, fen in LOADED_AGAIN_FEN.items():
        system.people[name].offline_load(fen)
    system.wait_quiet()
    alice, bob, carol, dan, erin = (system.people[name] for name in NAMES)
    for payer, payee, fen in (
        (alice, bob, ALICE_TO_BOB_FEN),
        (bob, carol, BOB_TO_CAROL_FEN),
        (alice, dan, ALICE_TO_DAN_FEN),
        (erin, dan, ERIN_TO_DAN_FEN),
    ):
        assert payee.offline_accept(payer.offline_pay(payee.offline_request(fen))) == fen
    for depositor, fen in (
        (carol, BOB_TO_CAROL_FEN + LOADED_FEN["carol"] + LOADED_AGAIN_FEN["carol"]),
        (dan, ALICE_TO_DAN_FEN + ERIN_TO_DAN_FEN + LOADED_FEN["dan"]),
    ):
        before_fen = depositor.show().available_fen
        assert not depositor.offline_deposit().refused
        system.wait_available(depositor, before_fen + fen)


def _file(url: str) -> Path:
    return Path(make_url(url).database or "")


def _read_home(seen: Seen, person: Person) -> None:
    for file in sorted(person.home.iterdir()):
        if file.suffix == ".db":
            seen.read(file)
        elif file.is_file():
            seen.add_file(file)


def _device_keys(system: System, name: str) -> list[bytes]:
    """The keys that a holder's bank has certified, the oldest first: one for each load."""
    query = (
        "SELECT device_key FROM devices JOIN wallets ON wallets.id = devices.wallet"
        " WHERE wallets.number = ? ORDER BY live_until_ms"
    )
    with sqlite3.connect(_file(system.plan.database_url(BANKS[name]))) as connection:
        rows = connection.execute(query, (system.people[name].number,)).fetchall()
    assert len(rows) == 1 + (name in LOADED_AGAIN_FEN)
    return [bytes(key) for (key,) in rows]


def _wallet_key(told: Told, name: str) -> bytes:
    with sqlite3.connect(_file(told.system.plan.database_url(BANKS[name]))) as connection:
        number = told.system.people[name].number
        query = "SELECT public_key FROM wallets WHERE number = ?"
        ((key,),) = connection.execute(query, (number,)).fetchall()
    return bytes(key)


def _everything(told: Told) -> dict[str, str | bytes | int]:
    """What there is to know, by the words of the table."""
    facts: dict[str, str | bytes | int] = {
        "alice to bob": ALICE_TO_BOB_FEN,
        "bob to carol": BOB_TO_CAROL_FEN,
        "what bob kept": ALICE_TO_BOB_FEN - BOB_TO_CAROL_FEN,
        "alice to dan": ALICE_TO_DAN_FEN,
    }
    for name in NAMES:
        facts[f"{name}'s name"] = NAMES[name]
        facts[f"{name}'s phone"] = PHONES[name]
        facts[f"{name}'s wallet key"] = _wallet_key(told, name)
        facts[f"{name}'s number"] = told.system.people[name].number
        facts[f"{name}'s device"] = told.devices[name][0]
        facts[f"{name} loaded"] = LOADED_FEN[name]
    for name, fen in LOADED_AGAIN_FEN.items():
        facts[f"{name}'s second device"] = told.devices[name][1]
        facts[f"{name} loaded again"] = fen
    return facts


TABLE = {
    "alice's name": {"alpha"},
    "alice's phone": {"alpha"},
    "alice's wallet key": {"alpha"},
    "alice's number": {"alpha"},
    "alice loaded": {"alpha", CENTRAL},
    "alice's device": {"alpha", "gamma", CENTRAL},
    "alice loaded again": {"alpha", CENTRAL},
    "alice's second device": {"alpha", "gamma", CENTRAL},
    "bob's name": {"beta"},
    "bob's phone": {"beta"},
    "bob's wallet key": {"beta"},
    "bob's number": {"beta"},
    "bob loaded": {"beta", CENTRAL},
    "bob's device": {"beta", "gamma", CENTRAL},
    "carol's name": {"gamma"},
    "carol's phone": {"gamma"},
    "carol's wallet key": {"gamma"},
    "carol's number": {"gamma"},
    "carol loaded": {"gamma", CENTRAL},
    "carol's device": {"gamma", CENTRAL},
    "carol loaded again": {"gamma", CENTRAL},
    "carol's second device": {"gamma", CENTRAL},
    "dan's name": {"gamma"},
    "dan's phone": {"gamma"},
    "dan's wallet key": {"gamma"},
    "dan's number": {"gamma"},
    "dan loaded": {"gamma", CENTRAL},
    "dan's device": {"gamma", CENTRAL},
    "erin's name": {"beta"},
    "erin's phone": {"beta"},
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
"""Which bank knows what: no more, and no less."""


@pytest.mark.parametrize("fact", TABLE)
def test_what_the_banks_learn_is_what_the_table_says(told: Told, fact: str) -> None:
    assert told.knowing(_everything(told)[fact]) & {*BANKED, CENTRAL} == TABLE[fact]


def test_the_table_leaves_nothing_out(told: Told) -> None:
    assert set(_everything(told)) == set(TABLE)


@pytest.mark.parametrize("name", NAMES)
def test_holders_learn_nothing_about_who_the_others_are(told: Told, name: str) -> None:
    for other in set(NAMES) - {name}:
        for what in ("name", "phone", "wallet key", "number"):
            assert name not in told.knowing(_everything(told)[f"{other}'s {what}"])


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
        for fact, what in _everything(told).items():
            forms = {str(what)} if isinstance(what, (int, str)) else {what.hex()}
            assert not any(form.encode() in content for form in forms), (file, fact)


def test_neither_logs_nor_databases_hold_private_keys_or_pins(told: Told) -> None:
    secrets = [PIN.encode(), *_secrets(told)]
    assert len(secrets) > 3 * (len(BANKED) + len(NAMES))
    for secret in secrets:
        assert not any(secret in content for content in told.logs.values())
        for bank in (*BANKED, CENTRAL):
            assert not told.seen[bank].knows(secret)
    for name in NAMES:
        assert not told.seen[name].knows(PIN)


def _secrets(told: Told) -> Iterator[bytes]:
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
