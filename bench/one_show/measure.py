"""Measures what a one-show coin costs, compared with one of our tokens in the same run."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from typing import Any

from bench.harness import Measurement, Ratio, Scale, compare, rate, rounds
from bench.offline import _CHALLENGE, _System
from bench.one_show.credential import Issuer, Owner, Show, withdrawn
from bench.one_show.group import random_scalar
from offline_token.formats import Payment
from runtime.clock import SystemClock


def run(scale: Scale) -> list[Measurement]:
    """Measures issuing, showing, verifying and the bytes of a coin, one result for each."""
    return _Compared(scale).results()


class _Compared:
    """An issuer and an owner of coins, and four devices with our tokens."""

    def __init__(self, scale: Scale) -> None:
        self.scale = scale
        self.count = scale.pick(1_000, 200, 5)
        self.issuer, self.owner = Issuer(random_scalar()), Owner(random_scalar())
        self.public = self.issuer.public()
        self.coin = withdrawn(self.owner, self.issuer)
        self.shown = self.coin.show(_CHALLENGE).encode()
        self.system = _System(SystemClock().now_ms())
        self.paid = Payment((self.system.endorse(self.system.token()),)).encode()

    def results(self) -> list[Measurement]:
        """Measures all figures."""
        system, tokens = self.system, cycle([self.system.token()])
        return [
            self._rates(
                "one-show-issue",
                lambda: withdrawn(self.owner, self.issuer),
                system.token,
                "a-token-made-and-signed",
                "opening, blinding, answering, unblinding and checking one coin; both sides",
            ),
            self._rates(
                "one-show-show",
                lambda: self.coin.show(_CHALLENGE).encode(),
                lambda: Payment((system.endorse(next(tokens)),)).encode(),
                "a-token-endorsed",
                "the answer to one challenge, to its bytes",
            ),
            self._rates(
                "one-show-verify",
                lambda: Show.decode(self.shown).check(self.public, _CHALLENGE),
                lambda: system.check(self.paid, 1),
                "a-payment-of-one-hop-verified",
                "one show from its bytes to the verdict",
            ),
            self._bytes(),
        ]

    def _rates(
        self,
        name: str,
        body: Callable[[], object],
        ours: Callable[[], object],
        what: str,
        includes: str,
    ) -> Measurement:
        def of(act: Callable[[], object]) -> Callable[[], float]:
            return lambda: rate(self.count, lambda: [act() for _ in range(self.count)])

        subject, other = rounds(self.scale, of(body), of(ours))
        result = self._result(name, subject, compare(what, subject, other), includes)
        result.details["ms"] = round(1e3 / result.median, 3)
        result.details["ours_ms"] = round(1e3 / result.ratio_to.per_s, 3)
        return result

    def _bytes(self) -> Measurement:
        ours = len(self.paid)
        size = float(len(self.shown))
        ratio = Ratio("bytes-of-a-token-endorsed-once", float(ours), size / ours)
        details = {"credential": len(self.coin.credential.encode()), "scalars_kept_by_the_owner": 3}
        samples, includes = [size] * self.scale.samples, "one coin of one value, shown once"
        return self._result("one-show-bytes", samples, ratio, includes, "bytes", details)

    def _result(
        self,
        name: str,
        samples: list[float],
        ratio: Ratio,
        includes: str,
        measure: str = "per_s",
        details: dict[str, Any] | None = None,
    ) -> Measurement:
        return Measurement(
            name=name,
            samples=samples,
            batch=1,
            accounts=1,
            durability={"database": "none"},
            includes=includes + "; one thread",
            excludes="the device's state, the network, the issuer's books",
            scale=self.scale,
            ratio_to=ratio,
            unit="a coin" if measure == "bytes" else "coins",
            measure=measure,
            details=details if details is not None else {},
        )
