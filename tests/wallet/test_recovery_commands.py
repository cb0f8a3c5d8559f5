"""What a holder types so that a lost home is no lost money, and what they are told."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dcep.bank.v1 import keys_pb2
from tests.wallet.fake_bank import FakeBank
from tests.wallet.shell import Cli, opened
from wallet.cli.main import app
from wallet.recovery import backup
from wallet.recovery.format import sealed

PASSPHRASE = "correct horse battery"


class Terminal(io.StringIO):
    """What somebody types who reads the phrase from the screen."""

    def __init__(self, screen: io.StringIO, *, wrong: int = 0) -> None:
        super().__init__()
        self._screen = screen
        self.wrong = wrong
        self.asked: list[int] = []

    def isatty(self) -> bool:
        return True

    def readline(self, *_: object) -> str:  # type: ignore[override]
        shown = self._screen.getvalue()
        place = int(shown.rsplit("Word ", 1)[1].split(":")[0])
        self.asked.append(place)
        if self.wrong:
            self.wrong -= 1
            return "nonsense\n"
        return words_on(shown)[place - 1] + "\n"


def words_on(screen: str) -> list[str]:
    """The words of the phrase that was shown last."""
    lines = screen.rsplit("not shown again.\n\n", 1)[1].split("\n\n")[0]
    return [part for part in lines.split() if not part.endswith(".")]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scrypt that takes milliseconds."""
    monkeypatch.setattr(backup, "sealed", lambda *args: sealed(*args, log2_n=10))
    monkeypatch.setenv("DCEP_PASSPHRASE", PASSPHRASE)


def typed(stack: Path, *line: str, wrong: int = 0) -> tuple[int, str, list[int], str]:
    """What comes of a line that is typed at a terminal: its code, the phrase, what was asked."""
    out, err = io.StringIO(), io.StringIO()
    terminal = Terminal(err, wrong=wrong)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", terminal)
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        patch.setenv("DCEP_STACK", str(stack))
        try:
            app(list(line), standalone_mode=False)
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
    shown = err.getvalue()
    words = " ".join(words_on(shown)) if "not shown again" in shown else ""
    return code, words, terminal.asked, out.getvalue() + shown


def test_a_phrase_is_shown_once_and_two_of_its_words_are_asked_back(
    stack: Path, tmp_path: Path, grpc_bank: FakeBank
) -> None:
    home = tmp_path / "alice"
    line = ("open", "--bank", "alpha", "--name", "Alice", "--home", str(home))
    code, words, asked, said = typed(stack, *line)
    assert (code, len(words.split()), len(set(asked))) == (0, 12, 2)
    assert "class II" in said and len(grpc_bank.phrases) == 1
    # Again, it is the same wallet, and nothing is shown.
    assert typed(stack, *line)[:3] == (0, "", [])
    kept = b"".join(file.read_bytes() for file in home.rglob("*") if file.is_file())
    assert not any(word.encode() in kept for word in words.split() if len(word) > 6)
    new = Cli(stack, tmp_path / "new")
    done = recovered(new, words)
    assert (done["state"], done["number"]) == ("APPROVED", next(iter(grpc_bank.accounts)))


def recovered(cli: Cli, words: str, *more: str, code: int = 3) -> dict[str, Any]:
    """A program recovers a wallet by a phrase, which it writes on a line."""
    line = ["recover", "--phrase", *more, "--json", "--home", str(cli.home)]
    done = CliRunner().invoke(app, line, input=words + "\n", env={"DCEP_STACK": str(cli.stack)})
    assert done.exit_code == code, (done.output, done.exception)
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_who_has_not_written_it_down_opens_nothing(stack: Path, tmp_path: Path) -> None:
    line = ("open", "--bank", "alpha", "--name", "Alice", "--home", str(tmp_path / "alice"))
    code, _words, _asked, said = typed(stack, *line, wrong=3)
    assert code == 2 and "was not written down right" in said
    assert not (tmp_path / "alice" / "wallet.json").exists()
    code, words, _asked, said = typed(stack, *line, wrong=1)
    assert code == 0 and "That is another word" in said and words


def test_a_program_gets_the_phrase_with_the_answer_or_with_the_refusal(
    stack: Path, tmp_path: Path, grpc_bank: FakeBank
) -> None:
    alice = Cli(stack, tmp_path / "alice")
    grpc_bank.mute_after = 1
    lost = alice.json("open", "--bank", "alpha", "--name", "Alice", code=3)
    assert len(lost["phrase"].split()) == 12 and lost["reason"] == "NO_ANSWER"
    made = alice.json("open", "--bank", "alpha", "--name", "Alice")
    assert made["phrase"] is None  # it was given before, and is the one that counts
    assert recovered(Cli(stack, tmp_path / "new"), lost["phrase"])["state"] == "APPROVED"
    bob = Cli(stack, tmp_path / "bob").json("open", "--bank", "alpha", "--name", "B", "--no-phrase")
    assert "phrase" not in bob
    assert len(grpc_bank.phrases) == 1


def test_where_nobody_could_write_it_down_no_phrase_is_made(
    stack: Path, tmp_path: Path, grpc_bank: FakeBank
) -> None:
    opened(stack, tmp_path / "alice", "Alice")
    assert grpc_bank.phrases == {}
    assert "No recovery phrase is kept" in Cli(stack, tmp_path / "alice").run("keys")


