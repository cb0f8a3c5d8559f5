from dcep.bank.v1 import inbound_pb2 as _inbound_pb2
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

class OutcomeState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OUTCOME_STATE_UNSPECIFIED: _ClassVar[OutcomeState]
    OUTCOME_STATE_SETTLED: _ClassVar[OutcomeState]
    OUTCOME_STATE_REFUSED: _ClassVar[OutcomeState]
    OUTCOME_STATE_EXPIRED: _ClassVar[OutcomeState]
    OUTCOME_STATE_PENDING: _ClassVar[OutcomeState]

class FeedEvent(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FEED_EVENT_UNSPECIFIED: _ClassVar[FeedEvent]
    FEED_EVENT_ISSUED: _ClassVar[FeedEvent]
    FEED_EVENT_REDEEMED: _ClassVar[FeedEvent]
    FEED_EVENT_OUTGOING_SETTLED: _ClassVar[FeedEvent]
    FEED_EVENT_OUTGOING_ENDED: _ClassVar[FeedEvent]
    FEED_EVENT_INCOMING: _ClassVar[FeedEvent]
    FEED_EVENT_TOKENS_REGISTERED: _ClassVar[FeedEvent]
    FEED_EVENT_TOKENS_DEPOSITED: _ClassVar[FeedEvent]
    FEED_EVENT_REDEMPTION_REJECTED: _ClassVar[FeedEvent]
    FEED_EVENT_TOKENS_RESTORED: _ClassVar[FeedEvent]

class TokenVerdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TOKEN_VERDICT_UNSPECIFIED: _ClassVar[TokenVerdict]
    TOKEN_VERDICT_UNREADABLE: _ClassVar[TokenVerdict]
    TOKEN_VERDICT_BUNDLE_FORGED: _ClassVar[TokenVerdict]
    TOKEN_VERDICT_BUNDLE_TOO_OLD: _ClassVar[TokenVerdict]
    TOKEN_VERDICT_TOKEN_FORGED: _ClassVar[TokenVerdict]
    TOKEN_VERDICT_TOKEN_EXPIRED: _ClassVar[TokenVerdict]
    TOKEN_VERDICT_TOKEN_TWICE: _ClassVar[TokenVerdict]
    TOKEN_VERDICT_VALUE_TOO_LARGE: _ClassVar[TokenVerdict]
    TOKEN_VERDICT_TOO_MANY_HOPS: _ClassVar[TokenVerdict]
    TOKEN_VERDICT_BANK_UNKNOWN: _ClassVar[TokenVerdict]
    TOKEN_VERDICT_DEVICE_FORGED: _ClassVar[TokenVerdict]
    TOKEN_VERDICT_DEVICE_EXPIRED: _ClassVar[TokenVerdict]
    TOKEN_VERDICT_DEVICE_REVOKED: _ClassVar[TokenVerdict]
    TOKEN_VERDICT_NOT_THE_OWNER: _ClassVar[TokenVerdict]
    TOKEN_VERDICT_OUTPUT_INVALID: _ClassVar[TokenVerdict]
    TOKEN_VERDICT_AMOUNT_INVALID: _ClassVar[TokenVerdict]
    TOKEN_VERDICT_ENDORSEMENT_FORGED: _ClassVar[TokenVerdict]
    TOKEN_VERDICT_NOT_FOR_THIS_PAYEE: _ClassVar[TokenVerdict]
    TOKEN_VERDICT_WRONG_CHALLENGE: _ClassVar[TokenVerdict]
    TOKEN_VERDICT_WRONG_AMOUNT: _ClassVar[TokenVerdict]
    TOKEN_VERDICT_PAYMENT_TOO_LARGE: _ClassVar[TokenVerdict]
    TOKEN_VERDICT_DEPOSIT_FORGED: _ClassVar[TokenVerdict]
    TOKEN_VERDICT_DEVICE_UNCLEAR: _ClassVar[TokenVerdict]
    TOKEN_VERDICT_SPENT_TWICE: _ClassVar[TokenVerdict]
    TOKEN_VERDICT_NOT_REGISTERED: _ClassVar[TokenVerdict]
OUTCOME_STATE_UNSPECIFIED: OutcomeState
OUTCOME_STATE_SETTLED: OutcomeState
OUTCOME_STATE_REFUSED: OutcomeState
OUTCOME_STATE_EXPIRED: OutcomeState
OUTCOME_STATE_PENDING: OutcomeState
FEED_EVENT_UNSPECIFIED: FeedEvent
FEED_EVENT_ISSUED: FeedEvent
FEED_EVENT_REDEEMED: FeedEvent
FEED_EVENT_OUTGOING_SETTLED: FeedEvent
FEED_EVENT_OUTGOING_ENDED: FeedEvent
FEED_EVENT_INCOMING: FeedEvent
FEED_EVENT_TOKENS_REGISTERED: FeedEvent
FEED_EVENT_TOKENS_DEPOSITED: FeedEvent
FEED_EVENT_REDEMPTION_REJECTED: FeedEvent
FEED_EVENT_TOKENS_RESTORED: FeedEvent
TOKEN_VERDICT_UNSPECIFIED: TokenVerdict
TOKEN_VERDICT_UNREADABLE: TokenVerdict
TOKEN_VERDICT_BUNDLE_FORGED: TokenVerdict
TOKEN_VERDICT_BUNDLE_TOO_OLD: TokenVerdict
TOKEN_VERDICT_TOKEN_FORGED: TokenVerdict
TOKEN_VERDICT_TOKEN_EXPIRED: TokenVerdict
TOKEN_VERDICT_TOKEN_TWICE: TokenVerdict
TOKEN_VERDICT_VALUE_TOO_LARGE: TokenVerdict
TOKEN_VERDICT_TOO_MANY_HOPS: TokenVerdict
TOKEN_VERDICT_BANK_UNKNOWN: TokenVerdict
TOKEN_VERDICT_DEVICE_FORGED: TokenVerdict
TOKEN_VERDICT_DEVICE_EXPIRED: TokenVerdict
TOKEN_VERDICT_DEVICE_REVOKED: TokenVerdict
TOKEN_VERDICT_NOT_THE_OWNER: TokenVerdict
TOKEN_VERDICT_OUTPUT_INVALID: TokenVerdict
TOKEN_VERDICT_AMOUNT_INVALID: TokenVerdict
TOKEN_VERDICT_ENDORSEMENT_FORGED: TokenVerdict
TOKEN_VERDICT_NOT_FOR_THIS_PAYEE: TokenVerdict
TOKEN_VERDICT_WRONG_CHALLENGE: TokenVerdict
TOKEN_VERDICT_WRONG_AMOUNT: TokenVerdict
TOKEN_VERDICT_PAYMENT_TOO_LARGE: TokenVerdict
TOKEN_VERDICT_DEPOSIT_FORGED: TokenVerdict
TOKEN_VERDICT_DEVICE_UNCLEAR: TokenVerdict
TOKEN_VERDICT_SPENT_TWICE: TokenVerdict
TOKEN_VERDICT_NOT_REGISTERED: TokenVerdict

class CarryRequestsRequest(_message.Message):
    __slots__ = ("prefix", "items")
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    prefix: str
    items: _containers.RepeatedCompositeFieldContainer[_inbound_pb2.CarriedRequest]
    def __init__(self, prefix: _Optional[str] = ..., items: _Optional[_Iterable[_Union[_inbound_pb2.CarriedRequest, _Mapping]]] = ...) -> None: ...

class CarryRequestsResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class OutboundBatch(_message.Message):
    __slots__ = ("bank", "created_time_ms", "expires_time_ms", "payments", "incarnation")
    BANK_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    PAYMENTS_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    bank: str
    created_time_ms: int
    expires_time_ms: int
    payments: _containers.RepeatedCompositeFieldContainer[OutboundPayment]
    incarnation: int
    def __init__(self, bank: _Optional[str] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ..., payments: _Optional[_Iterable[_Union[OutboundPayment, _Mapping]]] = ..., incarnation: _Optional[int] = ...) -> None: ...

class OutboundPayment(_message.Message):
    __slots__ = ("number", "payment_id", "payer_number", "payee_number", "amount_fen", "created_time_ms", "expires_time_ms", "memo", "returns_payment_id", "returns_number", "refunds_payment_id", "refunds_number", "request_to_pay_id")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_ID_FIELD_NUMBER: _ClassVar[int]
    PAYER_NUMBER_FIELD_NUMBER: _ClassVar[int]
    PAYEE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    MEMO_FIELD_NUMBER: _ClassVar[int]
    RETURNS_PAYMENT_ID_FIELD_NUMBER: _ClassVar[int]
    RETURNS_NUMBER_FIELD_NUMBER: _ClassVar[int]
    REFUNDS_PAYMENT_ID_FIELD_NUMBER: _ClassVar[int]
    REFUNDS_NUMBER_FIELD_NUMBER: _ClassVar[int]
    REQUEST_TO_PAY_ID_FIELD_NUMBER: _ClassVar[int]
    number: int
    payment_id: str
    payer_number: str
    payee_number: str
    amount_fen: int
    created_time_ms: int
    expires_time_ms: int
    memo: str
    returns_payment_id: str
    returns_number: int
    refunds_payment_id: str
    refunds_number: int
    request_to_pay_id: str
    def __init__(self, number: _Optional[int] = ..., payment_id: _Optional[str] = ..., payer_number: _Optional[str] = ..., payee_number: _Optional[str] = ..., amount_fen: _Optional[int] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ..., memo: _Optional[str] = ..., returns_payment_id: _Optional[str] = ..., returns_number: _Optional[int] = ..., refunds_payment_id: _Optional[str] = ..., refunds_number: _Optional[int] = ..., request_to_pay_id: _Optional[str] = ...) -> None: ...

class SubmitPaymentsRequest(_message.Message):
    __slots__ = ("batch",)
    BATCH_FIELD_NUMBER: _ClassVar[int]
    batch: _envelope_pb2.SignedEnvelope
    def __init__(self, batch: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class SubmitPaymentsResponse(_message.Message):
    __slots__ = ("outcomes",)
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[Outcome]
    def __init__(self, outcomes: _Optional[_Iterable[_Union[Outcome, _Mapping]]] = ...) -> None: ...

class Outcome(_message.Message):
    __slots__ = ("number", "state", "reason")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    number: int
    state: OutcomeState
    reason: _errors_pb2.Reason
    def __init__(self, number: _Optional[int] = ..., state: _Optional[_Union[OutcomeState, str]] = ..., reason: _Optional[_Union[_errors_pb2.Reason, str]] = ...) -> None: ...

class FollowFeedRequest(_message.Message):
    __slots__ = ("after", "incarnation", "journal_position", "tip", "acts_number", "session")
    AFTER_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    JOURNAL_POSITION_FIELD_NUMBER: _ClassVar[int]
    TIP_FIELD_NUMBER: _ClassVar[int]
    ACTS_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    after: FeedPlace
    incarnation: int
    journal_position: int
    tip: _envelope_pb2.SignedEnvelope
    acts_number: int
    session: bytes
    def __init__(self, after: _Optional[_Union[FeedPlace, _Mapping]] = ..., incarnation: _Optional[int] = ..., journal_position: _Optional[int] = ..., tip: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ..., acts_number: _Optional[int] = ..., session: _Optional[bytes] = ...) -> None: ...

class FeedPlace(_message.Message):
    __slots__ = ("ledger", "number", "hash")
    LEDGER_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    ledger: bytes
    number: int
    hash: bytes
    def __init__(self, ledger: _Optional[bytes] = ..., number: _Optional[int] = ..., hash: _Optional[bytes] = ...) -> None: ...

class FollowFeedResponse(_message.Message):
    __slots__ = ("entries", "tip")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    TIP_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedScalarFieldContainer[bytes]
    tip: _envelope_pb2.SignedEnvelope
    def __init__(self, entries: _Optional[_Iterable[bytes]] = ..., tip: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class FeedTip(_message.Message):
    __slots__ = ("bank", "place", "signed_time_ms", "announced_number", "acts")
    BANK_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    SIGNED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    ANNOUNCED_NUMBER_FIELD_NUMBER: _ClassVar[int]
    ACTS_FIELD_NUMBER: _ClassVar[int]
    bank: str
    place: FeedPlace
    signed_time_ms: int
    announced_number: int
    acts: ActsPlace
    def __init__(self, bank: _Optional[str] = ..., place: _Optional[_Union[FeedPlace, _Mapping]] = ..., signed_time_ms: _Optional[int] = ..., announced_number: _Optional[int] = ..., acts: _Optional[_Union[ActsPlace, _Mapping]] = ...) -> None: ...

class ActsPlace(_message.Message):
    __slots__ = ("number", "hash")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    number: int
    hash: bytes
    def __init__(self, number: _Optional[int] = ..., hash: _Optional[bytes] = ...) -> None: ...

class AcknowledgeFeedRequest(_message.Message):
    __slots__ = ("receipt", "session")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    receipt: _envelope_pb2.SignedEnvelope
    session: bytes
    def __init__(self, receipt: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ..., session: _Optional[bytes] = ...) -> None: ...

class AcknowledgeFeedResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class FeedReceipt(_message.Message):
    __slots__ = ("bank", "created_time_ms", "expires_time_ms", "place", "acts", "incarnation", "journal_position", "announced_number")
    BANK_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    ACTS_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    JOURNAL_POSITION_FIELD_NUMBER: _ClassVar[int]
    ANNOUNCED_NUMBER_FIELD_NUMBER: _ClassVar[int]
    bank: str
    created_time_ms: int
    expires_time_ms: int
    place: FeedPlace
    acts: ActsPlace
    incarnation: int
    journal_position: int
    announced_number: int
    def __init__(self, bank: _Optional[str] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ..., place: _Optional[_Union[FeedPlace, _Mapping]] = ..., acts: _Optional[_Union[ActsPlace, _Mapping]] = ..., incarnation: _Optional[int] = ..., journal_position: _Optional[int] = ..., announced_number: _Optional[int] = ...) -> None: ...

class FeedEntry(_message.Message):
    __slots__ = ("number", "position", "time_ms", "issued", "redeemed", "outgoing_settled", "outgoing_ended", "incoming", "tokens_registered", "tokens_deposited", "redemption_rejected", "tokens_restored")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    ISSUED_FIELD_NUMBER: _ClassVar[int]
    REDEEMED_FIELD_NUMBER: _ClassVar[int]
    OUTGOING_SETTLED_FIELD_NUMBER: _ClassVar[int]
    OUTGOING_ENDED_FIELD_NUMBER: _ClassVar[int]
    INCOMING_FIELD_NUMBER: _ClassVar[int]
    TOKENS_REGISTERED_FIELD_NUMBER: _ClassVar[int]
    TOKENS_DEPOSITED_FIELD_NUMBER: _ClassVar[int]
    REDEMPTION_REJECTED_FIELD_NUMBER: _ClassVar[int]
    TOKENS_RESTORED_FIELD_NUMBER: _ClassVar[int]
    number: int
    position: int
    time_ms: int
    issued: Issued
    redeemed: Redeemed
    outgoing_settled: OutgoingSettled
    outgoing_ended: OutgoingEnded
    incoming: Incoming
    tokens_registered: TokensRegistered
    tokens_deposited: TokensDeposited
    redemption_rejected: RedemptionRejected
    tokens_restored: TokensRestored
    def __init__(self, number: _Optional[int] = ..., position: _Optional[int] = ..., time_ms: _Optional[int] = ..., issued: _Optional[_Union[Issued, _Mapping]] = ..., redeemed: _Optional[_Union[Redeemed, _Mapping]] = ..., outgoing_settled: _Optional[_Union[OutgoingSettled, _Mapping]] = ..., outgoing_ended: _Optional[_Union[OutgoingEnded, _Mapping]] = ..., incoming: _Optional[_Union[Incoming, _Mapping]] = ..., tokens_registered: _Optional[_Union[TokensRegistered, _Mapping]] = ..., tokens_deposited: _Optional[_Union[TokensDeposited, _Mapping]] = ..., redemption_rejected: _Optional[_Union[RedemptionRejected, _Mapping]] = ..., tokens_restored: _Optional[_Union[TokensRestored, _Mapping]] = ...) -> None: ...

class Issued(_message.Message):
    __slots__ = ("amount_fen", "request_id")
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    amount_fen: int
    request_id: str
    def __init__(self, amount_fen: _Optional[int] = ..., request_id: _Optional[str] = ...) -> None: ...

class Redeemed(_message.Message):
    __slots__ = ("amount_fen", "request_id", "number")
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    amount_fen: int
    request_id: str
    number: int
    def __init__(self, amount_fen: _Optional[int] = ..., request_id: _Optional[str] = ..., number: _Optional[int] = ...) -> None: ...

class RedemptionRejected(_message.Message):
    __slots__ = ("number", "amount_fen")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    number: int
    amount_fen: int
    def __init__(self, number: _Optional[int] = ..., amount_fen: _Optional[int] = ...) -> None: ...

class OutgoingSettled(_message.Message):
    __slots__ = ("number", "payment")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_FIELD_NUMBER: _ClassVar[int]
    number: int
    payment: bytes
    def __init__(self, number: _Optional[int] = ..., payment: _Optional[bytes] = ...) -> None: ...

class OutgoingEnded(_message.Message):
    __slots__ = ("number", "state", "reason", "payment", "load")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_FIELD_NUMBER: _ClassVar[int]
    LOAD_FIELD_NUMBER: _ClassVar[int]
    number: int
    state: OutcomeState
    reason: _errors_pb2.Reason
    payment: bytes
    load: TokensRegistered
    def __init__(self, number: _Optional[int] = ..., state: _Optional[_Union[OutcomeState, str]] = ..., reason: _Optional[_Union[_errors_pb2.Reason, str]] = ..., payment: _Optional[bytes] = ..., load: _Optional[_Union[TokensRegistered, _Mapping]] = ...) -> None: ...

class Incoming(_message.Message):
    __slots__ = ("from_bank", "payment")
    FROM_BANK_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_FIELD_NUMBER: _ClassVar[int]
    from_bank: str
    payment: bytes
    def __init__(self, from_bank: _Optional[str] = ..., payment: _Optional[bytes] = ...) -> None: ...

class TokensRegistered(_message.Message):
    __slots__ = ("number", "amount_fen", "certificate_digest")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    number: int
    amount_fen: int
    certificate_digest: bytes
    def __init__(self, number: _Optional[int] = ..., amount_fen: _Optional[int] = ..., certificate_digest: _Optional[bytes] = ...) -> None: ...

class TokensDeposited(_message.Message):
    __slots__ = ("number", "amount_fen", "whole_fen", "payment_digest")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    WHOLE_FEN_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_DIGEST_FIELD_NUMBER: _ClassVar[int]
    number: int
    amount_fen: int
    whole_fen: int
    payment_digest: bytes
    def __init__(self, number: _Optional[int] = ..., amount_fen: _Optional[int] = ..., whole_fen: _Optional[int] = ..., payment_digest: _Optional[bytes] = ...) -> None: ...

class TokensRestored(_message.Message):
    __slots__ = ("number", "amount_fen")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    number: int
    amount_fen: int
    def __init__(self, number: _Optional[int] = ..., amount_fen: _Optional[int] = ...) -> None: ...

class TokenRegistration(_message.Message):
    __slots__ = ("bank", "number", "amount_fen", "device_certificate", "created_time_ms", "expires_time_ms", "possession", "incarnation")
    BANK_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    DEVICE_CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    POSSESSION_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    bank: str
    number: int
    amount_fen: int
    device_certificate: bytes
    created_time_ms: int
    expires_time_ms: int
    possession: bytes
    incarnation: int
    def __init__(self, bank: _Optional[str] = ..., number: _Optional[int] = ..., amount_fen: _Optional[int] = ..., device_certificate: _Optional[bytes] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ..., possession: _Optional[bytes] = ..., incarnation: _Optional[int] = ...) -> None: ...

class RegisterTokensRequest(_message.Message):
    __slots__ = ("registration",)
    REGISTRATION_FIELD_NUMBER: _ClassVar[int]
    registration: _envelope_pb2.SignedEnvelope
    def __init__(self, registration: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class RegisterTokensResponse(_message.Message):
    __slots__ = ("outcome", "tokens")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    outcome: Outcome
    tokens: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, outcome: _Optional[_Union[Outcome, _Mapping]] = ..., tokens: _Optional[_Iterable[bytes]] = ...) -> None: ...

class TokenDeposit(_message.Message):
    __slots__ = ("bank", "created_time_ms", "expires_time_ms", "items", "incarnation")
    BANK_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    bank: str
    created_time_ms: int
    expires_time_ms: int
    items: _containers.RepeatedCompositeFieldContainer[TokenDepositItem]
    incarnation: int
    def __init__(self, bank: _Optional[str] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ..., items: _Optional[_Iterable[_Union[TokenDepositItem, _Mapping]]] = ..., incarnation: _Optional[int] = ...) -> None: ...

class TokenDepositItem(_message.Message):
    __slots__ = ("number", "offline_payment", "own_device_keys")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    OFFLINE_PAYMENT_FIELD_NUMBER: _ClassVar[int]
    OWN_DEVICE_KEYS_FIELD_NUMBER: _ClassVar[int]
    number: int
    offline_payment: bytes
    own_device_keys: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, number: _Optional[int] = ..., offline_payment: _Optional[bytes] = ..., own_device_keys: _Optional[_Iterable[bytes]] = ...) -> None: ...

class DepositTokensRequest(_message.Message):
    __slots__ = ("deposit",)
    DEPOSIT_FIELD_NUMBER: _ClassVar[int]
    deposit: _envelope_pb2.SignedEnvelope
    def __init__(self, deposit: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class DepositTokensResponse(_message.Message):
    __slots__ = ("outcomes",)
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[DepositOutcome]
    def __init__(self, outcomes: _Optional[_Iterable[_Union[DepositOutcome, _Mapping]]] = ...) -> None: ...

class DepositOutcome(_message.Message):
    __slots__ = ("number", "state", "reason", "amount_fen", "verdict", "refusal")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    number: int
    state: OutcomeState
    reason: _errors_pb2.Reason
    amount_fen: int
    verdict: TokenVerdict
    refusal: _envelope_pb2.SignedEnvelope
    def __init__(self, number: _Optional[int] = ..., state: _Optional[_Union[OutcomeState, str]] = ..., reason: _Optional[_Union[_errors_pb2.Reason, str]] = ..., amount_fen: _Optional[int] = ..., verdict: _Optional[_Union[TokenVerdict, str]] = ..., refusal: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class DepositRefusal(_message.Message):
    __slots__ = ("bank", "number", "payment_digest", "reason", "verdict", "signed_time_ms", "ruling")
    BANK_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_DIGEST_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    SIGNED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    RULING_FIELD_NUMBER: _ClassVar[int]
    bank: str
    number: int
    payment_digest: bytes
    reason: _errors_pb2.Reason
    verdict: TokenVerdict
    signed_time_ms: int
    ruling: bytes
    def __init__(self, bank: _Optional[str] = ..., number: _Optional[int] = ..., payment_digest: _Optional[bytes] = ..., reason: _Optional[_Union[_errors_pb2.Reason, str]] = ..., verdict: _Optional[_Union[TokenVerdict, str]] = ..., signed_time_ms: _Optional[int] = ..., ruling: _Optional[bytes] = ...) -> None: ...
