"""Signing pieces over to a bank, for one wallet there: the last endorsement of each.

From then on a piece is never paid. Where it was not taken it can be signed over again, to the same
wallet or to another one: whichever deposit comes in first is the one that counts.
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
from wallet.secure_element.signer import Signer
from wallet.secure_element.state import HeldKey, HeldPiece, State, chain_of


def begin_deposit(
    state: State,
    bank: str,
    wallet: str,
    *,
    own_alone: bool,
    left_out: Callable[[HeldPiece], bool],
    randomness: Randomness,
    signer_of: Callable[[HeldKey], Signer],
) -> list[bytes]:
    """Signs all pieces over; each is its nonce, 16 bytes, and its deposit.

    Args:
        bank: its name.
        wallet: number of the wallet there.
        own_alone: only pieces of keys that live in this wallet.
        left_out: pieces that stay as they are, unless they were signed over before.

    Raises:
        Refusal: when there is no piece whose key is at hand, but others.
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
            # Its key lies in a token that is not here: the others are deposited all the same.
            missing = refusal
    if missing is not None and not found:
        raise missing
    return found


def deposit_of(piece: HeldPiece) -> bytes:
    """A piece that was signed over, as `begin_deposit` gives it; b"" before."""
    if not piece.deposit:
        return b""
    data = bytes.fromhex(piece.deposit)
    end = DepositEndorsement.decode(data[NONCE_BYTES:])
    return data[:NONCE_BYTES] + Deposit(Payment((chain_of(piece),)), (end,)).encode()


def refuse_deposit(
    state: State, roots: Sequence[bytes], deposit: bytes, ruling: bytes, why: str
) -> None:
    """What a refused deposit means for its piece: its end if the root says so of this very chain.

    Else the piece is signed over anew the next time: the bank's word ends nothing.
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
    signer: Callable[[], Signer],
) -> bytes:
    """The deposit that there is already, if it is to this wallet; else a new one."""
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
