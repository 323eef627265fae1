"""Lists of words as one text: whatever parts them, however they are written, and in any order."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import word_lists


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("VIP, lead", "lead, vip"),
        ("lead;VIP\r\n lead ,", "lead, vip"),
        (["VIP", "lead", "vip "], "lead, vip"),
        (["a, b", "c;d\ne"], "a b, c d e"),
        ("  two   words ", "two words"),
        ([5, "x"], "5, x"),
        (2024, "2024"),
        ("", ""),
        (" , ;", ""),
        ([], ""),
        (None, ""),
    ],
)
def test_list_has_one_text(value: Any, text: str) -> None:
    assert word_lists.join(word_lists.parse(value)) == text


@given(st.text(max_size=40) | st.lists(st.text(max_size=10), max_size=5))
def test_text_of_a_list_is_read_as_the_same_list(value: Any) -> None:
    items = word_lists.parse(value)
    assert word_lists.parse(word_lists.join(items)) == items == word_lists.parse(list(items))
