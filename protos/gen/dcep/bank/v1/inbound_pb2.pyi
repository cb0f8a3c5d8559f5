from dcep.bounds.v1 import bounds_pb2 as _bounds_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

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
