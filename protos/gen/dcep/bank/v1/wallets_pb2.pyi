from dcep.bank.v1 import orders_pb2 as _orders_pb2
from dcep.bank.v1 import states_pb2 as _states_pb2
from dcep.bank.v1 import sub_wallets_pb2 as _sub_wallets_pb2
from dcep.bounds.v1 import bounds_pb2 as _bounds_pb2
from dcep.envelope.v1 import envelope_pb2 as _envelope_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class WalletClass(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WALLET_CLASS_UNSPECIFIED: _ClassVar[WalletClass]
    WALLET_CLASS_I: _ClassVar[WalletClass]
    WALLET_CLASS_II: _ClassVar[WalletClass]
    WALLET_CLASS_III: _ClassVar[WalletClass]
    WALLET_CLASS_IV: _ClassVar[WalletClass]

class WalletStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WALLET_STATUS_UNSPECIFIED: _ClassVar[WalletStatus]
    WALLET_STATUS_OPEN: _ClassVar[WalletStatus]
    WALLET_STATUS_FROZEN: _ClassVar[WalletStatus]
    WALLET_STATUS_CLOSED: _ClassVar[WalletStatus]
WALLET_CLASS_UNSPECIFIED: WalletClass
WALLET_CLASS_I: WalletClass
WALLET_CLASS_II: WalletClass
WALLET_CLASS_III: WalletClass
WALLET_CLASS_IV: WalletClass
WALLET_STATUS_UNSPECIFIED: WalletStatus
WALLET_STATUS_OPEN: WalletStatus
WALLET_STATUS_FROZEN: WalletStatus
WALLET_STATUS_CLOSED: WalletStatus

class OpenWalletRequest(_message.Message):
    __slots__ = ("order", "holder", "code")
    ORDER_FIELD_NUMBER: _ClassVar[int]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    order: _envelope_pb2.SignedEnvelope
    holder: bytes
    code: str
    def __init__(self, order: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ..., holder: _Optional[bytes] = ..., code: _Optional[str] = ...) -> None: ...

class SendCodeRequest(_message.Message):
    __slots__ = ("phone", "public_key")
    PHONE_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    phone: str
    public_key: bytes
    def __init__(self, phone: _Optional[str] = ..., public_key: _Optional[bytes] = ...) -> None: ...

class SendCodeResponse(_message.Message):
    __slots__ = ("expires_time_ms",)
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    expires_time_ms: int
    def __init__(self, expires_time_ms: _Optional[int] = ...) -> None: ...

class OpenWalletResponse(_message.Message):
    __slots__ = ("wallet_number", "wallet_class", "bank", "has_deposit_account")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    WALLET_CLASS_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELD_NUMBER: _ClassVar[int]
    HAS_DEPOSIT_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    wallet_class: WalletClass
    bank: str
    has_deposit_account: bool
    def __init__(self, wallet_number: _Optional[str] = ..., wallet_class: _Optional[_Union[WalletClass, str]] = ..., bank: _Optional[str] = ..., has_deposit_account: bool = ...) -> None: ...

class OpenWalletsRequest(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[OpenWalletRequest]
    def __init__(self, items: _Optional[_Iterable[_Union[OpenWalletRequest, _Mapping]]] = ...) -> None: ...

class OpenWalletsResponse(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[OpenWalletResponse]
    def __init__(self, items: _Optional[_Iterable[_Union[OpenWalletResponse, _Mapping]]] = ...) -> None: ...

class ChangeClassRequest(_message.Message):
    __slots__ = ("order", "holder", "code")
    ORDER_FIELD_NUMBER: _ClassVar[int]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    order: _envelope_pb2.SignedEnvelope
    holder: bytes
    code: str
    def __init__(self, order: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ..., holder: _Optional[bytes] = ..., code: _Optional[str] = ...) -> None: ...

class ChangeClassResponse(_message.Message):
    __slots__ = ("wallet_class", "limits", "has_deposit_account")
    WALLET_CLASS_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    HAS_DEPOSIT_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    wallet_class: WalletClass
    limits: Limits
    has_deposit_account: bool
    def __init__(self, wallet_class: _Optional[_Union[WalletClass, str]] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., has_deposit_account: bool = ...) -> None: ...

class GetWalletRequest(_message.Message):
    __slots__ = ("query",)
    QUERY_FIELD_NUMBER: _ClassVar[int]
    query: _envelope_pb2.SignedEnvelope
    def __init__(self, query: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ("balance_cap_fen", "single_fen", "day_fen", "year_fen")
    BALANCE_CAP_FEN_FIELD_NUMBER: _ClassVar[int]
    SINGLE_FEN_FIELD_NUMBER: _ClassVar[int]
    DAY_FEN_FIELD_NUMBER: _ClassVar[int]
    YEAR_FEN_FIELD_NUMBER: _ClassVar[int]
    balance_cap_fen: int
    single_fen: int
    day_fen: int
    year_fen: int
    def __init__(self, balance_cap_fen: _Optional[int] = ..., single_fen: _Optional[int] = ..., day_fen: _Optional[int] = ..., year_fen: _Optional[int] = ...) -> None: ...

class GetWalletResponse(_message.Message):
    __slots__ = ("wallet_number", "bank", "wallet_class", "status", "available_fen", "held_fen", "has_deposit_account", "deposit_fen", "limits", "day_spent_fen", "year_spent_fen", "last_sequence", "day_turns_time_ms", "year_turns_time_ms", "successor_key", "successor_time_ms", "belongs_to", "signer", "sweeps", "sweep_above_fen")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELD_NUMBER: _ClassVar[int]
    WALLET_CLASS_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FEN_FIELD_NUMBER: _ClassVar[int]
    HELD_FEN_FIELD_NUMBER: _ClassVar[int]
    HAS_DEPOSIT_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    DEPOSIT_FEN_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    DAY_SPENT_FEN_FIELD_NUMBER: _ClassVar[int]
    YEAR_SPENT_FEN_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    DAY_TURNS_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    YEAR_TURNS_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    SUCCESSOR_KEY_FIELD_NUMBER: _ClassVar[int]
    SUCCESSOR_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    BELONGS_TO_FIELD_NUMBER: _ClassVar[int]
    SIGNER_FIELD_NUMBER: _ClassVar[int]
    SWEEPS_FIELD_NUMBER: _ClassVar[int]
    SWEEP_ABOVE_FEN_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    bank: str
    wallet_class: WalletClass
    status: WalletStatus
    available_fen: int
    held_fen: int
    has_deposit_account: bool
    deposit_fen: int
    limits: Limits
    day_spent_fen: int
    year_spent_fen: int
    last_sequence: int
    day_turns_time_ms: int
    year_turns_time_ms: int
    successor_key: bytes
    successor_time_ms: int
    belongs_to: _sub_wallets_pb2.SubWalletOf
    signer: _states_pb2.SignerPlace
    sweeps: bool
    sweep_above_fen: int
    def __init__(self, wallet_number: _Optional[str] = ..., bank: _Optional[str] = ..., wallet_class: _Optional[_Union[WalletClass, str]] = ..., status: _Optional[_Union[WalletStatus, str]] = ..., available_fen: _Optional[int] = ..., held_fen: _Optional[int] = ..., has_deposit_account: bool = ..., deposit_fen: _Optional[int] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., day_spent_fen: _Optional[int] = ..., year_spent_fen: _Optional[int] = ..., last_sequence: _Optional[int] = ..., day_turns_time_ms: _Optional[int] = ..., year_turns_time_ms: _Optional[int] = ..., successor_key: _Optional[bytes] = ..., successor_time_ms: _Optional[int] = ..., belongs_to: _Optional[_Union[_sub_wallets_pb2.SubWalletOf, _Mapping]] = ..., signer: _Optional[_Union[_states_pb2.SignerPlace, _Mapping]] = ..., sweeps: bool = ..., sweep_above_fen: _Optional[int] = ...) -> None: ...

class CloseWalletRequest(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: _envelope_pb2.SignedEnvelope
    def __init__(self, order: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class CloseWalletResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class OrderSweepRequest(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: _envelope_pb2.SignedEnvelope
    def __init__(self, order: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class OrderSweepResponse(_message.Message):
    __slots__ = ("repeated",)
    REPEATED_FIELD_NUMBER: _ClassVar[int]
    repeated: bool
    def __init__(self, repeated: bool = ...) -> None: ...
