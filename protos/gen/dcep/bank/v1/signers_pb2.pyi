from dcep.bank.v1 import keys_pb2 as _keys_pb2
from dcep.bank.v1 import orders_pb2 as _orders_pb2
from dcep.bank.v1 import payments_pb2 as _payments_pb2
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

class ReleasedKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RELEASED_KIND_UNSPECIFIED: _ClassVar[ReleasedKind]
    RELEASED_KIND_PAYMENT: _ClassVar[ReleasedKind]
    RELEASED_KIND_REFUND: _ClassVar[ReleasedKind]
    RELEASED_KIND_EXCHANGE: _ClassVar[ReleasedKind]
    RELEASED_KIND_CLOSE: _ClassVar[ReleasedKind]
RELEASED_KIND_UNSPECIFIED: ReleasedKind
RELEASED_KIND_PAYMENT: ReleasedKind
RELEASED_KIND_REFUND: ReleasedKind
RELEASED_KIND_EXCHANGE: ReleasedKind
RELEASED_KIND_CLOSE: ReleasedKind

class Signer(_message.Message):
    __slots__ = ("place", "public_key", "role", "label", "request")
    PLACE_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    place: int
    public_key: bytes
    role: _states_pb2.SignerRole
    label: str
    request: _envelope_pb2.SignedEnvelope
    def __init__(self, place: _Optional[int] = ..., public_key: _Optional[bytes] = ..., role: _Optional[_Union[_states_pb2.SignerRole, str]] = ..., label: _Optional[str] = ..., request: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class SignersOrder(_message.Message):
    __slots__ = ("wallet_number", "list_number", "signers", "threshold", "bank", "created_time_ms", "expires_time_ms", "gives_up_recovery")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    LIST_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SIGNERS_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    GIVES_UP_RECOVERY_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    list_number: int
    signers: _containers.RepeatedCompositeFieldContainer[Signer]
    threshold: int
    bank: str
    created_time_ms: int
    expires_time_ms: int
    gives_up_recovery: bool
    def __init__(self, wallet_number: _Optional[str] = ..., list_number: _Optional[int] = ..., signers: _Optional[_Iterable[_Union[Signer, _Mapping]]] = ..., threshold: _Optional[int] = ..., bank: _Optional[str] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ..., gives_up_recovery: bool = ...) -> None: ...

class SetSignersRequest(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: _envelope_pb2.SignedEnvelope
    def __init__(self, order: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class SetSignersResponse(_message.Message):
    __slots__ = ("repeated",)
    REPEATED_FIELD_NUMBER: _ClassVar[int]
    repeated: bool
    def __init__(self, repeated: bool = ...) -> None: ...

class ListSignersRequest(_message.Message):
    __slots__ = ("query",)
    QUERY_FIELD_NUMBER: _ClassVar[int]
    query: _envelope_pb2.SignedEnvelope
    def __init__(self, query: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class ListSignersResponse(_message.Message):
    __slots__ = ("list_number", "threshold", "signers", "asked")
    LIST_NUMBER_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    SIGNERS_FIELD_NUMBER: _ClassVar[int]
    ASKED_FIELD_NUMBER: _ClassVar[int]
    list_number: int
    threshold: int
    signers: _containers.RepeatedCompositeFieldContainer[Signer]
    asked: _containers.RepeatedCompositeFieldContainer[_envelope_pb2.SignedEnvelope]
    def __init__(self, list_number: _Optional[int] = ..., threshold: _Optional[int] = ..., signers: _Optional[_Iterable[_Union[Signer, _Mapping]]] = ..., asked: _Optional[_Iterable[_Union[_envelope_pb2.SignedEnvelope, _Mapping]]] = ...) -> None: ...

class WithdrawOrder(_message.Message):
    __slots__ = ("wallet_number", "order_digest", "bank", "created_time_ms", "expires_time_ms")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    ORDER_DIGEST_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    order_digest: bytes
    bank: str
    created_time_ms: int
    expires_time_ms: int
    def __init__(self, wallet_number: _Optional[str] = ..., order_digest: _Optional[bytes] = ..., bank: _Optional[str] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ...) -> None: ...

class ReleaseItem(_message.Message):
    __slots__ = ("kind", "payload")
    KIND_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    kind: ReleasedKind
    payload: bytes
    def __init__(self, kind: _Optional[_Union[ReleasedKind, str]] = ..., payload: _Optional[bytes] = ...) -> None: ...

class ReleaseOrder(_message.Message):
    __slots__ = ("wallet_number", "list_number", "place", "items", "bank", "created_time_ms", "expires_time_ms")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    LIST_NUMBER_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    list_number: int
    place: int
    items: _containers.RepeatedCompositeFieldContainer[ReleaseItem]
    bank: str
    created_time_ms: int
    expires_time_ms: int
    def __init__(self, wallet_number: _Optional[str] = ..., list_number: _Optional[int] = ..., place: _Optional[int] = ..., items: _Optional[_Iterable[_Union[ReleaseItem, _Mapping]]] = ..., bank: _Optional[str] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ...) -> None: ...

class SignRequest(_message.Message):
    __slots__ = ("payment", "signers", "release")
    PAYMENT_FIELD_NUMBER: _ClassVar[int]
    SIGNERS_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    payment: _envelope_pb2.SignedEnvelope
    signers: _envelope_pb2.SignedEnvelope
    release: _envelope_pb2.SignedEnvelope
    def __init__(self, payment: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ..., signers: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ..., release: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class SignResponse(_message.Message):
    __slots__ = ("order_digest", "signed", "threshold", "done", "paid")
    ORDER_DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIGNED_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    PAID_FIELD_NUMBER: _ClassVar[int]
    order_digest: bytes
    signed: _containers.RepeatedScalarFieldContainer[int]
    threshold: int
    done: bool
    paid: _payments_pb2.PayResponse
    def __init__(self, order_digest: _Optional[bytes] = ..., signed: _Optional[_Iterable[int]] = ..., threshold: _Optional[int] = ..., done: bool = ..., paid: _Optional[_Union[_payments_pb2.PayResponse, _Mapping]] = ...) -> None: ...

class WithdrawRequest(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: _envelope_pb2.SignedEnvelope
    def __init__(self, order: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class WithdrawResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListPendingRequest(_message.Message):
    __slots__ = ("query",)
    QUERY_FIELD_NUMBER: _ClassVar[int]
    query: _envelope_pb2.SignedEnvelope
    def __init__(self, query: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class PendingOrder(_message.Message):
    __slots__ = ("is_list", "payload", "place", "signed", "created_time_ms", "is_release", "order_digest")
    IS_LIST_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    SIGNED_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    IS_RELEASE_FIELD_NUMBER: _ClassVar[int]
    ORDER_DIGEST_FIELD_NUMBER: _ClassVar[int]
    is_list: bool
    payload: bytes
    place: int
    signed: _containers.RepeatedScalarFieldContainer[int]
    created_time_ms: int
    is_release: bool
    order_digest: bytes
    def __init__(self, is_list: bool = ..., payload: _Optional[bytes] = ..., place: _Optional[int] = ..., signed: _Optional[_Iterable[int]] = ..., created_time_ms: _Optional[int] = ..., is_release: bool = ..., order_digest: _Optional[bytes] = ...) -> None: ...

class ListPendingResponse(_message.Message):
    __slots__ = ("pending",)
    PENDING_FIELD_NUMBER: _ClassVar[int]
    pending: _containers.RepeatedCompositeFieldContainer[PendingOrder]
    def __init__(self, pending: _Optional[_Iterable[_Union[PendingOrder, _Mapping]]] = ...) -> None: ...

class GetReleaseRequest(_message.Message):
    __slots__ = ("query", "order_digest")
    QUERY_FIELD_NUMBER: _ClassVar[int]
    ORDER_DIGEST_FIELD_NUMBER: _ClassVar[int]
    query: _envelope_pb2.SignedEnvelope
    order_digest: bytes
    def __init__(self, query: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ..., order_digest: _Optional[bytes] = ...) -> None: ...

class GetReleaseResponse(_message.Message):
    __slots__ = ("payload",)
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    payload: bytes
    def __init__(self, payload: _Optional[bytes] = ...) -> None: ...
