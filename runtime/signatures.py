"""Many Ed25519 signatures at once: libsodium in a compiled loop, without the interpreter's lock.

Called from Python one by one, each verification takes the lock back when it
returns, and waits for whoever computes in Python meanwhile. A loop that holds
no lock until all are verified keeps every core at verifying.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from typing import Any

import llvmlite.binding  # type: ignore[import-untyped]
import numpy as np
from nacl._sodium import ffi, lib  # type: ignore[import-not-found]
from numba import njit, types
from numpy.typing import NDArray

PUBLIC_KEY_BYTES = 32
_SYMBOL = "dcep_crypto_sign_open"
_FEW = 64
"""A part this small is not worth another thread."""

# By a name instead of an address in the code, so that the compiled loop can be kept on the disk.
llvmlite.binding.add_symbol(
    _SYMBOL, int(ffi.cast("uintptr_t", ffi.addressof(lib, "crypto_sign_open")))
)
_open: Any = types.ExternalFunction(
    _SYMBOL,
    types.intc(types.uintp, types.uintp, types.uintp, types.uint64, types.uintp),
)
_BYTES = types.Array(types.uint8, 1, "C", readonly=True)


@njit(
    [types.void(_BYTES, types.int64[::1], _BYTES, types.boolean[::1], types.int64, types.int64)],
    cache=True,
    nogil=True,
)
def _verify(signed, starts, keys, good, first, end):  # type: ignore[no-untyped-def]
    """good[i] for i in first..end-1; with no place for it, libsodium copies no message."""
    for i in range(first, end):
        message = signed.ctypes.data + starts[i]
        length = starts[i + 1] - starts[i]
        key = keys.ctypes.data + PUBLIC_KEY_BYTES * i
        good[i] = _open(0, 0, message, length, key) == 0


class SignatureVerifier:
    """Verifies on so many threads; 1: in the caller's."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, "verify") if threads > 1 else None

    def verify(self, signed: Sequence[bytes], keys: Sequence[bytes]) -> NDArray[np.bool_]:
        """Whether each is signed by its key, (N,).

        Args:
            signed: N times signature ‖ message; one too short for a signature is a no.
            keys: N public keys of 32 bytes; one of another length is a no.
        """
        if len(signed) != len(keys):
            raise ValueError(f"{len(signed)} signatures and {len(keys)} keys differ in number")
        count = len(signed)
        good = np.zeros(count, np.bool_)
        if not count:
            return good
        whole = all(len(key) == PUBLIC_KEY_BYTES for key in keys)
        known = keys if whole else [_or_zeros(key) for key in keys]
        starts = np.array([0, *accumulate(map(len, signed))], np.int64)
        joined = np.frombuffer(b"".join(signed), np.uint8)
        joined_keys = np.frombuffer(b"".join(known), np.uint8)
        self._run(joined, starts, joined_keys, good)
        return good

    def close(self) -> None:
        """Ends the threads."""
        if self._pool is not None:
            self._pool.shutdown()

    def _run(
        self,
        signed: NDArray[np.uint8],
        starts: NDArray[np.int64],
        keys: NDArray[np.uint8],
        good: NDArray[np.bool_],
    ) -> None:
        count = len(good)
        parts = min(self._threads, -(-count // _FEW))
        bounds = [count * part // parts for part in range(parts + 1)]
        if self._pool is None or parts == 1:
            _verify(signed, starts, keys, good, 0, count)
            return
        running = [
            self._pool.submit(_verify, signed, starts, keys, good, first, end)
            for first, end in zip(bounds, bounds[1:], strict=False)
        ]
        for part in running:
            part.result()


def _or_zeros(key: bytes) -> bytes:
    """Zeros are of small order: no signature is by them."""
    return key if len(key) == PUBLIC_KEY_BYTES else bytes(PUBLIC_KEY_BYTES)
