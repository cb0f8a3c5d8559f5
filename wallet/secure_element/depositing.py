"""Signs pieces over to a bank, for one of its wallets: the last endorsement of each piece.

From then on a piece is never paid. If the bank did not take it, it can be signed over again, to the
same wallet or to another one: whichever deposit comes in first counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from offline_token.deposit import Deposit, DepositEndorsement, sign_deposit
from offline_token.formats import ID_BYTES, FormatError, Payment
from offline_token.possession import NONCE_BYTES, account_of
from offline_token.ruling import End, Ruling
from offline_token.verify import piece_of
from runtime.errors import Refusal
from runtime.randomness import Randomness
from wallet.secure_element.keys import own_key
from wallet.secure_element.refusals import elsewhere, invalid
from wallet.secure_element.signer import DeviceKey
from wallet.secure_element.state import ElementState, HeldKey, HeldPiece, chain_of


def begin_deposit(
    state: ElementState,
    bank: str,
    wallet: str,
    *,
    own_alone: bool,
    left_out: Callable[[HeldPiece], bool],
    randomness: Randomness,
    signer_of: Callable[[HeldKey], DeviceKey],
) -> list[bytes]:
    """Signs all pieces over to a wallet, but for those that the root has ended.

    Args:
        bank: name of the wallet's bank.
        wallet: number of the wallet.
        own_alone: sign over only pieces of keys that live in this wallet.
        left_out: whether a piece stays as it is; not asked about one that was signed over before.
        signer_of: finds what signs with a key; raises Refusal when the key is not at hand.

    Returns:
        For each piece its nonce, 16 bytes, followed by the encoded deposit.

    Raises:
        Refusal: FIELD_INVALID for a wallet number that cannot be encoded; DEVICE_UNKNOWN when no
            piece could be signed over and the key of at least one is not at hand.
    """
    found: list[bytes] = []
    missing: Refusal | None = None
    for piece in state.pieces:
        key = own_key(state, bytes.fromhex(piece.owner))
        if piece.refused or (own_alone and (key is None or key.home != f"{bank} {wallet}")):
            continue
        if not piece.deposit and left_out(piece):
            continue
        try:
            if key is None:
                raise elsewhere()
            found.append(_signed(piece, bank, wallet, randomness, partial(signer_of, key)))
        except FormatError as error:
            raise invalid("wallet_number", str(error)) from None
        except Refusal as refusal:
            # Its key is in a PKCS#11 token that is not here; the others are deposited all the same.
            missing = refusal
    if missing is not None and not found:
        raise missing
    return found


def deposit_of(piece: HeldPiece) -> bytes:
    """The deposit of a piece, as `begin_deposit` gives it; b"" if it was never signed over."""
    if not piece.deposit:
        return b""
    data = bytes.fromhex(piece.deposit)
    end = DepositEndorsement.decode(data[NONCE_BYTES:])
    return data[:NONCE_BYTES] + Deposit(Payment((chain_of(piece),)), (end,)).encode()


def refuse_deposit(
    state: ElementState, roots: Sequence[bytes], deposit: bytes, ruling: bytes, why: str
) -> None:
    """Records that a deposit was refused.

    The piece ends only if the root's ruling says so for this very chain. It is removed if it was
    deposited, and kept as refused if nobody is paid for it. Without a ruling it is signed over
    anew the next time: the bank's word alone ends no money.

    Args:
        roots: keys whose signature counts as the central bank's.
        deposit: as `begin_deposit` gave it.
        ruling: encoded; whatever cannot be read counts as none.
        why: the bank's reason, kept for the holder.
    """
    for piece in [piece for piece in state.pieces if deposit_of(piece) == deposit]:
        end = _ended(piece, roots, ruling)
        piece.why = why
        if end == End.DEPOSITED:
            state.pieces.remove(piece)
        elif end is not None:
            piece.depositing, piece.refused = False, True
        else:
            piece.anew = True


def _ended(piece: HeldPiece, roots: Sequence[bytes], ruling: bytes) -> End | None:
    try:
        said = Ruling.decode(ruling)
    except FormatError:
        return None
    chain = chain_of(piece)
    return said.end if any(said.ends(chain, piece.output, root) for root in roots) else None


def _signed(
    piece: HeldPiece,
    bank: str,
    wallet: str,
    randomness: Randomness,
    signer: Callable[[], DeviceKey],
) -> bytes:
    """The piece's deposit to this wallet: the one it has, unless it is to be signed anew."""
    if piece.deposit and not piece.anew and _is_to(bytes.fromhex(piece.deposit), bank, wallet):
        piece.depositing = True
        return deposit_of(piece)
    nonce, deposit_id = randomness.bytes(NONCE_BYTES), randomness.bytes(ID_BYTES)
    account = account_of(wallet, nonce)
    chain = chain_of(piece)
    blank = DepositEndorsement(piece.output, bank, account, deposit_id)
    end = sign_deposit(signer(), piece_of(chain, piece.output).id, blank)
    piece.deposit, piece.depositing, piece.anew = (nonce + end.encode()).hex(), True, False
    return deposit_of(piece)


def _is_to(data: bytes, bank: str, wallet: str) -> bool:
    end = DepositEndorsement.decode(data[NONCE_BYTES:])
    return end.bank == bank and end.account == account_of(wallet, data[:NONCE_BYTES])
