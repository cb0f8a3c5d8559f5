"""A payer and a payee with a cable between them, that can be cut."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any

from runtime.randomness import SeededRandomness
from tests.offline.devices import FailingStore, TestDevice, _device, make_device
from tests.offline.signers import NOW, Signers
from wallet.offline import link, link_payments
from wallet.offline.link import Taken
from wallet.offline.link_payments import ShownRequest
from wallet.offline.payments import OfflinePayments

AMOUNT = 30
TO_PAYEE, TO_PAYER = "to the payee", "to the payer"
WAIT_S = 10.0


def loaded_devices() -> tuple[bytes, bytes]:
    """What Alice's and Bob's devices remember before they meet; making it takes time."""
    signers = Signers()
    return make_device(signers, "alice", 100).store.data, make_device(signers, "bob").store.data


class Memory:
    """`wallet.offline.link_payments.Requests`."""

    def __init__(self) -> None:
        self.open: list[tuple[str, int]] = []

    def unseen(self, amount_fen: int) -> str | None:
        found = [text for text, amount in self.open if amount == amount_fen]
        return found[-1] if found else None

    def add(self, text: str, amount_fen: int, now_ms: int) -> None:
        self.open.append((text, amount_fen))

    def seen(self, text: str, now_ms: int) -> None:
        self.open = [entry for entry in self.open if entry[0] != text]


class Pair:
    """A payer and a payee with a cable between them."""

    def __init__(self, loaded: tuple[bytes, bytes], seed: int = 1) -> None:
        self.alice, self.bob = (holder(data, seed * 10 + at) for at, data in enumerate(loaded))
        self.requests = Memory()
        self.said: list[str] = []
        """What the payer is told before anything is shown."""

    def meet(
        self,
        amount: int = AMOUNT,
        cut: Callable[[int], Cable] | None = None,
        *,
        anew: bool = False,
        anew_request: bool = False,
        request: str = "",
    ) -> tuple[Any, Any]:
        """One command on each side; what each came to."""
        self.said = []
        payee, payer = OfflinePayments(self.bob.element), OfflinePayments(self.alice.element)
        request = request or link_payments.request_to_show(
            payee, self.requests, self.bob.clock, amount, anew=anew_request
        )
        listening = threading.Event()
        came: list[Taken | Exception] = []
        where: list[int] = []

        def listen(at: str) -> None:
            where.append(int(at.rpartition(":")[2]))
            listening.set()

        def wait() -> None:
            try:
                came.append(
                    link.receive(
                        ("127.0.0.1", 0),
                        ShownRequest(payee, self.requests, self.bob.clock, request),
                        on_listening=listen,
                        timeout_s=WAIT_S,
                    )
                )
            except Exception as error:
                came.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        assert listening.wait(WAIT_S)
        cable = cut(where[0]) if cut is not None else None
        port = cable.port if cable is not None else where[0]
        try:
            sent: Any = link_payments.pay(
                payer,
                ("127.0.0.1", port),
                lambda asked: self.said.append("pays"),
                finishing=lambda asked, amount_fen: self.said.append(f"finishes {amount_fen}"),
                anew=anew,
                timeout_s=WAIT_S,
            )
        except Exception as error:
            sent = error
        thread.join(WAIT_S)
        if cable is not None:
            cable.close()
        return came[0], sent

    @property
    def hands(self) -> tuple[int, int]:
        return self.alice.balance, self.bob.balance


def holder(data: bytes, seed: int) -> TestDevice:
    store = FailingStore(bytes(32))
    store.data = data
    return _device(store, NOW, SeededRandomness(seed))


class Cable:
    """Carries both directions to a port, and breaks after so many bytes of one of them."""

    def __init__(self, port: int, direction: str, whole: int) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._to, self._direction, self.left_bytes = port, direction, whole
        self._ends: list[socket.socket] = []
        self._thread = threading.Thread(target=self._carry)
        self._thread.start()

    def _carry(self) -> None:
        payer, _ = self._server.accept()
        payee = socket.create_connection(("127.0.0.1", self._to))
        self._ends = [payer, payee]
        back = threading.Thread(target=self._pump, args=(payee, payer, TO_PAYER))
        back.start()
        self._pump(payer, payee, TO_PAYEE)
        back.join()
        for end in self._ends:
            end.close()

    def _pump(self, source: socket.socket, sink: socket.socket, direction: str) -> None:
        try:
            while data := source.recv(65_536):
                if direction == self._direction:
                    data, self.left_bytes = (
                        data[: self.left_bytes],
                        self.left_bytes - len(data[: self.left_bytes]),
                    )
                    sink.sendall(data)
                    if self.left_bytes == 0:
                        break
                else:
                    sink.sendall(data)
        except OSError:
            pass
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._thread.join(WAIT_S)
        self._server.close()
