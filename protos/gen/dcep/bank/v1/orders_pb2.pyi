from dcep.bounds.v1 import bounds_pb2 as _bounds_pb2
from dcep.envelope.v1 import envelope_pb2 as _envelope_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DocumentKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DOCUMENT_KIND_UNSPECIFIED: _ClassVar[DocumentKind]
    DOCUMENT_KIND_ID_CARD: _ClassVar[DocumentKind]
    DOCUMENT_KIND_PASSPORT: _ClassVar[DocumentKind]
    DOCUMENT_KIND_RESIDENCE_PERMIT: _ClassVar[DocumentKind]

class AskedChange(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ASKED_CHANGE_UNSPECIFIED: _ClassVar[AskedChange]
    ASKED_CHANGE_DECLINE: _ClassVar[AskedChange]
    ASKED_CHANGE_WITHDRAW: _ClassVar[AskedChange]
    ASKED_CHANGE_REMIND: _ClassVar[AskedChange]
    ASKED_CHANGE_ALLOW: _ClassVar[AskedChange]

class AliasWish(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ALIAS_WISH_UNSPECIFIED: _ClassVar[AliasWish]
    ALIAS_WISH_ADD: _ClassVar[AliasWish]
    ALIAS_WISH_ADD_PRIVATE: _ClassVar[AliasWish]
    ALIAS_WISH_REMOVE: _ClassVar[AliasWish]

class ExchangeMedium(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXCHANGE_MEDIUM_UNSPECIFIED: _ClassVar[ExchangeMedium]
    EXCHANGE_MEDIUM_DEPOSIT: _ClassVar[ExchangeMedium]
    EXCHANGE_MEDIUM_CASH: _ClassVar[ExchangeMedium]

class ExchangeDirection(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXCHANGE_DIRECTION_UNSPECIFIED: _ClassVar[ExchangeDirection]
    EXCHANGE_DIRECTION_TOP_UP: _ClassVar[ExchangeDirection]
    EXCHANGE_DIRECTION_CASH_OUT: _ClassVar[ExchangeDirection]
DOCUMENT_KIND_UNSPECIFIED: DocumentKind
DOCUMENT_KIND_ID_CARD: DocumentKind
DOCUMENT_KIND_PASSPORT: DocumentKind
DOCUMENT_KIND_RESIDENCE_PERMIT: DocumentKind
ASKED_CHANGE_UNSPECIFIED: AskedChange
ASKED_CHANGE_DECLINE: AskedChange
ASKED_CHANGE_WITHDRAW: AskedChange
ASKED_CHANGE_REMIND: AskedChange
ASKED_CHANGE_ALLOW: AskedChange
ALIAS_WISH_UNSPECIFIED: AliasWish
ALIAS_WISH_ADD: AliasWish
ALIAS_WISH_ADD_PRIVATE: AliasWish
ALIAS_WISH_REMOVE: AliasWish
EXCHANGE_MEDIUM_UNSPECIFIED: ExchangeMedium
EXCHANGE_MEDIUM_DEPOSIT: ExchangeMedium
EXCHANGE_MEDIUM_CASH: ExchangeMedium
EXCHANGE_DIRECTION_UNSPECIFIED: ExchangeDirection
EXCHANGE_DIRECTION_TOP_UP: ExchangeDirection
EXCHANGE_DIRECTION_CASH_OUT: ExchangeDirection

class OpenWalletOrder(_message.Message):
    __slots__ = ("request_id", "public_key", "bank", "created_time_ms", "expires_time_ms", "holder_digest", "recovery_key")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    HOLDER_DIGEST_FIELD_NUMBER: _ClassVar[int]
    RECOVERY_KEY_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    public_key: bytes
    bank: str
    created_time_ms: int
    expires_time_ms: int
    holder_digest: bytes
    recovery_key: bytes
    def __init__(self, request_id: _Optional[str] = ..., public_key: _Optional[bytes] = ..., bank: _Optional[str] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ..., holder_digest: _Optional[bytes] = ..., recovery_key: _Optional[bytes] = ...) -> None: ...

class Document(_message.Message):
    __slots__ = ("kind", "number")
    KIND_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    kind: DocumentKind
    number: str
    def __init__(self, kind: _Optional[_Union[DocumentKind, str]] = ..., number: _Optional[str] = ...) -> None: ...

class Holder(_message.Message):
    __slots__ = ("salt", "name", "phone", "document", "bank_account")
    SALT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PHONE_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    BANK_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    salt: bytes
    name: str
    phone: str
    document: Document
    bank_account: str
    def __init__(self, salt: _Optional[bytes] = ..., name: _Optional[str] = ..., phone: _Optional[str] = ..., document: _Optional[_Union[Document, _Mapping]] = ..., bank_account: _Optional[str] = ...) -> None: ...

class PaymentOrder(_message.Message):
    __slots__ = ("wallet_number", "sequence", "payee_number", "amount_fen", "created_time_ms", "expires_time_ms", "memo", "request_to_pay_id", "request_to_pay_digest", "top_up_fen")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    PAYEE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    MEMO_FIELD_NUMBER: _ClassVar[int]
    REQUEST_TO_PAY_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_TO_PAY_DIGEST_FIELD_NUMBER: _ClassVar[int]
    TOP_UP_FEN_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    sequence: int
    payee_number: str
    amount_fen: int
    created_time_ms: int
    expires_time_ms: int
    memo: str
    request_to_pay_id: str
    request_to_pay_digest: bytes
    top_up_fen: int
    def __init__(self, wallet_number: _Optional[str] = ..., sequence: _Optional[int] = ..., payee_number: _Optional[str] = ..., amount_fen: _Optional[int] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ..., memo: _Optional[str] = ..., request_to_pay_id: _Optional[str] = ..., request_to_pay_digest: _Optional[bytes] = ..., top_up_fen: _Optional[int] = ...) -> None: ...

class RequestToPay(_message.Message):
    __slots__ = ("wallet_number", "nonce", "payer_number", "amount_fen", "partial", "text", "reference", "due_time_ms", "created_time_ms", "expires_time_ms")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    PAYER_NUMBER_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    PARTIAL_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    DUE_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    nonce: bytes
    payer_number: str
    amount_fen: int
    partial: bool
    text: str
    reference: str
    due_time_ms: int
    created_time_ms: int
    expires_time_ms: int
    def __init__(self, wallet_number: _Optional[str] = ..., nonce: _Optional[bytes] = ..., payer_number: _Optional[str] = ..., amount_fen: _Optional[int] = ..., partial: bool = ..., text: _Optional[str] = ..., reference: _Optional[str] = ..., due_time_ms: _Optional[int] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ...) -> None: ...

class ChangeAskedOrder(_message.Message):
    __slots__ = ("wallet_number", "request_to_pay_id", "change", "created_time_ms", "expires_time_ms")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    REQUEST_TO_PAY_ID_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    request_to_pay_id: str
    change: AskedChange
    created_time_ms: int
    expires_time_ms: int
    def __init__(self, wallet_number: _Optional[str] = ..., request_to_pay_id: _Optional[str] = ..., change: _Optional[_Union[AskedChange, str]] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ...) -> None: ...

class BlockAskerOrder(_message.Message):
    __slots__ = ("wallet_number", "asker_number", "blocked", "created_time_ms", "expires_time_ms")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    ASKER_NUMBER_FIELD_NUMBER: _ClassVar[int]
    BLOCKED_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    asker_number: str
    blocked: bool
    created_time_ms: int
    expires_time_ms: int
    def __init__(self, wallet_number: _Optional[str] = ..., asker_number: _Optional[str] = ..., blocked: bool = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ...) -> None: ...

class AliasOrder(_message.Message):
    __slots__ = ("wallet_number", "wish", "alias_digest", "bank", "created_time_ms", "expires_time_ms")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    WISH_FIELD_NUMBER: _ClassVar[int]
    ALIAS_DIGEST_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    wish: AliasWish
    alias_digest: bytes
    bank: str
    created_time_ms: int
    expires_time_ms: int
    def __init__(self, wallet_number: _Optional[str] = ..., wish: _Optional[_Union[AliasWish, str]] = ..., alias_digest: _Optional[bytes] = ..., bank: _Optional[str] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ...) -> None: ...

class SweepOrder(_message.Message):
    __slots__ = ("wallet_number", "sequence", "sweeps", "above_fen", "created_time_ms", "expires_time_ms")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SWEEPS_FIELD_NUMBER: _ClassVar[int]
    ABOVE_FEN_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    sequence: int
    sweeps: bool
    above_fen: int
    created_time_ms: int
    expires_time_ms: int
    def __init__(self, wallet_number: _Optional[str] = ..., sequence: _Optional[int] = ..., sweeps: bool = ..., above_fen: _Optional[int] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ...) -> None: ...

class SweepNote(_message.Message):
    __slots__ = ("payment_id", "consent_position", "entry_position")
    PAYMENT_ID_FIELD_NUMBER: _ClassVar[int]
    CONSENT_POSITION_FIELD_NUMBER: _ClassVar[int]
    ENTRY_POSITION_FIELD_NUMBER: _ClassVar[int]
    payment_id: str
    consent_position: int
    entry_position: int
    def __init__(self, payment_id: _Optional[str] = ..., consent_position: _Optional[int] = ..., entry_position: _Optional[int] = ...) -> None: ...

class RefundOrder(_message.Message):
    __slots__ = ("wallet_number", "sequence", "refunds_payment_id", "refunds_position", "amount_fen", "created_time_ms", "expires_time_ms", "memo")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REFUNDS_PAYMENT_ID_FIELD_NUMBER: _ClassVar[int]
    REFUNDS_POSITION_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    MEMO_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    sequence: int
    refunds_payment_id: str
    refunds_position: int
    amount_fen: int
    created_time_ms: int
    expires_time_ms: int
    memo: str
    def __init__(self, wallet_number: _Optional[str] = ..., sequence: _Optional[int] = ..., refunds_payment_id: _Optional[str] = ..., refunds_position: _Optional[int] = ..., amount_fen: _Optional[int] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ..., memo: _Optional[str] = ...) -> None: ...

class CashReceipt(_message.Message):
    __slots__ = ("bank", "machine", "number", "wallet_number", "amount_fen", "time_ms")
    BANK_FIELD_NUMBER: _ClassVar[int]
    MACHINE_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    bank: str
    machine: str
    number: int
    wallet_number: str
    amount_fen: int
    time_ms: int
    def __init__(self, bank: _Optional[str] = ..., machine: _Optional[str] = ..., number: _Optional[int] = ..., wallet_number: _Optional[str] = ..., amount_fen: _Optional[int] = ..., time_ms: _Optional[int] = ...) -> None: ...

class CashReady(_message.Message):
    __slots__ = ("bank", "machine", "number", "wallet_number", "amount_fen", "time_ms")
    BANK_FIELD_NUMBER: _ClassVar[int]
    MACHINE_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    bank: str
    machine: str
    number: int
    wallet_number: str
    amount_fen: int
    time_ms: int
    def __init__(self, bank: _Optional[str] = ..., machine: _Optional[str] = ..., number: _Optional[int] = ..., wallet_number: _Optional[str] = ..., amount_fen: _Optional[int] = ..., time_ms: _Optional[int] = ...) -> None: ...

class ExchangeOrder(_message.Message):
    __slots__ = ("wallet_number", "sequence", "direction", "medium", "amount_fen", "created_time_ms", "expires_time_ms", "cash_receipt")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    MEDIUM_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    CASH_RECEIPT_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    sequence: int
    direction: ExchangeDirection
    medium: ExchangeMedium
    amount_fen: int
    created_time_ms: int
    expires_time_ms: int
    cash_receipt: _envelope_pb2.SignedEnvelope
    def __init__(self, wallet_number: _Optional[str] = ..., sequence: _Optional[int] = ..., direction: _Optional[_Union[ExchangeDirection, str]] = ..., medium: _Optional[_Union[ExchangeMedium, str]] = ..., amount_fen: _Optional[int] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ..., cash_receipt: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class CashQuestion(_message.Message):
    __slots__ = ("bank", "machine", "number", "give_up")
    BANK_FIELD_NUMBER: _ClassVar[int]
    MACHINE_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    GIVE_UP_FIELD_NUMBER: _ClassVar[int]
    bank: str
    machine: str
    number: int
    give_up: bool
    def __init__(self, bank: _Optional[str] = ..., machine: _Optional[str] = ..., number: _Optional[int] = ..., give_up: bool = ...) -> None: ...

class CloseOrder(_message.Message):
    __slots__ = ("wallet_number", "sequence", "created_time_ms", "expires_time_ms")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    sequence: int
    created_time_ms: int
    expires_time_ms: int
    def __init__(self, wallet_number: _Optional[str] = ..., sequence: _Optional[int] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ...) -> None: ...

class ChangeClassOrder(_message.Message):
    __slots__ = ("wallet_number", "request_id", "wallet_class", "holder_digest", "over_the_cap", "bank", "created_time_ms", "expires_time_ms")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    WALLET_CLASS_FIELD_NUMBER: _ClassVar[int]
    HOLDER_DIGEST_FIELD_NUMBER: _ClassVar[int]
    OVER_THE_CAP_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    request_id: str
    wallet_class: int
    holder_digest: bytes
    over_the_cap: bool
    bank: str
    created_time_ms: int
    expires_time_ms: int
    def __init__(self, wallet_number: _Optional[str] = ..., request_id: _Optional[str] = ..., wallet_class: _Optional[int] = ..., holder_digest: _Optional[bytes] = ..., over_the_cap: bool = ..., bank: _Optional[str] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ...) -> None: ...

class CertifyDeviceOrder(_message.Message):
    __slots__ = ("wallet_number", "sequence", "device_key", "created_time_ms", "expires_time_ms", "nonce", "possession", "attestation")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    DEVICE_KEY_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    POSSESSION_FIELD_NUMBER: _ClassVar[int]
    ATTESTATION_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    sequence: int
    device_key: bytes
    created_time_ms: int
    expires_time_ms: int
    nonce: bytes
    possession: bytes
    attestation: bytes
    def __init__(self, wallet_number: _Optional[str] = ..., sequence: _Optional[int] = ..., device_key: _Optional[bytes] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ..., nonce: _Optional[bytes] = ..., possession: _Optional[bytes] = ..., attestation: _Optional[bytes] = ...) -> None: ...

class LoadOrder(_message.Message):
    __slots__ = ("wallet_number", "sequence", "device_key", "amount_fen", "created_time_ms", "expires_time_ms")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    DEVICE_KEY_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    sequence: int
    device_key: bytes
    amount_fen: int
    created_time_ms: int
    expires_time_ms: int
    def __init__(self, wallet_number: _Optional[str] = ..., sequence: _Optional[int] = ..., device_key: _Optional[bytes] = ..., amount_fen: _Optional[int] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ...) -> None: ...

class DepositOrder(_message.Message):
    __slots__ = ("wallet_number", "sequence", "offline_payment", "created_time_ms", "expires_time_ms", "nonce")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    OFFLINE_PAYMENT_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    sequence: int
    offline_payment: bytes
    created_time_ms: int
    expires_time_ms: int
    nonce: bytes
    def __init__(self, wallet_number: _Optional[str] = ..., sequence: _Optional[int] = ..., offline_payment: _Optional[bytes] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ..., nonce: _Optional[bytes] = ...) -> None: ...

class Query(_message.Message):
    __slots__ = ("wallet_number", "created_time_ms", "expires_time_ms", "method", "bank")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    created_time_ms: int
    expires_time_ms: int
    method: str
    bank: str
    def __init__(self, wallet_number: _Optional[str] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ..., method: _Optional[str] = ..., bank: _Optional[str] = ...) -> None: ...
