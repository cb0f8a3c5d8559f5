"""Output of the command line: sentences for people, one JSON object for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from language import _
from runtime.output import EXIT_USAGE as EXIT_USAGE
from runtime.output import NOTHING_ORDERED, json_ascii, of_this_machine

if TYPE_CHECKING:
    from runtime.errors import Refusal
    from wallet.cli.limits_output import Limit

CommandResult = tuple[dict[str, Any], str]
"""What a command has to say: the fields of its JSON object, and the text for people."""

EXIT_DONE = 0
EXIT_REFUSED = 1
EXIT_NO_ANSWER = 3


class UsageError(Exception):
    """What was entered is invalid; the message shows what would be valid."""


class Output:
    """Prints one result. Nothing else goes to standard output."""

    def __init__(
        self,
        as_json: bool,
        *,
        bank: Callable[[], str] = lambda: "",
        asks_only: bool = False,
        limits: Callable[[], Iterable[Limit]] = tuple,
        device: str = "",
        command: str = "",
    ) -> None:
        """Takes the form of the output, and its context.

        Args:
            bank: the name of the wallet's bank, "" while it has none.
            asks_only: the command changes nothing, so a missing answer leaves nothing open.
            limits: the wallet's limits; asked for when one was exceeded.
            device: "alone" where no bank is involved, "loading" where the device is loaded,
                "loading-card" where a card is, "giving" where the device pays a card, "card" where
                a card pays it.
            command: what was typed, such as ``wallet pay``.
        """
        self._command = command
        self.as_json = as_json
        self.was_heard = False
        self._bank = bank
        self._asks_only = asks_only
        self._limits = limits
        self._device = device
        self.besides: dict[str, Any] = {}
        """Fields that a program is given besides, whatever comes of the command."""

    def result(self, fields: Mapping[str, Any], text: str) -> None:
        """The fields as one JSON object, or the text for people."""
        if self.as_json:
            text = json.dumps({**self.besides, **fields}, ensure_ascii=json_ascii())
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
        self.was_heard = True

    def table(self, rows: list[list[str]]) -> None:
        """Rows for a spreadsheet, as RFC 4180 has them."""
        import csv

        csv.writer(sys.stdout).writerows(rows)
        sys.stdout.flush()
        self.was_heard = True

    def say(self, text: str) -> None:
        """Prints a remark on standard error."""
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def fail(
        self, code: int, reason: str, message: str, following: str = "", /, **more: Any
    ) -> NoReturn:
        """Says why it failed and what to do next, and ends the command.

        Args:
            following: what to do, if more is known than `next_step` says for the reason.
        """
        if not following:
            from wallet.cli.reason_texts import next_step

            following = next_step(reason)
        if self.as_json:
            fields = {"ok": False, "reason": reason, "message": message, "next": following}
            # Details of a bank's refusal must not replace fields of the answer.
            self.result({**more, **fields}, "")
        else:
            self.say(message)
            self.say(following)
            self.was_heard = True
        raise SystemExit(code)

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Turns what a use-case raises into words and an exit code."""
        try:
            yield
        except Exception as error:
            self._explain(error)
            raise

    def _explain(self, error: Exception) -> None:
        """Ends the command, unless the error is none that people should see."""
        from currency.aliases import AliasError
        from currency.amount import AmountError
        from currency.number import NumberError
        from wallet.cli.times import TimeError
        from wallet.cli.typed import PhoneError
        from wallet.home.home import HomeError
        from wallet.offline.outcomes import LinkError, LinkRefused, NobodyListens, PaymentReturn
        from wallet.offline.text_format import PaperError
        from wallet.peers.bank_directory import BankNotFound
        from wallet.qr.errors import CodeError
        from wallet.recovery.errors import PhraseError

        wrong = (
            UsageError,
            AliasError,
            AmountError,
            NumberError,
            BankNotFound,
            PaperError,
            PhoneError,
            PhraseError,
            TimeError,
        )
        if isinstance(error, wrong):
            path = self._command or "wallet"
            following = _("Look with `{path} --help`.").format(path=path)
            self.fail(EXIT_USAGE, "USAGE", str(error), following)
        if isinstance(error, CodeError):
            code = EXIT_REFUSED if error.refused else EXIT_USAGE
            self.fail(code, error.reason, str(error), _(error.following))
        if isinstance(error, HomeError):
            code = EXIT_REFUSED if error.refused else EXIT_USAGE
            self.fail(code, error.reason, str(error), _(error.following))
        if isinstance(error, PaymentReturn):
            following = _(
                "It is in this device again; put it into the wallet: wallet offline deposit"
            )
            more = {"amount_fen": error.amount_fen}
            message = _("The other device did not take it: {error}").format(error=_(str(error)))
            self.fail(EXIT_REFUSED, "CAME_BACK", message, following, **more)
        if isinstance(error, LinkRefused):
            self.fail(
                EXIT_REFUSED,
                "REFUSED",
                _("The other device did not take it: {error}").format(error=_(str(error))),
            )
        if isinstance(error, LinkError):
            following = _("Repeat the same command: it does not pay twice.")
            if isinstance(error, NobodyListens):
                following = _(
                    "The payee waits there first: wallet offline accept --listen HOST:PORT "
                    "--amount AMOUNT; then repeat the same command."
                )
            self.fail(EXIT_NO_ANSWER, "NO_ANSWER", str(error), following)
        if said := of_this_machine(error):
            from wallet.cli.reason_texts import NO_ANSWER_NEXT

            message = _("This machine does not do what is needed: {said}").format(said=said)
            following = NOTHING_ORDERED if self._asks_only else NO_ANSWER_NEXT
            self.fail(EXIT_NO_ANSWER, "MACHINE", message, _(following))
        self._explain_answer(error)

    def _of_device(self, refusal: Refusal) -> tuple[str, str] | None:
        """The text of a refusal that comes from the device itself, if it does."""
        from wallet.cli.device_texts import OWN, card_full, card_short, sentence

        if self._device == "card":
            return card_short() if refusal.name == "INSUFFICIENT_FUNDS" else None
        if self._device == "loading-card":
            return card_full(refusal) if refusal.name == "OVER_BALANCE_CAP" else None
        own = self._device == "alone" or refusal.name in OWN.get(self._device, ())
        return sentence(refusal) if own else None

    def _limit(self, reason: str) -> Limit | None:
        """The wallet's limit that a refusal for this reason is about, if it is about one."""
        if not reason.startswith("OVER_"):
            return None
        return next((limit for limit in self._limits() if limit.reason == reason), None)

    def _explain_answer(self, error: Exception) -> None:
        from runtime.errors import BadAnswer, NoAnswer, Refusal
        from wallet.cli.reason_texts import (
            ASK_LATER,
            NO_ANSWER_NEXT,
            earlier,
            sentence,
        )
        from wallet.offline.payments import NotTaken
        from wallet.online.requests import AskedPerhaps
        from wallet.orders.releases import WaitsForOthers
        from wallet.orders.submitter import NotYet, RefusedBefore

        if isinstance(error, Refusal):
            said, following = self._of_device(error) or sentence(
                error.name, error.message, error.metadata
            )
            more: dict[str, Any] = dict(error.metadata)
            if error.metadata.get("limit_of") == "parent":
                said += "\n" + _("It is the limit of the wallet that this one belongs to.")
            elif (limit := self._limit(error.name)) is not None:
                from wallet.cli.limits_output import NAMES

                name, figure = _(NAMES[limit.reason]), limit.in_words()
                said += _("\n{limit}: {figure}.").format(limit=name, figure=figure)
                more["limit"] = limit.fields()
            if error.field:
                more["field"] = error.field
            if isinstance(error, RefusedBefore):
                said, following = earlier(said, error.ordered_time_ms)
                more["ordered_time_ms"] = error.ordered_time_ms
            if self.as_json:
                self.fail(EXIT_REFUSED, error.name, error.message, following, **more)
            self.fail(EXIT_REFUSED, error.name, said, following)
        if isinstance(error, NotTaken):
            self.fail(EXIT_NO_ANSWER, "NOT_TAKEN", str(error), _(error.following))
        if isinstance(error, WaitsForOthers):
            message = _("It waits for {missing} more signatures, as {id}.").format(
                missing=error.missing, id=error.name
            )
            more = {"id": error.name, "signatures_missing": error.missing}
            self.fail(EXIT_NO_ANSWER, "NOT_RELEASED", message, _(error.following), **more)
        if isinstance(error, NoAnswer):
            name = self._bank()
            silent = (
                _("Bank {name} does not answer").format(name=name)
                if name
                else _("The bank does not answer")
            )
            if isinstance(error, BadAnswer):
                silent = _("What the bank has answered is not to be believed")
            if isinstance(error.__cause__, Refusal):
                silent = _("The bank has decided nothing")
            if self._asks_only:
                self.fail(
                    EXIT_NO_ANSWER,
                    "NO_ANSWER",
                    _("{silent}. ({error})").format(silent=silent, error=error),
                    _(ASK_LATER),
                )
            message = _("{silent}, so nobody knows yet whether it happened. ({error})").format(
                silent=silent, error=error
            )
            following = (
                error.following if isinstance(error, NotYet | AskedPerhaps) else NO_ANSWER_NEXT
            )
            self.fail(EXIT_NO_ANSWER, "NO_ANSWER", message, _(following))
