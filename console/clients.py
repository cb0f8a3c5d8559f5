"""Officers' desks: what somebody with an officer's certificate and key can do over gRPC.

All methods that ask a service raise NoAnswer when it does not answer, and Refusal when it refuses.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Protocol, Self

import grpc
from google.protobuf.message import Message
from nacl.signing import SigningKey

from currency.text import typed
from dcep.analysis.v1 import analysis_pb2, analysis_pb2_grpc
from dcep.authentication.v1 import authentication_pb2, authentication_pb2_grpc
from dcep.bank.v1 import officers_pb2, officers_pb2_grpc
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.issuance.v1 import issuance_pb2, issuance_pb2_grpc
from dcep.office.v1 import office_pb2, office_pb2_grpc
from deployment.connections import Answer, ask, officer_channel, stub
from deployment.provisioning import officer_key_file
from deployment.topology import CENTRAL_BANK, StackPlan
from officers.signing import OfficerKey
from runtime.clock import SystemClock
from runtime.errors import Refusal

Act = office_pb2.Act
CAUSE = "ordered by an officer"
_PAGE = 500
_LOOK_VALID_MS = 60_000
_BANK_WITHIN_S, _AGAIN_S = 10.0, 0.1


class _PageRequest(Protocol):
    page_token: str


def _pages(
    method: Callable[..., object], request: _PageRequest, kind: type[Answer]
) -> Iterator[Answer]:
    """Asks for the pages of a list one after another; `request` asks for the first, and changes."""
    while True:
        page: Any = ask(method, request, kind)
        yield page
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


class OfficerClient:
    """A connection that ends with its ``with`` block."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.channel = channel

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.channel.close()


class ActClient(OfficerClient):
    """An officer's client, with the key that signs acts. Each act needs those of two officers."""

    def __init__(self, plan: StackPlan, institution: str, officer: str) -> None:
        super().__init__(officer_channel(plan, plan.office_address(institution), officer))
        key = SigningKey(officer_key_file(plan, officer).read_bytes())
        self.officer = officer
        self._seed = bytes(key)
        self._key = OfficerKey(institution, officer, key)
        self._acts = stub(office_pb2_grpc.ActServiceStub, self.channel)
        self._clock = SystemClock()

    def secret_for(self, words: bytes) -> bytes:
        """16 bytes for these words that are always the same, and that only this officer knows."""
        return hmac.digest(self._seed, words, "sha256")[:16]

    def propose(self, kind: Message, cause: str = CAUSE, act_id: str | None = None) -> Act:
        """Proposes an act, which another officer has to approve.

        Args:
            kind: what is to happen, such as `office_pb2.Issue`.
            cause: why.
            act_id: an id to repeat it by; None: a random one.
        """
        return self.send(self.signed(kind, cause, act_id or ""))

    def signed(self, kind: Message, cause: str = CAUSE, act_id: str = "") -> SignedEnvelope:
        """A signed proposal, which is not sent yet; the arguments are those of `propose`."""
        return self._key.propose(kind, typed(cause), self._clock.now_ms(), act_id=act_id)

    def send(self, proposal: SignedEnvelope) -> Act:
        """Sends a signed proposal; the same bytes sent again are the same act."""
        request = office_pb2.ProposeActRequest(proposal=proposal)
        return ask(self._acts.ProposeAct, request, office_pb2.ProposeActResponse).act

    def approve(self, act: Act) -> Act:
        """Approves an act exactly as it was shown."""
        approval = self._key.approve(act.proposal.payload, self._clock.now_ms())
        request = office_pb2.ApproveActRequest(approval=approval)
        return ask(self._acts.ApproveAct, request, office_pb2.ApproveActResponse).act

    def reject(self, act: Act) -> Act:
        """Rejects an act."""
        rejection = self._key.reject(act.proposal.payload, self._clock.now_ms())
        request = office_pb2.RejectActRequest(rejection=rejection)
        return ask(self._acts.RejectAct, request, office_pb2.RejectActResponse).act

    def act(self, act_id: str) -> Act:
        """The act with an id."""
        request = office_pb2.GetActRequest(act_id=act_id)
        return ask(self._acts.GetAct, request, office_pb2.GetActResponse).act

    def open_acts(self) -> list[Act]:
        """The open acts, which wait for another officer, oldest first."""
        request = office_pb2.ListActsRequest(state=office_pb2.ACT_STATE_OPEN, page_size=_PAGE)
        pages = _pages(self._acts.ListActs, request, office_pb2.ListActsResponse)
        return [act for page in pages for act in page.acts][::-1]

    def newest_acts(self, count: int) -> list[Act]:
        """Up to `count` acts in any state, newest first; a page has at most 500."""
        request = office_pb2.ListActsRequest(page_size=count)
        return list(ask(self._acts.ListActs, request, office_pb2.ListActsResponse).acts)

    def approved_acts(self, kind: str) -> Iterator[Act]:
        """The acts of one kind that took effect, newest first."""
        request = office_pb2.ListActsRequest(
            state=office_pb2.ACT_STATE_APPROVED, kind=kind, page_size=_PAGE
        )
        for page in _pages(self._acts.ListActs, request, office_pb2.ListActsResponse):
            yield from page.acts

    def officers(self) -> list[office_pb2.Officer]:
        """The officers of the institution."""
        request = office_pb2.ListOfficersRequest()
        answer = ask(self._acts.ListOfficers, request, office_pb2.ListOfficersResponse)
        return list(answer.officers)


