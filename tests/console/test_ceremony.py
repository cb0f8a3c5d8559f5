"""A root key made in a ceremony: shares, the record, and what is refused."""

from __future__ import annotations

import datetime
import itertools
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest
from nacl.signing import SigningKey

from console.ceremony import CeremonyError, Held, hold, holder_of, read_record, restore
from runtime.signing_keys import open_key, put_token_key

NOW = datetime.datetime(2026, 11, 25, 12, 0, tzinfo=datetime.UTC)
PEOPLE = ["Ann", "Ben", "Chen Yu", "陈玉", "Eve"]


@pytest.fixture(scope="module")
def held() -> Held:
    return hold("offline-root", PEOPLE, 3, ["Wim"], NOW)


def test_any_three_of_five_make_the_key_again(held: Held) -> None:
    for three in itertools.combinations(held.shares.values(), 3):
        assert restore(held.record, three) == held.seed


def test_two_shares_are_not_enough_nor_is_one_of_them_twice(held: Held) -> None:
    first, second, *_ = held.shares.values()
    for shares in ([first], [first, second], [first, second, second.upper()]):
        with pytest.raises(CeremonyError, match="3 shares of different holders are needed"):
            restore(held.record, shares)


def test_each_share_is_known_by_its_holder_however_it_is_typed(held: Held) -> None:
    for name, share in held.shares.items():
        assert holder_of(held.record, f"  {share.upper()}  ") == name


def test_a_mistyped_share_is_said_by_its_checksum(held: Held) -> None:
    words = held.shares["Ann"].split()
    words[5] = "academic" if words[5] != "academic" else "acid"
    with pytest.raises(CeremonyError, match="no share"):
        holder_of(held.record, " ".join(words))


def test_a_share_of_another_ceremony_is_refused(held: Held) -> None:
    other = hold("offline-root", PEOPLE, 3, [], NOW)
    with pytest.raises(CeremonyError, match="of another ceremony"):
        restore(held.record, [*list(held.shares.values())[:2], other.shares["Ann"]])


def test_the_record_tells_no_share_and_verifies_by_itself(held: Held) -> None:
    text = held.record.encode()
    assert read_record(text) == held.record
    assert held.seed.hex() not in text
    assert not any(share in text for share in held.shares.values())
    assert "seed=" not in repr(held)
    assert not any(share in repr(held) for share in held.shares.values())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("threshold", 2),
        ("purpose", "bank"),
        ("witnesses", []),
        ("time", "2025-01-01T00:00:00+00:00"),
        ("holders", {"Mallory": "00" * 32}),
        ("public_key", bytes(SigningKey(bytes(32)).verify_key).hex()),
    ],
)
def test_a_changed_record_is_refused(held: Held, field: str, value: object) -> None:
    fields = json.loads(held.record.encode())
    fields[field] = value
    with pytest.raises(CeremonyError, match="was changed"):
        read_record(json.dumps(fields))


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"format": "other/1"}', '{"format": 1}'])
def test_what_is_no_record_is_refused(text: str) -> None:
    with pytest.raises(CeremonyError, match="record"):
        read_record(text)


@pytest.mark.parametrize(
    ("holders", "threshold", "witnesses", "what"),
    [
        (["Ann"], 1, [], "2 to 16 of --holder"),
        (["Ann", "Ben"], 1, [], "the threshold is 2 to 2"),
        (["Ann", "Ben"], 3, [], "the threshold is 2 to 2"),
        (["Ann", "ann"], 2, [], "one person stands there twice"),
        (["Ann", ""], 2, [], "holder is missing"),
        (["Ann", "Ben\x1b[2J"], 2, [], "cannot be printed"),
        ([f"p{n}" for n in range(17)], 2, [], "2 to 16 of --holder, not 17"),
        (["Ann", "Ben"], 2, ["Wim", "WIM"], "--witness: one person stands there twice"),
    ],
)
def test_a_ceremony_that_protects_nothing_is_refused(
    holders: list[str], threshold: int, witnesses: list[str], what: str
) -> None:
    with pytest.raises(CeremonyError, match=what):
        hold("offline-root", holders, threshold, witnesses, NOW)


