from dcep.bank.v1 import keys_pb2 as _keys_pb2
from dcep.bank.v1 import orders_pb2 as _orders_pb2
from dcep.bank.v1 import wallets_pb2 as _wallets_pb2
from dcep.bounds.v1 import bounds_pb2 as _bounds_pb2
from dcep.envelope.v1 import envelope_pb2 as _envelope_pb2
from dcep.errors.v1 import errors_pb2 as _errors_pb2
from dcep.purposes.v1 import purposes_pb2 as _purposes_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Subject(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SUBJECT_UNSPECIFIED: _ClassVar[Subject]
    SUBJECT_CENTRAL_KEYS: _ClassVar[Subject]
    SUBJECT_TRUST_BUNDLE: _ClassVar[Subject]
    SUBJECT_OFFICERS_ACTS: _ClassVar[Subject]

class HolderProof(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HOLDER_PROOF_UNSPECIFIED: _ClassVar[HolderProof]
    HOLDER_PROOF_PHONE: _ClassVar[HolderProof]
    HOLDER_PROOF_NAME_ALONE: _ClassVar[HolderProof]
    HOLDER_PROOF_DOCUMENT: _ClassVar[HolderProof]
    HOLDER_PROOF_ACCOUNT: _ClassVar[HolderProof]
    HOLDER_PROOF_PRESENCE: _ClassVar[HolderProof]
SUBJECT_UNSPECIFIED: Subject
SUBJECT_CENTRAL_KEYS: Subject
SUBJECT_TRUST_BUNDLE: Subject
SUBJECT_OFFICERS_ACTS: Subject
HOLDER_PROOF_UNSPECIFIED: HolderProof
HOLDER_PROOF_PHONE: HolderProof
HOLDER_PROOF_NAME_ALONE: HolderProof
HOLDER_PROOF_DOCUMENT: HolderProof
HOLDER_PROOF_ACCOUNT: HolderProof
HOLDER_PROOF_PRESENCE: HolderProof

class GetBooksRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetBooksResponse(_message.Message):
    __slots__ = ("mirror_fen", "vault_fen", "wallets_fen", "holds_fen", "suspense_fen", "wallets", "feed_position", "journal_position", "projected_position", "pending_outbound", "lost_fen", "probing_wallets")
    MIRROR_FEN_FIELD_NUMBER: _ClassVar[int]
    VAULT_FEN_FIELD_NUMBER: _ClassVar[int]
    WALLETS_FEN_FIELD_NUMBER: _ClassVar[int]
    HOLDS_FEN_FIELD_NUMBER: _ClassVar[int]
    SUSPENSE_FEN_FIELD_NUMBER: _ClassVar[int]
    WALLETS_FIELD_NUMBER: _ClassVar[int]
    FEED_POSITION_FIELD_NUMBER: _ClassVar[int]
    JOURNAL_POSITION_FIELD_NUMBER: _ClassVar[int]
    PROJECTED_POSITION_FIELD_NUMBER: _ClassVar[int]
    PENDING_OUTBOUND_FIELD_NUMBER: _ClassVar[int]
    LOST_FEN_FIELD_NUMBER: _ClassVar[int]
    PROBING_WALLETS_FIELD_NUMBER: _ClassVar[int]
    mirror_fen: int
    vault_fen: int
    wallets_fen: int
    holds_fen: int
    suspense_fen: int
    wallets: int
    feed_position: int
    journal_position: int
    projected_position: int
    pending_outbound: int
    lost_fen: int
    probing_wallets: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, mirror_fen: _Optional[int] = ..., vault_fen: _Optional[int] = ..., wallets_fen: _Optional[int] = ..., holds_fen: _Optional[int] = ..., suspense_fen: _Optional[int] = ..., wallets: _Optional[int] = ..., feed_position: _Optional[int] = ..., journal_position: _Optional[int] = ..., projected_position: _Optional[int] = ..., pending_outbound: _Optional[int] = ..., lost_fen: _Optional[int] = ..., probing_wallets: _Optional[_Iterable[str]] = ...) -> None: ...

class GetFeedRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetFeedResponse(_message.Message):
    __slots__ = ("ledger", "number", "hash", "position", "stopped_cause", "stopped_since_ms", "contradictions", "behind", "incarnation", "journal_position", "last_deposit", "acts_number", "acts_hash", "announced_number")
    LEDGER_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    STOPPED_CAUSE_FIELD_NUMBER: _ClassVar[int]
    STOPPED_SINCE_MS_FIELD_NUMBER: _ClassVar[int]
    CONTRADICTIONS_FIELD_NUMBER: _ClassVar[int]
    BEHIND_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    JOURNAL_POSITION_FIELD_NUMBER: _ClassVar[int]
    LAST_DEPOSIT_FIELD_NUMBER: _ClassVar[int]
    ACTS_NUMBER_FIELD_NUMBER: _ClassVar[int]
    ACTS_HASH_FIELD_NUMBER: _ClassVar[int]
    ANNOUNCED_NUMBER_FIELD_NUMBER: _ClassVar[int]
    ledger: bytes
    number: int
    hash: bytes
    position: int
    stopped_cause: str
    stopped_since_ms: int
    contradictions: _containers.RepeatedCompositeFieldContainer[Contradiction]
    behind: bool
    incarnation: int
    journal_position: int
    last_deposit: int
    acts_number: int
    acts_hash: bytes
    announced_number: int
    def __init__(self, ledger: _Optional[bytes] = ..., number: _Optional[int] = ..., hash: _Optional[bytes] = ..., position: _Optional[int] = ..., stopped_cause: _Optional[str] = ..., stopped_since_ms: _Optional[int] = ..., contradictions: _Optional[_Iterable[_Union[Contradiction, _Mapping]]] = ..., behind: bool = ..., incarnation: _Optional[int] = ..., journal_position: _Optional[int] = ..., last_deposit: _Optional[int] = ..., acts_number: _Optional[int] = ..., acts_hash: _Optional[bytes] = ..., announced_number: _Optional[int] = ...) -> None: ...

class Contradiction(_message.Message):
    __slots__ = ("about", "cause", "since_ms")
    ABOUT_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    SINCE_MS_FIELD_NUMBER: _ClassVar[int]
    about: Subject
    cause: str
    since_ms: int
    def __init__(self, about: _Optional[_Union[Subject, str]] = ..., cause: _Optional[str] = ..., since_ms: _Optional[int] = ...) -> None: ...

class ListSuspenseRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListSuspenseResponse(_message.Message):
    __slots__ = ("entries", "next_page_token")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[SuspenseEntry]
    next_page_token: str
    def __init__(self, entries: _Optional[_Iterable[_Union[SuspenseEntry, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class SuspenseEntry(_message.Message):
    __slots__ = ("position", "purpose", "payment_id", "wallet_number", "payer_number", "amount_fen", "time_ms", "reason")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_ID_FIELD_NUMBER: _ClassVar[int]
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    PAYER_NUMBER_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    position: int
    purpose: _purposes_pb2.Purpose
    payment_id: str
    wallet_number: str
    payer_number: str
    amount_fen: int
    time_ms: int
    reason: _errors_pb2.Reason
    def __init__(self, position: _Optional[int] = ..., purpose: _Optional[_Union[_purposes_pb2.Purpose, str]] = ..., payment_id: _Optional[str] = ..., wallet_number: _Optional[str] = ..., payer_number: _Optional[str] = ..., amount_fen: _Optional[int] = ..., time_ms: _Optional[int] = ..., reason: _Optional[_Union[_errors_pb2.Reason, str]] = ...) -> None: ...

class ListLostRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListLostResponse(_message.Message):
    __slots__ = ("entries", "next_page_token")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[LostEntry]
    next_page_token: str
    def __init__(self, entries: _Optional[_Iterable[_Union[LostEntry, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListKeyRequestsRequest(_message.Message):
    __slots__ = ("wallet_number",)
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    def __init__(self, wallet_number: _Optional[str] = ...) -> None: ...

class ListKeyRequestsResponse(_message.Message):
    __slots__ = ("keys", "wait_ms")
    KEYS_FIELD_NUMBER: _ClassVar[int]
    WAIT_MS_FIELD_NUMBER: _ClassVar[int]
    keys: _containers.RepeatedCompositeFieldContainer[AskedKey]
    wait_ms: int
    def __init__(self, keys: _Optional[_Iterable[_Union[AskedKey, _Mapping]]] = ..., wait_ms: _Optional[int] = ...) -> None: ...

class AskedKey(_message.Message):
    __slots__ = ("request", "time_ms", "state", "in_force_time_ms", "recovery", "cause")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    IN_FORCE_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    RECOVERY_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    request: _envelope_pb2.SignedEnvelope
    time_ms: int
    state: _keys_pb2.KeyState
    in_force_time_ms: int
    recovery: _envelope_pb2.SignedEnvelope
    cause: _keys_pb2.KeyCause
    def __init__(self, request: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ..., time_ms: _Optional[int] = ..., state: _Optional[_Union[_keys_pb2.KeyState, str]] = ..., in_force_time_ms: _Optional[int] = ..., recovery: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ..., cause: _Optional[_Union[_keys_pb2.KeyCause, str]] = ...) -> None: ...

class CustomerLook(_message.Message):
    __slots__ = ("bank", "officer", "number", "previous_time_ms", "wallet_number", "cause", "created_time_ms", "expires_time_ms")
    BANK_FIELD_NUMBER: _ClassVar[int]
    OFFICER_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    bank: str
    officer: str
    number: int
    previous_time_ms: int
    wallet_number: str
    cause: str
    created_time_ms: int
    expires_time_ms: int
    def __init__(self, bank: _Optional[str] = ..., officer: _Optional[str] = ..., number: _Optional[int] = ..., previous_time_ms: _Optional[int] = ..., wallet_number: _Optional[str] = ..., cause: _Optional[str] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ...) -> None: ...

class ShownProof(_message.Message):
    __slots__ = ("proof", "time_ms", "confirmed_by")
    PROOF_FIELD_NUMBER: _ClassVar[int]
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    CONFIRMED_BY_FIELD_NUMBER: _ClassVar[int]
    proof: HolderProof
    time_ms: int
    confirmed_by: str
    def __init__(self, proof: _Optional[_Union[HolderProof, str]] = ..., time_ms: _Optional[int] = ..., confirmed_by: _Optional[str] = ...) -> None: ...

class LookAtCustomerRequest(_message.Message):
    __slots__ = ("look",)
    LOOK_FIELD_NUMBER: _ClassVar[int]
    look: _envelope_pb2.SignedEnvelope
    def __init__(self, look: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class LookAtCustomerResponse(_message.Message):
    __slots__ = ("wallet_class", "name", "phone", "document", "bank_account", "proofs")
    WALLET_CLASS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PHONE_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    BANK_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    PROOFS_FIELD_NUMBER: _ClassVar[int]
    wallet_class: _wallets_pb2.WalletClass
    name: str
    phone: str
    document: _orders_pb2.Document
    bank_account: str
    proofs: _containers.RepeatedCompositeFieldContainer[ShownProof]
    def __init__(self, wallet_class: _Optional[_Union[_wallets_pb2.WalletClass, str]] = ..., name: _Optional[str] = ..., phone: _Optional[str] = ..., document: _Optional[_Union[_orders_pb2.Document, _Mapping]] = ..., bank_account: _Optional[str] = ..., proofs: _Optional[_Iterable[_Union[ShownProof, _Mapping]]] = ...) -> None: ...

class ListLooksRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListLooksResponse(_message.Message):
    __slots__ = ("looks", "next_page_token", "next_number", "previous_time_ms")
    LOOKS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    NEXT_NUMBER_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    looks: _containers.RepeatedCompositeFieldContainer[RecordedLook]
    next_page_token: str
    next_number: int
    previous_time_ms: int
    def __init__(self, looks: _Optional[_Iterable[_Union[RecordedLook, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., next_number: _Optional[int] = ..., previous_time_ms: _Optional[int] = ...) -> None: ...

class RecordedLook(_message.Message):
    __slots__ = ("look", "time_ms")
    LOOK_FIELD_NUMBER: _ClassVar[int]
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    look: _envelope_pb2.SignedEnvelope
    time_ms: int
    def __init__(self, look: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ..., time_ms: _Optional[int] = ...) -> None: ...

class LostEntry(_message.Message):
    __slots__ = ("entry", "purpose", "number", "amount_fen", "settled_fen", "payment_id", "payer_number")
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    SETTLED_FEN_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_ID_FIELD_NUMBER: _ClassVar[int]
    PAYER_NUMBER_FIELD_NUMBER: _ClassVar[int]
    entry: int
    purpose: _purposes_pb2.Purpose
    number: int
    amount_fen: int
    settled_fen: int
    payment_id: str
    payer_number: str
    def __init__(self, entry: _Optional[int] = ..., purpose: _Optional[_Union[_purposes_pb2.Purpose, str]] = ..., number: _Optional[int] = ..., amount_fen: _Optional[int] = ..., settled_fen: _Optional[int] = ..., payment_id: _Optional[str] = ..., payer_number: _Optional[str] = ...) -> None: ...
