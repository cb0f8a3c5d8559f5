"""What a bank in memory says of the keys of its wallets."""

from __future__ import annotations

from dataclasses import dataclass, field

from dcep.bank.v1 import keys_pb2, orders_pb2, signers_pb2, states_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from runtime.envelope import verify
from runtime.errors import NoAnswer, Refusal
from tests.offline.signers import NOW


@dataclass
class Keyed:
    """A wallet's key."""

    key: bytes
    last_sequence: int = field(default=0, kw_only=True)


@dataclass(kw_only=True)
class FakeKeys:
    """The part of `wallet.peers.interface.BankPort` about keys.

    Attributes:
        keys: what it says of a key that was asked for or replaced, by number and key.
        objections: keys that were objected to.
        phrases: the wallets' numbers, by their recovery keys.
        rotations_lost: so many answers to orders that change a key are lost.
        lists: of signers, by their wallets' numbers; it takes them, and no order of theirs.
    """

    keys: dict[tuple[str, bytes], keys_pb2.GetKeyResponse] = field(default_factory=dict)
    objections: list[bytes] = field(default_factory=list)
    phrases: dict[bytes, str] = field(default_factory=dict)
    rotations_lost: int = 0
    lists: dict[str, signers_pb2.SignersOrder] = field(default_factory=dict)

    def _account(self, number: str) -> Keyed:
        raise NotImplementedError

    def request_key(self, request: SignedEnvelope) -> keys_pb2.RequestKeyResponse:
        asked = keys_pb2.KeyRequest.FromString(verify(keys_pb2.KeyRequest, request, _key(request)))
        said = keys_pb2.GetKeyResponse(state=keys_pb2.KEY_STATE_REQUESTED)
        self.keys.setdefault((asked.wallet_number, asked.public_key), said)
        return keys_pb2.RequestKeyResponse()

    def get_key(self, query: SignedEnvelope) -> keys_pb2.GetKeyResponse:
        asked = keys_pb2.KeyQuery.FromString(verify(keys_pb2.KeyQuery, query, _key(query)))
        found = self.keys.get((asked.wallet_number, _key(query)))
        if found is not None:
            return found
        if self._account(asked.wallet_number).key != _key(query):
            raise Refusal(errors_pb2.REASON_REQUEST_UNKNOWN, "nothing is known of this key")
        return keys_pb2.GetKeyResponse(state=keys_pb2.KEY_STATE_IN_FORCE)

    def list_signers(self, query: SignedEnvelope) -> signers_pb2.ListSignersResponse:
        number = orders_pb2.Query.FromString(query.payload).wallet_number
        listed = self.lists.get(number)
        own = signers_pb2.Signer(
            public_key=self._account(number).key, role=states_pb2.SIGNER_ROLE_RELEASE
        )
        return signers_pb2.ListSignersResponse(
            list_number=listed.list_number if listed else 0,
            threshold=1,
            signers=listed.signers if listed else [own],
        )

    def sign(self, request: signers_pb2.SignRequest) -> signers_pb2.SignResponse:
        raise Refusal(errors_pb2.REASON_SIGNER_MAY_NOT, "its wallets have one key each")

    def withdraw(self, order: SignedEnvelope) -> signers_pb2.WithdrawResponse:
        raise Refusal(errors_pb2.REASON_SIGNER_MAY_NOT, "its wallets have one key each")

    def get_release(self, query: SignedEnvelope, digest: bytes) -> signers_pb2.GetReleaseResponse:
        raise Refusal(errors_pb2.REASON_REQUEST_UNKNOWN, "its wallets have one key each")

    def list_pending(self, query: SignedEnvelope) -> signers_pb2.ListPendingResponse:
        return signers_pb2.ListPendingResponse()

    def set_signers(self, order: SignedEnvelope) -> signers_pb2.SetSignersResponse:
        listed = signers_pb2.SignersOrder.FromString(order.payload)
        verify(signers_pb2.SignersOrder, order, self._account(listed.wallet_number).key)
        self.lists[listed.wallet_number] = listed
        return signers_pb2.SetSignersResponse()

    def object_to_key(self, objection: SignedEnvelope) -> keys_pb2.ObjectToKeyResponse:
        account = self._account(objection.key_id.decode())
        payload = verify(keys_pb2.KeyObjection, objection, account.key)
        self.objections.append(keys_pb2.KeyObjection.FromString(payload).public_key)
        return keys_pb2.ObjectToKeyResponse()

    def rotate_key(self, order: SignedEnvelope) -> keys_pb2.RotateKeyResponse:
        number = order.key_id.decode()
        payload = verify(keys_pb2.RotateKeyOrder, order, self._account(number).key)
        asked = keys_pb2.RotateKeyOrder.FromString(payload)
        new = _key(asked.request)
        request = keys_pb2.KeyRequest.FromString(verify(keys_pb2.KeyRequest, asked.request, new))
        assert (asked.wallet_number, request.wallet_number, asked.bank) == (number, number, "alpha")
        self.replace_key(number, new)
        if asked.recovery_key:
            self.phrases[asked.recovery_key] = number
        if self.rotations_lost:
            self.rotations_lost -= 1
            raise NoAnswer("the answer is lost")
        return keys_pb2.RotateKeyResponse()

    def find_wallet(self, query: SignedEnvelope) -> keys_pb2.FindWalletResponse:
        verify(keys_pb2.RecoveryQuery, query, _key(query))
        if _key(query) not in self.phrases:
            raise Refusal(errors_pb2.REASON_REQUEST_UNKNOWN, "no wallet of this phrase")
        return keys_pb2.FindWalletResponse(wallet_number=self.phrases[_key(query)])

    def recover_wallet(self, order: SignedEnvelope) -> keys_pb2.RecoverWalletResponse:
        payload = verify(keys_pb2.RecoveryOrder, order, _key(order))
        asked = keys_pb2.RecoveryOrder.FromString(payload)
        number, new = asked.wallet_number, _key(asked.request)
        verify(keys_pb2.KeyRequest, asked.request, new)
        assert self.phrases[_key(order)] == number
        state = keys_pb2.KEY_STATE_APPROVED
        self.keys[number, new] = keys_pb2.GetKeyResponse(state=state, in_force_time_ms=NOW)
        return keys_pb2.RecoverWalletResponse(state=state)

    def replace_key(self, number: str, key: bytes) -> None:
        """Puts another key in force, which somebody has asked for."""
        in_force, replaced = keys_pb2.KEY_STATE_IN_FORCE, keys_pb2.KEY_STATE_REPLACED
        account = self._account(number)
        said = keys_pb2.GetKeyResponse(state=replaced, in_force_time_ms=NOW)
        self.keys[number, account.key] = said
        self.keys[number, key] = keys_pb2.GetKeyResponse(state=in_force, in_force_time_ms=NOW)
        account.key = key
        account.last_sequence = ((account.last_sequence >> 40) + 1) << 40


def _key(envelope: SignedEnvelope) -> bytes:
    """The key that an envelope names as its signer."""
    return bytes.fromhex(envelope.key_id.decode())
