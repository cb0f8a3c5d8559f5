from dcep.bank.v1 import orders_pb2 as _orders_pb2
from dcep.bank.v1 import states_pb2 as _states_pb2
from dcep.bounds.v1 import bounds_pb2 as _bounds_pb2
from dcep.envelope.v1 import envelope_pb2 as _envelope_pb2
from dcep.errors.v1 import errors_pb2 as _errors_pb2
from dcep.purposes.v1 import purposes_pb2 as _purposes_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

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
    state: _states_pb2.PaymentState
    repeated: bool
    available_fen: int
    reason: _errors_pb2.Reason
    def __init__(self, payment_id: _Optional[str] = ..., state: _Optional[_Union[_states_pb2.PaymentState, str]] = ..., repeated: bool = ..., available_fen: _Optional[int] = ..., reason: _Optional[_Union[_errors_pb2.Reason, str]] = ...) -> None: ...

class RefundRequest(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: _envelope_pb2.SignedEnvelope
    def __init__(self, order: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class RefundResponse(_message.Message):
    __slots__ = ("payment_id", "state", "repeated", "available_fen", "reason")
    PAYMENT_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REPEATED_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FEN_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    payment_id: str
    state: _states_pb2.PaymentState
    repeated: bool
    available_fen: int
    reason: _errors_pb2.Reason
    def __init__(self, payment_id: _Optional[str] = ..., state: _Optional[_Union[_states_pb2.PaymentState, str]] = ..., repeated: bool = ..., available_fen: _Optional[int] = ..., reason: _Optional[_Union[_errors_pb2.Reason, str]] = ...) -> None: ...

class PayManyRequest(_message.Message):
    __slots__ = ("orders",)
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    orders: _containers.RepeatedCompositeFieldContainer[_envelope_pb2.SignedEnvelope]
    def __init__(self, orders: _Optional[_Iterable[_Union[_envelope_pb2.SignedEnvelope, _Mapping]]] = ...) -> None: ...

class PayManyResponse(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[_states_pb2.ItemAnswer]
    def __init__(self, items: _Optional[_Iterable[_Union[_states_pb2.ItemAnswer, _Mapping]]] = ...) -> None: ...

class GetPaymentRequest(_message.Message):
    __slots__ = ("query", "payment_id")
    QUERY_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_ID_FIELD_NUMBER: _ClassVar[int]
    query: _envelope_pb2.SignedEnvelope
    payment_id: str
    def __init__(self, query: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ..., payment_id: _Optional[str] = ...) -> None: ...

class Payment(_message.Message):
    __slots__ = ("payment_id", "state", "payer_number", "payee_number", "amount_fen", "time_ms", "memo", "reason", "balance_after_fen", "purpose", "change_fen", "position", "refunds_payment_id", "refunded_fen", "request_to_pay_id", "top_up_fen", "sweeps_payment_id")
    PAYMENT_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PAYER_NUMBER_FIELD_NUMBER: _ClassVar[int]
    PAYEE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    MEMO_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    BALANCE_AFTER_FEN_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FEN_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    REFUNDS_PAYMENT_ID_FIELD_NUMBER: _ClassVar[int]
    REFUNDED_FEN_FIELD_NUMBER: _ClassVar[int]
    REQUEST_TO_PAY_ID_FIELD_NUMBER: _ClassVar[int]
    TOP_UP_FEN_FIELD_NUMBER: _ClassVar[int]
    SWEEPS_PAYMENT_ID_FIELD_NUMBER: _ClassVar[int]
    payment_id: str
    state: _states_pb2.PaymentState
    payer_number: str
    payee_number: str
    amount_fen: int
    time_ms: int
    memo: str
    reason: _errors_pb2.Reason
    balance_after_fen: int
    purpose: _purposes_pb2.Purpose
    change_fen: int
    position: int
    refunds_payment_id: str
    refunded_fen: int
    request_to_pay_id: str
    top_up_fen: int
    sweeps_payment_id: str
    def __init__(self, payment_id: _Optional[str] = ..., state: _Optional[_Union[_states_pb2.PaymentState, str]] = ..., payer_number: _Optional[str] = ..., payee_number: _Optional[str] = ..., amount_fen: _Optional[int] = ..., time_ms: _Optional[int] = ..., memo: _Optional[str] = ..., reason: _Optional[_Union[_errors_pb2.Reason, str]] = ..., balance_after_fen: _Optional[int] = ..., purpose: _Optional[_Union[_purposes_pb2.Purpose, str]] = ..., change_fen: _Optional[int] = ..., position: _Optional[int] = ..., refunds_payment_id: _Optional[str] = ..., refunded_fen: _Optional[int] = ..., request_to_pay_id: _Optional[str] = ..., top_up_fen: _Optional[int] = ..., sweeps_payment_id: _Optional[str] = ...) -> None: ...

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
