from dcep.bounds.v1 import bounds_pb2 as _bounds_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetFlowsRequest(_message.Message):
    __slots__ = ("from_time_ms", "to_time_ms", "page_size", "page_token")
    FROM_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    TO_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    from_time_ms: int
    to_time_ms: int
    page_size: int
    page_token: str
    def __init__(self, from_time_ms: _Optional[int] = ..., to_time_ms: _Optional[int] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class Flow(_message.Message):
    __slots__ = ("from_bank", "to_bank", "payments", "amount_fen")
    FROM_BANK_FIELD_NUMBER: _ClassVar[int]
    TO_BANK_FIELD_NUMBER: _ClassVar[int]
    PAYMENTS_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    from_bank: str
    to_bank: str
    payments: int
    amount_fen: int
    def __init__(self, from_bank: _Optional[str] = ..., to_bank: _Optional[str] = ..., payments: _Optional[int] = ..., amount_fen: _Optional[int] = ...) -> None: ...

class GetFlowsResponse(_message.Message):
    __slots__ = ("flows", "next_page_token")
    FLOWS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    flows: _containers.RepeatedCompositeFieldContainer[Flow]
    next_page_token: str
    def __init__(self, flows: _Optional[_Iterable[_Union[Flow, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
