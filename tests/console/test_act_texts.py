"""What officers are shown of an act: amounts in yuan, times as times, rights by their names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import language
from console.act_texts import right_in_words, said
from console.cli import acts
from console.sheet import clock
from currency.key_code import code_of
from dcep.bank.v1.keys_pb2 import KeyRequest
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from runtime.errors import Refusal
from sandbox.stack.supervisor import init

NOW = 1_800_000_000_000


@pytest.fixture
def chinese() -> Iterator[None]:
    language.choose({"LANG": "zh_CN.UTF-8"})
    yield
    language.choose({})


def test_each_amount_is_in_yuan_and_each_time_a_time() -> None:
    lost = office_pb2.SettleLost(entry=7, amount_fen=123_456, wallet_number="6201000000000012")
    act = office_pb2.OfficerAct(settle_lost=lost)
    assert said(act) == "settle lost 7, 1,234.56 yuan, 6201000000000012"
    renewed = office_pb2.RenewCentralKey(business_key=b"\x01" * 32, old_until_time_ms=NOW)
    act = office_pb2.OfficerAct(renew_central_key=renewed)
    assert said(act) == f"renew central key {'01' * 32}, until {clock(NOW)}"


def test_a_key_is_told_by_its_code_and_its_holder() -> None:
    key = bytes(range(32))
    request = SignedEnvelope(payload=KeyRequest(public_key=key).SerializeToString())
    wish = office_pb2.ReplaceKey(
        wallet_number="6201000000000012", request=request, holder_name="Alice", wait_ms=21_600_000
    )
    told = said(office_pb2.OfficerAct(replace_key=wish))
    assert told == (
        "replace the key of wallet 6201000000000012 of Alice: the new one has the code "
        f"{code_of(key)}, and counts 6 hours after the approval"
    )
    wish.recovery.payload = b"ordered"
    told = said(office_pb2.OfficerAct(replace_key=wish))
    assert told.endswith(
        "the approval; the recovery phrase asks for it too, so that no objection counts"
    )
    cancel = office_pb2.CancelKey(wallet_number="6201000000000012", public_key=key)
    assert said(office_pb2.OfficerAct(cancel_key=cancel)) == (
        f"call off the key {code_of(key)} that was to be wallet 6201000000000012's"
    )
    wish.request.payload, wish.wait_ms = b"\xff\xff", 10_000
    told = said(office_pb2.OfficerAct(replace_key=wish))
    assert "has the code ?, and counts 10 seconds after" in told


def test_rights_are_told_by_name() -> None:
    rights = [office_pb2.RIGHT_OFFICERS, office_pb2.RIGHT_CASH]
    act = office_pb2.OfficerAct(change_rights=office_pb2.ChangeRights(name="foo", rights=rights))
    assert said(act) == "change rights foo, rights: officers, cash"


@pytest.mark.usefixtures("chinese")
def test_rights_are_told_in_chinese_with_the_word_that_is_typed() -> None:
    names = [right.removeprefix("RIGHT_").lower() for right in office_pb2.Right.keys()[1:]]
    told = [right_in_words(name) for name in names]
    assert [each for each, name in zip(told, names, strict=True) if each[0] < "\u4e00"] == []
    assert told[0] == "业务人员（officers）"


def test_an_id_that_is_none_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    init(tmp_path, ["alpha"])
    for command in (acts.approve, acts.reject):
        with pytest.raises(SystemExit) as ended:
            command("abc", officer="mei", folder=tmp_path)  # type: ignore[operator]
        assert ended.value.code == 2
        assert "'abc' is not an act's id; `dcep requests`" in capsys.readouterr().err


def test_an_act_of_another_institution_is_not_answered_with_a_list_of_kinds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def elsewhere(*_: object, **__: object) -> None:
        raise Refusal(errors_pb2.REASON_FIELD_INVALID, "kind is one of issue", field="kind")

    plan = init(tmp_path, ["alpha"])
    monkeypatch.setattr(acts, "proposed_once", elsewhere)
    freeze = office_pb2.FreezeWallet(wallet_number="6201000000000012")
    with pytest.raises(Refusal, match="lin works at central-bank, where nobody decides"):
        acts.propose(plan, "lin", freeze, "lost", "", False, False)
