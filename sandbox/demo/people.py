"""The story of a family, a shop and an employer: what people do with their wallets.

Everybody types the commands that there are for people, officers and clerks theirs, each in a
process of its own; the story reads the answers that programs get.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from currency.amount import format_yuan
from language import N_, _
from sandbox.demo.environment import System
from sandbox.demo.scenario import YUAN, Say, Step, expect
from sandbox.demo.street import Street

_MOTHER = ("--name", "Zhao Quexiang", "--document", "E1234567")
_PIN = "2468"


def fund(street: Street, say: Say) -> None:
    """The banks have money to give."""
    for bank in street.system.plan.banks:
        street.system.pay_in(bank.name, 100_000 * YUAN)
        street.system.issue(bank.name, 50_000 * YUAN)
        street.system.wait_vault(bank.name, 50_000 * YUAN)
        say(_("{bank} has {yuan} yuan").format(bank=bank.name, yuan=format_yuan(50_000 * YUAN)))


def customers(street: Street, say: Say) -> None:
    """Whoever shows more of themselves gets a better class; class I takes two officers."""
    people: tuple[tuple[str, str, tuple[str, ...]], ...] = (
        ("father", "alpha", ("--phone", "13900000001")),
        ("mother", "alpha", (*_MOTHER, "--phone", "13900000002", "--account", "CN1")),
        ("office", "alpha", ("--name", "Office", "--no-phrase")),
        ("shop", "beta", ("--name", "Best Tea")),
        ("music", "beta", ("--name", "Music")),
    )
    for who, bank, shown in people:
        opened = street.open(who, bank, *shown)
        say(
            _("{who} at {bank}: {number}, class {wallet_class}").format(
                who=who, bank=bank, number=opened["number"], wallet_class=opened["wallet_class"]
            )
        )
    _refused(say, street.wallet("mother", "upgrade", "--to", "I", no="IDENTITY_NOT_CONFIRMED"))
    confirm = ("customer", "confirm", street.number("mother"), *_MOTHER)
    street.dcep(*confirm, "--as", "wang")
    street.dcep(*confirm, "--as", "zhou", "--second")
    street.wallet("mother", "upgrade", "--to", "I")
    say(_("two officers saw her and her papers at the counter: class I"))
    for who, yuan in (("mother", "6000"), ("office", "9000"), ("shop", "100")):
        street.wallet(who, "topup", yuan)


def limits(street: Street, say: Say) -> None:
    """A refusal says which limit, what is left of it, and how to raise it; money stays."""
    street.wallet("mother", "pay", street.number("father"), "2600", "--yes")
    shop = street.number("shop")
    no = street.wallet("father", "pay", shop, "2100", "--yes", no="OVER_SINGLE_LIMIT")
    _refused(say, no)
    street.wallet("father", "upgrade", "--name", "Bo", "--document", "E7654321")
    street.wallet("father", "pay", shop, "2100", "--yes")
    say(_("with a document father has class III, with his money in it, and pays 2,100.00"))


def family(street: Street, say: Say) -> None:
    """A child's wallet has limits of its own, and what it spends counts against its mother's."""
    key = str(street.wallet("kid", "sub", "key", "--bank", "alpha")["public_key"])
    given = ("--cap", "200", "--single", "50", "--day", "100", "--purpose", "for school")
    number = str(street.wallet("mother", "sub", "add", "--key", key, *given)["number"])
    street.wallet("kid", "sub", "join", number)
    street.wallet("mother", "pay", number, "150", "--yes")
    say(_("mother gives her kid a wallet in hers: 50.00 at once, 100.00 a day"))
    shop = street.number("shop")
    street.wallet("kid", "pay", shop, "12", "--memo", "tea", "--yes")
    _refused(say, street.wallet("kid", "pay", shop, "60", "--yes", no="OVER_SINGLE_LIMIT"))


def mandate(street: Street, say: Say) -> None:
    """A merchant asks and is paid, and does not learn by whom."""
    music = street.number("music")
    given = street.wallet("mother", "mandate", "give", music, "--each", "30", "--month", "50")
    number = str(given["number"])
    street.wallet("music", "request", number, "30", "--text", "June")
    street.request("music", "PAID")
    say(_("music asked {number} for 30.00, and has it; that is all it knows").format(number=number))
    beyond = street.wallet("music", "request", number, "45", "--text", "July and August")
    name = str(beyond["requests"][0]["name"])
    street.wait(
        lambda: street.request("mother")["not_paid"] == "BEYOND_MANDATE",
        _("mother is told what is beyond it"),
    )
    say(_("45.00 are beyond the mandate, and wait for a yes"))
    street.wallet("mother", "mandate", "allow", name)
    street.request("music", "PAID")
    say(_("mother says yes, this once"))


def asking(street: Street, say: Say) -> None:
    """An alias is found across banks; who asks is answered once; a bill is split."""
    street.wallet("shop", "alias", "add", "@best.tea")
    street.wallet("father", "pay", "--alias", "@best.tea", "9.50", "--yes")
    say(_("father pays @best.tea, which is at the other bank, without a number"))
    father = street.number("father")
    street.wallet("shop", "request", father, "90", "--text", "party", "--partial")
    name = str(street.request("father")["name"])
    street.wallet("father", "pay", "--request", name, "40", "--yes")
    left = street.request("father")["left_fen"]
    say(_("the shop asked him for 90.00; he pays 40.00, {left} are left").format(left=_yuan(left)))
    no = street.wallet("father", "pay", "--request", name, "60", "--yes", no="AMOUNT_NOT_ASKED")
    _refused(say, no)
    mother = street.number("mother")
    street.wallet("father", "request", "--split", f"{mother},{father}", "25.01", "--text", "dinner")
    street.wait(lambda: street.request("mother")["text"] == "dinner", _("mother sees a split bill"))
    dinner = street.request("mother")
    street.wallet("mother", "pay", "--request", str(dinner["name"]), "--yes")
    say(
        _("a bill of 25.01 is split: mother's share is {yuan}").format(
            yuan=_yuan(dinner["amount_fen"])
        )
    )


def codes(street: Street, say: Say) -> None:
    """A merchant's code, in the form that all of EMVCo's merchants show."""
    made = street.wallet("shop", "qr", "show", "12.50", "--name", "BEST TEA", "--city", "BEIJING")
    text = str(made["text"])
    street.wallet("mother", "pay", "--qr", text, "12.50", "--memo", "two cups")
    say(
        _("mother pays the shop's code: {count} characters, good for one payment").format(
            count=len(text)
        )
    )
    foreign = street.wallet("mother", "qr", "read", "wxp://f2f0XO9MxuKhCB52g30uvHa1")
    say(
        _("a code of somebody else's is told apart: {name}").format(
            name=", ".join(foreign["schemes"])
        )
    )


def refunds(street: Street, say: Say) -> None:
    """Who was paid gives back a part, and never more than it was."""
    cups = next(
        line for line in street.wallet("shop", "history")["items"] if line["memo"] == "two cups"
    )
    street.wallet("shop", "refund", str(cups["payment_id"]), "6.25", "--yes")
    say(_("one cup was cold: 6.25 of it go back"))
    no = street.wallet(
        "shop", "refund", str(cups["payment_id"]), "6.26", "--yes", no="REFUND_TOO_LARGE"
    )
    _refused(say, no)


def topping_up(street: Street, say: Say) -> None:
    """What the wallet lacks comes out of the deposit account, in the same step."""
    had = street.fen("mother")
    paid = street.wallet(
        "mother", "pay", street.number("shop"), format_yuan(had + 100 * YUAN), "--top-up", "--yes"
    )
    expect(street.fen("mother") == 0, _("mother has nothing left"))
    say(
        _("mother has {had} and pays 100.00 more: {top_up} come from her deposit").format(
            had=_yuan(had), top_up=_yuan(paid["top_up_fen"])
        )
    )


def sweeping(street: Street, say: Say) -> None:
    """What a payment brings over a level goes on to the deposit account, in the same step."""
    street.wallet("mother", "automatic", "--sweep", "--above", "100")
    street.wallet("father", "pay", street.number("mother"), "130", "--yes")
    expect(street.fen("mother") == 100 * YUAN, _("mother keeps 100.00"))
    say(_("father gives mother 130.00; what is over 100.00 goes on to her deposit"))
    street.wallet("mother", "automatic", "--no-sweep")


def payroll(street: Street, say: Say) -> None:
    """An employer pays from a file, once, whatever interrupts it."""
    rows = [("father", "1850.50"), ("mother", "2400"), ("music", "1020")]
    file = _wages(street, rows, "November")
    told = ("payroll", str(file), "--total", "5270.50")
    street.wallet("office", *told)
    left = street.fen("office")
    street.wallet("office", *told)
    expect(street.fen("office") == left, _("nobody is paid twice"))
    say(
        _("the office pays {count} wages from a file; the same again pays nobody twice").format(
            count=len(rows)
        )
    )


def _wages(street: Street, rows: Sequence[tuple[str, str]], month: str) -> Path:
    """A file of wages, in yuan."""
    file = street.system.homes / f"{month}.csv"
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["payee", "name", "amount", "memo"])
        writer.writerows([street.number(who), who, yuan, month] for who, yuan in rows)
    return file


def company(street: Street, say: Say) -> None:
    """In a company one prepares, and two of the others release."""
    for who, role in (("ben", "release"), ("clerk", "prepare")):
        street.join(who, "office", "alpha", who, role)
    street.wallet("office", "signers", "threshold", "2", "--yes")
    say(_("from now on the office's wallet takes two signatures"))
    shop = street.number("shop")
    _refused(say, street.wallet("office", "pay", shop, "300", "--yes", no="SIGNER_MAY_NOT"))
    name = str(street.wallet("clerk", "prepare", shop, "300", "--memo", "rent")["id"])
    first = street.wallet("ben", "release", name, "--yes")
    expect(not first["done"], _("one signature is not enough"))
    done = street.wallet("office", "release", name, "--yes")
    expect(bool(done["done"]), _("two signatures are enough"))
    say(_("the clerk prepares the rent, two release it: 300.00 are paid"))
    rows = [("father", "185.50"), ("music", "102")]
    told = ("payroll", str(_wages(street, rows, "December")), "--total", "287.50")
    waits = street.wallet("clerk", *told, code=3)
    expect(waits["waiting"] == len(rows), _("the wages wait for two signatures"))
    for who in ("ben", "office"):
        street.wallet(who, "release", str(waits["releases"][0]), "--yes")
    left = street.fen("clerk")
    paid = street.wallet("clerk", *told)
    expect(paid["settled"] == len(rows), _("what two have released is paid"))
    expect(street.fen("clerk") == left - (287 * YUAN + 50), _("nobody is paid twice"))
    say(
        _("the clerk's file with {count} wages waits for two signatures, and is paid then").format(
            count=len(rows)
        )
    )


def phones(street: Street, say: Say) -> None:
    """The same wallet on a second telephone; either can be cut off."""
    street.wallet("mother", "topup", "50")
    street.join("tablet", "mother", "alpha", "tablet")
    street.wallet("tablet", "pay", street.number("shop"), "20", "--yes")
    say(_("mother's wallet is on her tablet too, which pays 20.00"))
    found = street.wallet("mother", "signers")["signers"]
    place = next(str(one["place"]) for one in found if one["label"] == "tablet")
    street.wallet("mother", "signers", "remove", place, "--yes")
    no = street.wallet("tablet", "pay", street.number("shop"), "1", "--yes", no="KEY_REPLACED")
    _refused(say, no)


def lost(street: Street, say: Say) -> None:
    """A telephone that is lost is no lost money."""
    had = street.fen("father")
    words = street.paper("father").read_text()
    asked = street.wallet("father-again", "recover", "--phrase", typed=words + "\n", code=3)
    say(
        _("father's telephone is in the river; with the paper he asks for wallet {number}").format(
            number=asked["number"]
        )
    )
    street.wait(lambda: bool(street.recovered("father-again")), _("the key is in force"))
    expect(street.fen("father-again") == had, _("his money is there"))
    say(_("when nobody objected in time he has it again: {yuan}").format(yuan=_yuan(had)))
    no = street.wallet("father", "pay", street.number("shop"), "1", "--yes", no="KEY_REPLACED")
    _refused(say, no)


def card(street: Street, say: Say) -> None:
    """Grandmother has no telephone that runs a wallet; a card does for her."""
    street.dcep("card", "issue", "alpha", "card-1", "--phone", "02012345678", "--limit", "100")
    street.wallet("shop", "offline", "load", "1")
    with street.card("card-1", _PIN) as at:
        filled = street.dcep("card", "top-up", "alpha", "card-1", "60", "--card", at, pin=_PIN)
        say(
            _("grandmother puts notes on the counter: {yuan} on her card").format(
                yuan=_yuan(filled["card_fen"])
            )
        )
        paid = street.wallet("shop", "offline", "tap", at, "--take", "4.50")
        say(
            _("she holds it to the shop's reader: {yuan}").format(
                yuan=_yuan(int(paid["amount_fen"]))
            )
        )
    act = street.dcep(
        "card", "block", "alpha", "card-1", "--cause", "lost in the bus", "--as", "wang"
    )
    street.by_two(act)
    street.dcep("card", "replace", "alpha", "card-1", "card-2", "--phone", "02012345678")
    say(_("she loses it in the bus: two officers block it, and she gets another one"))


PEOPLE = (
    (N_("Money for the banks"), fund),
    (N_("Customers: who shows what gets which class"), customers),
    (N_("Limits, and another class with money in the wallet"), limits),
    (N_("A family: a wallet in a wallet"), family),
    (N_("A mandate: the merchant asks, and learns nothing"), mandate),
    (N_("Finding and asking: aliases, requests, a split bill"), asking),
    (N_("A merchant's code"), codes),
    (N_("Refunds"), refunds),
    (N_("What the wallet lacks comes from the deposit"), topping_up),
    (N_("What arrives over a level goes on to the deposit"), sweeping),
    (N_("An employer pays wages"), payroll),
    (N_("A company: one prepares, two release"), company),
    (N_("A second telephone"), phones),
    (N_("A telephone is lost"), lost),
    (N_("A card for grandmother"), card),
)


def people(system: System) -> tuple[Step, ...]:
    """The steps of the story, in one street."""
    street = Street(system)

    def in_the_street(act: Callable[[Street, Say], None], _system: System, say: Say) -> None:
        act(street, say)

    return tuple(Step(label, partial(in_the_street, act)) for label, act in PEOPLE)


def _refused(say: Say, answer: dict[str, Any]) -> None:
    say(f"[yellow]{answer['reason']}[/]: {answer['message']}")


def _yuan(fen: int) -> str:
    return _("{yuan} yuan").format(yuan=format_yuan(fen))
