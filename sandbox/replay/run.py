"""Runs a replay: opens and funds wallets, sends the payments, and waits for their ends."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from language import _
from runtime.errors import reason_name
from sandbox.replay.peers import BankPeer
from sandbox.replay.reader import Payments
from sandbox.replay.sender import finish, send, signed_rounds
from sandbox.replay.wallets import ReplayWallet, fund, open_wallets


class Reporter(Protocol):
    """Is told how far a replay is."""

    def begin(self, what: str, total: int) -> None:
        """A part of ``total`` items begins."""

    def advance(self, count: int) -> None:
        """``count`` more items of the part are done."""


@dataclass(frozen=True)
class Funding:
    """What the wallets start with, in fen.

    Attributes:
        flat_fen: for each party that `by_party_fen` does not name.
        by_party_fen: by the party's name.
    """

    flat_fen: int
    by_party_fen: dict[str, int]

    def of(self, parties: Sequence[str]) -> list[int]:
        """Fen for each of these parties, in order."""
        return [self.by_party_fen.get(party, self.flat_fen) for party in parties]


@dataclass(frozen=True)
class ReplayResult:
    """The result of a replay.

    Attributes:
        accepted: how many payments took effect.
        refused: how many did not, by reason.
        unfunded: how many top-ups were refused, by reason.
        seconds: from the first payment sent to the last one ended.
    """

    payments: int
    wallets: int
    accepted: int
    refused: Counter[int]
    unfunded: Counter[int]
    seconds: float

    @property
    def payments_per_s(self) -> float:
        """Payments that have ended, per second of sending and settling."""
        return self.payments / self.seconds if self.seconds else 0.0

    def as_fields(self) -> dict[str, Any]:
        """The result as one JSON object."""
        return {
            "payments": self.payments,
            "wallets": self.wallets,
            "accepted": self.accepted,
            "refused": {reason_name(reason): n for reason, n in self.refused.most_common()},
            "refused_total": sum(self.refused.values()),
            "unfunded": {reason_name(reason): n for reason, n in self.unfunded.most_common()},
            "seconds": round(self.seconds, 3),
            "payments_per_s": round(self.payments_per_s, 1),
        }


def replay(
    peers: Sequence[BankPeer],
    payments: Payments,
    funding: Funding,
    issue: Callable[[str, int], None],
    now_ms: Callable[[], int],
    items_per_call: int,
    reporter: Reporter,
) -> ReplayResult:
    """Open wallets, fund them, send every payment, and wait until each has ended.

    Args:
        peers: the banks.
        payments: from `read_payments`.
        funding: what the wallets start with.
        issue: ``issue(bank, fen)`` fills a bank's vault for the funding of its wallets.
        now_ms: the clock for orders.
        items_per_call: how many items a bulk call has.
        reporter: is told how far it is.

    Returns:
        The result, whose seconds include the signing of the payments.
    """
    wallets = _open(peers, payments.parties, now_ms, items_per_call, reporter)
    amounts_fen = funding.of(payments.parties)
    _fill_vaults(peers, wallets, amounts_fen, issue)
    reporter.begin(_("fund wallets"), sum(1 for amount in amounts_fen if amount))
    unfunded: Counter[int] = Counter()
    for count, refused in fund(peers, wallets, amounts_fen, now_ms(), items_per_call):
        unfunded += refused
        reporter.advance(count)
    reporter.begin("payments", len(payments))
    started = time.perf_counter()
    tally = send(peers, signed_rounds(payments, wallets, items_per_call, now_ms), reporter.advance)
    finish(peers, tally, items_per_call, reporter.advance)
    return ReplayResult(
        payments=len(payments),
        wallets=len(wallets),
        accepted=tally.accepted,
        refused=tally.refused,
        unfunded=unfunded,
        seconds=time.perf_counter() - started,
    )


def _open(
    peers: Sequence[BankPeer],
    parties: Sequence[str],
    now_ms: Callable[[], int],
    items_per_call: int,
    reporter: Reporter,
) -> list[ReplayWallet]:
    reporter.begin(_("open wallets"), len(parties))
    found: dict[int, ReplayWallet] = {}
    for opened in open_wallets(peers, parties, now_ms, items_per_call):
        found.update(opened)
        reporter.advance(len(opened))
    return [found[party] for party in range(len(parties))]


def _fill_vaults(
    peers: Sequence[BankPeer],
    wallets: Sequence[ReplayWallet],
    amounts_fen: Sequence[int],
    issue: Callable[[str, int], None],
) -> None:
    needed = [0] * len(peers)
    for wallet, amount_fen in zip(wallets, amounts_fen, strict=True):
        needed[wallet.bank] += amount_fen
    for peer, amount_fen in zip(peers, needed, strict=True):
        missing_fen = amount_fen - peer.books().vault_fen
        if missing_fen > 0:
            issue(peer.name, missing_fen)
            wait_for_vault(peer, amount_fen)


def wait_for_vault(peer: BankPeer, amount_fen: int, timeout_s: float = 30.0) -> None:
    """Wait until a bank has at least ``amount_fen`` in its vault.

    Raises:
        TimeoutError: it took longer than ``timeout_s``.
    """
    ends_at = time.monotonic() + timeout_s
    while peer.books().vault_fen < amount_fen:
        if time.monotonic() > ends_at:
            raise TimeoutError(
                _("{peer}'s vault did not fill within {timeout_s:.0f} s").format(
                    peer=peer.name, timeout_s=timeout_s
                )
            )
        time.sleep(0.02)
