"""What is typed at ``dcep`` and cannot be right, or is not heard, leaves nothing half done."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from console.cli import cash
from console.output import Output
from currency import number
from dcep.errors.v1 import errors_pb2
from deployment import provisioning
from deployment.topology import StackPlan, bank_names
from runtime.errors import NoAnswer, Refusal, is_undecided
from sandbox.cli import main
from sandbox.stack import supervisor
from sandbox.stack.supervisor import init

MISNAMED = [
    "Bank of China,beta",
    "建设,beta",
    "icbc,icbc",
    "alpha,beta,",
    "",
    ",",
    "central-bank,beta",
    "../../x,beta",
    "/tmp/x,beta",
    ".,beta",
    "a,beta",
    "x" * 300,
    "Alpha,beta",
    "alpha\n,be\nta",
    "１２,beta",
    "al_pha",
]


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs what is typed after ``dcep``; the exit code and the answer."""

    def run(*arguments: str) -> tuple[int, dict[str, Any]]:
        streams = sys.stdout, sys.stderr
        monkeypatch.setattr(sys, "argv", ["dcep", *arguments, "--json"])
        try:
            with pytest.raises(SystemExit) as ended:
                main.main()
        finally:
            sys.stdout, sys.stderr = streams
        code = ended.value.code
        return int(code or 0), json.loads(capsys.readouterr().out)

    return run


@pytest.mark.parametrize("names", MISNAMED)
@pytest.mark.parametrize("command", ["init", "up"])
def test_names_that_banks_cannot_have_are_refused_before_anything_is_made(
    typed: Any, tmp_path: Path, command: str, names: str
) -> None:
    folder = tmp_path / "a" / "stack"
    code, answer = typed(command, "--banks", names, "--stack", str(folder))
    assert (code, answer["reason"]) == (2, "BANK_NAMES")
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_a_stack_whose_making_is_ended_half_way_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: BaseException
) -> None:
    folder, mine = tmp_path / "stack", tmp_path / "there" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    honest = provisioning.write_directory

    def ended(plan: StackPlan) -> None:
        honest(plan)
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(provisioning, "write_directory", ended)
        for where in (folder, mine.parent):
            with pytest.raises(type(error)):
                init(where)
    assert list(tmp_path.rglob("*")) == [mine.parent, mine]
    assert init(folder).banks


