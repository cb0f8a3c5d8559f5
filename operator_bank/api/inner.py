"""Says who may call a bank's inner port: its own officers, and the central bank."""

from __future__ import annotations

from collections.abc import Callable, Collection

from dcep.errors.v1 import errors_pb2
from officers.grpc_acts import SERVICE_PATH
from officers.people import Officers
from runtime.errors import Refusal
from runtime.server import Authorizer
from runtime.tls import Identity

_OFFICE = "/dcep.bank.v1.OfficeService/"
_INBOUND = "/dcep.bank.v1.InboundService/"


def inner_authorizer(officers: Officers, revoked: Callable[[], Collection[str]]) -> Authorizer:
    """Admits registered officers of this bank to the office, and the central bank to its own
    questions.

    Args:
        revoked: gives the fingerprints of certificates that the central bank has revoked.
    """

    def authorize(who: Identity | None, method: str) -> None:
        if who is None:
            raise Refusal(
                errors_pb2.REASON_CERTIFICATE_REQUIRED, "show a certificate with one role"
            )
        if method.startswith((_OFFICE, SERVICE_PATH)):
            officers.known(who)
            return
        if method.startswith(_INBOUND) and who.role == "central-bank":
            if who.fingerprint in revoked():
                raise Refusal(
                    errors_pb2.REASON_ROLE_NOT_ALLOWED,
                    "this certificate is the central bank's no more: it is revoked",
                )
            return
        raise Refusal(
            errors_pb2.REASON_ROLE_NOT_ALLOWED,
            f"{who.role} {who.name} may not call {method.rpartition('/')[2]}",
        )

    return authorize
