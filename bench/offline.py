"""Measures offline money: endorsing, verifying, its bytes, a device's state, and deposits."""

from __future__ import annotations

import hashlib
import itertools
import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import nacl.bindings
from nacl.signing import SigningKey
from sqlalchemy import Engine, insert

from bench import offline_bundle, offline_state
from bench.harness import Measurement, Ratio, Scale, compare, durability, rate, rounds, scratch
from central_bank.app import CentralBank, build
from central_bank.authentication.banks import INSTITUTION, AdmittedBank
from central_bank.limits import MAX_OFFLINE_HOLDING_FEN
from central_bank.peers.interface import BankPeers
from central_bank.registration.offline.tables import tokens
from central_bank.tables import metadata
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import registration_pb2
from officers.build import Founding
from officers.signing import OfficerKey, founding_record
from offline_token import signing, verify
from offline_token.bundle import TrustBundle
from offline_token.deposit import Deposit, DepositEndorsement, sign_deposit, signed_by_owners
from offline_token.formats import (
    Chain,
    Endorsement,
    Hop,
    Payment,
    Request,
    Token,
)
from offline_token.possession import prove
from runtime.clock import SystemClock
from runtime.database import Database, open_engine
from runtime.envelope import sign, sign_payload
from runtime.memory import collect_rarely
from runtime.signatures import SignatureVerifier
from runtime.tls import Identity

_DAY_MS = 86_400_000
_VALUE_FEN = 1_000
_REGISTERED_FEN = 100_000_000
_LONG, _CLEARED = 10, 3
_BANKS = ("alpha", "beta")
_CHALLENGE = bytes(16)
_IDLE_S = 0.02


def run(scale: Scale) -> list[Measurement]:
    """Measures; one result each for endorsing, verifying, bytes, bundle, state and deposits."""
    system = _System(SystemClock().now_ms())
    collect_rarely()  # as the services do
    facts: dict[str, Any] = {"database": "none"}
    return [
        _endorse(scale, system, facts),
        _verify(scale, system, facts),
        _bytes(scale, system, facts),
        offline_bundle.run(scale, facts),
        offline_state.run(scale),
        _deposits(scale, system),
    ]


def _key(name: str) -> SigningKey:
    return SigningKey(hashlib.sha256(b"bench key: " + name.encode()).digest())


class _System:
    """Four devices of two banks that pass on the same money, and the bundle that they trust."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self.root = _key("root")
        self.banks = [_key(name) for name in _BANKS]
        self.devices = [_key(f"device {index}") for index in range(4)]
        self.certificates = [
            signing.certify_device(
                self.banks[index % 2], _BANKS[index % 2], bytes(key.verify_key), self._later
            )
            for index, key in enumerate(self.devices)
        ]
        bundle = TrustBundle(
            created_time_ms=now_ms,
            max_age_ms=_DAY_MS,
            max_hops=16,
            max_value_fen=10_000_000,
            max_payment_fen=10_000_000,
            max_holding_fen=10_000_000,
            banks=tuple(
                signing.certify_bank(self.root, name, bytes(key.verify_key), self._later)
                for name, key in zip(_BANKS, self.banks, strict=True)
            ),
        )
        self.bundle = signing.sign_bundle(self.root, bundle)
        self._numbers = itertools.count(1)

    @property
    def _later(self) -> int:
        return self.now_ms + 90 * _DAY_MS

    def token(self) -> Chain:
        """A new token of the first device."""
        name = hashlib.sha256(b"bench token: %d" % next(self._numbers)).digest()[:16]
        owner = bytes(self.devices[0].verify_key)
        blank = Token(name, _VALUE_FEN, owner, self.now_ms, self._later)
        return Chain(signing.sign_token(self.root, blank))

    def endorse(self, chain: Chain) -> Chain:
        """Endorses all of a chain to the next device, as a device does."""
        index = len(chain.hops)
        payer, payee = self.devices[index % 4], self.devices[(index + 1) % 4]
        blank = Endorsement(0, _VALUE_FEN, bytes(payee.verify_key), _CHALLENGE, index + 1)
        piece = verify.piece_of(chain, 0)
        hop = Hop(self.certificates[index % 4], signing.sign_endorsement(payer, piece.id, blank))
        return Chain(chain.token, (*chain.hops, hop))

    def chain(self, hops: int) -> Chain:
        """A token that was endorsed so many times."""
        chain = self.token()
        for _ in range(hops):
            chain = self.endorse(chain)
        return chain

    def deposit(self, chain: Chain, bank: str) -> bytes:
        """The bytes of a deposit of a chain at a bank, signed by its owner."""
        owner = self.devices[len(chain.hops) % 4]
        blank = DepositEndorsement(0, bank, bytes(32), chain.token.id)
        end = sign_deposit(owner, verify.piece_of(chain, 0).id, blank)
        return Deposit(Payment((chain,)), (end,)).encode()

    def check(
        self, payment: bytes, hops: int, verified: verify.Verified = signing.verified
    ) -> None:
        """Verifies a payment as a payee's device does; raises AssertionError if it is not good."""
        verdict = verify.verify(
            payment,
            root=bytes(self.root.verify_key),
            bundle=self.bundle,
            now_ms=self.now_ms,
            request=Request(self.certificates[hops % 4], _VALUE_FEN, _CHALLENGE),
            verified=verified,
        )
        assert verdict.good, verdict


