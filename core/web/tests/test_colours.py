"""Whatever colour a business chooses, what is written in it and on it can be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.web.branding import _DARK, _LIGHT, BUILT_IN, palette_of
from core.web.colours import READABLE, contrast, normalised, readable

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def test_contrast_of_black_and_white_is_the_largest_there_is() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#777777") == pytest.approx(1)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)  # the lightest grey that passes on white


@given(COLOURS)
def test_every_colour_becomes_readable_in_both_schemes(colour: str) -> None:
    palette = palette_of(colour)
    for accent, surfaces in ((palette.light, _LIGHT), (palette.dark, _DARK)):
        for shade in (accent.accent, accent.strong):
            assert all(contrast(shade, surface) >= READABLE for surface in surfaces)
            assert contrast(shade, accent.text) >= READABLE


def test_readable_colour_stays_as_it_is() -> None:
    assert readable("#0b6a70", on=_LIGHT, towards="#000000") == "#0b6a70"
    assert palette_of("#0b6a70").light.accent == BUILT_IN.light.accent


@pytest.mark.parametrize(("given", "found"), [("#0B6a70", "#0b6a70"), ("#abc", "#aabbcc")])
def test_colour_is_read_in_both_lengths(given: str, found: str) -> None:
    assert normalised(given) == found


@pytest.mark.parametrize(
    "text", ["", "red", "0b6a70", "#12", "#12345", "#1234567", "#gggggg", "#0b6a70;}", "#0b6a70\n"]
)
def test_anything_else_is_no_colour(text: str) -> None:
    with pytest.raises(ValueError, match="is no colour"):
        normalised(text)