class CentralOfficerClient(ActClient):
    """An officer's client at the central bank."""

    def __init__(self, plan: StackPlan, officer: str) -> None:
        super().__init__(plan, CENTRAL_BANK, officer)
        self.issuance = stub(issuance_pb2_grpc.IssuanceServiceStub, self.channel)
        self.authentication = stub(authentication_pb2_grpc.AuthenticationServiceStub, self.channel)
        self.analysis = stub(analysis_pb2_grpc.AnalysisServiceStub, self.channel)

    def banks(self) -> list[authentication_pb2.Bank]:
        """All banks that were ever admitted."""
        request = authentication_pb2.ListBanksRequest()
        return list(
            ask(self.authentication.ListBanks, request, authentication_pb2.ListBanksResponse).banks
        )

    def feed_of(self, bank: str, after_number: int) -> authentication_pb2.GetFeedOfResponse:
        """What the central bank's journal has about a bank after an entry of its feed."""
        request = authentication_pb2.GetFeedOfRequest(bank=bank, after_number=after_number)
        kind = authentication_pb2.GetFeedOfResponse
        return ask(self.authentication.GetFeedOf, request, kind)

    def central_keys(self) -> authentication_pb2.ListCentralKeysResponse:
        """The central bank's business keys, its offline roots, and what it has announced."""
        request = authentication_pb2.ListCentralKeysRequest()
        kind = authentication_pb2.ListCentralKeysResponse
        return ask(self.authentication.ListCentralKeys, request, kind)

    def evidence(self) -> list[authentication_pb2.Evidence]:
        """The evidence of every double spend that was found, newest first."""
        request = authentication_pb2.ListEvidenceRequest(page_size=_PAGE)
        kind = authentication_pb2.ListEvidenceResponse
        pages = _pages(self.authentication.ListEvidence, request, kind)
        return [case for page in pages for case in page.evidence]

    def requests(self) -> list[issuance_pb2.Request]:
        """The banks' requests that nobody has answered yet, oldest first."""
        request = issuance_pb2.ListRequestsRequest(
            state=issuance_pb2.REQUEST_STATE_WAITING, page_size=_PAGE
        )
        pages = _pages(self.issuance.ListRequests, request, issuance_pb2.ListRequestsResponse)
        return [asked for page in pages for asked in page.requests][::-1]

    def books_of(self, bank: str) -> issuance_pb2.BankBooks:
        """Reserves and circulation of one bank.

        Raises:
            ValueError: the books have no such bank.
        """
        found: dict[str, issuance_pb2.BankBooks] = {one.bank: one for one in self.books().banks}
        if bank not in found:
            raise ValueError(f"the books have no bank {bank!r}")
        return found[bank]

    def books(self) -> issuance_pb2.GetBooksResponse:
        """The central bank's side of equation 1."""
        return ask(
            self.issuance.GetBooks, issuance_pb2.GetBooksRequest(), issuance_pb2.GetBooksResponse
        )

    def flows(self, from_ms: int = 0, to_ms: int = 0) -> list[analysis_pb2.Flow]:
        """What went from bank to bank in [from_ms, to_ms), Unix milliseconds; both 0: ever."""
        request = analysis_pb2.GetFlowsRequest(
            from_time_ms=from_ms, to_time_ms=to_ms, page_size=_PAGE
        )
        pages = _pages(self.analysis.GetFlows, request, analysis_pb2.GetFlowsResponse)
        return [flow for page in pages for flow in page.flows]


