"""Follows the feed: verifies what the central bank says about this bank, and applies it in order,
once.

Every entry becomes one record whose origin is the mirror and whose sequence is the entry's position
in the central bank's journal. The place that the feed has reached is written down with these
records (`operator_bank.feed.chain`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from sqlalchemy import Connection

from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from officers.chain import ActsChain
from officers.chain import Place as ActsPlace
from operator_bank.context import Context
from operator_bank.feed.chain import (
    FeedBroken,
    Link,
    NotKnown,
    follow,
    read_place,
    read_tip,
    write_place,
)
from operator_bank.feed.doubt import Doubt, Ends
from operator_bank.feed.entries import Move, ParsedEntry, at_places, not_moved
from operator_bank.feed.events import parsed
from operator_bank.feed.moves import Moves
from operator_bank.feed.rows import FeedRows
from operator_bank.ledger import accounts
from operator_bank.limits import FEED_AGAIN_MS
from operator_bank.lost.windows import ComeBacks
from operator_bank.payments.outbound import Outbound
from operator_bank.peers.central_acts import CentralActs
from operator_bank.peers.trusted_keys import TrustedKeys
from operator_bank.sweeps.sweeping import Noted, Sweeps
from runtime.errors import Refusal
from runtime.logs import logger
from settlement.builders import records_of
from settlement.core import Answers, Batch
from settlement.records import Accounts

_NOT_OURS = (errors_pb2.REASON_FEED_TIP_UNKNOWN, errors_pb2.REASON_FEED_STEPPED_BACK)


class Stop(NamedTuple):
    """Why the feed has stopped, and since when."""

    cause: str
    since_ms: int


class FeedFollower:
    """Applies the feed; each `step` takes one message.

    An entry that cannot be true, or cannot be applied, stops the feed at its place. The rest of the
    bank goes on. The entry is asked for again after a while, and after a restart.
    """

    def __init__(
        self,
        context: Context,
        moves: Moves,
        rows: FeedRows,
        outgoing: Outbound,
        central_keys: TrustedKeys,
        central_acts: CentralActs,
        acts: ActsChain,
        windows: ComeBacks,
        sweeps: Sweeps,
        *,
        began_at: int,
    ) -> None:
        """Reads how far the feed has been applied.

        Args:
            context: what every room works with.
            moves: says what entries move.
            rows: writes what entries say.
            outgoing: is told when payments that were sent may have ended.
            central_keys: the keys that feeds are signed with.
            central_acts: is shown what the feed says of the central bank's acts.
            acts: the acts of this bank's officers.
            windows: what an older copy of the database has lost.
            sweeps: says what goes on to deposit accounts.
            began_at: where the ledger ended when it was recovered.
        """
        self._ledger = context.ledger
        self._outgoing = outgoing
        self._windows = windows
        self._database = context.database
        self._doubt = Doubt(context.database)
        self._began = Ends(began_at, acts.place())
        self._confirmed = False
        self._moves = moves
        self._rows = rows
        self._sweeps = sweeps
        self._central_bank = context.central_bank
        self._central_keys = central_keys
        self._central_acts = central_acts
        self._clock = context.clock
        self._bank = context.bank
        self._stream: Iterator[registration_pb2.FollowFeedResponse] | None = None
        self._again_at_ms = 0
        self._acts = acts
        self._standing = context.standing
        self._acknowledged = (0, 0, 0, 0)
        self._log = logger("feed")
        self.place = read_place(context.database)
        self.stopped: Stop | None = None

    def step(self) -> bool:
        """Waits for the next message and applies it; returns False if there is nothing to do."""
        if self.stopped and self._clock.monotonic_ms() < self._again_at_ms:
            return False
        try:
            if self._stream is None:
                self._check_copy()
                # Records that were written before it was known where this stands prove nothing.
                shown = self._ends()
                self._stream = iter(
                    self._central_bank.feed(
                        self.place.message(),
                        shown.position,
                        shown.acts.number,
                        read_tip(self._database),
                    )
                )
            message = next(self._stream, None)
            if message is not None:
                self.apply(message)
                self._heard()
        except FeedBroken as broken:
            if isinstance(broken, NotKnown):
                self._fall_behind()
            self._stop(str(broken))
            return False
        except Refusal as refusal:
            self._stream = None
            if refusal.reason not in _NOT_OURS:
                raise
            if refusal.reason == errors_pb2.REASON_FEED_STEPPED_BACK:
                self._fall_behind()
            self._stop(f"the central bank does not go on: {refusal.message}")
            return False
        except Exception:
            self._stream = None
            raise
        if message is None:
            self._stream = None
            return False
        if self.stopped:
            self._log.info("the feed goes on", number=self.place.number)
            self.stopped = None
        return True

    def ask(self) -> None:
        """Takes the database for an older copy, perhaps, until the central bank says that it is
        none. Whoever starts a bank calls it before anything is served.
        """
        self._doubt.begin(self._began)
        self._standing.ask()
        if self._doubt.is_behind(self._windows.incarnation):
            self._standing.fall_behind()

    def acts_known(self) -> ActsPlace:
        """Where the officers' acts end that surely belong to the history that the central bank was
        told of: all of them, or those from before the bank began to ask.
        """
        doubt = self._doubt.ends
        return doubt.acts if doubt is not None else self._acts.place()

    def acknowledge(self) -> bool:
        """Tells the central bank how far the feed and the officers' acts have been applied. Returns
        False.
        """
        place, acts = self.place, self._acts.place()
        ends_at = self._ledger.position()
        follows = self._central_keys.followed
        reached = (place.number, acts.number, ends_at, follows)
        going_on = not self.stopped and self._standing.is_current
        if place.number and going_on and reached != self._acknowledged:
            told = registration_pb2.ActsPlace(number=acts.number, hash=acts.hash)
            self._central_bank.acknowledge(place.message(), told, ends_at, follows)
            self._acknowledged = reached
        return False

    def apply(self, message: registration_pb2.FollowFeedResponse) -> None:
        """Applies a message's entries in order.

        Raises:
            FeedBroken: the message does not continue what was applied, and nothing of it was
                applied; or one of its entries cannot be applied, and those before it were.
        """
        if not self._central_keys.knows(message.tip.key_id):
            self._central_keys.step()  # the key may be a successor that was announced just now
        links, tip = follow(message, self.place, self._bank, self._central_keys)
        self._central_keys.heed(message.tip, tip.announced_number, tip.signed_time_ms)
        self._central_acts.heed(message.tip, tip.acts)
        now_ms = self._clock.now_ms()
        found = [parsed(link.entry, link.data, now_ms) for link in links]
        moves, broken = self._moves.of(found)
        if moves:
            whole = message.tip if len(moves) == len(links) else None
            self._submit(links[: len(moves)], found[: len(moves)], moves, whole)
            self._outgoing.ended()
        if broken is not None:
            raise broken

    def ask_again(self) -> None:
        """Lets the next step ask again, even if the feed stopped a moment ago."""
        self._again_at_ms = 0

    def _ends(self) -> Ends:
        """Where this database surely ends: now, once the central bank goes on from here."""
        if self._confirmed:
            return Ends(self._ledger.position(), self._acts.place())
        return self._doubt.ends or self._began

    def _fall_behind(self) -> None:
        """Notes that the central bank knows more than this database."""
        # Officers who bring the bank back may have said it wrong, and say it again.
        if self._windows.is_over(self.place.number):
            self._doubt.fall_behind(self._ends(), self._windows.incarnation)
        self._confirmed = False
        self._standing.fall_behind()

    def _heard(self) -> None:
        """Notes that the central bank goes on from here, once it has told all that was lost."""
        if self._doubt.is_behind(self._windows.incarnation):
            return
        self._confirmed = True
        if self._windows.is_over(self.place.number):
            self._doubt.end()  # first: whoever is current tells of more than the doubt names
            self._standing.confirm()

    def _check_copy(self) -> None:
        """Checks that the ledger has applied exactly what the chain has. Raises FeedBroken."""
        applied = int(self._ledger.read([accounts.MIRROR])[0]["last_sequence"])
        if applied != self.place.position:
            raise FeedBroken(
                f"the ledger has applied the feed up to position {applied}, and its place is"
                f" written down as {self.place.position}"
            )

    def _stop(self, cause: str) -> None:
        if self._stream is not None and hasattr(self._stream, "close"):
            self._stream.close()
        self._stream = None
        self._again_at_ms = self._clock.monotonic_ms() + FEED_AGAIN_MS
        if self.stopped is None or self.stopped.cause != cause:
            self._log.error("the feed has stopped", cause=cause, number=self.place.number)
            self.stopped = Stop(cause, self._clock.now_ms())

    def _submit(
        self,
        links: Sequence[Link],
        found: Sequence[ParsedEntry],
        moves: Sequence[Move],
        tip: SignedEnvelope | None,
    ) -> None:
        place, own = links[-1].place, list(range(len(moves)))

        def write(connection: Connection, answers: Answers) -> None:
            of_entries = at_places(answers, own)
            self._rows.write(connection, found, moves, of_entries)
            if not not_moved(of_entries, moves):
                write_place(connection, place, tip)

        def batch_of(made: Sequence[Noted]) -> Batch:
            records = records_of(each.row for each in made)
            return Batch(records, [each.note for each in made], write, urgent=True)

        def anew(state: Accounts) -> Batch:
            made, own[:] = self._sweeps.arrivals(moves, state, places, ids)
            return batch_of(made)

        batch = batch_of([Noted(move.row, move.note) for move in moves])
        swept = self._sweeps.of([move.row.credit for move in moves])
        if swept:
            touched = [accounts.MIRROR, accounts.SWEEPS, *swept]
            places = {account: at for at, account in enumerate(touched)}
            ids = [one.payment.payment_id if one.payment else "" for one in found]
            batch = replace(batch, read=touched, anew=anew)
        answers = at_places(self._ledger.submit(batch), own)
        for index in not_moved(answers, moves):
            # The place stays where it was. From now on the ledger and the chain differ, and nothing
            # more is applied until somebody has looked.
            raise FeedBroken(
                f"entry {found[index].entry.number} ({found[index].event}) was refused by the"
                f" ledger: {answers.result(index).name}"
            )
        self.place = place
