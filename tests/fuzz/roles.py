"""Who calls: with which certificate, at which ports, and what they can sign."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from nacl.signing import SigningKey

from dcep.analysis.v1 import analysis_pb2
from dcep.authentication.v1 import authentication_pb2
from dcep.bank.v1 import (
    aliases_pb2,
    asking_pb2,
    exchange_pb2,
    inbound_pb2,
    keys_pb2,
    officers_pb2,
    offline_pb2,
    payments_pb2,
    signers_pb2,
    wallets_pb2,
)
from dcep.issuance.v1 import issuance_pb2
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import aliases_pb2 as directory_pb2
from dcep.registration.v1 import registration_pb2
from dcep.wallet.v1 import wallet_pb2
from deployment.provisioning import officer_key_file
from deployment.topology import StackPlan
from runtime.certificates import Authority
from runtime.channel import served_by
from runtime.limits import MESSAGE_OPTIONS
from runtime.tls import channel_credentials
from tests.integration.raw_wallet import BankStubs, RawWallet


def _services(*modules: Any) -> list[Any]:
    return [
        service for module in modules for service in module.DESCRIPTOR.services_by_name.values()
    ]


PUBLIC = _services(
    *(wallets_pb2, keys_pb2, signers_pb2, exchange_pb2, payments_pb2),
    *(asking_pb2, aliases_pb2, offline_pb2),
)
INNER = _services(officers_pb2, inbound_pb2, office_pb2)
CENTRAL = _services(
    *(issuance_pb2, authentication_pb2, analysis_pb2),
    *(registration_pb2, directory_pb2, office_pb2),
)
HOME = _services(wallet_pb2)


@dataclass
class Role:
    """A caller.

    Attributes:
        key: that it signs with.
        key_id: under which it does.
        weight: how often it calls, beside others.
        identity: what it says of itself in what it signs.
    """

    name: str
    services: list[Any]
    channel: grpc.Channel
    key: SigningKey = field(default_factory=SigningKey.generate)
    key_id: bytes = b"nobody"
    identity: dict[str, str] = field(default_factory=dict)
    take_sequence: Callable[[], int] = lambda: 1
    weight: int = 1


def channel_to(
    plan: StackPlan, address: str, certificate: Path | None = None, key: Path | None = None
) -> grpc.Channel:
    """A channel of gRPC's own, with this certificate or none."""
    credentials = channel_credentials(plan.root_certificate, certificate, key)
    options = [*MESSAGE_OPTIONS, *served_by(plan.role_at(address))]
    return grpc.secure_channel(address, credentials, options)


class Cast:
    """Makes the roles of a running stack, and the certificates of those it does not have."""

    def __init__(self, plan: StackPlan, folder: Path) -> None:
        self._plan = plan
        self._folder = folder
        self._authority = Authority.of_pem(
            plan.root_certificate.read_bytes(), (plan.root_folder / "ca.key").read_bytes()
        )

    def identity(self, name: str, uri: str) -> tuple[Path, Path]:
        """A certificate of the stack's root, for whom it says."""
        issued = self._authority.issue(uri)
        certificate, key = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        certificate.write_bytes(issued.certificate_pem)
        key.write_bytes(issued.key_pem)
        return certificate, key

    def central(self, name: str, files: tuple[Path, Path] | None, **how: Any) -> Role:
        """Somebody at the central bank's port."""
        channel = channel_to(self._plan, self._plan.central_address, *(files or ()))
        return Role(name, CENTRAL, channel, **how)

    def inner(self, name: str, files: tuple[Path, Path] | None, **how: Any) -> Role:
        """Somebody at alpha's inner port."""
        address = self._plan.bank("alpha").inner_address
        return Role(name, INNER, channel_to(self._plan, address, *(files or ())), **how)

    def holder(self, name: str, wallet: RawWallet) -> Role:
        """A wallet at its bank's public port."""
        plan, bank = self._plan, wallet.stubs.bank
        return Role(
            name,
            PUBLIC,
            channel_to(plan, plan.bank(bank).public_address),
            wallet.key,
            wallet.number.encode(),
            {"wallet_number": wallet.number, "bank": bank},
            wallet.take_sequence,
            weight=4,
        )

    def acting(self, institution: str, name: str) -> dict[str, Any]:
        """What an officer signs acts with."""
        key = SigningKey(officer_key_file(self._plan, name).read_bytes())
        identity = {"institution": institution, "officer": name}
        return {"key": key, "key_id": name.encode(), "identity": identity, "weight": 4}

    def officer(self, name: str) -> tuple[Path, Path]:
        """An officer's certificate."""
        folder = self._plan.officers_folder
        return folder / f"{name}.crt", folder / f"{name}.key"

    def all(
        self, gamma: SigningKey, gammas: tuple[Path, Path], deltas: tuple[Path, Path]
    ) -> list[Role]:
        """Every role; gamma is a bank that is admitted, delta one that is suspended."""
        nobody = self.identity("nobody", "dcep://nobody/at-all")
        alphas = self._plan.bank("alpha").officer
        banker = self.officer(alphas)
        centre = self._plan.central_folder
        says: dict[str, Any] = {
            "key": gamma, "key_id": b"gamma", "identity": {"bank": "gamma", "institution": "gamma"},
        }  # fmt: skip
        alpha, beta = BankStubs(self._plan, "alpha"), BankStubs(self._plan, "beta")
        funded = [RawWallet(alpha), RawWallet(alpha, name="", phone="13800138000"), RawWallet(beta)]
        for wallet in funded:
            wallet.top_up(5_000)
        return [
            self.central("no certificate at the central bank", None),
            self.central("a certificate without a role at the central bank", nobody),
            self.central("a bank", gammas, **says, weight=6),
            self.central("a suspended bank", deltas, **says),
            self.central(
                "an officer of the central bank",
                self.officer("lin"),
                **self.acting("central-bank", "lin"),
            ),
            self.central("an officer of a bank at the central bank", banker),
            self.inner("no certificate at a bank", None),
            self.inner("a certificate without a role at a bank", nobody),
            self.inner("another bank at a bank", gammas, **says),
            self.inner("an officer of a bank", banker, **self.acting("alpha", alphas)),
            self.inner("an officer of the central bank at a bank", self.officer("lin")),
            self.inner("the central bank", (centre / "tls.crt", centre / "tls.key"), weight=4),
            self.holder("an empty wallet", RawWallet(alpha, name="", phone="13800138001")),
            *(self.holder("a funded wallet", wallet) for wallet in funded),
            Role(
                "a key without a wallet",
                PUBLIC,
                channel_to(self._plan, self._plan.bank("alpha").public_address),
                key_id=self._plan.bank("alpha").prefix.encode() + b"000000000000",
            ),
        ]
