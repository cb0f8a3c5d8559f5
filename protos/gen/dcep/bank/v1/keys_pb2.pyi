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

class KeyState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    KEY_STATE_UNSPECIFIED: _ClassVar[KeyState]
    KEY_STATE_REQUESTED: _ClassVar[KeyState]
    KEY_STATE_APPROVED: _ClassVar[KeyState]
    KEY_STATE_IN_FORCE: _ClassVar[KeyState]
    KEY_STATE_REPLACED: _ClassVar[KeyState]
    KEY_STATE_OBJECTED: _ClassVar[KeyState]
    KEY_STATE_REFUSED: _ClassVar[KeyState]
    KEY_STATE_CANCELLED: _ClassVar[KeyState]
    KEY_STATE_SUPERSEDED: _ClassVar[KeyState]

class KeyCause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    KEY_CAUSE_UNSPECIFIED: _ClassVar[KeyCause]
    KEY_CAUSE_OFFICERS: _ClassVar[KeyCause]
    KEY_CAUSE_PHRASE: _ClassVar[KeyCause]
    KEY_CAUSE_ROTATION: _ClassVar[KeyCause]
KEY_STATE_UNSPECIFIED: KeyState
KEY_STATE_REQUESTED: KeyState
KEY_STATE_APPROVED: KeyState
KEY_STATE_IN_FORCE: KeyState
KEY_STATE_REPLACED: KeyState
KEY_STATE_OBJECTED: KeyState
KEY_STATE_REFUSED: KeyState
KEY_STATE_CANCELLED: KeyState
KEY_STATE_SUPERSEDED: KeyState
KEY_CAUSE_UNSPECIFIED: KeyCause
KEY_CAUSE_OFFICERS: KeyCause
KEY_CAUSE_PHRASE: KeyCause
KEY_CAUSE_ROTATION: KeyCause

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

class RotateKeyOrder(_message.Message):
    __slots__ = ("wallet_number", "bank", "request", "recovery_key", "created_time_ms", "expires_time_ms")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    RECOVERY_KEY_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    bank: str
    request: _envelope_pb2.SignedEnvelope
    recovery_key: bytes
    created_time_ms: int
    expires_time_ms: int
    def __init__(self, wallet_number: _Optional[str] = ..., bank: _Optional[str] = ..., request: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ..., recovery_key: _Optional[bytes] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ...) -> None: ...

class RecoveryQuery(_message.Message):
    __slots__ = ("bank", "created_time_ms", "expires_time_ms")
    BANK_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    bank: str
    created_time_ms: int
    expires_time_ms: int
    def __init__(self, bank: _Optional[str] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ...) -> None: ...

class RecoveryOrder(_message.Message):
    __slots__ = ("wallet_number", "bank", "request", "created_time_ms", "expires_time_ms")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    bank: str
    request: _envelope_pb2.SignedEnvelope
    created_time_ms: int
    expires_time_ms: int
    def __init__(self, wallet_number: _Optional[str] = ..., bank: _Optional[str] = ..., request: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ...) -> None: ...

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
    __slots__ = ("state", "in_force_time_ms", "successor", "successor_time_ms", "earlier_devices", "successor_cause", "successor_is_final", "has_recovery_key", "signer")
    STATE_FIELD_NUMBER: _ClassVar[int]
    IN_FORCE_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    SUCCESSOR_FIELD_NUMBER: _ClassVar[int]
    SUCCESSOR_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EARLIER_DEVICES_FIELD_NUMBER: _ClassVar[int]
    SUCCESSOR_CAUSE_FIELD_NUMBER: _ClassVar[int]
    SUCCESSOR_IS_FINAL_FIELD_NUMBER: _ClassVar[int]
    HAS_RECOVERY_KEY_FIELD_NUMBER: _ClassVar[int]
    SIGNER_FIELD_NUMBER: _ClassVar[int]
    state: KeyState
    in_force_time_ms: int
    successor: bytes
    successor_time_ms: int
    earlier_devices: _containers.RepeatedScalarFieldContainer[bytes]
    successor_cause: KeyCause
    successor_is_final: bool
    has_recovery_key: bool
    signer: _states_pb2.SignerPlace
    def __init__(self, state: _Optional[_Union[KeyState, str]] = ..., in_force_time_ms: _Optional[int] = ..., successor: _Optional[bytes] = ..., successor_time_ms: _Optional[int] = ..., earlier_devices: _Optional[_Iterable[bytes]] = ..., successor_cause: _Optional[_Union[KeyCause, str]] = ..., successor_is_final: bool = ..., has_recovery_key: bool = ..., signer: _Optional[_Union[_states_pb2.SignerPlace, _Mapping]] = ...) -> None: ...

class ObjectToKeyRequest(_message.Message):
    __slots__ = ("objection",)
    OBJECTION_FIELD_NUMBER: _ClassVar[int]
    objection: _envelope_pb2.SignedEnvelope
    def __init__(self, objection: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class ObjectToKeyResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RotateKeyRequest(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: _envelope_pb2.SignedEnvelope
    def __init__(self, order: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class RotateKeyResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class FindWalletRequest(_message.Message):
    __slots__ = ("query",)
    QUERY_FIELD_NUMBER: _ClassVar[int]
    query: _envelope_pb2.SignedEnvelope
    def __init__(self, query: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class FindWalletResponse(_message.Message):
    __slots__ = ("wallet_number",)
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    def __init__(self, wallet_number: _Optional[str] = ...) -> None: ...

class RecoverWalletRequest(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: _envelope_pb2.SignedEnvelope
    def __init__(self, order: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class RecoverWalletResponse(_message.Message):
    __slots__ = ("state",)
    STATE_FIELD_NUMBER: _ClassVar[int]
    state: KeyState
    def __init__(self, state: _Optional[_Union[KeyState, str]] = ...) -> None: ...