class _Checks:
    """Does a verification's signature checks, and remembers and times them."""

    def __init__(self) -> None:
        self.seen: list[tuple[bytes, bytes, bytes]] = []
        self.seconds = 0.0

    def verified(self, key: bytes, signed_part: bytes, signature: bytes) -> bool:
        """As `offline_token.signing.verified`."""
        started = time.perf_counter()
        good = signing.verified(key, signed_part, signature)
        self.seconds += time.perf_counter() - started
        self.seen.append((key, signed_part, signature))
        return good


def _recheck(checks: Sequence[tuple[bytes, bytes, bytes]]) -> None:
    for key, signed_part, signature in checks:
        assert signing.verified(key, signed_part, signature)


def _endorse(scale: Scale, system: _System, facts: dict[str, Any]) -> Measurement:
    count = scale.pick(5_000, 1_000, 20)
    chains = [system.token() for _ in range(count)]
    piece_id = bytes(32)
    blank = Endorsement(0, _VALUE_FEN, bytes(32), _CHALLENGE, 1, bytes(64))
    message = blank.signed_part(piece_id)
    key = bytes(system.devices[0]) + bytes(system.devices[0].verify_key)

    def endorse() -> float:
        return rate(count, lambda: [Payment((system.endorse(c),)).encode() for c in chains])

    def bare() -> float:
        return rate(count, lambda: [nacl.bindings.crypto_sign(message, key) for _ in chains])

    endorsed, signed = rounds(scale, endorse, bare)
    result = Measurement(
        name="offline-endorse",
        samples=endorsed,
        batch=1,
        accounts=4,
        durability=facts,
        includes="the piece's id, the endorsement, its signature, the payment's bytes; one thread",
        excludes="the device's state and its writing to disk, checking the payee's request",
        scale=scale,
        ratio_to=compare("bare-ed25519-signature", endorsed, signed),
    )
    result.details["us_an_endorsement"] = round(1e6 / result.median, 1)
    return result


def _verify(scale: Scale, system: _System, facts: dict[str, Any]) -> Measurement:
    count = scale.pick(500, 100, 3)
    payments = [Payment((system.chain(_LONG),)).encode() for _ in range(count)]

    def all_of_them(verified: verify.Verified = signing.verified) -> None:
        for payment in payments:
            system.check(payment, _LONG, verified)

    checks = _Checks()
    started = time.perf_counter()
    all_of_them(checks.verified)
    share = checks.seconds / (time.perf_counter() - started)
    verified, alone = rounds(
        scale,
        lambda: rate(count, all_of_them),
        lambda: rate(count, lambda: _recheck(checks.seen)),
    )
    result = Measurement(
        name="offline-verify",
        samples=verified,
        batch=1,
        accounts=4,
        durability=facts,
        includes=f"a payment of one chain of {_LONG} hops from its bytes to the verdict, with the "
        "trust bundle and two banks' certificates; one thread",
        excludes="keeping the piece",
        scale=scale,
        ratio_to=compare("its-signature-checks-alone", verified, alone),
        details={
            "hops": _LONG,
            "signature_checks": len(checks.seen) // count,
            "share_in_signature_checks": round(share, 3),
        },
    )
    result.details["ms_a_chain"] = round(1e3 / result.median, 3)
    return result


def _bytes(scale: Scale, system: _System, facts: dict[str, Any]) -> Measurement:
    sizes = [len(Payment((system.chain(hops),)).encode()) for hops in range(1, _LONG + 1)]
    (a_hop,) = {after - before for before, after in itertools.pairwise(sizes)}
    return Measurement(
        name="offline-bytes",
        samples=[float(sizes[0])] * scale.samples,
        batch=1,
        accounts=4,
        durability=facts,
        includes="one fresh token, endorsed once: token, certificate, endorsement",
        excludes="the encoding as text or as a QR code",
        scale=scale,
        ratio_to=Ratio("bytes-of-each-further-hop", float(a_hop), sizes[0] / a_hop),
        unit="a payment",
        measure="bytes",
        details={"each_hop": a_hop, f"after_{_LONG}_hops": sizes[-1]},
    )


