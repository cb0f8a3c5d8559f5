from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

class Purpose(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PURPOSE_UNSPECIFIED: _ClassVar[Purpose]
    PURPOSE_PAYMENT: _ClassVar[Purpose]
    PURPOSE_RETURN: _ClassVar[Purpose]
    PURPOSE_TOP_UP: _ClassVar[Purpose]
    PURPOSE_CASH_OUT: _ClassVar[Purpose]
    PURPOSE_ISSUANCE: _ClassVar[Purpose]
    PURPOSE_REDEMPTION: _ClassVar[Purpose]
    PURPOSE_REDEMPTION_RESERVE: _ClassVar[Purpose]
    PURPOSE_TOKEN_LOAD: _ClassVar[Purpose]
    PURPOSE_TOKEN_DEPOSIT: _ClassVar[Purpose]
    PURPOSE_TOKEN_EXPIRY: _ClassVar[Purpose]
    PURPOSE_DOUBLE_SPEND: _ClassVar[Purpose]
    PURPOSE_SUSPENSE_PAYOUT: _ClassVar[Purpose]
    PURPOSE_LOST_SETTLEMENT: _ClassVar[Purpose]
    PURPOSE_RESERVES_IN: _ClassVar[Purpose]
    PURPOSE_RESERVES_OUT: _ClassVar[Purpose]
    PURPOSE_OPENING_BALANCE: _ClassVar[Purpose]
    PURPOSE_REFUND: _ClassVar[Purpose]
    PURPOSE_SUB_WALLET: _ClassVar[Purpose]
    PURPOSE_MANDATE: _ClassVar[Purpose]
    PURPOSE_SWEEP: _ClassVar[Purpose]
PURPOSE_UNSPECIFIED: Purpose
PURPOSE_PAYMENT: Purpose
PURPOSE_RETURN: Purpose
PURPOSE_TOP_UP: Purpose
PURPOSE_CASH_OUT: Purpose
PURPOSE_ISSUANCE: Purpose
PURPOSE_REDEMPTION: Purpose
PURPOSE_REDEMPTION_RESERVE: Purpose
PURPOSE_TOKEN_LOAD: Purpose
PURPOSE_TOKEN_DEPOSIT: Purpose
PURPOSE_TOKEN_EXPIRY: Purpose
PURPOSE_DOUBLE_SPEND: Purpose
PURPOSE_SUSPENSE_PAYOUT: Purpose
PURPOSE_LOST_SETTLEMENT: Purpose
PURPOSE_RESERVES_IN: Purpose
PURPOSE_RESERVES_OUT: Purpose
PURPOSE_OPENING_BALANCE: Purpose
PURPOSE_REFUND: Purpose
PURPOSE_SUB_WALLET: Purpose
PURPOSE_MANDATE: Purpose
PURPOSE_SWEEP: Purpose
