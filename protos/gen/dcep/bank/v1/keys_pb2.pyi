from dcep.bounds.v1 import bounds_pb2 as _bounds_pb2
from dcep.envelope.v1 import envelope_pb2 as _envelope_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class KeyState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    KEY_STATE_UNSPECIFIED: _ClassVar[KeyState]
    KEY_STATE_REQUESTED: _ClassVar[KeyState]
    KEY_STATE_APPROVED: _ClassVar[KeyState]
    KEY_STATE_IN_FORCE: _ClassVar[KeyState]
    KEY_STATE_REPLACED: _ClassVar[KeyState]
    KEY_STATE_OBJECTED: _ClassVar[KeyState]
    KEY_STATE_REFUSED: _ClassVar[KeyState]
KEY_STATE_UNSPECIFIED: KeyState
KEY_STATE_REQUESTED: KeyState
KEY_STATE_APPROVED: KeyState
KEY_STATE_IN_FORCE: KeyState
KEY_STATE_REPLACED: KeyState
KEY_STATE_OBJECTED: KeyState
KEY_STATE_REFUSED: KeyState

class KeyRequest(_message.Message):
    __slots__ = ("wallet_number", "public_key", "bank", "created_time_ms", "expires_time_ms")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    public_key: bytes
    bank: str
    created_time_ms: int
    expires_time_ms: int
    def __init__(self, wallet_number: _Optional[str] = ..., public_key: _Optional[bytes] = ..., bank: _Optional[str] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ...) -> None: ...

class KeyQuery(_message.Message):
    __slots__ = ("wallet_number", "bank", "created_time_ms", "expires_time_ms")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    bank: str
    created_time_ms: int
    expires_time_ms: int
    def __init__(self, wallet_number: _Optional[str] = ..., bank: _Optional[str] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ...) -> None: ...

class KeyObjection(_message.Message):
    __slots__ = ("wallet_number", "public_key", "bank", "created_time_ms", "expires_time_ms")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    public_key: bytes
    bank: str
    created_time_ms: int
    expires_time_ms: int
    def __init__(self, wallet_number: _Optional[str] = ..., public_key: _Optional[bytes] = ..., bank: _Optional[str] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ...) -> None: ...

class RequestKeyRequest(_message.Message):
    __slots__ = ("request",)
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    request: _envelope_pb2.SignedEnvelope
    def __init__(self, request: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class RequestKeyResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetKeyRequest(_message.Message):
    __slots__ = ("query",)
    QUERY_FIELD_NUMBER: _ClassVar[int]
    query: _envelope_pb2.SignedEnvelope
    def __init__(self, query: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class GetKeyResponse(_message.Message):
    __slots__ = ("state", "in_force_time_ms", "successor", "successor_time_ms", "earlier_devices")
    STATE_FIELD_NUMBER: _ClassVar[int]
    IN_FORCE_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    SUCCESSOR_FIELD_NUMBER: _ClassVar[int]
    SUCCESSOR_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EARLIER_DEVICES_FIELD_NUMBER: _ClassVar[int]
    state: KeyState
    in_force_time_ms: int
    successor: bytes
    successor_time_ms: int
    earlier_devices: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, state: _Optional[_Union[KeyState, str]] = ..., in_force_time_ms: _Optional[int] = ..., successor: _Optional[bytes] = ..., successor_time_ms: _Optional[int] = ..., earlier_devices: _Optional[_Iterable[bytes]] = ...) -> None: ...

class ObjectToKeyRequest(_message.Message):
    __slots__ = ("objection",)
    OBJECTION_FIELD_NUMBER: _ClassVar[int]
    objection: _envelope_pb2.SignedEnvelope
    def __init__(self, objection: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class ObjectToKeyResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
