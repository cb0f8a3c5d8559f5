from dcep.bank.v1 import orders_pb2 as _orders_pb2
from dcep.bank.v1 import states_pb2 as _states_pb2
from dcep.bounds.v1 import bounds_pb2 as _bounds_pb2
from dcep.envelope.v1 import envelope_pb2 as _envelope_pb2
from dcep.errors.v1 import errors_pb2 as _errors_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AskedState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ASKED_STATE_UNSPECIFIED: _ClassVar[AskedState]
    ASKED_STATE_OPEN: _ClassVar[AskedState]
    ASKED_STATE_PAID: _ClassVar[AskedState]
    ASKED_STATE_DECLINED: _ClassVar[AskedState]
    ASKED_STATE_WITHDRAWING: _ClassVar[AskedState]
    ASKED_STATE_WITHDRAWN: _ClassVar[AskedState]
    ASKED_STATE_EXPIRED: _ClassVar[AskedState]
ASKED_STATE_UNSPECIFIED: AskedState
ASKED_STATE_OPEN: AskedState
ASKED_STATE_PAID: AskedState
ASKED_STATE_DECLINED: AskedState
ASKED_STATE_WITHDRAWING: AskedState
ASKED_STATE_WITHDRAWN: AskedState
ASKED_STATE_EXPIRED: AskedState

class Asked(_message.Message):
    __slots__ = ("request", "state", "paid_fen", "reminders", "not_paid")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PAID_FEN_FIELD_NUMBER: _ClassVar[int]
    REMINDERS_FIELD_NUMBER: _ClassVar[int]
    NOT_PAID_FIELD_NUMBER: _ClassVar[int]
    request: _envelope_pb2.SignedEnvelope
    state: AskedState
    paid_fen: int
    reminders: int
    not_paid: _errors_pb2.Reason
    def __init__(self, request: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ..., state: _Optional[_Union[AskedState, str]] = ..., paid_fen: _Optional[int] = ..., reminders: _Optional[int] = ..., not_paid: _Optional[_Union[_errors_pb2.Reason, str]] = ...) -> None: ...

class AskRequest(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: _envelope_pb2.SignedEnvelope
    def __init__(self, order: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class AskResponse(_message.Message):
    __slots__ = ("request_to_pay_id", "repeated")
    REQUEST_TO_PAY_ID_FIELD_NUMBER: _ClassVar[int]
    REPEATED_FIELD_NUMBER: _ClassVar[int]
    request_to_pay_id: str
    repeated: bool
    def __init__(self, request_to_pay_id: _Optional[str] = ..., repeated: bool = ...) -> None: ...

class PayAskedRequest(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: _envelope_pb2.SignedEnvelope
    def __init__(self, order: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class PayAskedResponse(_message.Message):
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

class ChangeAskedRequest(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: _envelope_pb2.SignedEnvelope
    def __init__(self, order: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class ChangeAskedResponse(_message.Message):
    __slots__ = ("asked",)
    ASKED_FIELD_NUMBER: _ClassVar[int]
    asked: Asked
    def __init__(self, asked: _Optional[_Union[Asked, _Mapping]] = ...) -> None: ...

class BlockAskerRequest(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: _envelope_pb2.SignedEnvelope
    def __init__(self, order: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class BlockAskerResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListAskedRequest(_message.Message):
    __slots__ = ("query", "page_size", "page_token", "request_to_pay_id")
    QUERY_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REQUEST_TO_PAY_ID_FIELD_NUMBER: _ClassVar[int]
    query: _envelope_pb2.SignedEnvelope
    page_size: int
    page_token: str
    request_to_pay_id: str
    def __init__(self, query: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., request_to_pay_id: _Optional[str] = ...) -> None: ...

class ListAskedResponse(_message.Message):
    __slots__ = ("asked", "next_page_token")
    ASKED_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    asked: _containers.RepeatedCompositeFieldContainer[Asked]
    next_page_token: str
    def __init__(self, asked: _Optional[_Iterable[_Union[Asked, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
