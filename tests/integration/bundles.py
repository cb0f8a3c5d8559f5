"""Which devices are revoked: by the central bank's trust bundle, and by what banks hand on."""

from __future__ import annotations

from dcep.authentication.v1 import authentication_pb2
from dcep.bank.v1 import offline_pb2, offline_pb2_grpc
from deployment.connections import ask, public_channel, stub
from offline_token.bundle import TrustBundle
from sandbox.demo.environment import System, wait_until


def revoked(system: System) -> set[bytes]:
    """Revocations, and what is barred, that the trust bundle lists now."""
    with system.central("lin") as office:
        request = authentication_pb2.GetTrustBundleRequest()
        answer = ask(
            office.authentication.GetTrustBundle, request, authentication_pb2.GetTrustBundleResponse
        )
    return _out_of_use(answer.trust_bundle)


def _out_of_use(encoded: bytes) -> set[bytes]:
    bundle = TrustBundle.decode(encoded[32:])
    return {*bundle.revoked, *bundle.barred}


def handed_on(system: System, bank: str) -> set[bytes]:
    """The same, as a bank hands it on to wallets."""
    with public_channel(system.plan, system.plan.bank(bank).public_address) as channel:
        offline = stub(offline_pb2_grpc.OfflineServiceStub, channel)
        request = offline_pb2.GetTrustBundleRequest()
        answer = ask(offline.GetTrustBundle, request, offline_pb2.GetTrustBundleResponse)
    return _out_of_use(answer.trust_bundle)


def wait_handed_on(system: System) -> None:
    """Until every bank hands on what is revoked now.

    A bank hands a bundle on for two seconds before it looks for a newer one.
    """
    for bank in system.plan.banks:
        wait_until(
            lambda bank=bank: revoked(system) <= handed_on(system, bank.name),  # type: ignore[misc]
            f"{bank.name} has the bundle",
        )
