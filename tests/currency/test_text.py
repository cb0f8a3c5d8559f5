"""What people type or paste is taken as it looks."""

from __future__ import annotations

import pytest

from currency.text import typed


@pytest.mark.parametrize(
    ("pasted", "taken"),
    [
        ("王\u3000五", "王 五"),
        ("a\u00a0b\u2009c", "a b c"),
        ("\ufeffrent\u00ad", "rent"),
        ("👩\u200d💻 thanks ✓", "👩💻 thanks ✓"),
        ("pay\u202e 05 \u2066now", "pay 05 now"),
        ("午饭 100%", "午饭 100%"),
    ],
)
def test_spaces_are_plain_and_marks_that_show_nothing_are_left_out(pasted: str, taken: str) -> None:
    assert typed(pasted) == taken
    assert taken.isprintable()


@pytest.mark.parametrize("control", ["a\x1b[2J", "a\rb", "a\nb", "a\x00", "a\u2028b"])
def test_control_characters_are_not_made_harmless_in_silence(control: str) -> None:
    assert not typed(control).isprintable()
