"""Who may connect, and who a peer is."""

from __future__ import annotations

import datetime
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import Int32Value

from dcep.errors.v1 import errors_pb2
from runtime import certificates
from runtime.certificates import Authority, Issued, fingerprint
from runtime.errors import NoAnswer
from runtime.tls import Identity, channel_credentials, peer
from tests.refusals import refused_because
from tests.runtime.served import Root, Serve, Served, ask, only_bank_alpha


def not_let_in(served: Served, credentials: grpc.ChannelCredentials) -> None:
    with pytest.raises(NoAnswer):
        ask(served.ours(credentials))


def test_a_certificate_of_the_root_with_the_role_is_let_in(serve: Serve) -> None:
    assert ask(serve(authorize=only_bank_alpha).ours(), 7) == 7


def test_without_a_certificate_nobody_is_let_in(serve: Serve, root: Root) -> None:
    not_let_in(serve(), channel_credentials(root.ca))


def test_a_self_signed_certificate_is_not_let_in(serve: Serve, root: Root) -> None:
    own = Authority.create("dcep://bank/alpha")
    files = root.write("self-signed", Issued(own.certificate_pem, own.key_pem))
    not_let_in(serve(), channel_credentials(root.ca, files.certificate, files.key))


def test_another_root_of_the_same_name_vouches_for_nobody(
    serve: Serve, root: Root, stranger: Root
) -> None:
    files = stranger.files("dcep://bank/alpha")
    not_let_in(serve(), channel_credentials(root.ca, files.certificate, files.key))


def test_a_bank_cannot_make_officers(serve: Serve, root: Root) -> None:
    bank = root.authority.issue("dcep://bank/alpha")
    forged = Authority.of_pem(bank.certificate_pem, bank.key_pem).issue(
        "dcep://officer/central-bank/mei"
    )
    chain = Issued(forged.certificate_pem + bank.certificate_pem, forged.key_pem)
    files = root.write("forged", chain)
    not_let_in(serve(), channel_credentials(root.ca, files.certificate, files.key))


def test_an_expired_certificate_is_not_let_in(
    serve: Serve, root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = serve()
    monkeypatch.setattr(certificates, "CLOCK_SKEW", datetime.timedelta(days=10))
    assert ask(served.ours(root.credentials("dcep://bank/alpha"))) == 1
    monkeypatch.setattr(certificates, "LEAF_DAYS", -1)
    not_let_in(served, root.credentials("dcep://bank/alpha"))


def test_a_client_does_not_talk_to_a_server_of_another_root(serve: Serve, stranger: Root) -> None:
    not_let_in(serve(require_client=False), channel_credentials(stranger.ca))


@pytest.mark.parametrize(
    "role", ["dcep://bank/beta", "dcep://officer/alpha/lin", "dcep://wallet/alpha"]
)
def test_another_role_is_refused_by_the_gate(serve: Serve, root: Root, role: str) -> None:
    served = serve(authorize=only_bank_alpha)
    refused_because(errors_pb2.REASON_ROLE_NOT_ALLOWED, ask, served.ours(root.credentials(role)))


def test_where_no_certificate_is_needed_the_peer_is_nobody(serve: Serve, root: Root) -> None:
    served = serve(authorize=only_bank_alpha, require_client=False)
    refused_because(
        errors_pb2.REASON_CERTIFICATE_REQUIRED, ask, served.ours(channel_credentials(root.ca))
    )


def test_the_server_sees_role_name_and_fingerprint(serve: Serve, root: Root) -> None:
    seen: list[Identity | None] = []

    def look(request: Int32Value, context: grpc.ServicerContext) -> Int32Value:
        seen.append(peer(context))
        return request

    files = root.files("dcep://officer/central-bank/lin")
    ask(serve(look).ours(channel_credentials(root.ca, files.certificate, files.key)))
    [who] = seen
    assert who is not None
    assert (who.role, who.name) == ("officer", "central-bank/lin")
    assert who.institution == "central-bank"
    assert who.fingerprint == fingerprint(files.certificate.read_bytes())


def context_of(pem: bytes, *names: str) -> Any:
    auth = {"x509_pem_cert": [pem], "peer_sans": [name.encode() for name in names]}
    return SimpleNamespace(auth_context=lambda: auth)


def test_a_peer_has_exactly_one_role(root: Root) -> None:
    pem = root.authority.issue("dcep://bank/alpha").certificate_pem
    one = peer(context_of(pem, "localhost", "dcep://bank/alpha", "127.0.0.1"))
    assert one == Identity("bank", "alpha", fingerprint(pem))
    assert peer(context_of(pem, "dcep://bank/alpha", "dcep://bank/beta")) is None
    assert peer(context_of(pem, "localhost", "https://bank/alpha")) is None
    assert peer(SimpleNamespace(auth_context=dict)) is None  # type: ignore[arg-type]
