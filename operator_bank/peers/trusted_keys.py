"""Knows which business keys of the central bank a bank trusts, and what these have announced.

A successor counts once a good key has announced it. Announcements are kept as they were signed.
Trust begins with the list in the settings, as it is now. The same statements name revoked TLS
certificates of the central bank, and the limits of wallets.

A central bank that no longer shows what it said before, or says something else under the same
number, continues from an older copy, or is somebody else. None of that is taken.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from google.protobuf.message import Message
from sqlalchemy import Connection, delete, insert, select

from dcep.authentication.v1 import authentication_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from operator_bank.context import Context
from operator_bank.peers.central_keys import CentralKeys, unknown_key
from operator_bank.peers.contradictions import KEYS, Contradictions
from operator_bank.peers.tables import announcements
from operator_bank.wallets.classes import Published
from runtime.envelope import key_id, verify
from runtime.errors import Refusal
from runtime.logs import logger
from runtime.messages import read_payload
from settlement.records import record_digest

_FOR_EVER = 1 << 62
_LATE_MS = 60_000
"""A tip of the feed that does not know a statement is a step back only if it was signed at least
this long after the statement."""
MAX_REMEMBERED = 100
"""Statements that were not believed and are remembered, so that each is logged once."""

Announcement = authentication_pb2.Announcement


class TrustedKeys:
    """Verifies what the central bank signed. Any thread may ask; `step` learns what is new."""

    def __init__(
        self, context: Context, listed: CentralKeys, contradictions: Contradictions
    ) -> None:
        """Reads what was learned before.

        Args:
            context: what every room works with.
            listed: the keys in the settings.
            contradictions: is told if the central bank contradicts itself.
        """
        self._database = context.database
        self._listed = listed
        self._central_bank = context.central_bank
        self._clock = context.clock
        self._contradictions = contradictions
        self._learning = threading.Lock()
        self._announced: dict[bytes, bytes] = {}
        """Successors, by their ids."""
        self._ends: dict[bytes, int] = {}
        """By key: Unix milliseconds when it ends; 0 for a revoked one."""
        self._revoked: frozenset[str] = frozenset()
        self._told: dict[int, SignedEnvelope] = {}
        """The statements that were believed, by number."""
        self._policies: dict[int, Published] = {}
        """By the numbers of their announcements."""
        self._last = 0
        self.followed = 0
        """Number of the last announcement that `on_heard` has followed."""
        self._news = True
        self._asked_for = 0
        self._refused: set[bytes] = set()
        self.on_revoked: Callable[[], None] = lambda: None
        """Called when a TLS certificate of the central bank was revoked."""
        self.on_heard: Callable[[Sequence[Published]], None] = lambda _: None
        """Called with all policies there are, again and again until it does not fail."""
        query = select(announcements.c.envelope).order_by(announcements.c.number)
        for row in context.database.read(lambda c: c.execute(query).scalars().all()):
            self._replay(SignedEnvelope.FromString(bytes(row)))

    def knows(self, name: bytes) -> bool:
        """Whether a key with this id was listed or announced, even if it has ended."""
        return self._find(name) is not None

    def heed(self, tip: SignedEnvelope, number: int, signed_time_ms: int) -> None:
        """Takes the number of the newest statement from the feed, and asks for a new statement at
        once.

        Args:
            tip: of the feed, verified.
            number: of the newest statement; each is asked for once.
            signed_time_ms: when the tip was signed.
        """
        if number > max(self._last, self._asked_for):
            self.step()
            self._asked_for = number
        elif number < self._last:
            self._stepped_back(tip, number, signed_time_ms)

    def revoked_certificates(self) -> frozenset[str]:
        """Fingerprints of TLS certificates that the central bank no longer uses."""
        return self._revoked | self._listed.revoked_certificates()

    def verify(self, kind: type[Message], envelope: SignedEnvelope) -> bytes:
        """The payload that the central bank signed with a key that is good now. Raises Refusal if
        none did.
        """
        return self._verify(kind, envelope, self._ends)

    def _verify(
        self, kind: type[Message], envelope: SignedEnvelope, ends: Mapping[bytes, int]
    ) -> bytes:
        key = self._find(envelope.key_id)
        if key is None or self._clock.now_ms() >= ends.get(key, _FOR_EVER):
            raise unknown_key(envelope.key_id)
        return verify(kind, envelope, key)

    def step(self) -> bool:
        """Asks what was announced, and believes what a good key has signed. Returns False.

        A key may end by a statement that is only heard now. If it is not revoked by it, what it
        announced in the same answer is still believed, because it was good when it signed that.
        """
        with self._learning:
            self._follow()
            before = dict(self._ends)
            shown = self._central_bank.announcements()
            if self._contradicts(shown, before):
                return False
            self._contradictions.gone(KEYS)
            for envelope in shown:
                self._take(envelope, before)
                before |= {key: 0 for key, until_ms in self._ends.items() if not until_ms}
            self._follow()
        return False

    def follow(self) -> None:
        """Follows what was kept before the bank ended."""
        with self._learning:
            self._follow()

    def _follow(self) -> None:
        if self._news:
            self.on_heard([self._policies[number] for number in sorted(self._policies)])
            self.followed, self._news = self._last, False

    def _find(self, name: bytes) -> bytes | None:
        return self._listed.now().get(name) or self._announced.get(name)

    def _contradicts(self, shown: Sequence[SignedEnvelope], ends: Mapping[bytes, int]) -> bool:
        """Whether the statements shown cannot be those of before and perhaps more; records why."""
        found = [(number, each) for each in shown if (number := _number(each)) is not None]
        for number, envelope in found:
            kept = self._told.get(number)
            if kept is not None and kept.payload != envelope.payload and self._signed(envelope):
                self._differs(f"says something else in statement {number} now", kept, envelope)
                return True
            if kept is None and number < self._last and self._signed(envelope, ends):
                last = self._told[self._last]
                self._differs(
                    f"shows a statement {number} that was not there with {self._last}",
                    last,
                    envelope,
                )
                return True
        missing = {number: kept.payload for number, kept in self._told.items()}
        for number, envelope in found:
            if missing.get(number) == envelope.payload:
                del missing[number]
        if missing:
            number = max(missing)
            told = authentication_pb2.ListCentralKeysResponse(announcements=shown)
            self._contradictions.found(
                KEYS,
                f"the central bank does not show statement {number} any more",
                self._told[number].SerializeToString(),
                told.SerializeToString(),
            )
        return bool(missing)

    def _stepped_back(self, tip: SignedEnvelope, number: int, signed_time_ms: int) -> None:
        last = self._told[self._last]
        announced_ms = Announcement.FromString(last.payload).from_time_ms
        # A tip that was signed before the statement and came late proves nothing.
        if signed_time_ms > announced_ms + _LATE_MS:
            self._differs(f"signs that its last one is {number}, after {self._last}", last, tip)

    def _differs(self, what: str, kept: SignedEnvelope, shown: SignedEnvelope) -> None:
        self._contradictions.found(
            KEYS,
            f"of what it announced the central bank {what}",
            kept.SerializeToString(),
            shown.SerializeToString(),
        )

    def _signed(self, envelope: SignedEnvelope, ends: Mapping[bytes, int] | None = None) -> bool:
        """Whether a known key signed this; with `ends`, one that is good."""
        try:
            self._verify(Announcement, envelope, ends or {})
        except Refusal:
            return False
        return True

    def _take(self, envelope: SignedEnvelope, ends: Mapping[bytes, int]) -> None:
        try:
            told = read_payload(Announcement, self._verify(Announcement, envelope, ends))
        except Refusal as refusal:
            if envelope.signature not in self._refused and not self._is_old(envelope):
                if len(self._refused) >= MAX_REMEMBERED:
                    self._refused.clear()
                self._refused.add(envelope.signature)
                logger("central-keys").warning("a statement is not believed", why=str(refusal))
            return
        if told.number <= self._last:
            return  # the very same was heard before
        row = {"number": told.number, "envelope": envelope.SerializeToString()}

        def keep(connection: Connection) -> None:
            connection.execute(delete(announcements).where(announcements.c.number == told.number))
            connection.execute(insert(announcements), row)

        self._database.transaction(keep)
        self._heed(told, envelope)
        logger("central-keys").info(
            "the central bank has announced something",
            successor=told.successor.hex(),
            revoked_certificates=list(told.revoked_certificates),
            policy=told.HasField("policy"),
            number=told.number,
        )
        if told.revoked_certificates:
            self.on_revoked()

    def _is_old(self, envelope: SignedEnvelope) -> bool:
        """Whether this statement was learned before; its key may have ended since, even by this
        statement.
        """
        number = _number(envelope)
        return number is not None and number <= self._last

    def _replay(self, envelope: SignedEnvelope) -> None:
        """Takes a kept statement again, which was believed when it came. Its signature must still
        be good, but for limits of wallets: those are in the ledger already.
        """
        key = self._find(envelope.key_id)
        self._take_policy(Announcement.FromString(envelope.payload), envelope)
        try:
            if key is None:
                raise unknown_key(envelope.key_id)
            self._heed(read_payload(Announcement, verify(Announcement, envelope, key)), envelope)
        except Refusal as refusal:
            logger("central-keys").warning("a kept statement does not count", why=str(refusal))

    def _take_policy(self, told: Announcement, envelope: SignedEnvelope) -> None:
        if told.HasField("policy"):
            digest = record_digest(envelope.payload)
            self._policies[told.number] = Published(told.number, told.policy, digest)

    def _heed(self, told: Announcement, envelope: SignedEnvelope) -> None:
        if told.successor:
            self._announced[key_id(told.successor)] = told.successor
        for end in told.ended:
            until_ms = 0 if end.revoked else end.until_time_ms
            self._ends[end.key] = min(self._ends.get(end.key, _FOR_EVER), until_ms)
        self._revoked |= set(told.revoked_certificates)
        self._take_policy(told, envelope)
        self._last, self._news = told.number, True
        self._told[told.number] = envelope


def _number(envelope: SignedEnvelope) -> int | None:
    """The number of a statement; None if it cannot be read."""
    try:
        return int(read_payload(Announcement, envelope.payload).number)
    except Refusal:
        return None