def test_a_module_that_is_not_installed_is_said_in_a_sentence(
    typed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> None:
        raise ModuleNotFoundError("No module named 'no_such'", name="no_such")

    monkeypatch.setattr(main, "run_app", missing)
    code, answer = typed("status")
    assert (code, answer["reason"]) == (2, "MODULE_MISSING")
    assert "pip install no_such" in answer["message"]


@pytest.mark.parametrize("rows", ["", "\n,,,\n"])
def test_a_file_without_payments_starts_nothing(
    typed: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, rows: str
) -> None:
    monkeypatch.setattr(supervisor, "init", lambda *_: pytest.fail("a stack is started"))
    file = tmp_path / "payments.csv"
    file.write_text("source,target,value,time\n" + rows)
    code, answer = typed("replay", str(file), "--stack", str(tmp_path / "stack"))
    assert (code, answer["reason"]) == (2, "FILE_REFUSED")
    assert "nothing to replay" in answer["message"]


@pytest.mark.parametrize(
    ("words", "reason", "known"),
    [
        (("cash", "gamma", "6201000000000012", "5"), "BANK_UNKNOWN", "it has alpha, beta"),
        (("tray", "gamma"), "BANK_UNKNOWN", "it has alpha, beta"),
        (("tray", "alpha", "--machine", "none"), "MACHINE_UNKNOWN", "'none'"),
        (("reserves", "alpha", "5", "--as", "nobody"), "OFFICER_UNKNOWN", "alpha: wang, zhou"),
    ],
)
def test_who_is_not_in_the_stack_is_named_with_who_is(
    typed: Any, tmp_path: Path, words: tuple[str, ...], reason: str, known: str
) -> None:
    init(tmp_path / "stack")
    code, answer = typed(*words, "--stack", str(tmp_path / "stack"))
    assert (code, answer["reason"]) == (2, reason)
    assert known in answer["message"]


def test_blanks_around_names_are_no_part_of_them() -> None:
    assert bank_names(["alpha", " beta "]) == ("alpha", "beta")


OF_WHO_ASKS = {
    errors_pb2.REASON_CERTIFICATE_REQUIRED,
    errors_pb2.REASON_ROLE_NOT_ALLOWED,
    errors_pb2.REASON_BANK_NOT_ADMITTED,
    errors_pb2.REASON_BANK_SUSPENDED,
}
"""Nothing is decided about what was asked; but the same certificate is told the same again."""


@pytest.mark.parametrize("reason", errors_pb2.Reason.values())
def test_a_no_that_decides_nothing_has_not_the_code_of_a_refusal(
    typed: Any, monkeypatch: pytest.MonkeyPatch, reason: int
) -> None:
    def refused(*_: object) -> None:
        raise Refusal(reason, "no")

    monkeypatch.setattr(main, "run_app", refused)
    unanswered = is_undecided(reason) and reason not in OF_WHO_ASKS
    code, answer = typed("status")
    assert code == (3 if unanswered else 1)
    assert (answer["reason"] == "NO_ANSWER") == unanswered


def test_a_receipt_that_could_not_be_shown_is_shown_the_next_time(
    typed: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    init(tmp_path / "stack")
    lost: list[str] = []

    class Mute(Output):
        def result(self, fields: Mapping[str, Any], text: str | None = None) -> None:
            lost.append(fields["receipt"])
            raise NoAnswer("the paper is out")

    words = ("cash", "alpha", number.make("6201", 77), "5.00", "--stack", str(tmp_path / "stack"))
    with monkeypatch.context() as patch:
        patch.setattr(cash, "Output", Mute)
        assert typed(*words)[0] == 3
    other = typed(*words, "--anew")[1]["receipt"]
    first = typed(*words)[1]["receipt"]
    assert first == lost[0] != other
    assert typed(*words)[1]["receipt"] not in (first, other), "other notes"


@pytest.mark.parametrize("way", [(), ("--out",)], ids=["in", "out"])
def test_a_machine_takes_no_notes_for_a_wallet_of_another_bank(
    typed: Any, tmp_path: Path, way: tuple[str, ...]
) -> None:
    init(tmp_path / "stack")
    words = ("cash", "alpha", number.make("6202", 77), "5.00", "--stack", str(tmp_path / "stack"))
    code, answer = typed(*words, *way)
    assert (code, answer["reason"], answer["field"]) == (2, "FIELD_INVALID", "number")
    assert "receipt" not in answer
    assert "a machine of its own bank" in answer["message"]


@pytest.mark.parametrize("blank", ["", "  "])
@pytest.mark.parametrize(
    "command",
    [
        ["init", "--stack"],
        ["status", "--stack"],
        ["demo", "--keep"],
        ["restore"],
        ["backup", "verify"],
        ["backup", "--all"],
        ["--stack"],
    ],
)
def test_a_folder_that_is_named_by_nothing_is_not_the_one_you_are_in(
    typed: Any, command: list[str], blank: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    following = ["init"] if command == ["--stack"] else []
    code, said = typed(*command, blank, *following)
    assert (code, said["reason"]) == (2, "USAGE")
    assert "named by nothing" in said["message"]
    assert (list(tmp_path.iterdir()), tmp_path.stat().st_mode & 0o777) == ([], 0o755)


@pytest.mark.parametrize("url", ["mysql://ann:secret@there/dcep", "sqlite:///x.db", "secret@there"])
@pytest.mark.parametrize("command", [["init"], ["bank", "add", "gamma"], ["backup", "verify", "x"]])
def test_a_database_of_another_kind_is_refused_with_those_that_are_known(
    typed: Any, command: list[str], url: str, tmp_path: Path
) -> None:
    where = tmp_path / "stack"
    code, said = typed(*command, "--database-url", url, "--stack", str(where))
    assert (code, said["reason"]) == (2, "USAGE")
    assert "postgresql://USER@HOST" in said["message"]
    assert "secret" not in said["message"]
    assert not where.exists()


def test_a_stack_with_a_database_of_another_kind_is_not_read(typed: Any, tmp_path: Path) -> None:
    plan = init(tmp_path / "stack")
    said = plan.description.read_text().replace("sqlite:///central", "mysql:///central")
    plan.description.write_text(said)
    for command in ("up", "audit", "status"):
        _code, answer = typed(command, "--stack", str(plan.folder))
        assert answer["reason"] == "NO_STACK"
        assert "'mysql' are not known" in answer["message"]
