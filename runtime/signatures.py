"""Many Ed25519 signatures at once: libsodium in a compiled loop, without the interpreter's lock.

Called from Python one by one, each verification takes the lock back when it
returns, and waits for whoever computes in Python meanwhile. A loop that holds
no lock until all are verified keeps every core at verifying.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import accumulate, pairwise
from typing import Any

import llvmlite.binding  # type: ignore[import-untyped]
import numpy as np
from nacl._sodium import ffi, lib  # type: ignore[import-not-found]
from numba import njit, types
from numpy.typing import NDArray

from runtime.ed25519 import PUBLIC_KEY_BYTES, SIGNATURE_BYTES

Check = tuple[bytes, bytes, bytes]
"""(key, message, signature)."""
_NO_KEY = bytes(PUBLIC_KEY_BYTES)
"""Of small order: no signature is by it."""
_SYMBOL = "dcep_crypto_sign_open"
_FEW = 16
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

    def verify(self, checks: Sequence[Check]) -> NDArray[np.bool_]:
        """Whether each signature is by its key, (N,). A wrong length of either is a no."""
        return self.begin(checks)()

    def begin(self, checks: Sequence[Check]) -> Callable[[], NDArray[np.bool_]]:
        """As `verify`, without waiting: the caller may do something else before it asks."""
        good = np.zeros(len(checks), np.bool_)
        keys = [key if len(key) == PUBLIC_KEY_BYTES else _NO_KEY for key, _, _ in checks]
        signed = [
            signature + message if len(signature) == SIGNATURE_BYTES else b""
            for _, message, signature in checks
        ]
        running = self._run(
            np.frombuffer(b"".join(signed), np.uint8),
            np.array([0, *accumulate(map(len, signed))], np.int64),
            np.frombuffer(b"".join(keys), np.uint8),
            good,
        )

        def finish() -> NDArray[np.bool_]:
            for part in running:
                part.result()
            return good

        return finish

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
    ) -> list[Future[None]]:
        count = len(good)
        parts = min(self._threads, -(-count // _FEW))
        if self._pool is None or parts < 2:
            _verify(signed, starts, keys, good, 0, count)
            return []
        bounds = [count * part // parts for part in range(parts + 1)]
        return [
            self._pool.submit(_verify, signed, starts, keys, good, first, end)
            for first, end in pairwise(bounds)
        ]