@dataclass(frozen=True)
class _Lanes:
    """Banks that deposit at once, each its orders one after another.

    Attributes:
        orders, size: orders in a sample, and deposits in an order.
        todo: the deposits that are left, with their numbers.
    """

    system: _System
    central: CentralBank
    banks: Sequence[AdmittedBank]
    orders: int
    size: int
    todo: Iterator[tuple[int, bytes]]

    def deposit(self) -> float:
        """Deposits a second."""
        lanes: list[list[SignedEnvelope]] = [[] for _ in self.banks]
        for at in range(self.orders):
            lane = at % len(self.banks)
            few = list(itertools.islice(self.todo, self.size))
            lanes[lane].append(_order(self.banks[lane], self.system.banks[lane], few))

        def send(lane: int) -> None:
            for order in lanes[lane]:
                _send(self.central, self.banks[lane], order)

        def send_all() -> None:
            with ThreadPoolExecutor(len(self.banks)) as pool:
                list(pool.map(send, range(len(self.banks))))

        return rate(self.orders * self.size, send_all)


def _deposits(scale: Scale, system: _System) -> Measurement:
    count, size = scale.pick(8_000, 800, 20), scale.pick(1_000, 200, 10)
    with scratch() as folder, _centre(system, folder) as (engine, central, banks):
        facts = durability(engine, folder)
        samples = scale.warm_ups + scale.samples
        chains = _registered(engine, central, banks[0], system, count * samples)
        deposits = [
            system.deposit(chain, _BANKS[(at % count) // size % len(banks)])
            for at, chain in enumerate(chains)
        ]
        lanes = _Lanes(system, central, banks, count // size, size, iter(enumerate(deposits, 1)))
        own = _own_checks(system, chains[:count])

        verifier = SignatureVerifier(os.cpu_count() or 1)
        deposited, one, every = rounds(
            scale,
            lanes.deposit,
            lambda: rate(count, lambda: _recheck(own)),
            lambda: rate(count, lambda: verifier.verify(own)),
        )
        checks = _Checks()
        used = rate(count, lambda: _verify_all(system, deposits[:count], checks.verified))
        return Measurement(
            name="offline-deposit",
            samples=deposited,
            batch=size,
            accounts=len(_BANKS),
            durability=facts,
            includes=f"chains of {_CLEARED} hops through the registration centre's deposit in "
            f"process, {len(banks)} banks at once: a bank's signature, verifying each chain, "
            "the owner's signature, looking up its pieces, retiring it, commit, an answer each",
            excludes="the network, the depositing bank and its credit to the wallet",
            scale=scale,
            ratio_to=compare("signature-checks-of-the-chains-alone", deposited, every),
            also=[compare("the-same-one-by-one-in-python", deposited, one)],
            unit="deposits",
            details={
                "hops": _CLEARED,
                "deposits_a_sample": count,
                "signature_checks_of_a_chain": len(own) // count,
                "signature_checks_by_verify": len(checks.seen) // count,
                "verify_alone_per_s": round(used),
            },
        )


def _own_checks(system: _System, chains: Sequence[Chain]) -> list[tuple[bytes, bytes, bytes]]:
    """The signature checks of these chains: one for each token, and two for each hop."""
    root = bytes(system.root.verify_key)
    trusted = {system.bundle.signature, *(bank.signature for bank in system.bundle.banks)}
    checks = _Checks()
    deposits = [system.deposit(chain, _BANKS[0]) for chain in chains]
    _verify_all(system, deposits, checks.verified)
    assert root in {key for key, _, _ in checks.seen}
    return [check for check in checks.seen if check[2] not in trusted]


def _verify_all(system: _System, deposits: Sequence[bytes], verified: verify.Verified) -> None:
    for data in deposits:
        found = Deposit.decode(data)
        system.check(found.payment.encode(), _CLEARED, verified)
        pieces = found.pieces()
        assert signed_by_owners(found, pieces, found.bank, verified=verified) == verify.Reason.GOOD


@contextmanager
def _centre(
    system: _System, folder: Path
) -> Iterator[tuple[Engine, CentralBank, list[AdmittedBank]]]:
    """A central bank over SQLite, whose first bank has money in circulation."""
    engine = open_engine(f"sqlite:///{folder / 'central.db'}")
    metadata.create_all(engine)
    # No bank is asked about payees here.
    peers = cast(BankPeers, None)
    verifier = SignatureVerifier(os.cpu_count() or 1)
    lin, mei = (OfficerKey(INSTITUTION, n, SigningKey.generate()) for n in ("lin", "mei"))
    first = [_registration(officer) for officer in (lin, mei)]
    record = founding_record(INSTITUTION, first, system.root, SystemClock().now_ms())
    central = build(
        engine,
        root=system.root,
        business_key=SigningKey.generate(),
        founding=Founding(record, bytes(system.root.verify_key)),
        bank_peers=peers,
        clock=SystemClock(),
        threaded=True,
        verifier=verifier,
    )
    try:
        admitted = [
            central.registry.admit(_particulars(central, name, index))
            for index, name in enumerate(_BANKS)
        ]
        for kind in (
            office_pb2.PayInReserves(bank="alpha", amount_fen=_REGISTERED_FEN),
            office_pb2.Issue(bank="alpha", amount_fen=_REGISTERED_FEN),
        ):
            now_ms = SystemClock().now_ms()
            proposal = lin.propose(kind, "a bench", now_ms)
            central.acts.propose(_identity(lin), proposal)
            central.acts.approve(_identity(mei), mei.approve(proposal.payload, now_ms))
        with _projecting(central):
            yield engine, central, admitted
    finally:
        central.books.stop()
        verifier.close()
        engine.dispose()


def _registration(officer: OfficerKey) -> office_pb2.RegisterOfficer:
    return office_pb2.RegisterOfficer(
        name=officer.name,
        certificate_fingerprint=_identity(officer).fingerprint,
        signing_key=bytes(officer.key.verify_key),
        rights=[office_pb2.RIGHT_OFFICERS, office_pb2.RIGHT_RESERVES, office_pb2.RIGHT_ISSUANCE],
    )


def _identity(officer: OfficerKey) -> Identity:
    """An officer's identity, as the service sees it by the certificate."""
    fingerprint = hashlib.sha256(officer.name.encode()).hexdigest()
    return Identity("officer", f"{INSTITUTION}/{officer.name}", fingerprint)


@contextmanager
def _projecting(central: CentralBank) -> Iterator[None]:
    """Runs the projection in a thread of its own, as the service does."""
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            if not central.project():
                ended.wait(_IDLE_S)

    thread = threading.Thread(target=work, name="projection")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _particulars(central: CentralBank, name: str, index: int) -> AdmittedBank:
    key = bytes(_key(name).verify_key)
    return AdmittedBank(
        index=0,
        name=name,
        prefix=str(6201 + index),
        certificate_fingerprint=f"{index:064x}",
        business_key=key,
        inner_address=f"localhost:{7001 + index}",
        suspended=False,
        offline_certificate=central.devices.certify_bank(name, key),
    )


def _registered(
    engine: Engine, central: CentralBank, bank: AdmittedBank, system: _System, count: int
) -> list[Chain]:
    """Chains of tokens that were registered beforehand, so that only deposits are measured."""
    most = MAX_OFFLINE_HOLDING_FEN // _VALUE_FEN
    loads = [min(most, count - start) for start in range(0, count, most)]
    for number, tokens_of_it in enumerate(loads, 1):
        _load(central, bank, system, number, tokens_of_it * _VALUE_FEN)
    chains = [system.chain(_CLEARED) for _ in range(count)]
    rows = [
        {
            "token_id": chain.token.id,
            "bank": bank.index,
            "number": len(loads) + 1,
            "owner": chain.token.owner,
            "value_fen": chain.token.value_fen,
            "expires_time_ms": chain.token.expires_time_ms,
            "body": chain.token.encode(),
            "pruned": 0,
            "pruned_fen": 0,
        }
        for chain in chains
    ]
    Database(engine).transaction(lambda c: c.execute(insert(tokens), rows))
    return chains


def _load(
    central: CentralBank, bank: AdmittedBank, system: _System, number: int, amount_fen: int
) -> None:
    now_ms = SystemClock().now_ms()
    order = registration_pb2.TokenRegistration(
        bank=bank.name,
        number=number,
        amount_fen=amount_fen,
        device_certificate=system.certificates[0].encode(),
        possession=prove(system.devices[0], bank.name, bytes(32)).encode(),
        created_time_ms=now_ms,
        expires_time_ms=now_ms + 60_000,
    )
    payload = order.SerializeToString()
    name = bank.name.encode()
    outcome, _ = central.loads.register(
        bank, sign_payload(registration_pb2.TokenRegistration, payload, system.banks[0], name)
    )
    assert outcome.reason == 0, outcome


def _order(
    bank: AdmittedBank, key: SigningKey, items: Sequence[tuple[int, bytes]]
) -> SignedEnvelope:
    now_ms = SystemClock().now_ms()
    order = registration_pb2.TokenDeposit(
        bank=bank.name,
        created_time_ms=now_ms,
        expires_time_ms=now_ms + 60_000,
        items=[
            registration_pb2.TokenDepositItem(number=number, offline_payment=payment)
            for number, payment in items
        ],
    )
    return sign(order, key, bank.name.encode())


def _send(central: CentralBank, bank: AdmittedBank, envelope: SignedEnvelope) -> None:
    outcomes = central.deposits.deposit(bank, envelope)
    assert all(one.amount_fen == _VALUE_FEN and not one.reason for one in outcomes), outcomes[:3]
