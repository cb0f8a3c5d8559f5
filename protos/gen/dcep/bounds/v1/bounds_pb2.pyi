from dcep.errors.v1 import errors_pb2 as _errors_pb2
from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Characters(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHARACTERS_PRINTABLE: _ClassVar[Characters]
    CHARACTERS_DIGITS: _ClassVar[Characters]
    CHARACTERS_ASCII: _ClassVar[Characters]
    CHARACTERS_LINES: _ClassVar[Characters]

class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    KIND_UNSPECIFIED: _ClassVar[Kind]
    KIND_AMOUNT: _ClassVar[Kind]
    KIND_BALANCE: _ClassVar[Kind]
    KIND_CHANGE: _ClassVar[Kind]
    KIND_LIMIT: _ClassVar[Kind]
    KIND_SEQUENCE: _ClassVar[Kind]
    KIND_NUMBER: _ClassVar[Kind]
    KIND_POSITION: _ClassVar[Kind]
    KIND_COUNT: _ClassVar[Kind]
    KIND_TIME: _ClassVar[Kind]
    KIND_PAGE_SIZE: _ClassVar[Kind]
    KIND_REQUEST_ID: _ClassVar[Kind]
    KIND_WALLET_NUMBER: _ClassVar[Kind]
    KIND_PAYMENT_ID: _ClassVar[Kind]
    KIND_BANK_NAME: _ClassVar[Kind]
    KIND_BANK_PREFIX: _ClassVar[Kind]
    KIND_OFFICER: _ClassVar[Kind]
    KIND_OFFICER_NAME: _ClassVar[Kind]
    KIND_MEMO: _ClassVar[Kind]
    KIND_CAUSE: _ClassVar[Kind]
    KIND_HOLDER_NAME: _ClassVar[Kind]
    KIND_PHONE: _ClassVar[Kind]
    KIND_ADDRESS: _ClassVar[Kind]
    KIND_FINGERPRINT: _ClassVar[Kind]
    KIND_PAGE_TOKEN: _ClassVar[Kind]
    KIND_WORD: _ClassVar[Kind]
    KIND_SENTENCE: _ClassVar[Kind]
    KIND_OFFLINE_TEXT: _ClassVar[Kind]
    KIND_REQUEST_TO_PAY: _ClassVar[Kind]
    KIND_ALIAS: _ClassVar[Kind]
    KIND_PUBLIC_KEY: _ClassVar[Kind]
    KIND_SIGNATURE: _ClassVar[Kind]
    KIND_DIGEST: _ClassVar[Kind]
    KIND_CERTIFICATE: _ClassVar[Kind]
    KIND_TOKEN: _ClassVar[Kind]
    KIND_ENDORSEMENT: _ClassVar[Kind]
    KIND_OFFLINE_DEPOSIT: _ClassVar[Kind]
    KIND_TRUST_BUNDLE: _ClassVar[Kind]
    KIND_NONCE: _ClassVar[Kind]
    KIND_STATEMENT: _ClassVar[Kind]
    KIND_REVOCATION: _ClassVar[Kind]
    KIND_REQUIRED: _ClassVar[Kind]
    KIND_OPTIONAL: _ClassVar[Kind]
CHARACTERS_PRINTABLE: Characters
CHARACTERS_DIGITS: Characters
CHARACTERS_ASCII: Characters
CHARACTERS_LINES: Characters
KIND_UNSPECIFIED: Kind
KIND_AMOUNT: Kind
KIND_BALANCE: Kind
KIND_CHANGE: Kind
KIND_LIMIT: Kind
KIND_SEQUENCE: Kind
KIND_NUMBER: Kind
KIND_POSITION: Kind
KIND_COUNT: Kind
KIND_TIME: Kind
KIND_PAGE_SIZE: Kind
KIND_REQUEST_ID: Kind
KIND_WALLET_NUMBER: Kind
KIND_PAYMENT_ID: Kind
KIND_BANK_NAME: Kind
KIND_BANK_PREFIX: Kind
KIND_OFFICER: Kind
KIND_OFFICER_NAME: Kind
KIND_MEMO: Kind
KIND_CAUSE: Kind
KIND_HOLDER_NAME: Kind
KIND_PHONE: Kind
KIND_ADDRESS: Kind
KIND_FINGERPRINT: Kind
KIND_PAGE_TOKEN: Kind
KIND_WORD: Kind
KIND_SENTENCE: Kind
KIND_OFFLINE_TEXT: Kind
KIND_REQUEST_TO_PAY: Kind
KIND_ALIAS: Kind
KIND_PUBLIC_KEY: Kind
KIND_SIGNATURE: Kind
KIND_DIGEST: Kind
KIND_CERTIFICATE: Kind
KIND_TOKEN: Kind
KIND_ENDORSEMENT: Kind
KIND_OFFLINE_DEPOSIT: Kind
KIND_TRUST_BUNDLE: Kind
KIND_NONCE: Kind
KIND_STATEMENT: Kind
KIND_REVOCATION: Kind
KIND_REQUIRED: Kind
KIND_OPTIONAL: Kind
OF_KIND_FIELD_NUMBER: _ClassVar[int]
of_kind: _descriptor.FieldDescriptor
KIND_FIELD_NUMBER: _ClassVar[int]
kind: _descriptor.FieldDescriptor
OWN_FIELD_NUMBER: _ClassVar[int]
own: _descriptor.FieldDescriptor
REQUIRED_FIELD_NUMBER: _ClassVar[int]
required: _descriptor.FieldDescriptor

class Bounds(_message.Message):
    __slots__ = ("min", "max", "min_length", "max_length", "characters", "pattern", "min_bytes", "max_bytes", "min_items", "max_items", "may_be_unset", "reason", "carries", "by_item")
    MIN_FIELD_NUMBER: _ClassVar[int]
    MAX_FIELD_NUMBER: _ClassVar[int]
    MIN_LENGTH_FIELD_NUMBER: _ClassVar[int]
    MAX_LENGTH_FIELD_NUMBER: _ClassVar[int]
    CHARACTERS_FIELD_NUMBER: _ClassVar[int]
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    MIN_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_BYTES_FIELD_NUMBER: _ClassVar[int]
    MIN_ITEMS_FIELD_NUMBER: _ClassVar[int]
    MAX_ITEMS_FIELD_NUMBER: _ClassVar[int]
    MAY_BE_UNSET_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CARRIES_FIELD_NUMBER: _ClassVar[int]
    BY_ITEM_FIELD_NUMBER: _ClassVar[int]
    min: int
    max: int
    min_length: int
    max_length: int
    characters: Characters
    pattern: str
    min_bytes: int
    max_bytes: int
    min_items: int
    max_items: int
    may_be_unset: bool
    reason: _errors_pb2.Reason
    carries: str
    by_item: bool
    def __init__(self, min: _Optional[int] = ..., max: _Optional[int] = ..., min_length: _Optional[int] = ..., max_length: _Optional[int] = ..., characters: _Optional[_Union[Characters, str]] = ..., pattern: _Optional[str] = ..., min_bytes: _Optional[int] = ..., max_bytes: _Optional[int] = ..., min_items: _Optional[int] = ..., max_items: _Optional[int] = ..., may_be_unset: bool = ..., reason: _Optional[_Union[_errors_pb2.Reason, str]] = ..., carries: _Optional[str] = ..., by_item: bool = ...) -> None: ...
