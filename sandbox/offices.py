"""The officers' desks: what a person with an officer's certificate can do over gRPC."""

from __future__ import annotations

import uuid
from types import TracebackType
from typing import Self

import grpc

from dcep.analysis.v1 import analysis_pb2, analysis_pb2_grpc
from dcep.authentication.v1 import authentication_pb2, authentication_pb2_grpc
from dcep.bank.v1 import bank_pb2, bank_pb2_grpc
from dcep.issuance.v1 import issuance_pb2, issuance_pb2_grpc
from sandbox.connections import ask, officer_channel, stub
from sandbox.plan import StackPlan


class Desk:
    """A connection that is closed with its ``with`` block."""

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


class CentralOffice(Desk):
    """An officer's desk at the central bank."""

    def __init__(self, plan: StackPlan, officer: str) -> None:
        super().__init__(officer_channel(plan, plan.central_address, officer))
        self.issuance = stub(issuance_pb2_grpc.IssuanceServiceStub, self.channel)
        self.authentication = stub(authentication_pb2_grpc.AuthenticationServiceStub, self.channel)
        self.analysis = stub(analysis_pb2_grpc.AnalysisServiceStub, self.channel)

    def admit(self, bank: authentication_pb2.Bank) -> authentication_pb2.Bank:
        """Admit a bank by its certificate."""
        request = authentication_pb2.AdmitBankRequest(bank=bank)
        return ask(
            self.authentication.AdmitBank, request, authentication_pb2.AdmitBankResponse
        ).bank

    def suspend(self, name: str) -> authentication_pb2.Bank:
        """Cut a bank off."""
        request = authentication_pb2.SuspendBankRequest(name=name)
        return ask(
            self.authentication.SuspendBank, request, authentication_pb2.SuspendBankResponse
        ).bank

    def reinstate(self, name: str) -> authentication_pb2.Bank:
        """End a suspension."""
        request = authentication_pb2.ReinstateBankRequest(name=name)
        return ask(
            self.authentication.ReinstateBank, request, authentication_pb2.ReinstateBankResponse
        ).bank

    def banks(self) -> list[authentication_pb2.Bank]:
        """All banks that were admitted once."""
        request = authentication_pb2.ListBanksRequest()
        return list(
            ask(self.authentication.ListBanks, request, authentication_pb2.ListBanksResponse).banks
        )

    def evidence(self) -> list[authentication_pb2.Evidence]:
        """Every double spend that came to light, the newest first."""
        found: list[authentication_pb2.Evidence] = []
        request = authentication_pb2.ListEvidenceRequest(page_size=500)
        while True:
            answer = ask(
                self.authentication.ListEvidence, request, authentication_pb2.ListEvidenceResponse
            )
            found += answer.evidence
            if not answer.next_page_token:
                return found
            request.page_token = answer.next_page_token

    def pay_in(self, bank: str, amount_fen: int, request_id: str | None = None) -> int:
        """Reserves arrive; returns the bank's reserves in fen."""
        request = issuance_pb2.PayInReservesRequest(
            request_id=request_id or str(uuid.uuid4()), bank=bank, amount_fen=amount_fen
        )
        return ask(
            self.issuance.PayInReserves, request, issuance_pb2.PayInReservesResponse
        ).reserves_fen

    def pay_out(self, bank: str, amount_fen: int, request_id: str | None = None) -> int:
        """Reserves leave; returns the bank's reserves in fen."""
        request = issuance_pb2.PayOutReservesRequest(
            request_id=request_id or str(uuid.uuid4()), bank=bank, amount_fen=amount_fen
        )
        return ask(
            self.issuance.PayOutReserves, request, issuance_pb2.PayOutReservesResponse
        ).reserves_fen

    def request(
        self,
        bank: str,
        direction: issuance_pb2.Direction,
        amount_fen: int,
        request_id: str | None = None,
    ) -> issuance_pb2.Request:
        """Make a request to issue or redeem; somebody else approves it."""
        request = issuance_pb2.CreateRequestRequest(
            request_id=request_id or str(uuid.uuid4()),
            bank=bank,
            direction=direction,
            amount_fen=amount_fen,
        )
        return ask(self.issuance.CreateRequest, request, issuance_pb2.CreateRequestResponse).request

    def approve(self, request_id: str) -> issuance_pb2.ApproveRequestResponse:
        """Release a request of another officer."""
        request = issuance_pb2.ApproveRequestRequest(request_id=request_id)
        return ask(self.issuance.ApproveRequest, request, issuance_pb2.ApproveRequestResponse)

    def reject(self, request_id: str) -> issuance_pb2.Request:
        """Turn a request down."""
        request = issuance_pb2.RejectRequestRequest(request_id=request_id)
        answer = ask(self.issuance.RejectRequest, request, issuance_pb2.RejectRequestResponse)
        return answer.request

    def waiting(self) -> list[issuance_pb2.Request]:
        """The requests that wait for approval (the newest 500)."""
        request = issuance_pb2.ListRequestsRequest(
            state=issuance_pb2.REQUEST_STATE_WAITING, page_size=500
        )
        return list(
            ask(self.issuance.ListRequests, request, issuance_pb2.ListRequestsResponse).requests
        )

    def books(self) -> issuance_pb2.GetBooksResponse:
        """The central bank's side of equation 1."""
        return ask(
            self.issuance.GetBooks, issuance_pb2.GetBooksRequest(), issuance_pb2.GetBooksResponse
        )

    def flows(self) -> list[analysis_pb2.Flow]:
        """What went from bank to bank."""
        request = analysis_pb2.GetFlowsRequest()
        return list(ask(self.analysis.GetFlows, request, analysis_pb2.GetFlowsResponse).flows)


