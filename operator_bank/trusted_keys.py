"""Which business keys of the central bank a bank takes: those it was given, and their successors.

A successor counts once a key that is good has announced it. What was announced is kept as it was
signed; whatever the list in the settings says at the moment is where trust begins. The same
statements name TLS certificates of the central bank's that are good no more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from sqlalchemy import Connection, delete, insert, select

from dcep.authentication.v1 import authentication_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from operator_bank.central_keys import CentralKeys, unknown_key
from operator_bank.peers import CentralBank
from operator_bank.tables import key_successions
from runtime.clock import Clock
from runtime.database import Database
from runtime.envelope import key_id, verify
from runtime.errors import Refusal
from runtime.logs import logger
from runtime.messages import read_payload

_TAG = "key-succession/v1"
_FOR_EVER = 1 << 62
MAX_REMEMBERED = 100
"""Successions that were not believed, so that each is said once."""

Succession = authentication_pb2.KeySuccession


class TrustedKeys:
    """Verifies what the central bank signed. Any thread may ask; `step` learns what is new."""

    def __init__(
        self, database: Database, listed: CentralKeys, central_bank: CentralBank, clock: Clock
    ) -> None:
        """Reads what was learned before.

        Args:
            listed: the keys in the settings.
            central_bank: says what it has announced.
        """
        self._database = database
        self._listed = listed
        self._central_bank = central_bank
        self._clock = clock
        self._learning = threading.Lock()
        self._announced: dict[bytes, bytes] = {}
        """Successors, by their ids."""
        self._ends: dict[bytes, int] = {}
        """By key; 0 for a revoked one."""
        self._revoked: frozenset[str] = frozenset()
        self._last = 0
        self._asked_for = 0
        self._refused: set[bytes] = set()
        self.on_revoked: Callable[[], None] = lambda: None
        """Called when a TLS certificate of the central bank's was revoked."""
        query = select(key_successions.c.envelope).order_by(key_successions.c.number)
        for row in database.read(lambda c: c.execute(query).scalars().all()):
            self._replay(SignedEnvelope.FromString(bytes(row)))

    def knows(self, name: bytes) -> bool:
        """Whether a key of that id was listed or announced, ended or not."""
        return self._find(name) is not None

    def heed(self, number: int) -> None:
        """The central bank has made a statement of that number: it is asked for at once, once."""
        if number > max(self._last, self._asked_for):
            self.step()
            self._asked_for = number

    def revoked_certificates(self) -> frozenset[str]:
        """Fingerprints of TLS certificates that are the central bank's no more."""
        return self._revoked | self._listed.revoked_certificates()

    def verify(self, tag: str, envelope: SignedEnvelope) -> bytes:
        """What the central bank signed with a key that is good now. Raises Refusal otherwise."""
        return self._verify(tag, envelope, self._ends)

    def _verify(self, tag: str, envelope: SignedEnvelope, ends: Mapping[bytes, int]) -> bytes:
        key = self._find(envelope.key_id)
        if key is None or self._clock.now_ms() >= ends.get(key, _FOR_EVER):
            raise unknown_key(envelope.key_id)
        return verify(tag, envelope, key)

    def step(self) -> bool:
        """Asks what was announced, and believes what a good key has signed.

        A key that has ended by what is heard of it only now, and was not revoked, announced what
        comes with that while it was good.
        """
        with self._learning:
            before = dict(self._ends)
            for envelope in self._central_bank.key_successions():
                self._take(envelope, before)
                before |= {key: 0 for key, until_ms in self._ends.items() if not until_ms}
        return False

    def _find(self, name: bytes) -> bytes | None:
        return self._listed.now().get(name) or self._announced.get(name)

    def _take(self, envelope: SignedEnvelope, ends: Mapping[bytes, int]) -> None:
        try:
            told = read_payload(Succession, self._verify(_TAG, envelope, ends))
        except Refusal as refusal:
            if envelope.signature not in self._refused and not self._is_old(envelope):
                if len(self._refused) >= MAX_REMEMBERED:
                    self._refused.clear()
                self._refused.add(envelope.signature)
                logger("central-keys").warning("a succession is not believed", why=str(refusal))
            return
        if told.number <= self._last:
            return
        row = {"number": told.number, "envelope": envelope.SerializeToString()}

        def keep(connection: Connection) -> None:
            connection.execute(
                delete(key_successions).where(key_successions.c.number == told.number)
            )
            connection.execute(insert(key_successions), row)

        self._database.transaction(keep)
        self._heed(told)
        logger("central-keys").info(
            "the central bank has announced a change of its keys",
            successor=told.successor.hex(),
            revoked_certificates=list(told.revoked_certificates),
            number=told.number,
        )
        if told.revoked_certificates:
            self.on_revoked()

    def _is_old(self, envelope: SignedEnvelope) -> bool:
        """Whether it says what was learned before: its key may have ended since, by that."""
        try:
            return read_payload(Succession, envelope.payload).number <= self._last
        except Refusal:
            return False

    def _replay(self, envelope: SignedEnvelope) -> None:
        """What was believed when it came; its signature has to hold still."""
        key = self._find(envelope.key_id)
        try:
            if key is None:
                raise unknown_key(envelope.key_id)
            self._heed(read_payload(Succession, verify(_TAG, envelope, key)))
        except Refusal as refusal:
            logger("central-keys").warning("a kept succession does not count", why=str(refusal))

    def _heed(self, told: Succession) -> None:
        if told.successor:
            self._announced[key_id(told.successor)] = told.successor
        for end in told.ended:
            until_ms = 0 if end.revoked else end.until_time_ms
            self._ends[end.key] = min(self._ends.get(end.key, _FOR_EVER), until_ms)
        self._revoked |= set(told.revoked_certificates)
        self._last = told.number
