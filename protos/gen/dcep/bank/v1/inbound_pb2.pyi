from dcep.bank.v1 import orders_pb2 as _orders_pb2
from dcep.bounds.v1 import bounds_pb2 as _bounds_pb2
from dcep.envelope.v1 import envelope_pb2 as _envelope_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AnswerAliasRequest(_message.Message):
    __slots__ = ("label", "nonce", "prefix")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    label: bytes
    nonce: bytes
    prefix: str
    def __init__(self, label: _Optional[bytes] = ..., nonce: _Optional[bytes] = ..., prefix: _Optional[str] = ...) -> None: ...

class AnswerAliasResponse(_message.Message):
    __slots__ = ("answer",)
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    answer: bytes
    def __init__(self, answer: _Optional[bytes] = ...) -> None: ...

class CarriedRequest(_message.Message):
    __slots__ = ("request", "request_key", "change", "change_key")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    REQUEST_KEY_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    CHANGE_KEY_FIELD_NUMBER: _ClassVar[int]
    request: _envelope_pb2.SignedEnvelope
    request_key: bytes
    change: _envelope_pb2.SignedEnvelope
    change_key: bytes
    def __init__(self, request: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ..., request_key: _Optional[bytes] = ..., change: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ..., change_key: _Optional[bytes] = ...) -> None: ...

class TakeRequestsRequest(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[CarriedRequest]
    def __init__(self, items: _Optional[_Iterable[_Union[CarriedRequest, _Mapping]]] = ...) -> None: ...

class TakeRequestsResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

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

class ReserveForRedemptionRequest(_message.Message):
    __slots__ = ("number", "amount_fen")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    number: int
    amount_fen: int
    def __init__(self, number: _Optional[int] = ..., amount_fen: _Optional[int] = ...) -> None: ...

class ReserveForRedemptionResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