class BankOfficerClient(ActClient):
    """The client of a bank's own officer, the first one unless another is named."""

    def __init__(self, plan: StackPlan, bank: str, officer: str = "") -> None:
        super().__init__(plan, bank, officer or plan.bank(bank).officer)
        self.office = stub(officers_pb2_grpc.OfficeServiceStub, self.channel)

    def suspense(self) -> list[officers_pb2.SuspenseEntry]:
        """What is in suspense and will not go back by itself, oldest first."""
        request = officers_pb2.ListSuspenseRequest(page_size=_PAGE)
        pages = _pages(self.office.ListSuspense, request, officers_pb2.ListSuspenseResponse)
        return [entry for page in pages for entry in page.entries]

    def key_requests(self, number: str) -> officers_pb2.ListKeyRequestsResponse:
        """The keys that were asked for for a wallet, and how long an old key has to object."""
        request = officers_pb2.ListKeyRequestsRequest(wallet_number=number)
        return ask(self.office.ListKeyRequests, request, officers_pb2.ListKeyRequestsResponse)

    def looks(self, count: int) -> officers_pb2.ListLooksResponse:
        """The newest looks at customers, up to 500, and what this officer's next one is."""
        request = officers_pb2.ListLooksRequest(page_size=count)
        return ask(self.office.ListLooks, request, officers_pb2.ListLooksResponse)

    def look_at_customer(
        self, look: officers_pb2.CustomerLook
    ) -> officers_pb2.LookAtCustomerResponse:
        """Who the holder of a wallet is; who looks, when and until when is filled in here."""
        now_ms = self._clock.now_ms()
        look.officer, look.bank = self.officer, self._key.institution
        look.created_time_ms, look.expires_time_ms = now_ms, now_ms + _LOOK_VALID_MS
        request = officers_pb2.LookAtCustomerRequest(look=self._key.sign(look))
        return ask(self.office.LookAtCustomer, request, officers_pb2.LookAtCustomerResponse)

    def lost(self) -> list[officers_pb2.LostEntry]:
        """The lost payments that are not settled yet, oldest first."""
        request = officers_pb2.ListLostRequest(page_size=_PAGE)
        pages = _pages(self.office.ListLost, request, officers_pb2.ListLostResponse)
        return [entry for page in pages for entry in page.entries]

    def feed(self) -> officers_pb2.GetFeedResponse:
        """How far the feed has been applied, and why it has stopped, if it has."""
        return ask(self.office.GetFeed, officers_pb2.GetFeedRequest(), officers_pb2.GetFeedResponse)

    def books(self) -> officers_pb2.GetBooksResponse:
        """The bank's side of equation 2."""
        return ask(
            self.office.GetBooks, officers_pb2.GetBooksRequest(), officers_pb2.GetBooksResponse
        )


def by_two(
    plan: StackPlan, institution: str, kind: Message, cause: str = CAUSE, act_id: str | None = None
) -> Act:
    """Has an institution's first officer propose an act and its second approve it.

    An approval that is refused because a peer is not available is tried again for some seconds.
    The arguments are those of `ActClient.propose`.
    """
    first, second = plan.officers(institution)[:2]
    with ActClient(plan, institution, first) as client:
        act = client.propose(kind, cause, act_id)
    until = time.monotonic() + _BANK_WITHIN_S
    with ActClient(plan, institution, second) as client:
        while True:
            try:
                return client.approve(act)
            except Refusal as refusal:
                # A redemption waits until its bank has been asked to reserve the money.
                if refusal.reason != errors_pb2.REASON_PEER_UNAVAILABLE or time.monotonic() > until:
                    raise
            time.sleep(_AGAIN_S)


def issue(plan: StackPlan, bank: str, amount_fen: int) -> None:
    """Pays reserves in for a bank, and issues as much against them."""
    for kind in (
        office_pb2.PayInReserves(bank=bank, amount_fen=amount_fen),
        office_pb2.Issue(bank=bank, amount_fen=amount_fen),
    ):
        by_two(plan, CENTRAL_BANK, kind)
