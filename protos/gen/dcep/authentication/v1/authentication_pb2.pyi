from dcep.bounds.v1 import bounds_pb2 as _bounds_pb2
from dcep.envelope.v1 import envelope_pb2 as _envelope_pb2
from dcep.office.v1 import office_pb2 as _office_pb2
from dcep.registration.v1 import registration_pb2 as _registration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BankState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BANK_STATE_UNSPECIFIED: _ClassVar[BankState]
    BANK_STATE_ADMITTED: _ClassVar[BankState]
    BANK_STATE_SUSPENDED: _ClassVar[BankState]
BANK_STATE_UNSPECIFIED: BankState
BANK_STATE_ADMITTED: BankState
BANK_STATE_SUSPENDED: BankState

class Bank(_message.Message):
    __slots__ = ("name", "prefix", "certificate_fingerprint", "business_key", "inner_address", "state", "offline_certificate", "replaced", "announced_number")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    BUSINESS_KEY_FIELD_NUMBER: _ClassVar[int]
    INNER_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    OFFLINE_CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    REPLACED_FIELD_NUMBER: _ClassVar[int]
    ANNOUNCED_NUMBER_FIELD_NUMBER: _ClassVar[int]
    name: str
    prefix: str
    certificate_fingerprint: str
    business_key: bytes
    inner_address: str
    state: BankState
    offline_certificate: bytes
    replaced: _containers.RepeatedCompositeFieldContainer[ReplacedCredential]
    announced_number: int
    def __init__(self, name: _Optional[str] = ..., prefix: _Optional[str] = ..., certificate_fingerprint: _Optional[str] = ..., business_key: _Optional[bytes] = ..., inner_address: _Optional[str] = ..., state: _Optional[_Union[BankState, str]] = ..., offline_certificate: _Optional[bytes] = ..., replaced: _Optional[_Iterable[_Union[ReplacedCredential, _Mapping]]] = ..., announced_number: _Optional[int] = ...) -> None: ...

class ReplacedCredential(_message.Message):
    __slots__ = ("certificate_fingerprint", "business_key", "from_time_ms", "until_time_ms", "revoked")
    CERTIFICATE_FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    BUSINESS_KEY_FIELD_NUMBER: _ClassVar[int]
    FROM_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    UNTIL_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    REVOKED_FIELD_NUMBER: _ClassVar[int]
    certificate_fingerprint: str
    business_key: bytes
    from_time_ms: int
    until_time_ms: int
    revoked: bool
    def __init__(self, certificate_fingerprint: _Optional[str] = ..., business_key: _Optional[bytes] = ..., from_time_ms: _Optional[int] = ..., until_time_ms: _Optional[int] = ..., revoked: bool = ...) -> None: ...

class ListBanksRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListBanksResponse(_message.Message):
    __slots__ = ("banks",)
    BANKS_FIELD_NUMBER: _ClassVar[int]
    banks: _containers.RepeatedCompositeFieldContainer[Bank]
    def __init__(self, banks: _Optional[_Iterable[_Union[Bank, _Mapping]]] = ...) -> None: ...

class RevokeOwnDevicesRequest(_message.Message):
    __slots__ = ("device_certificates", "cause")
    DEVICE_CERTIFICATES_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    device_certificates: _containers.RepeatedScalarFieldContainer[bytes]
    cause: str
    def __init__(self, device_certificates: _Optional[_Iterable[bytes]] = ..., cause: _Optional[str] = ...) -> None: ...

class RevokeOwnDevicesResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetTrustBundleRequest(_message.Message):
    __slots__ = ("certificates", "revoked_since_time_ms")
    CERTIFICATES_FIELD_NUMBER: _ClassVar[int]
    REVOKED_SINCE_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    certificates: _containers.RepeatedScalarFieldContainer[bytes]
    revoked_since_time_ms: int
    def __init__(self, certificates: _Optional[_Iterable[bytes]] = ..., revoked_since_time_ms: _Optional[int] = ...) -> None: ...

class GetTrustBundleResponse(_message.Message):
    __slots__ = ("trust_bundle", "statements", "own_revoked", "own_revoked_until_time_ms")
    TRUST_BUNDLE_FIELD_NUMBER: _ClassVar[int]
    STATEMENTS_FIELD_NUMBER: _ClassVar[int]
    OWN_REVOKED_FIELD_NUMBER: _ClassVar[int]
    OWN_REVOKED_UNTIL_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    trust_bundle: bytes
    statements: _containers.RepeatedScalarFieldContainer[bytes]
    own_revoked: _containers.RepeatedScalarFieldContainer[bytes]
    own_revoked_until_time_ms: int
    def __init__(self, trust_bundle: _Optional[bytes] = ..., statements: _Optional[_Iterable[bytes]] = ..., own_revoked: _Optional[_Iterable[bytes]] = ..., own_revoked_until_time_ms: _Optional[int] = ...) -> None: ...

class ListCentralKeysRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListCentralKeysResponse(_message.Message):
    __slots__ = ("announcements", "keys", "offline_roots")
    ANNOUNCEMENTS_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    OFFLINE_ROOTS_FIELD_NUMBER: _ClassVar[int]
    announcements: _containers.RepeatedCompositeFieldContainer[_envelope_pb2.SignedEnvelope]
    keys: _containers.RepeatedCompositeFieldContainer[CentralKey]
    offline_roots: _containers.RepeatedCompositeFieldContainer[CentralKey]
    def __init__(self, announcements: _Optional[_Iterable[_Union[_envelope_pb2.SignedEnvelope, _Mapping]]] = ..., keys: _Optional[_Iterable[_Union[CentralKey, _Mapping]]] = ..., offline_roots: _Optional[_Iterable[_Union[CentralKey, _Mapping]]] = ...) -> None: ...

