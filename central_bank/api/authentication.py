"""AuthenticationService and AnalysisService over gRPC: translate, and decide nothing."""

from __future__ import annotations

import grpc

from central_bank.analysis.flows import Flows
from central_bank.api.issuance import caller
from central_bank.authentication.authorization import is_central_officer
from central_bank.authentication.bank import ReplacedCertificate, ReplacedKey
from central_bank.authentication.banks import AdmittedBank, Registry
from central_bank.authentication.central_keys import CentralKeys, KnownKey
from central_bank.authentication.offline_roots import OfflineRoots, Root
from central_bank.authentication.trust_bundle import Devices
from central_bank.limits import MAX_CERTIFICATES_ASKED, MAX_REPLACED_LISTED, MAX_REVOKED_AT_ONCE
from central_bank.registration.feed_look import FeedLook
from central_bank.registration.offline.evidence import Case, Evidence
from dcep.analysis.v1 import analysis_pb2, analysis_pb2_grpc
from dcep.authentication.v1 import authentication_pb2, authentication_pb2_grpc
from dcep.registration.v1 import registration_pb2
from runtime.checks import at_most
from runtime.pagination import decode_token, page_of, page_size
from runtime.tls import peer


class GrpcAuthentication(authentication_pb2_grpc.AuthenticationServiceServicer):
    """See protos/dcep/authentication/v1."""

    def __init__(
        self,
        registry: Registry,
        devices: Devices,
        evidence: Evidence,
        central_keys: CentralKeys,
        offline_roots: OfflineRoots,
        feed_look: FeedLook,
    ) -> None:
        self._registry = registry
        self._central_keys = central_keys
        self._offline_roots = offline_roots
        self._devices = devices
        self._evidence = evidence
        self._feed_look = feed_look

    def ListBanks(
        self, request: authentication_pb2.ListBanksRequest, context: grpc.ServicerContext
    ) -> authentication_pb2.ListBanksResponse:  # noqa: N802
        announced = self._feed_look.announced()
        banks = [_bank(b, announced.get(b.index, 0)) for b in self._registry.all()]
        return authentication_pb2.ListBanksResponse(banks=banks)

    def RevokeOwnDevices(
        self, request: authentication_pb2.RevokeOwnDevicesRequest, context: grpc.ServicerContext
    ) -> authentication_pb2.RevokeOwnDevicesResponse:  # noqa: N802
        at_most(request.device_certificates, "device_certificates", MAX_REVOKED_AT_ONCE)
        bank = self._registry.require_active(peer(context))
        self._devices.revoke_own(bank, request.device_certificates, request.cause)
        return authentication_pb2.RevokeOwnDevicesResponse()

    def GetTrustBundle(
        self, request: authentication_pb2.GetTrustBundleRequest, context: grpc.ServicerContext
    ) -> authentication_pb2.GetTrustBundleResponse:  # noqa: N802
        answer = authentication_pb2.GetTrustBundleResponse
        if request.certificates:
            at_most(request.certificates, "certificates", MAX_CERTIFICATES_ASKED)
            said = self._devices.statements(request.certificates)
            return answer(statements=[statement.encode() for statement in said])
        if request.revoked_since_time_ms:
            bank = self._registry.require_active(peer(context))
            found = self._devices.own_revoked(bank, request.revoked_since_time_ms)
            until_ms = found[-1][1] if found else 0
            names = [name for name, _ in found]
            return answer(own_revoked=names, own_revoked_until_time_ms=until_ms)
        return answer(trust_bundle=self._devices.trust_bundle())

    def ListCentralKeys(
        self, request: authentication_pb2.ListCentralKeysRequest, context: grpc.ServicerContext
    ) -> authentication_pb2.ListCentralKeysResponse:  # noqa: N802
        return authentication_pb2.ListCentralKeysResponse(
            announcements=self._central_keys.announcements(),
            keys=[_central_key(known) for known in self._central_keys.all()],
            offline_roots=[_central_key(root) for root in self._offline_roots.all()],
        )

    def ListEvidence(
        self, request: authentication_pb2.ListEvidenceRequest, context: grpc.ServicerContext
    ) -> authentication_pb2.ListEvidenceResponse:  # noqa: N802
        who = caller(context)
        bank = None if is_central_officer(who) else self._registry.get(who.institution)
        size = page_size(request.page_size)
        before = decode_token(request.page_token, 1)
        found = self._evidence.list(bank, size + 1, before[0] if before else None)
        cases, token = page_of(found, size, lambda case: [case.id])
        return authentication_pb2.ListEvidenceResponse(
            evidence=[_case(case) for case in cases], next_page_token=token
        )

    def GetFeedOf(
        self, request: authentication_pb2.GetFeedOfRequest, context: grpc.ServicerContext
    ) -> authentication_pb2.GetFeedOfResponse:  # noqa: N802
        bank = self._registry.get(request.bank)
        found = self._feed_look.beyond(bank, request.after_number)
        return authentication_pb2.GetFeedOfResponse(
            incarnation=bank.incarnation,
            acknowledged=found.acknowledged,
            last_entry=found.last_entry,
            last_number=found.last_number,
            last_deposit=found.last_deposit,
            journal_position=found.journal_position,
            beyond=[
                authentication_pb2.EntriesOfAKind(event=_event(event), count=count, amount_fen=fen)
                for event, (count, fen) in sorted(found.kinds.items())
            ],
        )


