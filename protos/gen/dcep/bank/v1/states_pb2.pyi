from dcep.bounds.v1 import bounds_pb2 as _bounds_pb2
from dcep.errors.v1 import errors_pb2 as _errors_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PaymentState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PAYMENT_STATE_UNSPECIFIED: _ClassVar[PaymentState]
    PAYMENT_STATE_PENDING: _ClassVar[PaymentState]
    PAYMENT_STATE_SETTLED: _ClassVar[PaymentState]
    PAYMENT_STATE_REFUSED: _ClassVar[PaymentState]
    PAYMENT_STATE_EXPIRED: _ClassVar[PaymentState]
    PAYMENT_STATE_RETURNED: _ClassVar[PaymentState]

class SignerRole(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SIGNER_ROLE_UNSPECIFIED: _ClassVar[SignerRole]
    SIGNER_ROLE_SEE: _ClassVar[SignerRole]
    SIGNER_ROLE_PREPARE: _ClassVar[SignerRole]
    SIGNER_ROLE_RELEASE: _ClassVar[SignerRole]
PAYMENT_STATE_UNSPECIFIED: PaymentState
PAYMENT_STATE_PENDING: PaymentState
PAYMENT_STATE_SETTLED: PaymentState
PAYMENT_STATE_REFUSED: PaymentState
PAYMENT_STATE_EXPIRED: PaymentState
PAYMENT_STATE_RETURNED: PaymentState
SIGNER_ROLE_UNSPECIFIED: SignerRole
SIGNER_ROLE_SEE: SignerRole
SIGNER_ROLE_PREPARE: SignerRole
SIGNER_ROLE_RELEASE: SignerRole

class ItemAnswer(_message.Message):
    __slots__ = ("state", "reason", "repeated")
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REPEATED_FIELD_NUMBER: _ClassVar[int]
    state: PaymentState
    reason: _errors_pb2.Reason
    repeated: bool
    def __init__(self, state: _Optional[_Union[PaymentState, str]] = ..., reason: _Optional[_Union[_errors_pb2.Reason, str]] = ..., repeated: bool = ...) -> None: ...

class SignerPlace(_message.Message):
    __slots__ = ("place", "role", "threshold")
    PLACE_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    place: int
    role: SignerRole
    threshold: int
    def __init__(self, place: _Optional[int] = ..., role: _Optional[_Union[SignerRole, str]] = ..., threshold: _Optional[int] = ...) -> None: ...
