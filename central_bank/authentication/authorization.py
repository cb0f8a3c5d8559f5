"""Decides for every call who may call what at the central bank."""

from __future__ import annotations

from central_bank.authentication.banks import INSTITUTION, Registry
from central_bank.ledger.standing import Standing
from dcep.errors.v1 import errors_pb2
from officers.grpc_acts import SERVICE_PATH
from officers.people import Officers
from runtime.errors import Refusal
from runtime.server import Authorizer
from runtime.tls import Identity

_ISSUANCE = "/dcep.issuance.v1.IssuanceService/"
_AUTHENTICATION = "/dcep.authentication.v1.AuthenticationService/"
_ANALYSIS = "/dcep.analysis.v1.AnalysisService/"
_REGISTRATION = "/dcep.registration.v1.RegistrationService/"
_ALIASES = "/dcep.registration.v1.AliasDirectoryService/"
_FOLLOW = _REGISTRATION + "FollowFeed"
_BANKS_ALONE = (
    _REGISTRATION,
    _ALIASES,
    _ISSUANCE + "CreateRequest",
    _AUTHENTICATION + "RevokeOwnDevices",
)
_OFFICERS_ALONE = (SERVICE_PATH, _ANALYSIS, _AUTHENTICATION + "GetFeedOf")
_BOTH = (
    _ISSUANCE + "ListRequests",
    _ISSUANCE + "GetBooks",
    _AUTHENTICATION + "ListEvidence",
    _AUTHENTICATION + "ListBanks",
    _AUTHENTICATION + "GetTrustBundle",
    _AUTHENTICATION + "ListCentralKeys",
)
"""Whole services, or single methods. Nobody may call what is in none of the three."""


def central_authorizer(registry: Registry, officers: Officers, standing: Standing) -> Authorizer:
    """Admits admitted banks, and registered officers of the central bank, to what they may call.

    Only their own bank knows a bank's officers. At an older copy of the database banks may follow
    their feeds, which tells each of them that it is one, and nothing else.
    """

    def authorize(peer: Identity | None, method: str) -> None:
        if peer is None:
            raise Refusal(
                errors_pb2.REASON_CERTIFICATE_REQUIRED, "show a certificate with one role"
            )
        if peer.role == "officer" and method.startswith(_OFFICERS_ALONE + _BOTH):
            officers.known(peer)
        elif peer.role == "bank" and method.startswith(_BANKS_ALONE + _BOTH):
            registry.require_active(peer)
            if method != _FOLLOW:
                standing.check()
        else:
            raise Refusal(
                errors_pb2.REASON_ROLE_NOT_ALLOWED,
                f"{peer.role} {peer.name} may not call {method.rpartition('/')[2]}",
            )

    return authorize


def is_central_officer(peer: Identity) -> bool:
    """Whether a peer that the authorizer let in is an officer of the central bank."""
    return peer.role == "officer" and peer.institution == INSTITUTION
