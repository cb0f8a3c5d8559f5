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

class AliasAction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ALIAS_ACTION_UNSPECIFIED: _ClassVar[AliasAction]
    ALIAS_ACTION_REGISTER: _ClassVar[AliasAction]
    ALIAS_ACTION_CLAIM: _ClassVar[AliasAction]
    ALIAS_ACTION_KEEP: _ClassVar[AliasAction]
    ALIAS_ACTION_WITHDRAW: _ClassVar[AliasAction]

class AliasStanding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ALIAS_STANDING_UNSPECIFIED: _ClassVar[AliasStanding]
    ALIAS_STANDING_HELD: _ClassVar[AliasStanding]
    ALIAS_STANDING_CONTESTED: _ClassVar[AliasStanding]
    ALIAS_STANDING_CLAIMED: _ClassVar[AliasStanding]
    ALIAS_STANDING_NOT_YOURS: _ClassVar[AliasStanding]
ALIAS_ACTION_UNSPECIFIED: AliasAction
ALIAS_ACTION_REGISTER: AliasAction
ALIAS_ACTION_CLAIM: AliasAction
ALIAS_ACTION_KEEP: AliasAction
ALIAS_ACTION_WITHDRAW: AliasAction
ALIAS_STANDING_UNSPECIFIED: AliasStanding
ALIAS_STANDING_HELD: AliasStanding
ALIAS_STANDING_CONTESTED: AliasStanding
ALIAS_STANDING_CLAIMED: AliasStanding
ALIAS_STANDING_NOT_YOURS: AliasStanding

class AliasChange(_message.Message):
    __slots__ = ("bank", "number", "label", "action", "created_time_ms", "expires_time_ms", "incarnation")
    BANK_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    bank: str
    number: int
    label: bytes
    action: AliasAction
    created_time_ms: int
    expires_time_ms: int
    incarnation: int
    def __init__(self, bank: _Optional[str] = ..., number: _Optional[int] = ..., label: _Optional[bytes] = ..., action: _Optional[_Union[AliasAction, str]] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ..., incarnation: _Optional[int] = ...) -> None: ...

class AliasOutcome(_message.Message):
    __slots__ = ("standing", "until_time_ms", "reason")
    STANDING_FIELD_NUMBER: _ClassVar[int]
    UNTIL_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    standing: AliasStanding
    until_time_ms: int
    reason: _errors_pb2.Reason
    def __init__(self, standing: _Optional[_Union[AliasStanding, str]] = ..., until_time_ms: _Optional[int] = ..., reason: _Optional[_Union[_errors_pb2.Reason, str]] = ...) -> None: ...

class ChangeAliasesRequest(_message.Message):
    __slots__ = ("changes",)
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    changes: _containers.RepeatedCompositeFieldContainer[_envelope_pb2.SignedEnvelope]
    def __init__(self, changes: _Optional[_Iterable[_Union[_envelope_pb2.SignedEnvelope, _Mapping]]] = ...) -> None: ...

class ChangeAliasesResponse(_message.Message):
    __slots__ = ("outcomes",)
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[AliasOutcome]
    def __init__(self, outcomes: _Optional[_Iterable[_Union[AliasOutcome, _Mapping]]] = ...) -> None: ...

class AskAliasesRequest(_message.Message):
    __slots__ = ("labels",)
    LABELS_FIELD_NUMBER: _ClassVar[int]
    labels: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, labels: _Optional[_Iterable[bytes]] = ...) -> None: ...

class AskAliasesResponse(_message.Message):
    __slots__ = ("outcomes",)
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[AliasOutcome]
    def __init__(self, outcomes: _Optional[_Iterable[_Union[AliasOutcome, _Mapping]]] = ...) -> None: ...

class ListClaimsRequest(_message.Message):
    __slots__ = ("after",)
    AFTER_FIELD_NUMBER: _ClassVar[int]
    after: bytes
    def __init__(self, after: _Optional[bytes] = ...) -> None: ...

class ClaimedLabel(_message.Message):
    __slots__ = ("label", "until_time_ms")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    UNTIL_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    label: bytes
    until_time_ms: int
    def __init__(self, label: _Optional[bytes] = ..., until_time_ms: _Optional[int] = ...) -> None: ...

class ListClaimsResponse(_message.Message):
    __slots__ = ("claims",)
    CLAIMS_FIELD_NUMBER: _ClassVar[int]
    claims: _containers.RepeatedCompositeFieldContainer[ClaimedLabel]
    def __init__(self, claims: _Optional[_Iterable[_Union[ClaimedLabel, _Mapping]]] = ...) -> None: ...

class FindAliasRequest(_message.Message):
    __slots__ = ("label", "nonce")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    label: bytes
    nonce: bytes
    def __init__(self, label: _Optional[bytes] = ..., nonce: _Optional[bytes] = ...) -> None: ...

class FindAliasResponse(_message.Message):
    __slots__ = ("answer",)
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    answer: bytes
    def __init__(self, answer: _Optional[bytes] = ...) -> None: ...