class CentralKey(_message.Message):
    __slots__ = ("key", "from_time_ms", "until_time_ms", "revoked")
    KEY_FIELD_NUMBER: _ClassVar[int]
    FROM_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    UNTIL_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    REVOKED_FIELD_NUMBER: _ClassVar[int]
    key: bytes
    from_time_ms: int
    until_time_ms: int
    revoked: bool
    def __init__(self, key: _Optional[bytes] = ..., from_time_ms: _Optional[int] = ..., until_time_ms: _Optional[int] = ..., revoked: bool = ...) -> None: ...

class Announcement(_message.Message):
    __slots__ = ("number", "successor", "from_time_ms", "ended", "revoked_certificates", "policy")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    SUCCESSOR_FIELD_NUMBER: _ClassVar[int]
    FROM_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    REVOKED_CERTIFICATES_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    number: int
    successor: bytes
    from_time_ms: int
    ended: _containers.RepeatedCompositeFieldContainer[KeyEnd]
    revoked_certificates: _containers.RepeatedScalarFieldContainer[str]
    policy: _office_pb2.PublishPolicy
    def __init__(self, number: _Optional[int] = ..., successor: _Optional[bytes] = ..., from_time_ms: _Optional[int] = ..., ended: _Optional[_Iterable[_Union[KeyEnd, _Mapping]]] = ..., revoked_certificates: _Optional[_Iterable[str]] = ..., policy: _Optional[_Union[_office_pb2.PublishPolicy, _Mapping]] = ...) -> None: ...

class KeyEnd(_message.Message):
    __slots__ = ("key", "until_time_ms", "revoked")
    KEY_FIELD_NUMBER: _ClassVar[int]
    UNTIL_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    REVOKED_FIELD_NUMBER: _ClassVar[int]
    key: bytes
    until_time_ms: int
    revoked: bool
    def __init__(self, key: _Optional[bytes] = ..., until_time_ms: _Optional[int] = ..., revoked: bool = ...) -> None: ...

class ListEvidenceRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListEvidenceResponse(_message.Message):
    __slots__ = ("evidence", "next_page_token")
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    evidence: _containers.RepeatedCompositeFieldContainer[Evidence]
    next_page_token: str
    def __init__(self, evidence: _Optional[_Iterable[_Union[Evidence, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class Evidence(_message.Message):
    __slots__ = ("piece_id", "bank_certificate", "device_certificate", "first_endorsement", "second_endorsement", "first_bank", "second_bank", "time_ms")
    PIECE_ID_FIELD_NUMBER: _ClassVar[int]
    BANK_CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    DEVICE_CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    FIRST_ENDORSEMENT_FIELD_NUMBER: _ClassVar[int]
    SECOND_ENDORSEMENT_FIELD_NUMBER: _ClassVar[int]
    FIRST_BANK_FIELD_NUMBER: _ClassVar[int]
    SECOND_BANK_FIELD_NUMBER: _ClassVar[int]
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    piece_id: bytes
    bank_certificate: bytes
    device_certificate: bytes
    first_endorsement: bytes
    second_endorsement: bytes
    first_bank: str
    second_bank: str
    time_ms: int
    def __init__(self, piece_id: _Optional[bytes] = ..., bank_certificate: _Optional[bytes] = ..., device_certificate: _Optional[bytes] = ..., first_endorsement: _Optional[bytes] = ..., second_endorsement: _Optional[bytes] = ..., first_bank: _Optional[str] = ..., second_bank: _Optional[str] = ..., time_ms: _Optional[int] = ...) -> None: ...

class GetFeedOfRequest(_message.Message):
    __slots__ = ("bank", "after_number")
    BANK_FIELD_NUMBER: _ClassVar[int]
    AFTER_NUMBER_FIELD_NUMBER: _ClassVar[int]
    bank: str
    after_number: int
    def __init__(self, bank: _Optional[str] = ..., after_number: _Optional[int] = ...) -> None: ...

class GetFeedOfResponse(_message.Message):
    __slots__ = ("incarnation", "acknowledged", "last_entry", "last_number", "last_deposit", "journal_position", "beyond")
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_FIELD_NUMBER: _ClassVar[int]
    LAST_ENTRY_FIELD_NUMBER: _ClassVar[int]
    LAST_NUMBER_FIELD_NUMBER: _ClassVar[int]
    LAST_DEPOSIT_FIELD_NUMBER: _ClassVar[int]
    JOURNAL_POSITION_FIELD_NUMBER: _ClassVar[int]
    BEYOND_FIELD_NUMBER: _ClassVar[int]
    incarnation: int
    acknowledged: int
    last_entry: int
    last_number: int
    last_deposit: int
    journal_position: int
    beyond: _containers.RepeatedCompositeFieldContainer[EntriesOfAKind]
    def __init__(self, incarnation: _Optional[int] = ..., acknowledged: _Optional[int] = ..., last_entry: _Optional[int] = ..., last_number: _Optional[int] = ..., last_deposit: _Optional[int] = ..., journal_position: _Optional[int] = ..., beyond: _Optional[_Iterable[_Union[EntriesOfAKind, _Mapping]]] = ...) -> None: ...

class EntriesOfAKind(_message.Message):
    __slots__ = ("event", "count", "amount_fen")
    EVENT_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    event: _registration_pb2.FeedEvent
    count: int
    amount_fen: int
    def __init__(self, event: _Optional[_Union[_registration_pb2.FeedEvent, str]] = ..., count: _Optional[int] = ..., amount_fen: _Optional[int] = ...) -> None: ...
