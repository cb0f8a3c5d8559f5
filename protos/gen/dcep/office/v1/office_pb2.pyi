from dcep.bank.v1 import keys_pb2 as _keys_pb2
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

class Right(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RIGHT_UNSPECIFIED: _ClassVar[Right]
    RIGHT_OFFICERS: _ClassVar[Right]
    RIGHT_RESERVES: _ClassVar[Right]
    RIGHT_ISSUANCE: _ClassVar[Right]
    RIGHT_BANKS: _ClassVar[Right]
    RIGHT_DEVICES: _ClassVar[Right]
    RIGHT_WALLETS: _ClassVar[Right]
    RIGHT_SUSPENSE: _ClassVar[Right]
    RIGHT_CASH: _ClassVar[Right]
    RIGHT_POLICY: _ClassVar[Right]
    RIGHT_CUSTOMERS: _ClassVar[Right]

class ActState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACT_STATE_UNSPECIFIED: _ClassVar[ActState]
    ACT_STATE_OPEN: _ClassVar[ActState]
    ACT_STATE_APPROVED: _ClassVar[ActState]
    ACT_STATE_REJECTED: _ClassVar[ActState]
    ACT_STATE_EXPIRED: _ClassVar[ActState]
    ACT_STATE_REFUSED: _ClassVar[ActState]
    ACT_STATE_WITHDRAWN: _ClassVar[ActState]
RIGHT_UNSPECIFIED: Right
RIGHT_OFFICERS: Right
RIGHT_RESERVES: Right
RIGHT_ISSUANCE: Right
RIGHT_BANKS: Right
RIGHT_DEVICES: Right
RIGHT_WALLETS: Right
RIGHT_SUSPENSE: Right
RIGHT_CASH: Right
RIGHT_POLICY: Right
RIGHT_CUSTOMERS: Right
ACT_STATE_UNSPECIFIED: ActState
ACT_STATE_OPEN: ActState
ACT_STATE_APPROVED: ActState
ACT_STATE_REJECTED: ActState
ACT_STATE_EXPIRED: ActState
ACT_STATE_REFUSED: ActState
ACT_STATE_WITHDRAWN: ActState

class OfficerAct(_message.Message):
    __slots__ = ("act_id", "institution", "officer", "created_time_ms", "expires_time_ms", "cause", "register_officer", "change_rights", "renew_officer", "remove_officer", "pay_in_reserves", "pay_out_reserves", "issue", "redeem", "admit_bank", "suspend_bank", "reinstate_bank", "revoke_device", "renew_bank", "renew_central_key", "revoke_central_certificate", "renew_offline_root", "put_back", "publish_policy", "freeze_wallet", "unfreeze_wallet", "pay_suspense", "register_cash_machine", "revoke_cash_machine", "come_back", "settle_lost", "replace_key", "confirm_presence", "downgrade_wallet", "block_devices", "cancel_key")
    ACT_ID_FIELD_NUMBER: _ClassVar[int]
    INSTITUTION_FIELD_NUMBER: _ClassVar[int]
    OFFICER_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    REGISTER_OFFICER_FIELD_NUMBER: _ClassVar[int]
    CHANGE_RIGHTS_FIELD_NUMBER: _ClassVar[int]
    RENEW_OFFICER_FIELD_NUMBER: _ClassVar[int]
    REMOVE_OFFICER_FIELD_NUMBER: _ClassVar[int]
    PAY_IN_RESERVES_FIELD_NUMBER: _ClassVar[int]
    PAY_OUT_RESERVES_FIELD_NUMBER: _ClassVar[int]
    ISSUE_FIELD_NUMBER: _ClassVar[int]
    REDEEM_FIELD_NUMBER: _ClassVar[int]
    ADMIT_BANK_FIELD_NUMBER: _ClassVar[int]
    SUSPEND_BANK_FIELD_NUMBER: _ClassVar[int]
    REINSTATE_BANK_FIELD_NUMBER: _ClassVar[int]
    REVOKE_DEVICE_FIELD_NUMBER: _ClassVar[int]
    RENEW_BANK_FIELD_NUMBER: _ClassVar[int]
    RENEW_CENTRAL_KEY_FIELD_NUMBER: _ClassVar[int]
    REVOKE_CENTRAL_CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    RENEW_OFFLINE_ROOT_FIELD_NUMBER: _ClassVar[int]
    PUT_BACK_FIELD_NUMBER: _ClassVar[int]
    PUBLISH_POLICY_FIELD_NUMBER: _ClassVar[int]
    FREEZE_WALLET_FIELD_NUMBER: _ClassVar[int]
    UNFREEZE_WALLET_FIELD_NUMBER: _ClassVar[int]
    PAY_SUSPENSE_FIELD_NUMBER: _ClassVar[int]
    REGISTER_CASH_MACHINE_FIELD_NUMBER: _ClassVar[int]
    REVOKE_CASH_MACHINE_FIELD_NUMBER: _ClassVar[int]
    COME_BACK_FIELD_NUMBER: _ClassVar[int]
    SETTLE_LOST_FIELD_NUMBER: _ClassVar[int]
    REPLACE_KEY_FIELD_NUMBER: _ClassVar[int]
    CONFIRM_PRESENCE_FIELD_NUMBER: _ClassVar[int]
    DOWNGRADE_WALLET_FIELD_NUMBER: _ClassVar[int]
    BLOCK_DEVICES_FIELD_NUMBER: _ClassVar[int]
    CANCEL_KEY_FIELD_NUMBER: _ClassVar[int]
    act_id: str
    institution: str
    officer: str
    created_time_ms: int
    expires_time_ms: int
    cause: str
    register_officer: RegisterOfficer
    change_rights: ChangeRights
    renew_officer: RenewOfficer
    remove_officer: RemoveOfficer
    pay_in_reserves: PayInReserves
    pay_out_reserves: PayOutReserves
    issue: Issue
    redeem: Redeem
    admit_bank: AdmitBank
    suspend_bank: SuspendBank
    reinstate_bank: ReinstateBank
    revoke_device: RevokeDevice
    renew_bank: RenewBank
    renew_central_key: RenewCentralKey
    revoke_central_certificate: RevokeCentralCertificate
    renew_offline_root: RenewOfflineRoot
    put_back: PutBack
    publish_policy: PublishPolicy
    freeze_wallet: FreezeWallet
    unfreeze_wallet: UnfreezeWallet
    pay_suspense: PaySuspense
    register_cash_machine: RegisterCashMachine
    revoke_cash_machine: RevokeCashMachine
    come_back: ComeBack
    settle_lost: SettleLost
    replace_key: ReplaceKey
    confirm_presence: ConfirmPresence
    downgrade_wallet: DowngradeWallet
    block_devices: BlockDevices
    cancel_key: CancelKey
    def __init__(self, act_id: _Optional[str] = ..., institution: _Optional[str] = ..., officer: _Optional[str] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ..., cause: _Optional[str] = ..., register_officer: _Optional[_Union[RegisterOfficer, _Mapping]] = ..., change_rights: _Optional[_Union[ChangeRights, _Mapping]] = ..., renew_officer: _Optional[_Union[RenewOfficer, _Mapping]] = ..., remove_officer: _Optional[_Union[RemoveOfficer, _Mapping]] = ..., pay_in_reserves: _Optional[_Union[PayInReserves, _Mapping]] = ..., pay_out_reserves: _Optional[_Union[PayOutReserves, _Mapping]] = ..., issue: _Optional[_Union[Issue, _Mapping]] = ..., redeem: _Optional[_Union[Redeem, _Mapping]] = ..., admit_bank: _Optional[_Union[AdmitBank, _Mapping]] = ..., suspend_bank: _Optional[_Union[SuspendBank, _Mapping]] = ..., reinstate_bank: _Optional[_Union[ReinstateBank, _Mapping]] = ..., revoke_device: _Optional[_Union[RevokeDevice, _Mapping]] = ..., renew_bank: _Optional[_Union[RenewBank, _Mapping]] = ..., renew_central_key: _Optional[_Union[RenewCentralKey, _Mapping]] = ..., revoke_central_certificate: _Optional[_Union[RevokeCentralCertificate, _Mapping]] = ..., renew_offline_root: _Optional[_Union[RenewOfflineRoot, _Mapping]] = ..., put_back: _Optional[_Union[PutBack, _Mapping]] = ..., publish_policy: _Optional[_Union[PublishPolicy, _Mapping]] = ..., freeze_wallet: _Optional[_Union[FreezeWallet, _Mapping]] = ..., unfreeze_wallet: _Optional[_Union[UnfreezeWallet, _Mapping]] = ..., pay_suspense: _Optional[_Union[PaySuspense, _Mapping]] = ..., register_cash_machine: _Optional[_Union[RegisterCashMachine, _Mapping]] = ..., revoke_cash_machine: _Optional[_Union[RevokeCashMachine, _Mapping]] = ..., come_back: _Optional[_Union[ComeBack, _Mapping]] = ..., settle_lost: _Optional[_Union[SettleLost, _Mapping]] = ..., replace_key: _Optional[_Union[ReplaceKey, _Mapping]] = ..., confirm_presence: _Optional[_Union[ConfirmPresence, _Mapping]] = ..., downgrade_wallet: _Optional[_Union[DowngradeWallet, _Mapping]] = ..., block_devices: _Optional[_Union[BlockDevices, _Mapping]] = ..., cancel_key: _Optional[_Union[CancelKey, _Mapping]] = ...) -> None: ...

class OfficerApproval(_message.Message):
    __slots__ = ("act_id", "act_digest", "officer", "created_time_ms", "expires_time_ms")
    ACT_ID_FIELD_NUMBER: _ClassVar[int]
    ACT_DIGEST_FIELD_NUMBER: _ClassVar[int]
    OFFICER_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    act_id: str
    act_digest: bytes
    officer: str
    created_time_ms: int
    expires_time_ms: int
    def __init__(self, act_id: _Optional[str] = ..., act_digest: _Optional[bytes] = ..., officer: _Optional[str] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ...) -> None: ...

class OfficerRejection(_message.Message):
    __slots__ = ("act_id", "act_digest", "officer", "created_time_ms", "expires_time_ms")
    ACT_ID_FIELD_NUMBER: _ClassVar[int]
    ACT_DIGEST_FIELD_NUMBER: _ClassVar[int]
    OFFICER_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    act_id: str
    act_digest: bytes
    officer: str
    created_time_ms: int
    expires_time_ms: int
    def __init__(self, act_id: _Optional[str] = ..., act_digest: _Optional[bytes] = ..., officer: _Optional[str] = ..., created_time_ms: _Optional[int] = ..., expires_time_ms: _Optional[int] = ...) -> None: ...

class FoundingRecord(_message.Message):
    __slots__ = ("institution", "created_time_ms", "officers", "cash_machines")
    INSTITUTION_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    OFFICERS_FIELD_NUMBER: _ClassVar[int]
    CASH_MACHINES_FIELD_NUMBER: _ClassVar[int]
    institution: str
    created_time_ms: int
    officers: _containers.RepeatedCompositeFieldContainer[RegisterOfficer]
    cash_machines: _containers.RepeatedCompositeFieldContainer[RegisterCashMachine]
    def __init__(self, institution: _Optional[str] = ..., created_time_ms: _Optional[int] = ..., officers: _Optional[_Iterable[_Union[RegisterOfficer, _Mapping]]] = ..., cash_machines: _Optional[_Iterable[_Union[RegisterCashMachine, _Mapping]]] = ...) -> None: ...

class RegisterOfficer(_message.Message):
    __slots__ = ("name", "certificate_fingerprint", "signing_key", "rights")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    SIGNING_KEY_FIELD_NUMBER: _ClassVar[int]
    RIGHTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    certificate_fingerprint: str
    signing_key: bytes
    rights: _containers.RepeatedScalarFieldContainer[Right]
    def __init__(self, name: _Optional[str] = ..., certificate_fingerprint: _Optional[str] = ..., signing_key: _Optional[bytes] = ..., rights: _Optional[_Iterable[_Union[Right, str]]] = ...) -> None: ...

class ChangeRights(_message.Message):
    __slots__ = ("name", "rights")
    NAME_FIELD_NUMBER: _ClassVar[int]
    RIGHTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    rights: _containers.RepeatedScalarFieldContainer[Right]
    def __init__(self, name: _Optional[str] = ..., rights: _Optional[_Iterable[_Union[Right, str]]] = ...) -> None: ...

class RenewOfficer(_message.Message):
    __slots__ = ("name", "certificate_fingerprint", "signing_key", "old_until_time_ms")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    SIGNING_KEY_FIELD_NUMBER: _ClassVar[int]
    OLD_UNTIL_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    name: str
    certificate_fingerprint: str
    signing_key: bytes
    old_until_time_ms: int
    def __init__(self, name: _Optional[str] = ..., certificate_fingerprint: _Optional[str] = ..., signing_key: _Optional[bytes] = ..., old_until_time_ms: _Optional[int] = ...) -> None: ...

class RemoveOfficer(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class PayInReserves(_message.Message):
    __slots__ = ("bank", "amount_fen")
    BANK_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    bank: str
    amount_fen: int
    def __init__(self, bank: _Optional[str] = ..., amount_fen: _Optional[int] = ...) -> None: ...

class PayOutReserves(_message.Message):
    __slots__ = ("bank", "amount_fen")
    BANK_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    bank: str
    amount_fen: int
    def __init__(self, bank: _Optional[str] = ..., amount_fen: _Optional[int] = ...) -> None: ...

class Issue(_message.Message):
    __slots__ = ("bank", "amount_fen", "request_id")
    BANK_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    bank: str
    amount_fen: int
    request_id: str
    def __init__(self, bank: _Optional[str] = ..., amount_fen: _Optional[int] = ..., request_id: _Optional[str] = ...) -> None: ...

class Redeem(_message.Message):
    __slots__ = ("bank", "amount_fen", "request_id")
    BANK_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    bank: str
    amount_fen: int
    request_id: str
    def __init__(self, bank: _Optional[str] = ..., amount_fen: _Optional[int] = ..., request_id: _Optional[str] = ...) -> None: ...

class AdmitBank(_message.Message):
    __slots__ = ("name", "prefix", "certificate_fingerprint", "business_key", "inner_address", "proof")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    BUSINESS_KEY_FIELD_NUMBER: _ClassVar[int]
    INNER_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    name: str
    prefix: str
    certificate_fingerprint: str
    business_key: bytes
    inner_address: str
    proof: bytes
    def __init__(self, name: _Optional[str] = ..., prefix: _Optional[str] = ..., certificate_fingerprint: _Optional[str] = ..., business_key: _Optional[bytes] = ..., inner_address: _Optional[str] = ..., proof: _Optional[bytes] = ...) -> None: ...

class SuspendBank(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ReinstateBank(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class RenewBank(_message.Message):
    __slots__ = ("name", "certificate_fingerprint", "business_key", "old_until_time_ms", "proof")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    BUSINESS_KEY_FIELD_NUMBER: _ClassVar[int]
    OLD_UNTIL_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    name: str
    certificate_fingerprint: str
    business_key: bytes
    old_until_time_ms: int
    proof: bytes
    def __init__(self, name: _Optional[str] = ..., certificate_fingerprint: _Optional[str] = ..., business_key: _Optional[bytes] = ..., old_until_time_ms: _Optional[int] = ..., proof: _Optional[bytes] = ...) -> None: ...

class RenewCentralKey(_message.Message):
    __slots__ = ("business_key", "proof", "old_until_time_ms")
    BUSINESS_KEY_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    OLD_UNTIL_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    business_key: bytes
    proof: bytes
    old_until_time_ms: int
    def __init__(self, business_key: _Optional[bytes] = ..., proof: _Optional[bytes] = ..., old_until_time_ms: _Optional[int] = ...) -> None: ...

class RevokeCentralCertificate(_message.Message):
    __slots__ = ("certificate_fingerprint",)
    CERTIFICATE_FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    certificate_fingerprint: str
    def __init__(self, certificate_fingerprint: _Optional[str] = ...) -> None: ...

class RenewOfflineRoot(_message.Message):
    __slots__ = ("root_key", "proof", "old_until_time_ms")
    ROOT_KEY_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    OLD_UNTIL_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    root_key: bytes
    proof: bytes
    old_until_time_ms: int
    def __init__(self, root_key: _Optional[bytes] = ..., proof: _Optional[bytes] = ..., old_until_time_ms: _Optional[int] = ...) -> None: ...

class PutBack(_message.Message):
    __slots__ = ("name", "after_number", "after_hash", "acts_number", "acts_hash")
    NAME_FIELD_NUMBER: _ClassVar[int]
    AFTER_NUMBER_FIELD_NUMBER: _ClassVar[int]
    AFTER_HASH_FIELD_NUMBER: _ClassVar[int]
    ACTS_NUMBER_FIELD_NUMBER: _ClassVar[int]
    ACTS_HASH_FIELD_NUMBER: _ClassVar[int]
    name: str
    after_number: int
    after_hash: bytes
    acts_number: int
    acts_hash: bytes
    def __init__(self, name: _Optional[str] = ..., after_number: _Optional[int] = ..., after_hash: _Optional[bytes] = ..., acts_number: _Optional[int] = ..., acts_hash: _Optional[bytes] = ...) -> None: ...

class ComeBack(_message.Message):
    __slots__ = ("incarnation", "after_number", "until_number", "next_number", "next_deposit")
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    AFTER_NUMBER_FIELD_NUMBER: _ClassVar[int]
    UNTIL_NUMBER_FIELD_NUMBER: _ClassVar[int]
    NEXT_NUMBER_FIELD_NUMBER: _ClassVar[int]
    NEXT_DEPOSIT_FIELD_NUMBER: _ClassVar[int]
    incarnation: int
    after_number: int
    until_number: int
    next_number: int
    next_deposit: int
    def __init__(self, incarnation: _Optional[int] = ..., after_number: _Optional[int] = ..., until_number: _Optional[int] = ..., next_number: _Optional[int] = ..., next_deposit: _Optional[int] = ...) -> None: ...

class SettleLost(_message.Message):
    __slots__ = ("entry", "amount_fen", "wallet_number")
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FEN_FIELD_NUMBER: _ClassVar[int]
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    entry: int
    amount_fen: int
    wallet_number: str
    def __init__(self, entry: _Optional[int] = ..., amount_fen: _Optional[int] = ..., wallet_number: _Optional[str] = ...) -> None: ...

class RevokeDevice(_message.Message):
    __slots__ = ("device_key", "bank")
    DEVICE_KEY_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELD_NUMBER: _ClassVar[int]
    device_key: bytes
    bank: str
    def __init__(self, device_key: _Optional[bytes] = ..., bank: _Optional[str] = ...) -> None: ...

class FreezeWallet(_message.Message):
    __slots__ = ("wallet_number",)
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    def __init__(self, wallet_number: _Optional[str] = ...) -> None: ...

class UnfreezeWallet(_message.Message):
    __slots__ = ("wallet_number",)
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    def __init__(self, wallet_number: _Optional[str] = ...) -> None: ...

class ReplaceKey(_message.Message):
    __slots__ = ("wallet_number", "request", "holder_name", "phone", "wait_ms", "recovery")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    HOLDER_NAME_FIELD_NUMBER: _ClassVar[int]
    PHONE_FIELD_NUMBER: _ClassVar[int]
    WAIT_MS_FIELD_NUMBER: _ClassVar[int]
    RECOVERY_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    request: _envelope_pb2.SignedEnvelope
    holder_name: str
    phone: str
    wait_ms: int
    recovery: _envelope_pb2.SignedEnvelope
    def __init__(self, wallet_number: _Optional[str] = ..., request: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ..., holder_name: _Optional[str] = ..., phone: _Optional[str] = ..., wait_ms: _Optional[int] = ..., recovery: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class CancelKey(_message.Message):
    __slots__ = ("wallet_number", "public_key")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    public_key: bytes
    def __init__(self, wallet_number: _Optional[str] = ..., public_key: _Optional[bytes] = ...) -> None: ...

class ConfirmPresence(_message.Message):
    __slots__ = ("wallet_number", "salt", "shown_digest")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SALT_FIELD_NUMBER: _ClassVar[int]
    SHOWN_DIGEST_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    salt: bytes
    shown_digest: bytes
    def __init__(self, wallet_number: _Optional[str] = ..., salt: _Optional[bytes] = ..., shown_digest: _Optional[bytes] = ...) -> None: ...

class DowngradeWallet(_message.Message):
    __slots__ = ("wallet_number", "wallet_class")
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    WALLET_CLASS_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    wallet_class: int
    def __init__(self, wallet_number: _Optional[str] = ..., wallet_class: _Optional[int] = ...) -> None: ...

class BlockDevices(_message.Message):
    __slots__ = ("wallet_number",)
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    wallet_number: str
    def __init__(self, wallet_number: _Optional[str] = ...) -> None: ...

class PublishPolicy(_message.Message):
    __slots__ = ("from_day", "classes", "wallets_per_phone", "wallets_per_document")
    FROM_DAY_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    WALLETS_PER_PHONE_FIELD_NUMBER: _ClassVar[int]
    WALLETS_PER_DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    from_day: int
    classes: _containers.RepeatedCompositeFieldContainer[ClassLimits]
    wallets_per_phone: int
    wallets_per_document: int
    def __init__(self, from_day: _Optional[int] = ..., classes: _Optional[_Iterable[_Union[ClassLimits, _Mapping]]] = ..., wallets_per_phone: _Optional[int] = ..., wallets_per_document: _Optional[int] = ...) -> None: ...

class ClassLimits(_message.Message):
    __slots__ = ("wallet_class", "balance_cap_fen", "single_fen", "day_fen", "year_fen")
    WALLET_CLASS_FIELD_NUMBER: _ClassVar[int]
    BALANCE_CAP_FEN_FIELD_NUMBER: _ClassVar[int]
    SINGLE_FEN_FIELD_NUMBER: _ClassVar[int]
    DAY_FEN_FIELD_NUMBER: _ClassVar[int]
    YEAR_FEN_FIELD_NUMBER: _ClassVar[int]
    wallet_class: int
    balance_cap_fen: int
    single_fen: int
    day_fen: int
    year_fen: int
    def __init__(self, wallet_class: _Optional[int] = ..., balance_cap_fen: _Optional[int] = ..., single_fen: _Optional[int] = ..., day_fen: _Optional[int] = ..., year_fen: _Optional[int] = ...) -> None: ...

class PaySuspense(_message.Message):
    __slots__ = ("position", "wallet_number")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    WALLET_NUMBER_FIELD_NUMBER: _ClassVar[int]
    position: int
    wallet_number: str
    def __init__(self, position: _Optional[int] = ..., wallet_number: _Optional[str] = ...) -> None: ...

class RegisterCashMachine(_message.Message):
    __slots__ = ("name", "public_key")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    name: str
    public_key: bytes
    def __init__(self, name: _Optional[str] = ..., public_key: _Optional[bytes] = ...) -> None: ...

class RevokeCashMachine(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class Act(_message.Message):
    __slots__ = ("number", "proposal", "state", "proposed_by", "proposed_time_ms", "decision", "decided_by", "decided_time_ms", "position", "reason")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    PROPOSAL_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PROPOSED_BY_FIELD_NUMBER: _ClassVar[int]
    PROPOSED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    DECIDED_BY_FIELD_NUMBER: _ClassVar[int]
    DECIDED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    number: int
    proposal: _envelope_pb2.SignedEnvelope
    state: ActState
    proposed_by: str
    proposed_time_ms: int
    decision: _envelope_pb2.SignedEnvelope
    decided_by: str
    decided_time_ms: int
    position: int
    reason: _errors_pb2.Reason
    def __init__(self, number: _Optional[int] = ..., proposal: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ..., state: _Optional[_Union[ActState, str]] = ..., proposed_by: _Optional[str] = ..., proposed_time_ms: _Optional[int] = ..., decision: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ..., decided_by: _Optional[str] = ..., decided_time_ms: _Optional[int] = ..., position: _Optional[int] = ..., reason: _Optional[_Union[_errors_pb2.Reason, str]] = ...) -> None: ...

class Officer(_message.Message):
    __slots__ = ("name", "rights", "removed", "credentials")
    NAME_FIELD_NUMBER: _ClassVar[int]
    RIGHTS_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    CREDENTIALS_FIELD_NUMBER: _ClassVar[int]
    name: str
    rights: _containers.RepeatedScalarFieldContainer[Right]
    removed: bool
    credentials: _containers.RepeatedCompositeFieldContainer[Credential]
    def __init__(self, name: _Optional[str] = ..., rights: _Optional[_Iterable[_Union[Right, str]]] = ..., removed: bool = ..., credentials: _Optional[_Iterable[_Union[Credential, _Mapping]]] = ...) -> None: ...

class Credential(_message.Message):
    __slots__ = ("certificate_fingerprint", "signing_key", "from_time_ms", "until_time_ms")
    CERTIFICATE_FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    SIGNING_KEY_FIELD_NUMBER: _ClassVar[int]
    FROM_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    UNTIL_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    certificate_fingerprint: str
    signing_key: bytes
    from_time_ms: int
    until_time_ms: int
    def __init__(self, certificate_fingerprint: _Optional[str] = ..., signing_key: _Optional[bytes] = ..., from_time_ms: _Optional[int] = ..., until_time_ms: _Optional[int] = ...) -> None: ...

class ProposeActRequest(_message.Message):
    __slots__ = ("proposal",)
    PROPOSAL_FIELD_NUMBER: _ClassVar[int]
    proposal: _envelope_pb2.SignedEnvelope
    def __init__(self, proposal: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class ProposeActResponse(_message.Message):
    __slots__ = ("act",)
    ACT_FIELD_NUMBER: _ClassVar[int]
    act: Act
    def __init__(self, act: _Optional[_Union[Act, _Mapping]] = ...) -> None: ...

class ApproveActRequest(_message.Message):
    __slots__ = ("approval",)
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    approval: _envelope_pb2.SignedEnvelope
    def __init__(self, approval: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class ApproveActResponse(_message.Message):
    __slots__ = ("act",)
    ACT_FIELD_NUMBER: _ClassVar[int]
    act: Act
    def __init__(self, act: _Optional[_Union[Act, _Mapping]] = ...) -> None: ...

class RejectActRequest(_message.Message):
    __slots__ = ("rejection",)
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    rejection: _envelope_pb2.SignedEnvelope
    def __init__(self, rejection: _Optional[_Union[_envelope_pb2.SignedEnvelope, _Mapping]] = ...) -> None: ...

class RejectActResponse(_message.Message):
    __slots__ = ("act",)
    ACT_FIELD_NUMBER: _ClassVar[int]
    act: Act
    def __init__(self, act: _Optional[_Union[Act, _Mapping]] = ...) -> None: ...

class GetActRequest(_message.Message):
    __slots__ = ("act_id",)
    ACT_ID_FIELD_NUMBER: _ClassVar[int]
    act_id: str
    def __init__(self, act_id: _Optional[str] = ...) -> None: ...

class GetActResponse(_message.Message):
    __slots__ = ("act",)
    ACT_FIELD_NUMBER: _ClassVar[int]
    act: Act
    def __init__(self, act: _Optional[_Union[Act, _Mapping]] = ...) -> None: ...

class ListActsRequest(_message.Message):
    __slots__ = ("state", "page_size", "page_token", "kind")
    STATE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    state: ActState
    page_size: int
    page_token: str
    kind: str
    def __init__(self, state: _Optional[_Union[ActState, str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., kind: _Optional[str] = ...) -> None: ...

class ListActsResponse(_message.Message):
    __slots__ = ("acts", "next_page_token")
    ACTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    acts: _containers.RepeatedCompositeFieldContainer[Act]
    next_page_token: str
    def __init__(self, acts: _Optional[_Iterable[_Union[Act, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListOfficersRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListOfficersResponse(_message.Message):
    __slots__ = ("officers",)
    OFFICERS_FIELD_NUMBER: _ClassVar[int]
    officers: _containers.RepeatedCompositeFieldContainer[Officer]
    def __init__(self, officers: _Optional[_Iterable[_Union[Officer, _Mapping]]] = ...) -> None: ...
