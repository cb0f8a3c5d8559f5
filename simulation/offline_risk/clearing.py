"""The registration centre of a simulation, which decides as the real one does, without a database.

The real centre's own code finds which pieces were spent twice, and what the float still pays.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from central_bank.limits import MAX_LOSS_PER_DEVICE_FEN, MAX_LOSS_PER_LOAD
from central_bank.registration.offline.double_spends import Spend, Spends, VerifiedDeposit
from central_bank.registration.offline.sizes import sizes as sizes
from offline_token.deposit import DepositEndorsement
from offline_token.formats import Payment
from offline_token.verify import verify
from simulation.offline_risk.money import Coin, Mint

_SIGNED = DepositEndorsement(0, "bank", bytes(32), bytes(16))
"""In place of what the owner signs, since a simulation does not check who deposits what."""


@dataclass(frozen=True)
class Paid:
    """Who pays for one deposited coin, in fen; the sum is the coin's value.

    Attributes:
        float_fen: what the offline float pays.
        bank_fen: what the bank that certified the broken device pays.
        unpaid_fen: what nobody pays.
    """

    float_fen: int = 0
    bank_fen: int = 0
    unpaid_fen: int = 0


class Clearing:
    """Takes deposits, finds double spends, and revokes devices."""

    def __init__(self, mint: Mint) -> None:
        self.found_ms: dict[bytes, int] = {}
        """By the device's key, when it was found to have spent a piece twice."""
        self._revocations: dict[bytes, bytes] = {}
        self._mint = mint
        self._bundle = mint.deposit_bundle()
        self._pieces: dict[bytes, dict[bytes, Spend]] = {}
        self._lost_by_load: Counter[int] = Counter()
        self._lost_by_device: Counter[bytes] = Counter()

    def revoked(self, until_ms: int) -> tuple[bytes, ...]:
        """The revocations of devices that were found out by a time."""
        found = (key for key, found_ms in self.found_ms.items() if found_ms <= until_ms)
        return tuple(self._revocations[key] for key in found)

    def deposit(self, coin: Coin, bank: int, now_ms: int) -> Paid:
        """Retires a coin.

        Args:
            coin: what is deposited.
            bank: the depositor's.
            now_ms: when.
        """
        if coin.chain is None:
            return Paid(float_fen=coin.value_fen)
        verdict = verify(
            Payment((coin.chain,)).encode(),
            root=self._mint.root_public,
            bundle=self._bundle,
            now_ms=now_ms,
            request=None,
            output=coin.output,
        )
        assert verdict.good, verdict
        (end,) = verdict.pieces
        ids = [piece.id for piece in verdict.all_pieces]
        spends = Spends(bank, {name: self._copy(name) for name in ids if name in self._pieces})
        (allocation,) = spends.add(VerifiedDeposit((coin.chain,), verdict, (_SIGNED,), 0))
        for double in allocation.doubles:
            self.found_ms.setdefault(double.device, now_ms)
            self._revocations[double.device] = double.certificate.revocation()
        if allocation.loss_fen:
            by_device: Counter[bytes] = Counter()
            for double, fen in allocation.lost:
                by_device[double.device] += fen
            load = self._mint.loads[end.token_id]
            load_cap_fen = MAX_LOSS_PER_LOAD * load.value_fen
            if self._lost_by_load[load.number] + allocation.loss_fen > load_cap_fen or any(
                self._lost_by_device[device] + fen > MAX_LOSS_PER_DEVICE_FEN
                for device, fen in by_device.items()
            ):
                return Paid(unpaid_fen=coin.value_fen)
            self._lost_by_load[load.number] += allocation.loss_fen
            self._lost_by_device += by_device
        self._pieces.update(spends.by_piece)
        return Paid(float_fen=allocation.retired_fen, bank_fen=allocation.loss_fen)

    def _copy(self, piece_id: bytes) -> dict[bytes, Spend]:
        """A copy of what is known of a piece, so that a refused deposit changes nothing."""
        return {spent_by: replace(spend) for spent_by, spend in self._pieces[piece_id].items()}
