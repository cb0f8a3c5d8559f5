"""``dcep feed`` says in a reader's language what a contradiction is about."""

from __future__ import annotations

import pytest

from console.cli.feed import _line
from currency.contract_words import subject_word
from dcep.bank.v1 import officers_pb2
from tests import chinese

SUBJECTS = [number for number in officers_pb2.Subject.values() if number]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_contradiction_is_told_in_chinese(subject: int) -> None:
    about = {"about": subject_word(subject), "cause": "", "since_ms": 0}
    fields = {"bank": "alpha", "number": 1, "hash": "", "stopped": "", "contradictions": [about]}
    with chinese.reading():
        assert subject_word(subject) not in _line(fields)
        assert chinese.english_in(_line(fields)) == []
