from dcep.bounds.v1 import bounds_pb2 as _bounds_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Direction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DIRECTION_UNSPECIFIED: _ClassVar[Direction]
    DIRECTION_ISSUE: _ClassVar[Direction]
    DIRECTION_REDEEM: _ClassVar[Direction]

class RequestState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REQUEST_STATE_UNSPECIFIED: _ClassVar[RequestState]
    REQUEST_STATE_WAITING: _ClassVar[RequestState]
    REQUEST_STATE_APPROVED: _ClassVar[RequestState]
    REQUEST_STATE_REJECTED: _ClassVar[RequestState]
DIRECTION_UNSPECIFIED: Direction
DIRECTION_ISSUE: Direction
DIRECTION_REDEEM: Direction
REQUEST_STATE_UNSPECIFIED: RequestState
REQUEST_STATE_WAITING: RequestState
REQUEST_STATE_APPROVED: RequestState
REQUEST_STATE_REJECTED: RequestState

class CreateRequestRequest(_message.Message):
    __slots__ = ("request_id", "bank", "direction", "amount_fen")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    bank: str
    direction: Direction
    amount_fen: int
    def __init__(self, request_id: _Optional[str] = ..., bank: _Optional[str] = ..., direction: _Optional[_Union[Direction, str]] = ..., amount_fen: _Optional[int] = ...) -> None: ...

class Request(_message.Message):
    __slots__ = ("request_id", "bank", "direction", "amount_fen", "state", "created_time_ms", "decided_time_ms", "act_number")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    DECIDED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    ACT_NUMBER_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    bank: str
    direction: Direction
    amount_fen: int
    state: RequestState
    created_time_ms: int
    decided_time_ms: int
    act_number: int
    def __init__(self, request_id: _Optional[str] = ..., bank: _Optional[str] = ..., direction: _Optional[_Union[Direction, str]] = ..., amount_fen: _Optional[int] = ..., state: _Optional[_Union[RequestState, str]] = ..., created_time_ms: _Optional[int] = ..., decided_time_ms: _Optional[int] = ..., act_number: _Optional[int] = ...) -> None: ...

class CreateRequestResponse(_message.Message):
    __slots__ = ("request",)
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    request: Request
    def __init__(self, request: _Optional[_Union[Request, _Mapping]] = ...) -> None: ...

class ListRequestsRequest(_message.Message):
    __slots__ = ("bank", "state", "page_size", "page_token")
    BANK_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    bank: str
    state: RequestState
    page_size: int
    page_token: str
    def __init__(self, bank: _Optional[str] = ..., state: _Optional[_Union[RequestState, str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListRequestsResponse(_message.Message):
    __slots__ = ("requests", "next_page_token")
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[Request]
    next_page_token: str
    def __init__(self, requests: _Optional[_Iterable[_Union[Request, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetBooksRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class BankBooks(_message.Message):
    __slots__ = ("bank", "reserves_fen", "circulation_fen")
    BANK_FIELD_NUMBER: _ClassVar[int]
    RESERVES_FEN_FIELD_NUMBER: _ClassVar[int]
    CIRCULATION_FEN_FIELD_NUMBER: _ClassVar[int]
    bank: str
    reserves_fen: int
    circulation_fen: int
    def __init__(self, bank: _Optional[str] = ..., reserves_fen: _Optional[int] = ..., circulation_fen: _Optional[int] = ...) -> None: ...

class GetBooksResponse(_message.Message):
    __slots__ = ("paid_in_fen", "offline_float_fen", "offline_loss_fen", "banks", "journal_position")
    PAID_IN_FEN_FIELD_NUMBER: _ClassVar[int]
    OFFLINE_FLOAT_FEN_FIELD_NUMBER: _ClassVar[int]
    OFFLINE_LOSS_FEN_FIELD_NUMBER: _ClassVar[int]
    BANKS_FIELD_NUMBER: _ClassVar[int]
    JOURNAL_POSITION_FIELD_NUMBER: _ClassVar[int]
    paid_in_fen: int
    offline_float_fen: int
    offline_loss_fen: int
    banks: _containers.RepeatedCompositeFieldContainer[BankBooks]
    journal_position: int
    def __init__(self, paid_in_fen: _Optional[int] = ..., offline_float_fen: _Optional[int] = ..., offline_loss_fen: _Optional[int] = ..., banks: _Optional[_Iterable[_Union[BankBooks, _Mapping]]] = ..., journal_position: _Optional[int] = ...) -> None: ...