class GrpcAnalysis(analysis_pb2_grpc.AnalysisServiceServicer):
    """See protos/dcep/analysis/v1."""

    def __init__(self, flows: Flows) -> None:
        self._flows = flows

    def GetFlows(
        self, request: analysis_pb2.GetFlowsRequest, context: grpc.ServicerContext
    ) -> analysis_pb2.GetFlowsResponse:  # noqa: N802
        size, after = page_size(request.page_size), decode_token(request.page_token, 2)
        found = self._flows.between(
            request.from_time_ms,
            request.to_time_ms,
            size + 1,
            (after[0], after[1]) if after else None,
        )
        flows, token = page_of(found, size, lambda flow: flow.place)
        return analysis_pb2.GetFlowsResponse(
            flows=[
                analysis_pb2.Flow(
                    from_bank=flow.from_bank,
                    to_bank=flow.to_bank,
                    payments=flow.payments,
                    amount_fen=flow.amount_fen,
                )
                for flow in flows
            ],
            next_page_token=token,
        )


def _case(case: Case) -> authentication_pb2.Evidence:
    found = case.double_spend
    return authentication_pb2.Evidence(
        piece_id=found.piece_id,
        bank_certificate=found.bank_certificate.encode(),
        device_certificate=found.device_certificate.encode(),
        first_endorsement=found.first.encode(),
        second_endorsement=found.second.encode(),
        first_bank=case.first_bank,
        second_bank=case.second_bank,
        time_ms=case.time_ms,
    )


def _bank(bank: AdmittedBank, announced_number: int) -> authentication_pb2.Bank:
    state = (
        authentication_pb2.BANK_STATE_SUSPENDED
        if bank.suspended
        else authentication_pb2.BANK_STATE_ADMITTED
    )
    return authentication_pb2.Bank(
        name=bank.name,
        prefix=bank.prefix,
        certificate_fingerprint=bank.certificate_fingerprint,
        business_key=bank.business_key,
        inner_address=bank.inner_address,
        state=state,
        offline_certificate=bank.offline_certificate,
        replaced=[_replaced(old) for old in bank.replaced(MAX_REPLACED_LISTED)],
        announced_number=announced_number,
    )


def _replaced(old: ReplacedCertificate | ReplacedKey) -> authentication_pb2.ReplacedCredential:
    told = authentication_pb2.ReplacedCredential(
        from_time_ms=old.from_time_ms, until_time_ms=old.until_time_ms, revoked=old.revoked
    )
    if isinstance(old, ReplacedKey):
        told.business_key = old.key
    else:
        told.certificate_fingerprint = old.fingerprint
    return told


def _central_key(known: KnownKey | Root) -> authentication_pb2.CentralKey:
    return authentication_pb2.CentralKey(
        key=known.key,
        from_time_ms=known.from_time_ms,
        until_time_ms=known.until_time_ms,
        revoked=known.revoked,
    )


def _event(name: str) -> registration_pb2.FeedEvent:
    """The event of an entry whose field is set that has this name."""
    event: registration_pb2.FeedEvent = registration_pb2.FeedEvent.Value(
        f"FEED_EVENT_{name.upper()}"
    )
    return event