def test_a_key_is_changed_and_a_new_phrase_comes_with_it(
    stack: Path, tmp_path: Path, grpc_bank: FakeBank
) -> None:
    alice = opened(stack, tmp_path / "alice", "Alice", "100")
    before = alice.json("keys")["code"]
    assert "backups of before open nothing" in alice.run("key", "rotate")
    grpc_bank.rotations_lost = 1
    lost = alice.json("key", "rotate", "--phrase", code=3)
    done = alice.json("key", "rotate", "--phrase")
    assert (done["phrase"], done["new_phrase"]) == (None, True)
    assert done["code"] not in (before, "")
    assert recovered(Cli(stack, tmp_path / "new"), lost["phrase"])["state"] == "APPROVED"
    assert alice.json("show")["available_fen"] == 10_000


def test_a_home_is_backed_up_and_restored(
    stack: Path, tmp_path: Path, grpc_bank: FakeBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = opened(stack, tmp_path / "alice", "Alice", "100")
    file = tmp_path / "backup"
    said = alice.run("backup", str(file))
    assert "has all that another home" in said
    again = alice.json("backup", str(file), code=2)
    assert again["reason"] == "HOME" and "already" in again["message"]
    new = Cli(stack, tmp_path / "new")
    monkeypatch.setenv("DCEP_PASSPHRASE", "another one here")
    wrong = new.json("restore", str(file), code=1)
    assert wrong["reason"] == "PASSPHRASE_WRONG"
    monkeypatch.setenv("DCEP_PASSPHRASE", "short")
    assert alice.json("backup", str(file) + "2", code=2)["reason"] == "PASSPHRASE_SHORT"
    monkeypatch.delenv("DCEP_PASSPHRASE")
    assert new.json("restore", str(file), code=2)["reason"] == "USAGE"
    monkeypatch.setenv("DCEP_PASSPHRASE", PASSPHRASE)
    assert new.json("restore", str(tmp_path / "none"), code=2)["reason"] == "HOME"
    said = new.run("restore", str(file))
    assert "has a new key" in said
    assert new.json("show")["available_fen"] == 10_000
    assert alice.json("show", code=1)["reason"] == "KEY_REPLACED"
    third = Cli(stack, tmp_path / "third").json("restore", str(file), code=1)
    assert third["reason"] == "KEY_REPLACED"


def test_what_cannot_be_asked_is_said(stack: Path, tmp_path: Path, grpc_bank: FakeBank) -> None:
    new = Cli(stack, tmp_path / "new")
    assert "--phrase" in new.json("recover", code=2)["message"]
    assert "alpha" in new.json("recover", "6201000000000012", code=2)["message"]
    both = new.json("recover", "6201000000000012", "--phrase", code=2)
    assert "leave its number away" in both["message"]
    assert "these are 3" in recovered(new, "one two three", code=2)["message"]
    nobody = "abandon " * 11 + "about"
    assert recovered(new, nobody, code=1)["reason"] == "PHRASE_UNKNOWN"
    assert recovered(new, nobody, "--bank", "alpha", code=1)["reason"] == "PHRASE_UNKNOWN"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"successor_cause": keys_pb2.KEY_CAUSE_PHRASE}, "key rotate --phrase"),
        ({"successor_cause": keys_pb2.KEY_CAUSE_OFFICERS}, "wallet keys --object"),
        ({"successor_is_final": True}, "no objection counts"),
    ],
)
def test_who_has_the_key_is_told_on_whose_word_another_one_comes(
    stack: Path, tmp_path: Path, grpc_bank: FakeBank, fields: dict[str, Any], said: str
) -> None:
    alice = opened(stack, tmp_path / "alice", "Alice")
    [(number, account)] = grpc_bank.accounts.items()
    grpc_bank.keys[number, account.key] = keys_pb2.GetKeyResponse(
        state=keys_pb2.KEY_STATE_IN_FORCE,
        successor=b"\x05" * 32,
        successor_time_ms=1_800_000_000_000,
        **fields,
    )
    assert said in alice.run("keys")


def test_what_was_called_off_or_objected_to_is_said(
    stack: Path, tmp_path: Path, grpc_bank: FakeBank
) -> None:
    alice, new = opened(stack, tmp_path / "alice", "Alice"), Cli(stack, tmp_path / "new")
    number = alice.json("keys")["number"]
    words = alice.json("key", "rotate", "--phrase")["phrase"]
    asked = recovered(new, words)
    [key] = [key for whose, key in grpc_bank.keys if whose == number and code(key) == asked["code"]]
    for state, told in (
        (keys_pb2.KEY_STATE_REQUESTED, "two officers"),
        (keys_pb2.KEY_STATE_CANCELLED, "called this key"),
    ):
        grpc_bank.keys[number, key] = keys_pb2.GetKeyResponse(state=state)

        def stays(_order: Any, state: Any = state) -> Any:
            return keys_pb2.RecoverWalletResponse(state=state)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(grpc_bank, "recover_wallet", stays)
            line = ["recover", "--phrase", "--home", str(new.home)]
            done = CliRunner().invoke(app, line, input=words, env={"DCEP_STACK": str(stack)})
        assert done.exit_code == 3 and told in done.output.lower(), done.output


def code(key: bytes) -> str:
    from currency.key_code import code_of

    return code_of(key)
