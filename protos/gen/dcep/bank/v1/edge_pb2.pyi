from dcep.bank.v1 import payments_pb2 as _payments_pb2
from dcep.bank.v1 import states_pb2 as _states_pb2
from dcep.bounds.v1 import bounds_pb2 as _bounds_pb2
from dcep.errors.v1 import errors_pb2 as _errors_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PayTogetherRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, requests: _Optional[_Iterable[bytes]] = ...) -> None: ...

class PayTogetherResponse(_message.Message):
    __slots__ = ("answers",)
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    answers: _containers.RepeatedCompositeFieldContainer[PayAnswer]
    def __init__(self, answers: _Optional[_Iterable[_Union[PayAnswer, _Mapping]]] = ...) -> None: ...

class PayAnswer(_message.Message):
    __slots__ = ("response", "status", "on_its_way")
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    ON_ITS_WAY_FIELD_NUMBER: _ClassVar[int]
    response: _payments_pb2.PayResponse
    status: bytes
    on_its_way: OnItsWay
    def __init__(self, response: _Optional[_Union[_payments_pb2.PayResponse, _Mapping]] = ..., status: _Optional[bytes] = ..., on_its_way: _Optional[_Union[OnItsWay, _Mapping]] = ...) -> None: ...

class OnItsWay(_message.Message):
    __slots__ = ("number", "account", "ticket")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    TICKET_FIELD_NUMBER: _ClassVar[int]
    number: int
    account: int
    ticket: bytes
    def __init__(self, number: _Optional[int] = ..., account: _Optional[int] = ..., ticket: _Optional[bytes] = ...) -> None: ...

class AwaitEndRequest(_message.Message):
    __slots__ = ("payment",)
    PAYMENT_FIELD_NUMBER: _ClassVar[int]
    payment: OnItsWay
    def __init__(self, payment: _Optional[_Union[OnItsWay, _Mapping]] = ...) -> None: ...

class AwaitEndResponse(_message.Message):
    __slots__ = ("state", "reason", "available_fen")
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FEN_FIELD_NUMBER: _ClassVar[int]
    state: _states_pb2.PaymentState
    reason: _errors_pb2.Reason
    available_fen: int
    def __init__(self, state: _Optional[_Union[_states_pb2.PaymentState, str]] = ..., reason: _Optional[_Union[_errors_pb2.Reason, str]] = ..., available_fen: _Optional[int] = ...) -> None: ...

class BeginWatchRequest(_message.Message):
    __slots__ = ("request",)
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    request: bytes
    def __init__(self, request: _Optional[bytes] = ...) -> None: ...

class BeginWatchResponse(_message.Message):
    __slots__ = ("wallet_number", "account", "position", "ticket")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    TICKET_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    account: int
    position: int
    ticket: bytes
    def __init__(self, wallet_number: _Optional[str] = ..., account: _Optional[int] = ..., position: _Optional[int] = ..., ticket: _Optional[bytes] = ...) -> None: ...

class ArrivalsRequest(_message.Message):
    __slots__ = ("wallet_number", "after_position", "ticket")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    AFTER_POSITION_FIELD_NUMBER: _ClassVar[int]
    TICKET_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    after_position: int
    ticket: bytes
    def __init__(self, wallet_number: _Optional[str] = ..., after_position: _Optional[int] = ..., ticket: _Optional[bytes] = ...) -> None: ...

class ArrivalsResponse(_message.Message):
    __slots__ = ("arrivals", "position")
    ARRIVALS_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    arrivals: _containers.RepeatedCompositeFieldContainer[_payments_pb2.WatchPaymentsResponse]
    position: int
    def __init__(self, arrivals: _Optional[_Iterable[_Union[_payments_pb2.WatchPaymentsResponse, _Mapping]]] = ..., position: _Optional[int] = ...) -> None: ...

class FollowArrivalsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class FollowArrivalsResponse(_message.Message):
    __slots__ = ("accounts",)
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    accounts: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, accounts: _Optional[_Iterable[int]] = ...) -> None: ...
