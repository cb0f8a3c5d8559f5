"""Measures what a full device writes to disk at each payment, and how long that takes."""

from __future__ import annotations

import time
from pathlib import Path

from nacl.signing import SigningKey

from bench.harness import Measurement, Ratio, Scale, scratch
from offline_token import signing
from offline_token.bundle import TrustBundle
from offline_token.formats import Certificate, Request, Token
from runtime.clock import SystemClock
from runtime.randomness import SystemRandomness
from wallet.secure_element.element import SecureElement
from wallet.secure_element.limits import MAX_PIECES
from wallet.secure_element.sealed_file import SealedFile
from wallet.secure_element.signer import seed_key

_DAY_MS = 86_400_000
_VALUE_FEN, _PAID_FEN = 1_000, 600
_HOLDING_FEN = 1 << 40


def run(scale: Scale) -> Measurement:
    """Measures the payments of one device that holds as many pieces as it may."""
    pieces, payments = scale.pick(MAX_PIECES, MAX_PIECES, 40), scale.pick(250, 40, 5)
    with scratch() as folder:
        payer, payee = _Device(folder), SigningKey.generate()
        payer.load(pieces)
        whole, seconds, written = len(payer.store.read().encode()), [], []
        for _ in range(payments):
            request = payer.request_of(payee)
            before = payer.bytes_on_disk()
            started = time.perf_counter()
            payer.element.payer.pay(request)
            seconds.append(time.perf_counter() - started)
            written.append(_written(before, payer.bytes_on_disk()))
    usual = sorted(written)[len(written) // 2]
    mean = sum(written) / len(written)
    return Measurement(
        name="offline-state",
        samples=[mean] * scale.samples,
        batch=1,
        accounts=1,
        durability={"files": "device.log appended and flushed, device.mark replaced and flushed"},
        includes=f"all that a device with {pieces} pieces writes when it pays out of a fresh token "
        "and keeps the change, the whole state among it whenever that is written anew; the mean",
        excludes="what the file system writes besides",
        scale=scale,
        ratio_to=Ratio("bytes-of-the-whole-state", float(whole), mean / whole),
        unit="a payment",
        measure="bytes",
        details={
            "pieces": pieces,
            "payments": payments,
            "usual": usual,
            "largest": max(written),
            "times_the_state_was_written_whole": sum(one > whole for one in written),
            "ms_a_payment": round(1e3 * sorted(seconds)[len(seconds) // 2], 1),
        },
    )


class _Device:
    """A device in a folder, certified by one bank and one root."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._now_ms = SystemClock().now_ms()
        self._root, self._bank = SigningKey.generate(), SigningKey.generate()
        self._key = SigningKey.generate()
        self._owner = self._certified(self._key)
        self.store = SealedFile(folder, SystemRandomness(), lambda: "")
        self.store.change(lambda state: state.keys.append(seed_key(bytes(self._key))))
        self.element = SecureElement(self.store, SystemClock(), SystemRandomness())
        bank = signing.certify_bank(
            self._root, "alpha", bytes(self._bank.verify_key), self._now_ms + 90 * _DAY_MS
        )
        self.element.keys.certify(self._owner.encode(), bank.encode())
        bundle = TrustBundle(
            created_time_ms=self._now_ms,
            max_age_ms=_DAY_MS,
            max_hops=16,
            max_value_fen=_VALUE_FEN,
            max_payment_fen=_VALUE_FEN,
            max_holding_fen=_HOLDING_FEN,
            banks=(bank,),
        )
        signed = signing.sign_bundle(self._root, bundle).encode()
        self.element.trust.follow(bytes(self._root.verify_key) + signed)

    def load(self, pieces: int) -> None:
        """Loads new tokens, all of one value."""
        until_ms = self._now_ms + 90 * _DAY_MS
        owner = bytes(self._key.verify_key)
        blanks = [
            Token(number.to_bytes(16, "big"), _VALUE_FEN, owner, self._now_ms, until_ms)
            for number in range(pieces)
        ]
        self.element.holdings.load(
            [signing.sign_token(self._root, blank).encode() for blank in blanks]
        )

    def request_of(self, payee: SigningKey) -> bytes:
        """The bytes of a request for a payment by another device."""
        challenge = SystemRandomness().bytes(16)
        blank = Request(self._certified(payee), _PAID_FEN, challenge, self._now_ms + _DAY_MS)
        return signing.sign_request(payee, blank).encode()

    def bytes_on_disk(self) -> dict[str, tuple[int, int]]:
        """Of each of the device's files its inode and its size."""
        names = ("device.sealed", "device.log", "device.mark")
        found = [(name, self._folder / name) for name in names]
        return {
            name: (path.stat().st_ino, path.stat().st_size) for name, path in found if path.exists()
        }

    def _certified(self, key: SigningKey) -> Certificate:
        until_ms = self._now_ms + 90 * _DAY_MS
        return signing.certify_device(self._bank, "alpha", bytes(key.verify_key), until_ms)


def _written(before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]) -> int:
    """Bytes written between two looks: those of replaced files, and those appended to others."""
    total = 0
    for name, (inode, size) in after.items():
        was_inode, was_size = before.get(name, (0, 0))
        appended = inode == was_inode and size >= was_size
        total += size - was_size if appended else size
    return total
