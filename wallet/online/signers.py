"""Who signs for a wallet: other phones and people are let in and cut off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from currency.key_code import same_code
from dcep.bank.v1 import keys_pb2, signers_pb2, states_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from language import N_
from runtime.checks import invalid, text
from runtime.envelope import verify
from runtime.errors import Refusal
from wallet.limits import MAX_LABEL, OPENING_VALID_MS, PREPARED_VALID_MS
from wallet.online.keys import KeyHere
from wallet.orders.order_book import PLACES
from wallet.orders.submitter import OrderSubmitter
from wallet.peers.interface import LIST_SIGNERS

RELEASE = states_pb2.SIGNER_ROLE_RELEASE


@dataclass(frozen=True)
class SignerList:
    """A wallet's signers.

    Attributes:
        number: of the list.
        threshold: how many who may release an order takes.
        asked: keys that ask to be one of them, and when they asked, Unix milliseconds; whoever
            they are.
        waits: another list waits for others' signatures.
    """

    number: int
    threshold: int
    signers: Sequence[signers_pb2.Signer]
    asked: Sequence[tuple[bytes, int]]
    waits: bool = False


class Signers:
    """The use-cases about a wallet's signers."""

    def __init__(self, here: KeyHere, submitter: OrderSubmitter) -> None:
        self._here = here
        self._submitter = submitter

    @property
    def number(self) -> str:
        """The wallet's."""
        return self._here.number

    def is_here(self, signer: signers_pb2.Signer) -> bool:
        """Whether a signer is the key in this home."""
        return bytes(signer.public_key) == self._here.public

    def show(self) -> SignerList:
        """The wallet's signers, as its bank knows them."""
        return _shown(self._listed())

    def add(
        self, code: str, role: int, label: str, agree: Callable[[signers_pb2.Signer], None]
    ) -> SignerList:
        """Lets a key in that has asked for it.

        Args:
            code: its code, as its own screen shows it.
            role: what it may do, a SignerRole.
            label: for the others.
            agree: is given the signer, and raises if it is not to be one.

        Raises:
            Refusal: REQUEST_UNKNOWN, no key of this code has asked; or by the bank.
        """
        text(label, "label", longest=MAX_LABEL, shortest=0)
        listed = self._listed()
        taken = {one.place for one in listed.signers}
        place = next((each for each in range(1, PLACES) if each not in taken), None)
        if place is None:
            raise invalid("signers", N_("has as many as there may be; cut one off first"))
        request, key = self._asked(listed, code)
        new = signers_pb2.Signer(
            place=place,
            public_key=key,
            role=role,  # type: ignore[arg-type]
            label=label,
            request=request,
        )
        agree(new)
        return self._put(listed, [*listed.signers, new])

    def remove(self, place: int, agree: Callable[[signers_pb2.Signer], None]) -> SignerList:
        """Cuts a signer off; what it has signed and is not decided counts no more.

        Args:
            place: its place in the list.
            agree: as in `add`.
        """
        listed = self._listed()
        gone = next((one for one in listed.signers if one.place == place), None)
        if gone is None:
            raise Refusal(
                errors_pb2.REASON_REQUEST_UNKNOWN,
                N_("no signer has this place"),
                field="place",
            )
        agree(gone)
        return self._put(listed, [one for one in listed.signers if one.place != place])

    def set_threshold(self, count: int, agree: Callable[[], None]) -> SignerList:
        """Says how many who may release an order takes; `agree` raises if it is not to be so."""
        listed = self._listed()
        agree()
        return self._put(listed, list(listed.signers), threshold=count)

    def give_up_phrase(self, agree: Callable[[], None]) -> SignerList:
        """Has recovery phrases of before count seven days longer, and then no more."""
        listed = self._listed()
        agree()
        return self._put(listed, list(listed.signers), gives_up_recovery=True)

    def _listed(self) -> signers_pb2.ListSignersResponse:
        return self._submitter.bank.list_signers(self._submitter.query(LIST_SIGNERS))

    def _asked(
        self, listed: signers_pb2.ListSignersResponse, code: str
    ) -> tuple[SignedEnvelope, bytes]:
        """The request of the key of this code, and the key, which has signed it."""
        for envelope in listed.asked:
            request = keys_pb2.KeyRequest.FromString(envelope.payload)
            key = bytes(request.public_key)
            if same_code(code, key) and request.wallet_number == self.number:
                verify(keys_pb2.KeyRequest, envelope, key)
                return envelope, key
        raise Refusal(
            errors_pb2.REASON_REQUEST_UNKNOWN,
            N_("no key of this code has asked to sign for this wallet"),
            field="code",
        )

    def _put(
        self,
        before: signers_pb2.ListSignersResponse,
        signers: Sequence[signers_pb2.Signer],
        threshold: int = 0,
        *,
        gives_up_recovery: bool = False,
    ) -> SignerList:
        """Has the bank put a list in force, or before the others who have to sign it."""
        order = self._here.signed(
            signers_pb2.SignersOrder,
            OPENING_VALID_MS if before.threshold == 1 else PREPARED_VALID_MS,
            list_number=before.list_number + 1,
            signers=signers,
            threshold=threshold or before.threshold,
            gives_up_recovery=gives_up_recovery,
        )
        self._submitter.begin()
        if before.threshold > 1:
            self._submitter.bank.sign(signers_pb2.SignRequest(signers=order))
            return replace(_shown(before), waits=True)
        self._submitter.bank.set_signers(order)
        if any(self.is_here(one) for one in signers):
            self._submitter.follow()
        return SignerList(before.list_number + 1, threshold or before.threshold, signers, ())


def _shown(listed: signers_pb2.ListSignersResponse) -> SignerList:
    asked = [
        (bytes(request.public_key), request.created_time_ms)
        for request in (keys_pb2.KeyRequest.FromString(each.payload) for each in listed.asked)
    ]
    return SignerList(listed.list_number, listed.threshold, list(listed.signers), asked)