class Terminal:
    """A terminal of 80 columns with ``dcep ceremony`` on it, and the people before it."""

    def __init__(self, *words: str) -> None:
        command = ["-m", "sandbox.cli.main", "ceremony", *words]
        self.run = pexpect.spawn(
            sys.executable, command, encoding="utf-8", timeout=60, dimensions=(24, 80)
        )

    def copy_share(self) -> str:
        """One holder looks at the screen and writes the words down."""
        self.run.expect("alone looks at the screen now; Enter")
        self.run.sendline("")
        self.run.expect("written down")
        screen = self.run.before or ""
        numbered = {int(place): word for place, word in re.findall(r"(\d+) ([a-z]+)", screen)}
        self.run.sendline("")
        return " ".join(numbered[place] for place in sorted(numbered))

    def confirm(self, share: str) -> None:
        """Types the words that are asked for."""
        for _ in range(3):
            self.run.expect(r"word (\d+): ")
            match = self.run.match
            assert isinstance(match, re.Match)
            self.run.sendline(share.split()[int(match[1]) - 1])

    def end(self) -> tuple[int | None, str]:
        """The exit status, and what was printed since the last answer."""
        self.run.expect(pexpect.EOF)
        self.run.close()
        return self.run.exitstatus, self.run.before or ""


def test_a_ceremony_is_held_and_its_key_restored_at_a_terminal(tmp_path: Path) -> None:
    record, key = tmp_path / "record.json", tmp_path / "root.key"
    people = [word for name in PEOPLE[:3] for word in ("--holder", name)]
    terminal = Terminal("hold", str(record), "--into", str(key), *people, "--threshold", "2")
    shares = []
    for _ in range(3):
        shares.append(terminal.copy_share())
        terminal.confirm(shares[-1])
    status, screen = terminal.end()
    assert status == 0 and "any 2 of Ann, Ben, Chen Yu make it again" in screen
    made = read_record(record.read_text())
    assert bytes(open_key(str(key), in_files=True).verify_key).hex() == made.public_key

    again = tmp_path / "again.key"
    terminal = Terminal("restore", str(record), "--into", str(again))
    for share in (shares[2], "these words are no share", shares[0]):
        terminal.run.expect("share . of 2: ")
        terminal.run.sendline(share)
    status, screen = terminal.end()
    assert status == 0 and shares[0] not in screen
    assert again.read_bytes() == key.read_bytes()


def test_a_share_that_was_not_written_down_ends_the_ceremony_with_nothing_made(
    tmp_path: Path,
) -> None:
    record, key = tmp_path / "record.json", tmp_path / "root.key"
    people = ["--holder", "Ann", "--holder", "Ben", "--threshold", "2"]
    terminal = Terminal("hold", str(record), "--into", str(key), *people)
    terminal.copy_share()
    for _ in range(3):
        terminal.run.expect("word .*: ")
        terminal.run.sendline("something")
    status, screen = terminal.end()
    assert status == 1 and "SHARE_NOT_KEPT" in screen
    assert not record.exists() and not key.exists()


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    record, key = tmp_path / "record.json", tmp_path / "root.key"
    key.write_bytes(b"another key")
    people = ["--holder", "Ann", "--holder", "Ben", "--threshold", "2"]
    terminal = Terminal("hold", str(record), "--into", str(key), *people)
    for _ in range(2):
        terminal.confirm(terminal.copy_share())
    status, screen = terminal.end()
    assert status == 1 and "dcep ceremony restore" in " ".join(screen.split())
    assert key.read_bytes() == b"another key"
    assert read_record(record.read_text()).threshold == 2


def test_a_key_made_in_a_ceremony_lies_in_a_token(
    held: Held, token_uri: Callable[[str], str]
) -> None:
    uri = token_uri("ceremony")
    put_token_key(uri, restore(held.record, list(held.shares.values())[:3]))
    key = open_key(uri, in_files=False)
    assert bytes(key.verify_key).hex() == held.record.public_key
