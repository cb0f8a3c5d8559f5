from dcep.bounds.v1 import bounds_pb2 as _bounds_pb2
from dcep.envelope.v1 import envelope_pb2 as _envelope_pb2
from dcep.bank.v1 import orders_pb2 as _orders_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SubWalletAction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SUB_WALLET_ACTION_UNSPECIFIED: _ClassVar[SubWalletAction]
    SUB_WALLET_ACTION_OPEN: _ClassVar[SubWalletAction]
    SUB_WALLET_ACTION_CHANGE: _ClassVar[SubWalletAction]
    SUB_WALLET_ACTION_CLOSE: _ClassVar[SubWalletAction]

class SubWalletState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SUB_WALLET_STATE_UNSPECIFIED: _ClassVar[SubWalletState]
    SUB_WALLET_STATE_OPEN: _ClassVar[SubWalletState]
    SUB_WALLET_STATE_FROZEN: _ClassVar[SubWalletState]
    SUB_WALLET_STATE_CLOSING: _ClassVar[SubWalletState]
    SUB_WALLET_STATE_CLOSED: _ClassVar[SubWalletState]
SUB_WALLET_ACTION_UNSPECIFIED: SubWalletAction
SUB_WALLET_ACTION_OPEN: SubWalletAction
SUB_WALLET_ACTION_CHANGE: SubWalletAction
SUB_WALLET_ACTION_CLOSE: SubWalletAction
SUB_WALLET_STATE_UNSPECIFIED: SubWalletState
SUB_WALLET_STATE_OPEN: SubWalletState
SUB_WALLET_STATE_FROZEN: SubWalletState
SUB_WALLET_STATE_CLOSING: SubWalletState
SUB_WALLET_STATE_CLOSED: SubWalletState

class SubWalletTerms(_message.Message):
    __slots__ = ("balance_cap_fen", "single_fen", "day_fen", "ends_time_ms", "purpose", "payees", "mandate")
    BALANCE_CAP_FEN_FIELD_NUMBER: _ClassVar[int]
    SINGLE_FEN_FIELD_NUMBER: _ClassVar[int]
    DAY_FEN_FIELD_NUMBER: _ClassVar[int]
    ENDS_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    PAYEES_FIELD_NUMBER: _ClassVar[int]
    MANDATE_FIELD_NUMBER: _ClassVar[int]
    balance_cap_fen: int
    single_fen: int
    day_fen: int
    ends_time_ms: int
    purpose: str
    payees: _containers.RepeatedScalarFieldContainer[str]
    mandate: Mandate
    def __init__(self, balance_cap_fen: _Optional[int] = ..., single_fen: _Optional[int] = ..., day_fen: _Optional[int] = ..., ends_time_ms: _Optional[int] = ..., purpose: _Optional[str] = ..., payees: _Optional[_Iterable[str]] = ..., mandate: _Optional[_Union[Mandate, _Mapping]] = ...) -> None: ...

class Mandate(_message.Message):
    __slots__ = ("each_fen", "month_fen")
    EACH_FEN_FIELD_NUMBER: _ClassVar[int]
    MONTH_FEN_FIELD_NUMBER: _ClassVar[int]
    each_fen: int
    month_fen: int
    def __init__(self, each_fen: _Optional[int] = ..., month_fen: _Optional[int] = ...) -> None: ...

class SubWalletOrder(_message.Message):
    __slots__ = ("wallet_number", "request_id", "action", "public_key", "sub_wallet_number", "terms", "bank", "created_time_ms", "expires_time_ms")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    SUB_WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    TERMS_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    request_id: str
    action: SubWalletAction
    public_key: bytes
    sub_wallet_number: str
    terms: SubWalletTerms
    bank: str
    created_time_ms: int
    expires_time_ms: int
    def __init__(self, wallet_number: _Optional[str] = ..., request_id: _Optional[str] = ..., action: _Optional[_Union[SubWalletAction, str]] = ..., public_key: _Optional[bytes] = ..., sub_wallet_number: _Optional[str] = ..., terms: _Optional[_Union[SubWalletTerms, _Mapping]] = ..., bank: _Optional[str] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ...) -> None: ...

class SubWalletOf(_message.Message):
    __slots__ = ("parent_number", "terms")
    PARENT_NUMBER_FIELD_NUMBER: _ClassVar[int]
    TERMS_FIELD_NUMBER: _ClassVar[int]
    parent_number: str
    terms: SubWalletTerms
    def __init__(self, parent_number: _Optional[str] = ..., terms: _Optional[_Union[SubWalletTerms, _Mapping]] = ...) -> None: ...

class SubWallet(_message.Message):
    __slots__ = ("wallet_number", "terms", "state", "available_fen", "held_fen", "day_spent_fen", "opened_time_ms", "month_spent_fen")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    TERMS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FEN_FIELD_NUMBER: _ClassVar[int]
    HELD_FEN_FIELD_NUMBER: _ClassVar[int]
    DAY_SPENT_FEN_FIELD_NUMBER: _ClassVar[int]
    OPENED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    MONTH_SPENT_FEN_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    terms: SubWalletTerms
    state: SubWalletState
    available_fen: int
    held_fen: int
    day_spent_fen: int
    opened_time_ms: int
    month_spent_fen: int
    def __init__(self, wallet_number: _Optional[str] = ..., terms: _Optional[_Union[SubWalletTerms, _Mapping]] = ..., state: _Optional[_Union[SubWalletState, str]] = ..., available_fen: _Optional[int] = ..., held_fen: _Optional[int] = ..., day_spent_fen: _Optional[int] = ..., opened_time_ms: _Optional[int] = ..., month_spent_fen: _Optional[int] = ...) -> None: ...

class OrderSubWalletRequest(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: _envelope_pb2.SignedEnvelope
    def __init__(self, order: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class OrderSubWalletResponse(_message.Message):
    __slots__ = ("sub_wallet",)
    SUB_WALLET_FIELD_NUMBER: _ClassVar[int]
    sub_wallet: SubWallet
    def __init__(self, sub_wallet: _Optional[_Union[SubWallet, _Mapping]] = ...) -> None: ...

class ListSubWalletsRequest(_message.Message):
    __slots__ = ("query",)
    QUERY_FIELD_NUMBER: _ClassVar[int]
    query: _envelope_pb2.SignedEnvelope
    def __init__(self, query: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class ListSubWalletsResponse(_message.Message):
    __slots__ = ("sub_wallets", "ladder_fen")
    SUB_WALLETS_FIELD_NUMBER: _ClassVar[int]
    LADDER_FEN_FIELD_NUMBER: _ClassVar[int]
    sub_wallets: _containers.RepeatedCompositeFieldContainer[SubWallet]
    ladder_fen: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, sub_wallets: _Optional[_Iterable[_Union[SubWallet, _Mapping]]] = ..., ladder_fen: _Optional[_Iterable[int]] = ...) -> None: ...