class BankOffice(Desk):
    """The desk of a bank's own officer."""

    def __init__(self, plan: StackPlan, bank: str) -> None:
        found = plan.bank(bank)
        super().__init__(officer_channel(plan, found.inner_address, found.officer))
        self.office = stub(bank_pb2_grpc.OfficeServiceStub, self.channel)

    def freeze(
        self, number: str, cause: str, request_id: str | None = None
    ) -> bank_pb2.WalletStatus:
        """Freeze a wallet; returns its status."""
        request = bank_pb2.FreezeWalletRequest(
            request_id=request_id or str(uuid.uuid4()), wallet_number=number, cause=cause
        )
        return ask(self.office.FreezeWallet, request, bank_pb2.FreezeWalletResponse).status

    def unfreeze(
        self, number: str, cause: str, request_id: str | None = None
    ) -> bank_pb2.WalletStatus:
        """End a freeze; returns the wallet's status."""
        request = bank_pb2.UnfreezeWalletRequest(
            request_id=request_id or str(uuid.uuid4()), wallet_number=number, cause=cause
        )
        return ask(self.office.UnfreezeWallet, request, bank_pb2.UnfreezeWalletResponse).status

    def suspense(self) -> list[bank_pb2.SuspenseEntry]:
        """What lies in suspense and is not sent back, oldest first."""
        found: list[bank_pb2.SuspenseEntry] = []
        request = bank_pb2.ListSuspenseRequest(page_size=500)
        while True:
            answer = ask(self.office.ListSuspense, request, bank_pb2.ListSuspenseResponse)
            found += answer.entries
            if not answer.next_page_token:
                return found
            request.page_token = answer.next_page_token

    def pay_suspense(
        self, position: int, number: str, cause: str, request_id: str | None = None
    ) -> bank_pb2.PaySuspenseResponse:
        """Pay an entry to a wallet; without a number to the one whose it was to be."""
        request = bank_pb2.PaySuspenseRequest(
            request_id=request_id or str(uuid.uuid4()),
            position=position,
            wallet_number=number,
            cause=cause,
        )
        return ask(self.office.PaySuspense, request, bank_pb2.PaySuspenseResponse)

    def feed(self) -> bank_pb2.GetFeedResponse:
        """Where the feed stands, and why it has stopped."""
        return ask(self.office.GetFeed, bank_pb2.GetFeedRequest(), bank_pb2.GetFeedResponse)

    def books(self) -> bank_pb2.GetBooksResponse:
        """The bank's side of equation 2."""
        return ask(self.office.GetBooks, bank_pb2.GetBooksRequest(), bank_pb2.GetBooksResponse)


def issue(plan: StackPlan, bank: str, amount_fen: int) -> None:
    """Pay reserves in for a bank and issue against them, with two officers as the rule wants."""
    maker, checker = plan.central_officers[:2]
    with CentralOffice(plan, maker) as office:
        office.pay_in(bank, amount_fen)
        request = office.request(bank, issuance_pb2.DIRECTION_ISSUE, amount_fen)
    with CentralOffice(plan, checker) as office:
        office.approve(request.request_id)
