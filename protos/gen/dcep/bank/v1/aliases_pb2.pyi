from dcep.bank.v1 import orders_pb2 as _orders_pb2
from dcep.bounds.v1 import bounds_pb2 as _bounds_pb2
from dcep.envelope.v1 import envelope_pb2 as _envelope_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AliasState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ALIAS_STATE_UNSPECIFIED: _ClassVar[AliasState]
    ALIAS_STATE_REGISTERING: _ClassVar[AliasState]
    ALIAS_STATE_ACTIVE: _ClassVar[AliasState]
    ALIAS_STATE_WAITING: _ClassVar[AliasState]
    ALIAS_STATE_CONTESTED: _ClassVar[AliasState]
    ALIAS_STATE_REMOVING: _ClassVar[AliasState]
    ALIAS_STATE_REMOVED: _ClassVar[AliasState]
    ALIAS_STATE_TAKEN: _ClassVar[AliasState]
    ALIAS_STATE_MOVED: _ClassVar[AliasState]
ALIAS_STATE_UNSPECIFIED: AliasState
ALIAS_STATE_REGISTERING: AliasState
ALIAS_STATE_ACTIVE: AliasState
ALIAS_STATE_WAITING: AliasState
ALIAS_STATE_CONTESTED: AliasState
ALIAS_STATE_REMOVING: AliasState
ALIAS_STATE_REMOVED: AliasState
ALIAS_STATE_TAKEN: AliasState
ALIAS_STATE_MOVED: AliasState

class AliasText(_message.Message):
    __slots__ = ("alias", "salt")
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    SALT_FIELD_NUMBER: _ClassVar[int]
    alias: str
    salt: bytes
    def __init__(self, alias: _Optional[str] = ..., salt: _Optional[bytes] = ...) -> None: ...

class Alias(_message.Message):
    __slots__ = ("alias", "state", "private", "until_time_ms", "alias_digest", "since_time_ms")
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PRIVATE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    ALIAS_DIGEST_FIELD_NUMBER: _ClassVar[int]
    SINCE_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    alias: str
    state: AliasState
    private: bool
    until_time_ms: int
    alias_digest: bytes
    since_time_ms: int
    def __init__(self, alias: _Optional[str] = ..., state: _Optional[_Union[AliasState, str]] = ..., private: bool = ..., until_time_ms: _Optional[int] = ..., alias_digest: _Optional[bytes] = ..., since_time_ms: _Optional[int] = ...) -> None: ...

class AddAliasRequest(_message.Message):
    __slots__ = ("order", "alias_text", "code")
    ORDER_FIELD_NUMBER: _ClassVar[int]
    ALIAS_TEXT_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    order: _envelope_pb2.SignedEnvelope
    alias_text: bytes
    code: str
    def __init__(self, order: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ..., alias_text: _Optional[bytes] = ..., code: _Optional[str] = ...) -> None: ...

class AddAliasResponse(_message.Message):
    __slots__ = ("alias",)
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    alias: Alias
    def __init__(self, alias: _Optional[_Union[Alias, _Mapping]] = ...) -> None: ...

class RemoveAliasRequest(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: _envelope_pb2.SignedEnvelope
    def __init__(self, order: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class RemoveAliasResponse(_message.Message):
    __slots__ = ("alias",)
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    alias: Alias
    def __init__(self, alias: _Optional[_Union[Alias, _Mapping]] = ...) -> None: ...

class ListAliasesRequest(_message.Message):
    __slots__ = ("query",)
    QUERY_FIELD_NUMBER: _ClassVar[int]
    query: _envelope_pb2.SignedEnvelope
    def __init__(self, query: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class ListAliasesResponse(_message.Message):
    __slots__ = ("aliases", "lookups_left")
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    LOOKUPS_LEFT_FIELD_NUMBER: _ClassVar[int]
    aliases: _containers.RepeatedCompositeFieldContainer[Alias]
    lookups_left: int
    def __init__(self, aliases: _Optional[_Iterable[_Union[Alias, _Mapping]]] = ..., lookups_left: _Optional[int] = ...) -> None: ...

class FindAliasRequest(_message.Message):
    __slots__ = ("query", "alias")
    QUERY_FIELD_NUMBER: _ClassVar[int]
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    query: _envelope_pb2.SignedEnvelope
    alias: str
    def __init__(self, query: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ..., alias: _Optional[str] = ...) -> None: ...

class FindAliasResponse(_message.Message):
    __slots__ = ("payee",)
    PAYEE_FIELD_NUMBER: _ClassVar[int]
    payee: AliasPayee
    def __init__(self, payee: _Optional[_Union[AliasPayee, _Mapping]] = ...) -> None: ...

class AliasPayee(_message.Message):
    __slots__ = ("wallet_number", "masked_name")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    MASKED_NAME_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    masked_name: str
    def __init__(self, wallet_number: _Optional[str] = ..., masked_name: _Optional[str] = ...) -> None: ...
