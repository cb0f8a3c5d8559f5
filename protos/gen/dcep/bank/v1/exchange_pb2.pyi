from dcep.bank.v1 import orders_pb2 as _orders_pb2
from dcep.bank.v1 import states_pb2 as _states_pb2
from dcep.bounds.v1 import bounds_pb2 as _bounds_pb2
from dcep.envelope.v1 import envelope_pb2 as _envelope_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CashOutState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CASH_OUT_STATE_UNSPECIFIED: _ClassVar[CashOutState]
    CASH_OUT_STATE_OPEN: _ClassVar[CashOutState]
    CASH_OUT_STATE_TAKEN: _ClassVar[CashOutState]
    CASH_OUT_STATE_GIVEN_UP: _ClassVar[CashOutState]
CASH_OUT_STATE_UNSPECIFIED: CashOutState
CASH_OUT_STATE_OPEN: CashOutState
CASH_OUT_STATE_TAKEN: CashOutState
CASH_OUT_STATE_GIVEN_UP: CashOutState

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

class ExchangeManyRequest(_message.Message):
    __slots__ = ("orders",)
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    orders: _containers.RepeatedCompositeFieldContainer[_envelope_pb2.SignedEnvelope]
    def __init__(self, orders: _Optional[_Iterable[_Union[_envelope_pb2.SignedEnvelope, _Mapping]]] = ...) -> None: ...

class ExchangeManyResponse(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[_states_pb2.ItemAnswer]
    def __init__(self, items: _Optional[_Iterable[_Union[_states_pb2.ItemAnswer, _Mapping]]] = ...) -> None: ...

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
