"""Who may call what at the central bank, decided for every call."""

from __future__ import annotations

from central_bank.authentication.registry import Registry
from dcep.errors.v1 import errors_pb2
from runtime.errors import Refusal
from runtime.server import Gate
from runtime.tls import Identity

INSTITUTION = "central-bank"
_ISSUANCE = "/dcep.issuance.v1.IssuanceService/"
_AUTHENTICATION = "/dcep.authentication.v1.AuthenticationService/"
_FOR_BANKS = {
    _ISSUANCE + "CreateRequest",
    _ISSUANCE + "ListRequests",
    _ISSUANCE + "GetBooks",
    _AUTHENTICATION + "ListEvidence",
}
_SHARED = {
    _AUTHENTICATION + "ListBanks",
    _AUTHENTICATION + "GetTrustBundle",
    _AUTHENTICATION + "RevokeOwnDevices",
}
_REGISTRATION = "/dcep.registration.v1.RegistrationService/"


def central_gate(registry: Registry) -> Gate:
    """The gate of the central bank's one port."""

    def gate(peer: Identity | None, method: str) -> None:
        if peer is None:
            raise Refusal(
                errors_pb2.REASON_CERTIFICATE_REQUIRED, "show a certificate with one role"
            )
        if method.startswith(_REGISTRATION):
            registry.welcome(peer)
            return
        if is_central_officer(peer):
            return
        if method in _SHARED and peer.role == "bank":
            registry.welcome(peer)
            return
        if method in _FOR_BANKS:
            if peer.role == "bank":
                registry.welcome(peer)
                return
            if peer.role == "officer" and not registry.get(peer.institution).suspended:
                return
        raise Refusal(
            errors_pb2.REASON_ROLE_NOT_ALLOWED,
            f"{peer.role} {peer.name} may not call {method.rpartition('/')[2]}",
        )

    return gate


def is_central_officer(peer: Identity) -> bool:
    """Whether the peer is an officer of the central bank."""
    return peer.role == "officer" and peer.institution == INSTITUTION


def own_bank_only(peer: Identity, bank: str) -> None:
    """A bank and its officers act for that bank alone."""
    if not is_central_officer(peer) and peer.institution != bank:
        raise Refusal(
            errors_pb2.REASON_ROLE_NOT_ALLOWED,
            f"{peer.name} may not act for {bank!r}",
            field="bank",
        )
