"""Asks a service whether it is well: ``python -m runtime.health ADDRESS …``.

For probes that run a command beside the service, as those of Kubernetes do: its own gRPC probe
speaks no TLS. It shows the service's own certificate, and believes nobody else at the address.
Exit codes: 0 when every address says SERVING, 1 when one does not, 2 for files that cannot be used.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cryptography import x509
from grpc_health.v1 import health_pb2, health_pb2_grpc

from dcep.errors.v1 import errors_pb2
from runtime.channel import connect
from runtime.errors import NoAnswer, Refusal
from runtime.inspection import LIVE
from runtime.logs import say
from runtime.own_certificate import OwnCertificate, TlsFiles
from runtime.settings import SettingsError
from runtime.tls import channel_credentials

WITHIN_S = 4.0


def main() -> int:
    """Asks at each address, one after the other, and says which is not well; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m runtime.health", description=__doc__)
    parser.add_argument("addresses", nargs="+", metavar="ADDRESS", help="HOST:PORT of the service")
    parser.add_argument("--certificate", type=Path, required=True, help="the service's own, PEM")
    parser.add_argument("--key", type=Path, required=True, help="the key of that certificate, PEM")
    parser.add_argument("--ca", type=Path, required=True, help="the root, PEM")
    parser.add_argument(
        "--live", action="store_true", help="ask whether it answers, and not whether it is ready"
    )
    parser.add_argument("--within", type=float, default=WITHIN_S, help="seconds for each address")
    arguments = parser.parse_args()
    files = TlsFiles(arguments.certificate, arguments.key, arguments.ca)
    service = LIVE if arguments.live else ""
    try:
        unwell = [
            (address, said)
            for address in arguments.addresses
            if (said := status(files, address, service, arguments.within)) != "SERVING"
        ]
    except SettingsError as error:
        say(f"runtime.health: {error}")
        return 2
    for address, said in unwell:
        say(f"runtime.health: {address}: {said}")
    return 1 if unwell else 0


def status(files: TlsFiles, address: str, service: str, timeout_s: float) -> str:
    """What the party of a certificate says of itself at an address.

    Args:
        files: the party's own.
        address: HOST:PORT.
        service: which to ask about; "" for all, `LIVE` for whether anybody answers.
        timeout_s: how long it may take.

    Returns:
        The name of a `HealthCheckResponse.ServingStatus`, or why there is no answer.

    Raises:
        SettingsError: the files cannot be read, or do not fit together.
    """
    role = _role_of(OwnCertificate(files).latest().certificate_pem)
    credentials = channel_credentials(files.ca, files.certificate, files.key)
    with connect(address, credentials, role) as channel:
        check = health_pb2_grpc.HealthStub(channel).Check
        try:
            answer = check(health_pb2.HealthCheckRequest(service=service), timeout=timeout_s)
        except Refusal as refusal:
            # Who has no place for one more question serves those that were there before.
            return "SERVING" if refusal.reason == errors_pb2.REASON_OVERLOADED else str(refusal)
        except NoAnswer as error:
            return str(error)
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))


def _role_of(certificate_pem: bytes) -> str:
    certificate = x509.load_pem_x509_certificate(certificate_pem)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.UniformResourceIdentifier)[0]


if __name__ == "__main__":
    sys.exit(main())
