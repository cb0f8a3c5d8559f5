"""Coins that show their owner when they are shown twice: only then, and exactly the owner."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bench.one_show.credential import (
    Coin,
    Generators,
    Issuer,
    IssuerPublic,
    Owner,
    Refused,
    Show,
    Withdrawal,
    traced,
    withdrawn,
)
from bench.one_show.group import (
    ORDER,
    NotInGroup,
    decoded,
    encoded,
    generator,
    hashed,
    inverse,
    power,
    random_scalar,
    times,
)

ONE_YUAN, TEN_YUAN = Issuer(random_scalar()), Issuer(random_scalar())
ALICE, BOB, CAROL = (Owner(random_scalar()) for _ in range(3))
SHOP, KIOSK = b"shop, 1 yuan, 9:30", b"kiosk, 1 yuan, 9:31"


@pytest.fixture(scope="module")
def coin() -> Coin:
    return withdrawn(ALICE, ONE_YUAN)


def test_a_coin_is_taken_by_whoever_asks(coin: Coin) -> None:
    for challenge in (SHOP, KIOSK, b""):
        shown = coin.show(challenge)
        Show.decode(shown.encode()).check(ONE_YUAN.public(), challenge)
    assert (len(coin.credential.encode()), len(shown.encode())) == (160, 224)


def test_two_shows_give_exactly_the_owners_key(coin: Coin) -> None:
    first, second = coin.show(SHOP), coin.show(KIOSK)
    assert traced(first, SHOP, second, KIOSK) == ALICE.secret
    assert Owner(ALICE.secret).public == ALICE.public
    for other in (BOB, CAROL):
        spent = withdrawn(other, ONE_YUAN)
        assert traced(spent.show(SHOP), SHOP, spent.show(KIOSK), KIOSK) == other.secret


def test_the_same_show_twice_and_two_coins_give_nobodys_key(coin: Coin) -> None:
    """A payee who hands one payment in twice makes nobody a cheat, nor do two honest payments."""
    assert traced(coin.show(SHOP), SHOP, coin.show(SHOP), SHOP) is None
    other = withdrawn(ALICE, ONE_YUAN)
    assert traced(coin.show(SHOP), SHOP, other.show(KIOSK), KIOSK) is None


class AllKnowing:
    """Somebody who knows how all generators hang together, as nobody does: who can see nothing in
    a show and in all the issuer's papers sees nothing at all.
    """

    def __init__(self) -> None:
        g = generator("g")
        self.log1, self.log2 = random_scalar(), random_scalar()
        self.at = Generators(g, power(g, self.log1), power(g, self.log2))

    def log_of_blank(self, owner: Owner) -> int:
        """Of what each coin of an owner is a power of, to g."""
        return self.log1 * owner.secret + self.log2


def test_one_show_fits_every_owner_equally_well() -> None:
    """For each there are numbers s, x1, x2 that make this very coin and this very answer."""
    known = AllKnowing()
    alice, issuer = Owner(ALICE.secret, known.at), Issuer(random_scalar(), known.at)
    coin = withdrawn(alice, issuer)
    shown = coin.show(SHOP)
    log_of_a = known.log_of_blank(alice) * coin.s
    d = hashed("show", shown.credential.a, shown.credential.b, SHOP)
    for secret in (BOB.secret, CAROL.secret, random_scalar()):
        other = Owner(secret, known.at)
        s = log_of_a * inverse(known.log_of_blank(other)) % ORDER
        assert power(other.blank(), s) == shown.credential.a
        x1 = decoded(shown.r1) - d * secret * s
        x2 = decoded(shown.r2) - d * s
        assert times(power(known.at.g1, x1), power(known.at.g2, x2)) == shown.credential.b
        assert Coin(shown.credential, other, s, x1, x2).show(SHOP) == shown


def test_what_the_issuer_saw_at_any_withdrawal_fits_every_coin_equally_well() -> None:
    """For each withdrawal and each coin there are u and v that lead from one to the other."""
    known = AllKnowing()
    issuer = Issuer(random_scalar(), known.at)
    seen, coins = [], []
    for base in (ALICE, BOB, CAROL):
        owner = Owner(base.secret, known.at)
        opening = issuer.open(owner.public)
        withdrawal = Withdrawal(owner, issuer.public())
        challenge = withdrawal.challenge(opening.a, opening.b)
        answer = issuer.answer(opening, challenge)
        seen.append((owner, opening, challenge, answer))
        coins.append(withdrawal.coin(answer))
    for owner, opening, challenge, answer in seen:
        for coin in coins:
            made, at = coin.credential, known.at
            log_of_a = known.log_of_blank(coin.owner) * coin.s
            s = log_of_a * inverse(known.log_of_blank(owner)) % ORDER
            u = made.c * inverse(challenge) % ORDER
            v = (made.r - answer * u) % ORDER
            one = times(power(opening.a, u), power(at.g, v))
            other = times(power(opening.b, s * u), power(made.a, v))
            assert hashed("signature", made.a, made.b, made.z, one, other) == made.c


@pytest.mark.parametrize("part", range(7))
def test_a_show_of_which_a_part_is_altered_is_refused(coin: Coin, part: int) -> None:
    data = bytearray(coin.show(SHOP).encode())
    for at in (0, 5, 31):
        altered = bytearray(data)
        altered[32 * part + at] ^= 2
        with pytest.raises(Refused):
            Show.decode(bytes(altered)).check(ONE_YUAN.public(), SHOP)


def test_a_show_for_another_payee_another_value_or_of_another_length_is_refused(
    coin: Coin,
) -> None:
    shown = coin.show(SHOP)
    with pytest.raises(Refused):
        shown.check(ONE_YUAN.public(), KIOSK)
    with pytest.raises(Refused):
        shown.check(TEN_YUAN.public(), SHOP)
    for data in (b"", shown.encode()[:-1], shown.encode() + b"\0"):
        with pytest.raises(Refused):
            Show.decode(data)
    with pytest.raises(Refused):  # the same number, written otherwise
        Show.decode(shown.encode()[:192] + _over(shown.r1) + shown.r2).check(
            ONE_YUAN.public(), SHOP
        )


def test_who_has_seen_shows_can_make_none(coin: Coin) -> None:
    """A payee knows credential and answer: neither answers another challenge, nor makes a coin."""
    shown = coin.show(SHOP)
    for guess in (1, decoded(shown.r1) + 1, random_scalar()):
        with pytest.raises(Refused):
            replace(shown, r1=encoded(guess)).check(ONE_YUAN.public(), KIOSK)
    own = replace(shown.credential, b=power(generator("g1"), 5))
    with pytest.raises(Refused):
        own.check(ONE_YUAN.public())


def test_neutral_elements_make_no_coin(coin: Coin) -> None:
    """With A neutral, every challenge would be answered alike, and two shows would trace nobody."""
    neutral = bytes(32)
    for name in ("a", "b", "z"):
        changed: dict[str, Any] = {name: neutral}
        broken = replace(coin.credential, **changed)
        with pytest.raises(Refused):
            Show(broken, encoded(1), encoded(1)).check(ONE_YUAN.public(), SHOP)
    with pytest.raises(NotInGroup):
        power(neutral, 5)


def test_an_issuer_that_answers_wrongly_is_noticed() -> None:
    opening = ONE_YUAN.open(BOB.public)
    withdrawal = Withdrawal(BOB, ONE_YUAN.public())
    challenge = withdrawal.challenge(opening.a, opening.b)
    with pytest.raises(Refused):
        withdrawal.coin(ONE_YUAN.answer(opening, challenge) + 1)


def test_a_coin_withdrawn_in_anothers_name_is_not_made() -> None:
    """Mallory is debited, and wants Alice named when he spends twice: he does not know her key."""
    opening = ONE_YUAN.open(BOB.public)
    pretending = Withdrawal(ALICE, ONE_YUAN.public())
    challenge = pretending.challenge(opening.a, opening.b)
    with pytest.raises(Refused):
        pretending.coin(ONE_YUAN.answer(opening, challenge))


def test_a_chain_names_the_one_who_forked_it_and_nobody_else() -> None:
    """Handing on: the challenge is a coin of no value of the payee's, who shows that one in turn.

    (D. Chaum, T. Pedersen, "Transferred Cash Grows in Size", EUROCRYPT '92.)
    """
    nothing = Issuer(random_scalar())
    first = withdrawn(ALICE, ONE_YUAN)
    bobs, carols, another = (withdrawn(who, nothing) for who in (BOB, CAROL, CAROL))

    def handed_on(coin: Coin, blank: Coin, issuer: IssuerPublic) -> tuple[Show, bytes]:
        challenge = blank.credential.encode()
        shown = coin.show(challenge)
        shown.check(issuer, challenge)
        return shown, challenge

    to_bob = handed_on(first, bobs, ONE_YUAN.public())
    to_carol = handed_on(bobs, carols, nothing.public())
    twice = handed_on(bobs, another, nothing.public())
    assert traced(*to_carol, *twice) == BOB.secret
    assert traced(*to_bob, *to_carol) is None
    chain = len(to_bob[0].encode()) + len(to_carol[0].encode())
    assert chain == 2 * 224


def _over(scalar: bytes) -> bytes:
    """The same number with the order added, if that fits into 32 bytes."""
    return (int.from_bytes(scalar, "little") + ORDER).to_bytes(32, "little")
