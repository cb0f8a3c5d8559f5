"""Who may call what, in one place: every method of every port, and the roles that get through.

A method that a port serves and that has no line here fails `tests/test_who_may_call.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.descriptor import ServiceDescriptor

from dcep.analysis.v1 import analysis_pb2
from dcep.authentication.v1 import authentication_pb2
from dcep.bank.v1 import (
    aliases_pb2,
    asking_pb2,
    edge_pb2,
    exchange_pb2,
    inbound_pb2,
    keys_pb2,
    officers_pb2,
    offline_pb2,
    payments_pb2,
    signers_pb2,
    sub_wallets_pb2,
    wallets_pb2,
)
from dcep.issuance.v1 import issuance_pb2
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import aliases_pb2 as directory_pb2
from dcep.registration.v1 import registration_pb2

OFFICER, BANK, CENTRAL_BANK = "officer", "bank", "central bank"
NOT_LET_IN = frozenset(
    (
        "CERTIFICATE_REQUIRED",
        "ROLE_NOT_ALLOWED",
        "OFFICER_UNKNOWN",
        "BANK_NOT_ADMITTED",
        "BANK_SUSPENDED",
    )
)
"""Reasons with which somebody is sent away before a message of theirs is read."""

Table = dict[str, frozenset[str]]


def _rows(service: str, **who: Iterable[str]) -> Table:
    return {f"/{service}/{method}": frozenset(roles) for method, roles in who.items()}


_ACTS = _rows(
    "dcep.office.v1.ActService",
    ProposeAct=[OFFICER],
    ApproveAct=[OFFICER],
    RejectAct=[OFFICER],
    GetAct=[OFFICER],
    ListActs=[OFFICER],
    ListOfficers=[OFFICER],
)
AT_THE_CENTRAL_BANK: Table = {
    **_ACTS,
    **_rows(
        "dcep.issuance.v1.IssuanceService",
        CreateRequest=[BANK],
        ListRequests=[BANK, OFFICER],
        GetBooks=[BANK, OFFICER],
    ),
    **_rows(
        "dcep.authentication.v1.AuthenticationService",
        ListBanks=[BANK, OFFICER],
        RevokeOwnDevices=[BANK],
        GetTrustBundle=[BANK, OFFICER],
        ListCentralKeys=[BANK, OFFICER],
        ListEvidence=[BANK, OFFICER],
        GetFeedOf=[OFFICER],
    ),
    **_rows("dcep.analysis.v1.AnalysisService", GetFlows=[OFFICER]),
    **_rows(
        "dcep.registration.v1.RegistrationService",
        SubmitPayments=[BANK],
        FollowFeed=[BANK],
        AcknowledgeFeed=[BANK],
        RegisterTokens=[BANK],
        DepositTokens=[BANK],
        CarryRequests=[BANK],
    ),
    **_rows(
        "dcep.registration.v1.AliasDirectoryService",
        ChangeAliases=[BANK],
        AskAliases=[BANK],
        ListClaims=[BANK],
        FindAlias=[BANK],
    ),
}
AT_THE_INNER_PORT: Table = {
    **_ACTS,
    **_rows(
        "dcep.bank.v1.OfficeService",
        GetBooks=[OFFICER],
        GetFeed=[OFFICER],
        ListSuspense=[OFFICER],
        ListLost=[OFFICER],
        ListKeyRequests=[OFFICER],
        LookAtCustomer=[OFFICER],
        ListLooks=[OFFICER],
    ),
    **_rows(
        "dcep.bank.v1.InboundService",
        CheckPayees=[CENTRAL_BANK],
        ReserveForRedemption=[CENTRAL_BANK],
        TakeRequests=[CENTRAL_BANK],
        AnswerAlias=[CENTRAL_BANK],
    ),
}
AT_THE_PUBLIC_PORT = frozenset(
    {
        "/dcep.bank.v1.WalletService/OpenWallet",
        "/dcep.bank.v1.WalletService/OpenWallets",
        "/dcep.bank.v1.WalletService/ChangeClass",
        "/dcep.bank.v1.WalletService/SendCode",
        "/dcep.bank.v1.WalletService/GetWallet",
        "/dcep.bank.v1.WalletService/CloseWallet",
        "/dcep.bank.v1.WalletService/OrderSweep",
        "/dcep.bank.v1.SubWalletService/OrderSubWallet",
        "/dcep.bank.v1.SubWalletService/ListSubWallets",
        "/dcep.bank.v1.KeyService/RequestKey",
        "/dcep.bank.v1.KeyService/GetKey",
        "/dcep.bank.v1.KeyService/ObjectToKey",
        "/dcep.bank.v1.KeyService/RotateKey",
        "/dcep.bank.v1.KeyService/FindWallet",
        "/dcep.bank.v1.KeyService/RecoverWallet",
        "/dcep.bank.v1.SignerService/SetSigners",
        "/dcep.bank.v1.SignerService/ListSigners",
        "/dcep.bank.v1.SignerService/Sign",
        "/dcep.bank.v1.SignerService/Withdraw",
        "/dcep.bank.v1.SignerService/ListPending",
        "/dcep.bank.v1.SignerService/GetRelease",
        "/dcep.bank.v1.ExchangeService/Exchange",
        "/dcep.bank.v1.ExchangeService/ExchangeMany",
        "/dcep.bank.v1.ExchangeService/SettleCashOut",
        "/dcep.bank.v1.PaymentService/Pay",
        "/dcep.bank.v1.PaymentService/PayMany",
        "/dcep.bank.v1.PaymentService/Refund",
        "/dcep.bank.v1.PaymentService/GetPayment",
        "/dcep.bank.v1.PaymentService/ListPayments",
        "/dcep.bank.v1.PaymentService/WatchPayments",
        "/dcep.bank.v1.AliasService/AddAlias",
        "/dcep.bank.v1.AliasService/RemoveAlias",
        "/dcep.bank.v1.AliasService/ListAliases",
        "/dcep.bank.v1.AliasService/FindAlias",
        "/dcep.bank.v1.AskingService/Ask",
        "/dcep.bank.v1.AskingService/PayAsked",
        "/dcep.bank.v1.AskingService/ChangeAsked",
        "/dcep.bank.v1.AskingService/BlockAsker",
        "/dcep.bank.v1.AskingService/ListAsked",
        "/dcep.bank.v1.OfflineService/CertifyDevice",
        "/dcep.bank.v1.OfflineService/LoadTokens",
        "/dcep.bank.v1.OfflineService/DepositTokens",
        "/dcep.bank.v1.OfflineService/GetTrustBundle",
    }
)
"""Anybody's: what is asked there is signed by a wallet's key, or by a machine's, or is public."""

_FILES = (
    aliases_pb2,
    analysis_pb2,
    asking_pb2,
    authentication_pb2,
    directory_pb2,
    edge_pb2,
    exchange_pb2,
    inbound_pb2,
    issuance_pb2,
    keys_pb2,
    office_pb2,
    officers_pb2,
    offline_pb2,
    payments_pb2,
    registration_pb2,
    signers_pb2,
    sub_wallets_pb2,
    wallets_pb2,
)
SERVICES: dict[str, ServiceDescriptor] = {
    service.full_name: service
    for file in _FILES
    for service in file.DESCRIPTOR.services_by_name.values()
}
"""Every service of the contract but the wallet's own, by name."""


def methods(*services: str) -> set[str]:
    """The methods of services, as paths."""
    return {f"/{name}/{method.name}" for name in services for method in SERVICES[name].methods}
