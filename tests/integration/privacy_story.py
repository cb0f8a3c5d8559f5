"""A story of offline payments, and all that each party has written down of it."""

from __future__ import annotations

import sqlite3
import struct
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.engine import make_url

from sandbox.demo.environment import System
from sandbox.demo.wallet_process import Person
from settlement.packing import unpack
from settlement.records import RECORD
from tests.integration.commands import wallet

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
            return what in self.numbers or any(self._has(form) for form in encoded(what))
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


def encoded(number: int) -> list[bytes]:
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


def tell(system: System) -> None:
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


def database_file(url: str) -> Path:
    return Path(make_url(url).database or "")


def read_home(seen: Seen, person: Person) -> None:
    for file in sorted(person.home.iterdir()):
        if file.suffix == ".db":
            seen.read(file)
        elif file.is_file():
            seen.add_file(file)


def certified_keys(system: System, name: str) -> list[bytes]:
    """The keys that a holder's bank has certified, the oldest first: one for each load."""
    query = (
        "SELECT device_key FROM devices JOIN wallets ON wallets.id = devices.wallet"
        " WHERE wallets.number = ? ORDER BY live_until_ms"
    )
    with sqlite3.connect(database_file(system.plan.database_url(BANKS[name]))) as connection:
        rows = connection.execute(query, (system.people[name].number,)).fetchall()
    assert len(rows) == 1 + (name in LOADED_AGAIN_FEN)
    return [bytes(key) for (key,) in rows]


def wallet_key(told: Told, name: str) -> bytes:
    with sqlite3.connect(database_file(told.system.plan.database_url(BANKS[name]))) as connection:
        number = told.system.people[name].number
        query = "SELECT public_key FROM wallets WHERE number = ?"
        ((key,),) = connection.execute(query, (number,)).fetchall()
    return bytes(key)


def everything(told: Told) -> dict[str, str | bytes | int]:
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
        facts[f"{name}'s wallet key"] = wallet_key(told, name)
        facts[f"{name}'s number"] = told.system.people[name].number
        facts[f"{name}'s device"] = told.devices[name][0]
        facts[f"{name} loaded"] = LOADED_FEN[name]
    for name, fen in LOADED_AGAIN_FEN.items():
        facts[f"{name}'s second device"] = told.devices[name][1]
        facts[f"{name} loaded again"] = fen
    return facts
