"""Calls the banks over gRPC; implements `central_bank.peers.interface.BankPeers`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple, TypeVar

from central_bank.authentication.banks import AdmittedBank
from central_bank.limits import BANK_TIMEOUT_S
from currency import parties
from dcep.bank.v1 import inbound_pb2, inbound_pb2_grpc
from dcep.errors.v1 import errors_pb2
from runtime.certificates import fingerprint
from runtime.channel import connect
from runtime.clock import Clock, SystemClock
from runtime.errors import NoAnswer, Refusal, Unreached
from runtime.own_certificate import OwnCertificate
from runtime.tls import TlsFiles, certificate_of, only_to

Stub = inbound_pb2_grpc.InboundServiceStub
T = TypeVar("T")


class _Where(NamedTuple):
    """What a channel was made for; if a certificate changes, it is made anew."""

    name: str
    address: str
    fingerprints: tuple[str, ...]
    own_fingerprint: str


class GrpcBankPeers:
    """One channel to each bank, made at the first question, and only to certificates that are the
    bank's now.

    A channel speaks to the one certificate that the bank showed when it was made. If the bank
    cannot be reached over it any more, the next question looks at what the bank shows then.

    No caller waits: a thread connects to the bank, and the answers come by themselves.
    """

    def __init__(
        self, files: TlsFiles, own: OwnCertificate | None = None, clock: Clock | None = None
    ) -> None:
        self._files = files
        self._own = own or OwnCertificate(files)
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._reached: dict[str, tuple[_Where, Future[Stub]]] = {}

    def check(self, bank: AdmittedBank, payees: Sequence[str]) -> Future[list[int]]:
        """See `BankPeers.check`."""
        request = inbound_pb2.CheckPayeesRequest(wallet_numbers=payees)
        return self._ask(
            bank,
            lambda stub: stub.CheckPayees.future(request, timeout=BANK_TIMEOUT_S),
            lambda call: _verdicts(bank, call, len(payees)),
        )

    def take_requests(
        self, bank: AdmittedBank, items: Sequence[inbound_pb2.CarriedRequest]
    ) -> Future[None]:
        """See `BankPeers.take_requests`."""
        request = inbound_pb2.TakeRequestsRequest(items=items)
        return self._ask(
            bank, lambda stub: stub.TakeRequests.future(request, timeout=BANK_TIMEOUT_S), _done
        )

    def answer_alias(
        self, bank: AdmittedBank, label: bytes, nonce: bytes, prefix: str
    ) -> Future[bytes]:
        """See `BankPeers.answer_alias`."""
        request = inbound_pb2.AnswerAliasRequest(label=label, nonce=nonce, prefix=prefix)
        return self._ask(
            bank,
            lambda stub: stub.AnswerAlias.future(request, timeout=BANK_TIMEOUT_S),
            lambda call: bytes(call.result().answer),
        )

    def reserve_for_redemption(
        self, bank: AdmittedBank, number: int, amount_fen: int
    ) -> Future[None]:
        """See `BankPeers.reserve_for_redemption`."""
        request = inbound_pb2.ReserveForRedemptionRequest(number=number, amount_fen=amount_fen)
        return self._ask(
            bank,
            lambda stub: stub.ReserveForRedemption.future(request, timeout=BANK_TIMEOUT_S),
            _done,
        )

    def _ask(
        self, bank: AdmittedBank, begin: Callable[[Any], Any], read: Callable[[Any], T]
    ) -> Future[T]:
        """Begins a call once the bank is reached; `read` turns the ended call into its answer."""
        answer: Future[T] = Future()
        way = self._reach(bank)

        def said(call: Any) -> T:
            try:
                return read(call)
            except Unreached:
                self._forget(bank.name, way)
                raise

        def ended(call: Any) -> None:
            _tell(answer, lambda: said(call))

        def reached(found: Future[Stub]) -> None:
            error = found.exception()
            if error is not None:
                answer.set_exception(error)
                return
            call = begin(found.result())
            call.add_done_callback(lambda _: ended(call))

        way.add_done_callback(reached)
        return answer

    def _forget(self, name: str, way: Future[Stub]) -> None:
        """Forgets a channel over which its bank is not reached any more."""
        with self._lock:
            if self._reached.get(name, (None, None))[1] is way:
                del self._reached[name]

    def _reach(self, bank: AdmittedBank) -> Future[Stub]:
        """The channel to a bank, in time; one attempt at a time."""
        own = self._own.latest().fingerprint
        shown = tuple(bank.fingerprints(self._clock.now_ms()))
        where = _Where(bank.name, bank.inner_address, shown, own)
        with self._lock:
            known, found = self._reached.get(bank.name, (None, Future[Stub]()))
            if known == where and not (found.done() and found.exception() is not None):
                return found
            found = Future()
            self._reached[bank.name] = (where, found)
        # In a thread, because the bank decides how long it takes.
        threading.Thread(
            target=_tell, args=(found, lambda: self._connect(where)), daemon=True
        ).start()
        return found

    def _connect(self, where: _Where) -> Stub:
        role = parties.bank(where.name)
        pem = certificate_of(self._files, where.address, role, timeout_s=BANK_TIMEOUT_S)
        if fingerprint(pem) not in where.fingerprints:
            raise NoAnswer(f"{where.address} shows a certificate of {role} that was not admitted")
        return Stub(connect(where.address, only_to(pem, self._own.latest()), role))


def _tell(answer: Future[T], find: Callable[[], T]) -> None:
    """Sets the result of `find` as an answer, or why there is none."""
    try:
        found = find()
    except (NoAnswer, Refusal) as error:
        answer.set_exception(error)
    except Exception as error:  # noqa: BLE001 - whoever waits is told of any error
        answer.set_exception(NoAnswer(f"there is no answer: {error!r}"))
    else:
        answer.set_result(found)


def _verdicts(bank: AdmittedBank, call: Any, asked: int) -> list[int]:
    """For each payee 0, or the one Reason that a bank can give."""
    try:
        said = list(call.result().can_be_paid)
    except Refusal as refusal:
        raise NoAnswer(f"bank {bank.name} refused to say: {refusal}") from refusal
    if len(said) != asked:
        raise NoAnswer(f"bank {bank.name} answered {len(said)} of {asked}")
    return [0 if can else errors_pb2.REASON_PAYEE_CANNOT_BE_PAID for can in said]


def _done(call: Any) -> None:
    call.result()
