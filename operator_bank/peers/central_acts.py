"""Checks where the acts of the central bank's officers end, as it signs with the feed."""

from __future__ import annotations

from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.registration.v1 import registration_pb2
from operator_bank.feed.chain import read_tip
from operator_bank.peers.contradictions import ACTS, Contradictions
from runtime.database import Database


class CentralActs:
    """Compares each signed place with the one before: acts are added, and never taken back.

    The feed goes on despite a contradiction, because its own chain holds. The acts between two
    places are not shown to banks; `dcep audit` builds the chain anew and compares it with each
    place that was kept.
    """

    def __init__(self, database: Database, contradictions: Contradictions) -> None:
        self._contradictions = contradictions
        self._last = registration_pb2.ActsPlace()
        self._word = b""
        kept = read_tip(database)
        if kept is not None:
            self._word = kept.SerializeToString()
            self._last = registration_pb2.FeedTip.FromString(kept.payload).acts

    def heed(self, tip: SignedEnvelope, acts: registration_pb2.ActsPlace) -> None:
        """Takes a verified tip of the feed, and the place of the acts in it.

        After a contradiction only the place that was heard before it ends the contradiction: a
        chain that continued from an older copy will be longer some day.
        """
        stands = ACTS in self._contradictions.now()
        if acts.number < self._last.number:
            self._contradicts(f"end with {acts.number}, after {self._last.number}", tip)
        elif acts.number == self._last.number and self._word:
            if acts.hash != self._last.hash:
                self._contradicts(f"end with another act {acts.number} than before", tip)
            elif stands:
                self._contradictions.gone(ACTS)
        elif not stands:
            self._last, self._word = acts, tip.SerializeToString()

    def _contradicts(self, what: str, tip: SignedEnvelope) -> None:
        cause = f"the central bank signs that the acts of its officers {what}"
        self._contradictions.found(ACTS, cause, self._word, tip.SerializeToString())
