from dcep.bank.v1 import orders_pb2 as _orders_pb2
from dcep.bank.v1 import states_pb2 as _states_pb2
from dcep.bounds.v1 import bounds_pb2 as _bounds_pb2
from dcep.envelope.v1 import envelope_pb2 as _envelope_pb2
from dcep.errors.v1 import errors_pb2 as _errors_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CertifyDeviceRequest(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: _envelope_pb2.SignedEnvelope
    def __init__(self, order: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class CertifyDeviceResponse(_message.Message):
    __slots__ = ("device_certificate", "bank_certificate")
    DEVICE_CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    BANK_CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    device_certificate: bytes
    bank_certificate: bytes
    def __init__(self, device_certificate: _Optional[bytes] = ..., bank_certificate: _Optional[bytes] = ...) -> None: ...

class LoadTokensRequest(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: _envelope_pb2.SignedEnvelope
    def __init__(self, order: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class LoadTokensResponse(_message.Message):
    __slots__ = ("state", "tokens", "reason")
    STATE_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    state: _states_pb2.PaymentState
    tokens: _containers.RepeatedScalarFieldContainer[bytes]
    reason: _errors_pb2.Reason
    def __init__(self, state: _Optional[_Union[_states_pb2.PaymentState, str]] = ..., tokens: _Optional[_Iterable[bytes]] = ..., reason: _Optional[_Union[_errors_pb2.Reason, str]] = ...) -> None: ...

class DepositTokensRequest(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: _envelope_pb2.SignedEnvelope
    def __init__(self, order: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class DepositTokensResponse(_message.Message):
    __slots__ = ("state", "amount_fen", "available_fen", "reason")
    STATE_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FEN_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    state: _states_pb2.PaymentState
    amount_fen: int
    available_fen: int
    reason: _errors_pb2.Reason
    def __init__(self, state: _Optional[_Union[_states_pb2.PaymentState, str]] = ..., amount_fen: _Optional[int] = ..., available_fen: _Optional[int] = ..., reason: _Optional[_Union[_errors_pb2.Reason, str]] = ...) -> None: ...

class GetTrustBundleRequest(_message.Message):
    __slots__ = ("certificates",)
    CERTIFICATES_FIELD_NUMBER: _ClassVar[int]
    certificates: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, certificates: _Optional[_Iterable[bytes]] = ...) -> None: ...

class GetTrustBundleResponse(_message.Message):
    __slots__ = ("trust_bundle", "statements")
    TRUST_BUNDLE_FIELD_NUMBER: _ClassVar[int]
    STATEMENTS_FIELD_NUMBER: _ClassVar[int]
    trust_bundle: bytes
    statements: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, trust_bundle: _Optional[bytes] = ..., statements: _Optional[_Iterable[bytes]] = ...) -> None: ...
