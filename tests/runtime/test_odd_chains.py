"""Chains of certificates as no authority of ours makes them: who shows one is not let in."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from runtime.certificates import Authority, Issued
from runtime.errors import NoAnswer
from runtime.tls import channel_credentials
from tests.refusals import refused_for
from tests.runtime.served import Root, Serve, Served, ask, only_bank_alpha

ALPHA = "dcep://bank/alpha"
DAY = datetime.timedelta(days=1)
CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH


@dataclass(frozen=True)
class Made:
    """A certificate with its key, which may sign others."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def chain(self, *above: Made) -> Issued:
        """As a client shows it, with what is said to be above it."""
        key = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return Issued(self.pem + b"".join(one.pem for one in above), key)


def make(
    name: str,
    by: Made | None = None,
    *,
    roles: Sequence[str] = (),
    uses: Sequence[ObjectIdentifier] = (CLIENT,),
    ca: bool = False,
    days: tuple[int, int] = (-1, 30),
    more: Sequence[tuple[x509.ExtensionType, bool]] = (),
) -> Made:
    """A certificate by another one, or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    extensions = [(x509.BasicConstraints(ca=ca, path_length=None), True), *more]
    if roles:
        names = [x509.UniformResourceIdentifier(role) for role in roles]
        extensions.append((x509.SubjectAlternativeName(names), False))
    if uses and not ca:
        extensions.append((x509.ExtendedKeyUsage(uses), False))
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if by is None else by.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + days[0] * DAY)
        .not_valid_after(now + days[1] * DAY)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return Made(builder.sign(key if by is None else by.key, hashes.SHA256()), key)


def of_root(root: Root) -> Made:
    authority: Authority = root.authority
    return Made(x509.load_pem_x509_certificate(authority.certificate_pem), authority.key)


def constrained(*permitted: str) -> tuple[x509.ExtensionType, bool]:
    trees = [x509.UniformResourceIdentifier(one) for one in permitted]
    return x509.NameConstraints(permitted_subtrees=trees, excluded_subtrees=None), True


def below(root: Made, **how: object) -> Issued:
    between = make("between", root, ca=True, **how)  # type: ignore[arg-type]
    return make("alpha", between, roles=[ALPHA]).chain(between)


def _leaf(**how: object) -> Callable[[Made], Issued]:
    return lambda root: make("alpha", root, **{"roles": [ALPHA], **how}).chain()  # type: ignore[arg-type]


def _itself(root: Made) -> Issued:
    own = make(root.certificate.subject.rfc4514_string().removeprefix("CN="), roles=[ALPHA])
    return own.chain(own, root)


def _by_a_leaf(root: Made) -> Issued:
    leaf = make("alpha", root, roles=[ALPHA])
    return make("alpha", leaf, roles=[ALPHA]).chain(leaf, root)


NOT_LET_IN: dict[str, Callable[[Made], Issued]] = {
    # One that is good in itself would be let in: who has the root's key may make it.
    "an authority between that has ended": lambda root: below(root, days=(-9, -1)),
    "an authority between for other names": lambda root: below(root, more=[constrained(".org")]),
    "a leaf that signs": _by_a_leaf,
    "its own issuer, under the root's name": _itself,
    "a leaf that has ended": _leaf(days=(-9, -1)),
    "a leaf of tomorrow": _leaf(days=(1, 9)),
    "a leaf for servers alone": _leaf(uses=[SERVER]),
    "a leaf to sign programs": _leaf(uses=[ExtendedKeyUsageOID.CODE_SIGNING]),
    "a critical extension that nobody knows": _leaf(
        more=[(x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4.5"), b"\x05\x00"), True)]
    ),
}
NO_ROLE: dict[str, Callable[[Made], Issued]] = {
    "two roles": _leaf(roles=[ALPHA, "dcep://officer/central-bank/lin"]),
    "a role in its name alone": _leaf(roles=[]),
    "an address in place of a role": _leaf(roles=["https://bank/alpha"]),
}


@pytest.fixture
def served(serve: Serve) -> Served:
    return serve(authorize=only_bank_alpha)


def shown(served: Served, root: Root, chain: Issued) -> grpc.Channel:
    files = root.write("odd", chain)
    return served.ours(channel_credentials(root.ca, files.certificate, files.key))


@pytest.mark.parametrize("chain", NOT_LET_IN)
def test_who_shows_an_odd_chain_is_not_let_in(served: Served, root: Root, chain: str) -> None:
    with pytest.raises(NoAnswer):
        ask(shown(served, root, NOT_LET_IN[chain](of_root(root))))


@pytest.mark.parametrize("chain", NO_ROLE)
def test_a_certificate_of_the_root_without_one_role_is_nobodys(
    served: Served, root: Root, chain: str
) -> None:
    assert (
        refused_for(ask, shown(served, root, NO_ROLE[chain](of_root(root))))
        == "CERTIFICATE_REQUIRED"
    )


def test_what_stands_beside_a_good_leaf_makes_nobody_else_of_it(served: Served, root: Root) -> None:
    above = of_root(root)
    beta = make("beta", above, roles=["dcep://bank/beta"])
    alpha = make("alpha", above, roles=[ALPHA])
    assert ask(shown(served, root, alpha.chain(beta, above))) == 1
    assert refused_for(ask, shown(served, root, beta.chain(alpha, above))) == "ROLE_NOT_ALLOWED"
