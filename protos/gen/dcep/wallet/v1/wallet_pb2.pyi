from dcep.bank.v1 import states_pb2 as _states_pb2
from dcep.bank.v1 import wallets_pb2 as _wallets_pb2
from dcep.bounds.v1 import bounds_pb2 as _bounds_pb2
from dcep.errors.v1 import errors_pb2 as _errors_pb2
from dcep.purposes.v1 import purposes_pb2 as _purposes_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class OpenRequest(_message.Message):
    __slots__ = ("bank_address", "holder_name", "phone")
    BANK_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    HOLDER_NAME_FIELD_NUMBER: _ClassVar[int]
    PHONE_FIELD_NUMBER: _ClassVar[int]
    bank_address: str
    holder_name: str
    phone: str
    def __init__(self, bank_address: _Optional[str] = ..., holder_name: _Optional[str] = ..., phone: _Optional[str] = ...) -> None: ...

class OpenResponse(_message.Message):
    __slots__ = ("number", "bank")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELD_NUMBER: _ClassVar[int]
    number: str
    bank: str
    def __init__(self, number: _Optional[str] = ..., bank: _Optional[str] = ...) -> None: ...

class ShowRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ShowResponse(_message.Message):
    __slots__ = ("number", "bank", "available_fen", "held_fen", "offline_fen", "deposit_fen", "wallet_class", "status")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FEN_FIELD_NUMBER: _ClassVar[int]
    HELD_FEN_FIELD_NUMBER: _ClassVar[int]
    OFFLINE_FEN_FIELD_NUMBER: _ClassVar[int]
    DEPOSIT_FEN_FIELD_NUMBER: _ClassVar[int]
    WALLET_CLASS_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    number: str
    bank: str
    available_fen: int
    held_fen: int
    offline_fen: int
    deposit_fen: int
    wallet_class: _wallets_pb2.WalletClass
    status: _wallets_pb2.WalletStatus
    def __init__(self, number: _Optional[str] = ..., bank: _Optional[str] = ..., available_fen: _Optional[int] = ..., held_fen: _Optional[int] = ..., offline_fen: _Optional[int] = ..., deposit_fen: _Optional[int] = ..., wallet_class: _Optional[_Union[_wallets_pb2.WalletClass, str]] = ..., status: _Optional[_Union[_wallets_pb2.WalletStatus, str]] = ...) -> None: ...

class TopUpRequest(_message.Message):
    __slots__ = ("request_id", "amount_fen", "cash_receipt")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    CASH_RECEIPT_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    amount_fen: int
    cash_receipt: bytes
    def __init__(self, request_id: _Optional[str] = ..., amount_fen: _Optional[int] = ..., cash_receipt: _Optional[bytes] = ...) -> None: ...

class TopUpResponse(_message.Message):
    __slots__ = ("available_fen",)
    AVAILABLE_FEN_FIELD_NUMBER: _ClassVar[int]
    available_fen: int
    def __init__(self, available_fen: _Optional[int] = ...) -> None: ...

class CashOutRequest(_message.Message):
    __slots__ = ("request_id", "amount_fen", "cash_receipt")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    CASH_RECEIPT_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    amount_fen: int
    cash_receipt: bytes
    def __init__(self, request_id: _Optional[str] = ..., amount_fen: _Optional[int] = ..., cash_receipt: _Optional[bytes] = ...) -> None: ...

class CashOutResponse(_message.Message):
    __slots__ = ("available_fen",)
    AVAILABLE_FEN_FIELD_NUMBER: _ClassVar[int]
    available_fen: int
    def __init__(self, available_fen: _Optional[int] = ...) -> None: ...

class PayRequest(_message.Message):
    __slots__ = ("request_id", "payee_number", "amount_fen", "memo")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PAYEE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    MEMO_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    payee_number: str
    amount_fen: int
    memo: str
    def __init__(self, request_id: _Optional[str] = ..., payee_number: _Optional[str] = ..., amount_fen: _Optional[int] = ..., memo: _Optional[str] = ...) -> None: ...

class PayResponse(_message.Message):
    __slots__ = ("payment_id", "state", "available_fen", "reason")
    PAYMENT_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FEN_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    payment_id: str
    state: _states_pb2.PaymentState
    available_fen: int
    reason: _errors_pb2.Reason
    def __init__(self, payment_id: _Optional[str] = ..., state: _Optional[_Union[_states_pb2.PaymentState, str]] = ..., available_fen: _Optional[int] = ..., reason: _Optional[_Union[_errors_pb2.Reason, str]] = ...) -> None: ...

class RefundRequest(_message.Message):
    __slots__ = ("request_id", "payment_id", "amount_fen", "memo")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    MEMO_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    payment_id: str
    amount_fen: int
    memo: str
    def __init__(self, request_id: _Optional[str] = ..., payment_id: _Optional[str] = ..., amount_fen: _Optional[int] = ..., memo: _Optional[str] = ...) -> None: ...

class RefundResponse(_message.Message):
    __slots__ = ("payment_id", "state", "amount_fen", "available_fen")
    PAYMENT_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FEN_FIELD_NUMBER: _ClassVar[int]
    payment_id: str
    state: _states_pb2.PaymentState
    amount_fen: int
    available_fen: int
    def __init__(self, payment_id: _Optional[str] = ..., state: _Optional[_Union[_states_pb2.PaymentState, str]] = ..., amount_fen: _Optional[int] = ..., available_fen: _Optional[int] = ...) -> None: ...

class HistoryRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class HistoryItem(_message.Message):
    __slots__ = ("payment_id", "state", "purpose", "counterparty", "change_fen", "balance_after_fen", "time_ms", "memo", "refunds_payment_id", "refunded_fen", "request_to_pay_id", "top_up_fen", "sweeps_payment_id")
    PAYMENT_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    COUNTERPARTY_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FEN_FIELD_NUMBER: _ClassVar[int]
    BALANCE_AFTER_FEN_FIELD_NUMBER: _ClassVar[int]
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    MEMO_FIELD_NUMBER: _ClassVar[int]
    REFUNDS_PAYMENT_ID_FIELD_NUMBER: _ClassVar[int]
    REFUNDED_FEN_FIELD_NUMBER: _ClassVar[int]
    REQUEST_TO_PAY_ID_FIELD_NUMBER: _ClassVar[int]
    TOP_UP_FEN_FIELD_NUMBER: _ClassVar[int]
    SWEEPS_PAYMENT_ID_FIELD_NUMBER: _ClassVar[int]
    payment_id: str
    state: _states_pb2.PaymentState
    purpose: _purposes_pb2.Purpose
    counterparty: str
    change_fen: int
    balance_after_fen: int
    time_ms: int
    memo: str
    refunds_payment_id: str
    refunded_fen: int
    request_to_pay_id: str
    top_up_fen: int
    sweeps_payment_id: str
    def __init__(self, payment_id: _Optional[str] = ..., state: _Optional[_Union[_states_pb2.PaymentState, str]] = ..., purpose: _Optional[_Union[_purposes_pb2.Purpose, str]] = ..., counterparty: _Optional[str] = ..., change_fen: _Optional[int] = ..., balance_after_fen: _Optional[int] = ..., time_ms: _Optional[int] = ..., memo: _Optional[str] = ..., refunds_payment_id: _Optional[str] = ..., refunded_fen: _Optional[int] = ..., request_to_pay_id: _Optional[str] = ..., top_up_fen: _Optional[int] = ..., sweeps_payment_id: _Optional[str] = ...) -> None: ...

class HistoryResponse(_message.Message):
    __slots__ = ("items", "next_page_token")
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[HistoryItem]
    next_page_token: str
    def __init__(self, items: _Optional[_Iterable[_Union[HistoryItem, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class WatchRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WatchResponse(_message.Message):
    __slots__ = ("item",)
    ITEM_FIELD_NUMBER: _ClassVar[int]
    item: HistoryItem
    def __init__(self, item: _Optional[_Union[HistoryItem, _Mapping]] = ...) -> None: ...

class OfflineLoadRequest(_message.Message):
    __slots__ = ("request_id", "amount_fen")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    amount_fen: int
    def __init__(self, request_id: _Optional[str] = ..., amount_fen: _Optional[int] = ...) -> None: ...

class OfflineLoadResponse(_message.Message):
    __slots__ = ("offline_fen",)
    OFFLINE_FEN_FIELD_NUMBER: _ClassVar[int]
    offline_fen: int
    def __init__(self, offline_fen: _Optional[int] = ...) -> None: ...

class OfflineRequestRequest(_message.Message):
    __slots__ = ("amount_fen",)
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    amount_fen: int
    def __init__(self, amount_fen: _Optional[int] = ...) -> None: ...

class OfflineRequestResponse(_message.Message):
    __slots__ = ("text",)
    TEXT_FIELD_NUMBER: _ClassVar[int]
    text: str
    def __init__(self, text: _Optional[str] = ...) -> None: ...

class OfflinePayRequest(_message.Message):
    __slots__ = ("request_text",)
    REQUEST_TEXT_FIELD_NUMBER: _ClassVar[int]
    request_text: str
    def __init__(self, request_text: _Optional[str] = ...) -> None: ...

class OfflinePayResponse(_message.Message):
    __slots__ = ("text", "offline_fen")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    OFFLINE_FEN_FIELD_NUMBER: _ClassVar[int]
    text: str
    offline_fen: int
    def __init__(self, text: _Optional[str] = ..., offline_fen: _Optional[int] = ...) -> None: ...

class OfflineAcceptRequest(_message.Message):
    __slots__ = ("payment_text",)
    PAYMENT_TEXT_FIELD_NUMBER: _ClassVar[int]
    payment_text: str
    def __init__(self, payment_text: _Optional[str] = ...) -> None: ...

class OfflineAcceptResponse(_message.Message):
    __slots__ = ("amount_fen", "offline_fen", "return_text", "refusal", "came_back_fen")
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    OFFLINE_FEN_FIELD_NUMBER: _ClassVar[int]
    RETURN_TEXT_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    CAME_BACK_FEN_FIELD_NUMBER: _ClassVar[int]
    amount_fen: int
    offline_fen: int
    return_text: str
    refusal: str
    came_back_fen: int
    def __init__(self, amount_fen: _Optional[int] = ..., offline_fen: _Optional[int] = ..., return_text: _Optional[str] = ..., refusal: _Optional[str] = ..., came_back_fen: _Optional[int] = ...) -> None: ...

class OfflineDepositRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class OfflineDepositResponse(_message.Message):
    __slots__ = ("amount_fen", "available_fen", "refused")
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FEN_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    amount_fen: int
    available_fen: int
    refused: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, amount_fen: _Optional[int] = ..., available_fen: _Optional[int] = ..., refused: _Optional[_Iterable[str]] = ...) -> None: ...
