"""Bounds what each source of calls may use of a bank's public port."""

from __future__ import annotations

from operator_bank.limits import (
    ANSWER_BYTES_EACH,
    ANSWERS_EACH,
    KEY_REQUESTS_PER_MINUTE,
    LONGEST_ANSWER_BYTES,
    LOOKS_EACH,
    MAX_ANSWER_BYTES,
    MAX_ANSWERS,
    MAX_BULK,
    MAX_LOOKS,
    MAX_PROBES,
    MAX_SLOW,
    MAX_TURNS,
    MAX_WAITING,
    MAX_WATCHES,
    TURNS_EACH,
    WAITING_EACH,
)
from runtime.limits import MAX_CONCURRENT_CALLS
from runtime.rates import Rate
from runtime.shares import Shares, Turns


class PublicShares:
    """The shares of the public port.

    There are places for calls while they are served, for answers until they have gone out, and for
    the bytes of long answers; for calls with many items, and for calls that may wait for the
    central bank; for watches, for payments to other banks whose end is waited for, for health
    checks and for reflection. There are turns for calls about one wallet, and rates for the
    opening of wallets and for requests for keys.
    """

    def __init__(
        self, *, calls_per_source: int, watches_per_source: int, openings_per_minute: int
    ) -> None:
        """Sets the bounds. Of nearly everything a source gets the same part as it gets of the
        calls.

        Args:
            calls_per_source: calls of one source at once.
            watches_per_source: watches of one source at once.
            openings_per_minute: wallets that one source may open in a minute.
        """

        def part(whole: int) -> int:
            return max(1, min(whole, whole * calls_per_source // MAX_CONCURRENT_CALLS))

        self.calls = Shares("calls", whole=MAX_CONCURRENT_CALLS, each=part(MAX_CONCURRENT_CALLS))
        self.answers = Shares("answers to read", whole=MAX_ANSWERS, each=part(ANSWERS_EACH))
        self.answer_bytes = Shares(
            "bytes of answers to read",
            whole=MAX_ANSWER_BYTES,
            each=max(LONGEST_ANSWER_BYTES, part(ANSWER_BYTES_EACH)),
        )
        self.bulk = Shares("calls with many items", whole=MAX_BULK, each=part(MAX_BULK))
        self.slow = Shares("offline loads and deposits", whole=MAX_SLOW, each=part(MAX_SLOW))
        self.watches = Shares("watches", whole=MAX_WATCHES, each=watches_per_source)
        self.probes = Shares("probes", whole=MAX_PROBES, each=part(MAX_CONCURRENT_CALLS))
        self.looks = Shares("looks", whole=MAX_LOOKS, each=LOOKS_EACH)
        self.ends = Shares("payments on their way", whole=MAX_WAITING, each=part(MAX_WAITING))
        self.ends_of_payer = Shares("payments on their way", whole=MAX_WAITING, each=WAITING_EACH)
        self.turns = Turns(MAX_TURNS, each=TURNS_EACH)
        self.openings = Rate("openings of wallets", openings_per_minute)
        self.key_requests = Rate("requests for keys", KEY_REQUESTS_PER_MINUTE)
