"""What may be wrong with a code that somebody shows.

CodeError              it is damaged, or says what no code may say.
├── NotACode           it is no merchant code at all, or no picture with one in it.
├── OtherScheme        it asks for money in another payment scheme.
├── OtherCurrency      it asks for another currency than yuan.
├── CodeExpired        it has ended.
└── CodeNotSupported   it asks for what this wallet does not do.
"""

from __future__ import annotations

from language import N_, _
from runtime.output import quoted


class CodeError(ValueError):
    """A code cannot be paid; the message says why. Nothing was ordered.

    Attributes:
        reason: for programs.
        following: what can be done next, in English.
        refused: the code itself is whole.
    """

    reason = "CODE_DAMAGED"
    following = N_("Read the code again, all of it; or have the payee show another.")
    refused = False


class NotACode(CodeError):
    """It is no merchant code, or no picture of one."""

    reason = "NOT_A_CODE"
    following = N_("Give the text of a merchant's code, or a picture (PNG or JPEG) of it alone.")


class OtherScheme(CodeError):
    """It belongs to somebody else's payments.

    Attributes:
        names: of the schemes, or what they call themselves; none if nothing in it says.
    """

    reason = "OTHER_SCHEME"
    following = N_("Pay it with what it was made for, or ask the payee for a wallet's code.")
    refused = True

    def __init__(self, names: list[str]) -> None:
        self.names = names
        said = _("this is a code of another payment scheme: {names}")
        unnamed = _("this is a code of another payment scheme, which it does not name")
        super().__init__(said.format(names=", ".join(map(quoted, names))) if names else unnamed)


class OtherCurrency(CodeError):
    """It asks for another currency."""

    reason = "OTHER_CURRENCY"
    following = N_("Ask the payee for a code in yuan.")
    refused = True


class CodeExpired(CodeError):
    """Its time is over."""

    reason = "CODE_EXPIRED"
    following = N_("Have the payee show a new one.")
    refused = True


class CodeNotSupported(CodeError):
    """It asks for what this wallet does not do."""

    reason = "CODE_NOT_SUPPORTED"
    following = N_("Ask the payee for a code without that, or pay to the wallet's number.")
    refused = True
