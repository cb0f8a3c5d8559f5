from dcep.bank.v1 import orders_pb2 as _orders_pb2
from dcep.bounds.v1 import bounds_pb2 as _bounds_pb2
from dcep.envelope.v1 import envelope_pb2 as _envelope_pb2
from dcep.office.v1 import office_pb2 as _office_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class WalletClass(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WALLET_CLASS_UNSPECIFIED: _ClassVar[WalletClass]
    WALLET_CLASS_I: _ClassVar[WalletClass]
    WALLET_CLASS_II: _ClassVar[WalletClass]
    WALLET_CLASS_III: _ClassVar[WalletClass]
    WALLET_CLASS_IV: _ClassVar[WalletClass]

class WalletStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WALLET_STATUS_UNSPECIFIED: _ClassVar[WalletStatus]
    WALLET_STATUS_OPEN: _ClassVar[WalletStatus]
    WALLET_STATUS_FROZEN: _ClassVar[WalletStatus]
    WALLET_STATUS_CLOSED: _ClassVar[WalletStatus]

class PaymentState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PAYMENT_STATE_UNSPECIFIED: _ClassVar[PaymentState]
    PAYMENT_STATE_PENDING: _ClassVar[PaymentState]
    PAYMENT_STATE_SETTLED: _ClassVar[PaymentState]
    PAYMENT_STATE_REFUSED: _ClassVar[PaymentState]
    PAYMENT_STATE_EXPIRED: _ClassVar[PaymentState]
    PAYMENT_STATE_RETURNED: _ClassVar[PaymentState]

class CashOutState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CASH_OUT_STATE_UNSPECIFIED: _ClassVar[CashOutState]
    CASH_OUT_STATE_OPEN: _ClassVar[CashOutState]
    CASH_OUT_STATE_TAKEN: _ClassVar[CashOutState]
    CASH_OUT_STATE_GIVEN_UP: _ClassVar[CashOutState]
WALLET_CLASS_UNSPECIFIED: WalletClass
WALLET_CLASS_I: WalletClass
WALLET_CLASS_II: WalletClass
WALLET_CLASS_III: WalletClass
WALLET_CLASS_IV: WalletClass
WALLET_STATUS_UNSPECIFIED: WalletStatus
WALLET_STATUS_OPEN: WalletStatus
WALLET_STATUS_FROZEN: WalletStatus
WALLET_STATUS_CLOSED: WalletStatus
PAYMENT_STATE_UNSPECIFIED: PaymentState
PAYMENT_STATE_PENDING: PaymentState
PAYMENT_STATE_SETTLED: PaymentState
PAYMENT_STATE_REFUSED: PaymentState
PAYMENT_STATE_EXPIRED: PaymentState
PAYMENT_STATE_RETURNED: PaymentState
CASH_OUT_STATE_UNSPECIFIED: CashOutState
CASH_OUT_STATE_OPEN: CashOutState
CASH_OUT_STATE_TAKEN: CashOutState
CASH_OUT_STATE_GIVEN_UP: CashOutState

class OpenWalletRequest(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: _envelope_pb2.SignedEnvelope
    def __init__(self, order: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class OpenWalletResponse(_message.Message):
    __slots__ = ("wallet_number", "wallet_class", "bank", "has_deposit_account")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    WALLET_CLASS_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELD_NUMBER: _ClassVar[int]
    HAS_DEPOSIT_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    wallet_class: WalletClass
    bank: str
    has_deposit_account: bool
    def __init__(self, wallet_number: _Optional[str] = ..., wallet_class: _Optional[_Union[WalletClass, str]] = ..., bank: _Optional[str] = ..., has_deposit_account: bool = ...) -> None: ...

class OpenWalletsRequest(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[OpenWalletRequest]
    def __init__(self, items: _Optional[_Iterable[_Union[OpenWalletRequest, _Mapping]]] = ...) -> None: ...

class OpenWalletsResponse(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[OpenWalletResponse]
    def __init__(self, items: _Optional[_Iterable[_Union[OpenWalletResponse, _Mapping]]] = ...) -> None: ...

class GetWalletRequest(_message.Message):
    __slots__ = ("query",)
    QUERY_FIELD_NUMBER: _ClassVar[int]
    query: _envelope_pb2.SignedEnvelope
    def __init__(self, query: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ("balance_cap_fen", "single_fen", "day_fen", "year_fen")
    BALANCE_CAP_FEN_FIELD_NUMBER: _ClassVar[int]
    SINGLE_FEN_FIELD_NUMBER: _ClassVar[int]
    DAY_FEN_FIELD_NUMBER: _ClassVar[int]
    YEAR_FEN_FIELD_NUMBER: _ClassVar[int]
    balance_cap_fen: int
    single_fen: int
    day_fen: int
    year_fen: int
    def __init__(self, balance_cap_fen: _Optional[int] = ..., single_fen: _Optional[int] = ..., day_fen: _Optional[int] = ..., year_fen: _Optional[int] = ...) -> None: ...

class GetWalletResponse(_message.Message):
    __slots__ = ("wallet_number", "bank", "wallet_class", "status", "available_fen", "held_fen", "has_deposit_account", "deposit_fen", "limits", "day_spent_fen", "year_spent_fen", "last_sequence")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELD_NUMBER: _ClassVar[int]
    WALLET_CLASS_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FEN_FIELD_NUMBER: _ClassVar[int]
    HELD_FEN_FIELD_NUMBER: _ClassVar[int]
    HAS_DEPOSIT_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    DEPOSIT_FEN_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    DAY_SPENT_FEN_FIELD_NUMBER: _ClassVar[int]
    YEAR_SPENT_FEN_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    bank: str
    wallet_class: WalletClass
    status: WalletStatus
    available_fen: int
    held_fen: int
    has_deposit_account: bool
    deposit_fen: int
    limits: Limits
    day_spent_fen: int
    year_spent_fen: int
    last_sequence: int
    def __init__(self, wallet_number: _Optional[str] = ..., bank: _Optional[str] = ..., wallet_class: _Optional[_Union[WalletClass, str]] = ..., status: _Optional[_Union[WalletStatus, str]] = ..., available_fen: _Optional[int] = ..., held_fen: _Optional[int] = ..., has_deposit_account: bool = ..., deposit_fen: _Optional[int] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., day_spent_fen: _Optional[int] = ..., year_spent_fen: _Optional[int] = ..., last_sequence: _Optional[int] = ...) -> None: ...

class CloseWalletRequest(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: _envelope_pb2.SignedEnvelope
    def __init__(self, order: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class CloseWalletResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

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

class SuspenseEntry(_message.Message):
    __slots__ = ("position", "kind", "payment_id", "wallet_number", "payer_number", "amount_fen", "time_ms", "reason")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_ID_FIELD_NUMBER: _ClassVar[int]
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    PAYER_NUMBER_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    position: int
    kind: str
    payment_id: str
    wallet_number: str
    payer_number: str
    amount_fen: int
    time_ms: int
    reason: int
    def __init__(self, position: _Optional[int] = ..., kind: _Optional[str] = ..., payment_id: _Optional[str] = ..., wallet_number: _Optional[str] = ..., payer_number: _Optional[str] = ..., amount_fen: _Optional[int] = ..., time_ms: _Optional[int] = ..., reason: _Optional[int] = ...) -> None: ...

class GetPolicyRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetPolicyResponse(_message.Message):
    __slots__ = ("classes",)
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    classes: _containers.RepeatedCompositeFieldContainer[_office_pb2.ClassLimits]
    def __init__(self, classes: _Optional[_Iterable[_Union[_office_pb2.ClassLimits, _Mapping]]] = ...) -> None: ...

class GetFeedRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetFeedResponse(_message.Message):
    __slots__ = ("ledger", "number", "hash", "position", "stopped_cause", "stopped_since_ms", "contradictions", "behind", "incarnation", "journal_position", "last_deposit", "acts_number", "acts_hash")
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
    def __init__(self, ledger: _Optional[bytes] = ..., number: _Optional[int] = ..., hash: _Optional[bytes] = ..., position: _Optional[int] = ..., stopped_cause: _Optional[str] = ..., stopped_since_ms: _Optional[int] = ..., contradictions: _Optional[_Iterable[_Union[Contradiction, _Mapping]]] = ..., behind: bool = ..., incarnation: _Optional[int] = ..., journal_position: _Optional[int] = ..., last_deposit: _Optional[int] = ..., acts_number: _Optional[int] = ..., acts_hash: _Optional[bytes] = ...) -> None: ...

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

class LostEntry(_message.Message):
    __slots__ = ("entry", "kind", "number", "amount_fen", "settled_fen", "payment_id", "payer_number")
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    SETTLED_FEN_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_ID_FIELD_NUMBER: _ClassVar[int]
    PAYER_NUMBER_FIELD_NUMBER: _ClassVar[int]
    entry: int
    kind: str
    number: int
    amount_fen: int
    settled_fen: int
    payment_id: str
    payer_number: str
    def __init__(self, entry: _Optional[int] = ..., kind: _Optional[str] = ..., number: _Optional[int] = ..., amount_fen: _Optional[int] = ..., settled_fen: _Optional[int] = ..., payment_id: _Optional[str] = ..., payer_number: _Optional[str] = ...) -> None: ...

class Contradiction(_message.Message):
    __slots__ = ("about", "cause", "since_ms")
    ABOUT_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    SINCE_MS_FIELD_NUMBER: _ClassVar[int]
    about: str
    cause: str
    since_ms: int
    def __init__(self, about: _Optional[str] = ..., cause: _Optional[str] = ..., since_ms: _Optional[int] = ...) -> None: ...

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

class ExchangeRequest(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: _envelope_pb2.SignedEnvelope
    def __init__(self, order: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class ExchangeResponse(_message.Message):
    __slots__ = ("available_fen", "repeated")
    AVAILABLE_FEN_FIELD_NUMBER: _ClassVar[int]
    REPEATED_FIELD_NUMBER: _ClassVar[int]
    available_fen: int
    repeated: bool
    def __init__(self, available_fen: _Optional[int] = ..., repeated: bool = ...) -> None: ...

class SettleCashOutRequest(_message.Message):
    __slots__ = ("question",)
    QUESTION_FIELD_NUMBER: _ClassVar[int]
    question: _envelope_pb2.SignedEnvelope
    def __init__(self, question: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class SettleCashOutResponse(_message.Message):
    __slots__ = ("state",)
    STATE_FIELD_NUMBER: _ClassVar[int]
    state: CashOutState
    def __init__(self, state: _Optional[_Union[CashOutState, str]] = ...) -> None: ...

class ExchangeManyRequest(_message.Message):
    __slots__ = ("orders",)
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    orders: _containers.RepeatedCompositeFieldContainer[_envelope_pb2.SignedEnvelope]
    def __init__(self, orders: _Optional[_Iterable[_Union[_envelope_pb2.SignedEnvelope, _Mapping]]] = ...) -> None: ...

class ExchangeManyResponse(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[ItemAnswer]
    def __init__(self, items: _Optional[_Iterable[_Union[ItemAnswer, _Mapping]]] = ...) -> None: ...

class ItemAnswer(_message.Message):
    __slots__ = ("state", "reason", "repeated")
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REPEATED_FIELD_NUMBER: _ClassVar[int]
    state: PaymentState
    reason: int
    repeated: bool
    def __init__(self, state: _Optional[_Union[PaymentState, str]] = ..., reason: _Optional[int] = ..., repeated: bool = ...) -> None: ...

class PayRequest(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: _envelope_pb2.SignedEnvelope
    def __init__(self, order: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class PayResponse(_message.Message):
    __slots__ = ("payment_id", "state", "repeated", "available_fen", "reason")
    PAYMENT_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REPEATED_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FEN_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    payment_id: str
    state: PaymentState
    repeated: bool
    available_fen: int
    reason: int
    def __init__(self, payment_id: _Optional[str] = ..., state: _Optional[_Union[PaymentState, str]] = ..., repeated: bool = ..., available_fen: _Optional[int] = ..., reason: _Optional[int] = ...) -> None: ...

class PayManyRequest(_message.Message):
    __slots__ = ("orders",)
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    orders: _containers.RepeatedCompositeFieldContainer[_envelope_pb2.SignedEnvelope]
    def __init__(self, orders: _Optional[_Iterable[_Union[_envelope_pb2.SignedEnvelope, _Mapping]]] = ...) -> None: ...

class PayManyResponse(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[ItemAnswer]
    def __init__(self, items: _Optional[_Iterable[_Union[ItemAnswer, _Mapping]]] = ...) -> None: ...

class GetPaymentRequest(_message.Message):
    __slots__ = ("query", "payment_id")
    QUERY_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_ID_FIELD_NUMBER: _ClassVar[int]
    query: _envelope_pb2.SignedEnvelope
    payment_id: str
    def __init__(self, query: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ..., payment_id: _Optional[str] = ...) -> None: ...

class Payment(_message.Message):
    __slots__ = ("payment_id", "state", "payer_number", "payee_number", "amount_fen", "time_ms", "memo", "reason", "balance_after_fen", "kind", "change_fen", "position")
    PAYMENT_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PAYER_NUMBER_FIELD_NUMBER: _ClassVar[int]
    PAYEE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    MEMO_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    BALANCE_AFTER_FEN_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FEN_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    payment_id: str
    state: PaymentState
    payer_number: str
    payee_number: str
    amount_fen: int
    time_ms: int
    memo: str
    reason: int
    balance_after_fen: int
    kind: str
    change_fen: int
    position: int
    def __init__(self, payment_id: _Optional[str] = ..., state: _Optional[_Union[PaymentState, str]] = ..., payer_number: _Optional[str] = ..., payee_number: _Optional[str] = ..., amount_fen: _Optional[int] = ..., time_ms: _Optional[int] = ..., memo: _Optional[str] = ..., reason: _Optional[int] = ..., balance_after_fen: _Optional[int] = ..., kind: _Optional[str] = ..., change_fen: _Optional[int] = ..., position: _Optional[int] = ...) -> None: ...

class GetPaymentResponse(_message.Message):
    __slots__ = ("payment",)
    PAYMENT_FIELD_NUMBER: _ClassVar[int]
    payment: Payment
    def __init__(self, payment: _Optional[_Union[Payment, _Mapping]] = ...) -> None: ...

class ListPaymentsRequest(_message.Message):
    __slots__ = ("query", "page_size", "page_token")
    QUERY_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    query: _envelope_pb2.SignedEnvelope
    page_size: int
    page_token: str
    def __init__(self, query: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListPaymentsResponse(_message.Message):
    __slots__ = ("payments", "next_page_token")
    PAYMENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    payments: _containers.RepeatedCompositeFieldContainer[Payment]
    next_page_token: str
    def __init__(self, payments: _Optional[_Iterable[_Union[Payment, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class WatchPaymentsRequest(_message.Message):
    __slots__ = ("query", "after_position")
    QUERY_FIELD_NUMBER: _ClassVar[int]
    AFTER_POSITION_FIELD_NUMBER: _ClassVar[int]
    query: _envelope_pb2.SignedEnvelope
    after_position: int
    def __init__(self, query: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ..., after_position: _Optional[int] = ...) -> None: ...

class WatchPaymentsResponse(_message.Message):
    __slots__ = ("payment", "available_fen")
    PAYMENT_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FEN_FIELD_NUMBER: _ClassVar[int]
    payment: Payment
    available_fen: int
    def __init__(self, payment: _Optional[_Union[Payment, _Mapping]] = ..., available_fen: _Optional[int] = ...) -> None: ...

class CheckPayeesRequest(_message.Message):
    __slots__ = ("wallet_numbers",)
    WALLET_NUMBERS_FIELD_NUMBER: _ClassVar[int]
    wallet_numbers: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, wallet_numbers: _Optional[_Iterable[str]] = ...) -> None: ...

class CheckPayeesResponse(_message.Message):
    __slots__ = ("can_be_paid",)
    CAN_BE_PAID_FIELD_NUMBER: _ClassVar[int]
    can_be_paid: _containers.RepeatedScalarFieldContainer[bool]
    def __init__(self, can_be_paid: _Optional[_Iterable[bool]] = ...) -> None: ...

class SetAsideRequest(_message.Message):
    __slots__ = ("number", "amount_fen")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    number: int
    amount_fen: int
    def __init__(self, number: _Optional[int] = ..., amount_fen: _Optional[int] = ...) -> None: ...

class SetAsideResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CertifyDeviceRequest(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: _envelope_pb2.SignedEnvelope
    def __init__(self, order: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class CertifyDeviceResponse(_message.Message):
    __slots__ = ("device_certificate", "bank_certificate")
    DEVICE_CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    BANK_CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    device_certificate: bytes
    bank_certificate: bytes
    def __init__(self, device_certificate: _Optional[bytes] = ..., bank_certificate: _Optional[bytes] = ...) -> None: ...

class LoadTokensRequest(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: _envelope_pb2.SignedEnvelope
    def __init__(self, order: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class LoadTokensResponse(_message.Message):
    __slots__ = ("state", "tokens", "reason")
    STATE_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    state: PaymentState
    tokens: _containers.RepeatedScalarFieldContainer[bytes]
    reason: int
    def __init__(self, state: _Optional[_Union[PaymentState, str]] = ..., tokens: _Optional[_Iterable[bytes]] = ..., reason: _Optional[int] = ...) -> None: ...

class DepositTokensRequest(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: _envelope_pb2.SignedEnvelope
    def __init__(self, order: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class DepositTokensResponse(_message.Message):
    __slots__ = ("state", "amount_fen", "available_fen", "reason")
    STATE_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FEN_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    state: PaymentState
    amount_fen: int
    available_fen: int
    reason: int
    def __init__(self, state: _Optional[_Union[PaymentState, str]] = ..., amount_fen: _Optional[int] = ..., available_fen: _Optional[int] = ..., reason: _Optional[int] = ...) -> None: ...

class GetTrustBundleRequest(_message.Message):
    __slots__ = ("certificates",)
    CERTIFICATES_FIELD_NUMBER: _ClassVar[int]
    certificates: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, certificates: _Optional[_Iterable[bytes]] = ...) -> None: ...

class GetTrustBundleResponse(_message.Message):
    __slots__ = ("trust_bundle", "statements")
    TRUST_BUNDLE_FIELD_NUMBER: _ClassVar[int]
    STATEMENTS_FIELD_NUMBER: _ClassVar[int]
    trust_bundle: bytes
    statements: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, trust_bundle: _Optional[bytes] = ..., statements: _Optional[_Iterable[bytes]] = ...) -> None: ...
