"""Telephone numbers as people type them into a CRM."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.phones import parse, spellings

SPELLINGS = [
    "(305)555-0141",
    "305.555.0141",
    "305 555 0141",
    "3055550141",
    "1-305-555-0141",
    "+1 (305) 555-0141",
    "+13055550141",
    "tel:+1-305-555-0141",
    "305\u2011555\u20110141",
    "305\u00a0555\u00a00141",
    "\u202a+1 (305) 555-0141\u202c",
    "\u200e305-555-0141",
    "\uff13\uff10\uff15\uff15\uff15\uff15\uff10\uff11\uff14\uff11",
]


@pytest.mark.parametrize("text", SPELLINGS)
def test_spellings_of_one_number_are_one(text: str) -> None:
    assert parse(text) == (("+13055550141",), "")


@pytest.mark.parametrize("extension", ["ext. 12", "ext 12", "x12", "#12", ", ext 12", ";ext=12"])
def test_extension_is_left_out_and_named(extension: str) -> None:
    assert parse(f"305-555-0141 {extension}") == (("+13055550141",), "extension 12 of +13055550141")


@pytest.mark.parametrize("between", [" / ", "/", " or ", "; ", ";", ",", " ", "\n", " y ", " | "])
def test_two_numbers_in_one_text_are_both_read(between: str) -> None:
    assert parse(f"305-555-0110{between}(786) 555-0111") == (("+13055550110", "+17865550111"), "")


@pytest.mark.parametrize("text", ["", "none", "N/A", "-", "0", "000-000-0000", "999-999-9999", "No tiene", "NULL"])
def test_text_without_a_number_is_none(text: str) -> None:
    assert parse(text) == ((), "")


@pytest.mark.parametrize(
    "text", ["555-0141", "1234567890", "305-555-011", "30555501100", "12/11/2020", "call the office", "1", "x" * 5000]
)
def test_text_that_is_no_usable_number_is_left_out(text: str) -> None:
    numbers, left_out = parse(text)
    assert numbers == ()
    assert left_out
    assert len(left_out) < 150


@pytest.mark.parametrize(
    ("text", "number", "named"),
    [
        ("(305) 555-0110 (wife)", "+13055550110", "wife"),
        ("305-555-0110 / 555-0111", "+13055550110", "555-0111"),
    ],
)
def test_readable_part_is_used_and_the_rest_named(text: str, number: str, named: str) -> None:
    numbers, left_out = parse(text)
    assert numbers == (number,)
    assert named in left_out


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+57 300 123 4567", "+573001234567"),
        ("573001234567", "+573001234567"),
        ("011 52 55 1234 5678", "+525512345678"),
        ("+44 20 7946 0018", "+442079460018"),
        ("+1234567890", "+1234567890"),  # the vendors' own examples
        ("+44 (0)20 7946 0958", "+442079460958"),
        ("+44(0)2079460958", "+442079460958"),
        ("+44 020 7946 0958", "+442079460958"),
        ("0044 (0)20 7946 0958", "+442079460958"),
        ("+39 (0)6 1234 5678", "+390612345678"),  # Italy's 0 is a part of the number
        ("+39 06 1234 5678", "+390612345678"),
        ("0034 912 345 678", "+34912345678"),
        ("0034912345678", "+34912345678"),
        ("+0034 912 345 678", "+34912345678"),
        ("001 305 555 0142", "+13055550142"),
        ("00 1-305-555-0142", "+13055550142"),
        ("+1 (0)305 555 0142", "+13055550142"),
    ],
)
def test_number_of_another_country_keeps_it(text: str, number: str) -> None:
    assert parse(text) == ((number,), "")


@pytest.mark.parametrize(
    "text", ["305-555-0110 / 0034 912 345 678", "305-555-0110, 0034912345678", "305 555 0110 or 0034 912-345-678"]
)
def test_number_dialled_with_zeros_is_read_beside_another(text: str) -> None:
    assert parse(text) == (("+13055550110", "+34912345678"), "")


def test_zeros_within_a_number_are_no_prefix_of_a_country() -> None:
    assert parse("305-555-00-12") == (("+13055550012",), "")
    assert parse("305 555 0012 ext 0034912345").values == ("+13055550012",)


@pytest.mark.parametrize(
    "text", ["00 305 555 0142", "000-305-555-0142", "020 7946 0958", "(0)305 555 0142", "0034 912"]
)
def test_number_behind_zeros_that_are_no_country_is_left_out(text: str) -> None:
    """None of them is a North American number, and which country is meant is unknown."""
    numbers, left_out = parse(text)
    assert numbers == ()
    assert repr(text) in left_out


@pytest.mark.parametrize(
    "text",
    [
        *("+52 1 55 1234 5678", "+52 55 1234 5678", "+5215512345678", "+521 55 1234 5678", "+52 (1) 55 1234 5678"),
        *("0052 1 55 1234 5678", "011 52 1 (55) 1234-5678", "+52-1-55-1234-5678"),
    ],
)
def test_former_one_of_mexican_mobiles_is_no_part_of_the_number(text: str) -> None:
    assert parse(text) == (("+525512345678",), "")
    assert parse(f"305-555-0110 / {text}").values == ("+13055550110", "+525512345678")


@pytest.mark.parametrize("text", ["+52 1 55 1234 567", "+52 1 55 1234 56789", "+52 1 055 1234 567"])
def test_one_before_anything_but_a_mexican_number_stays(text: str) -> None:
    assert "+525512345678" not in parse(text).values
    assert parse("+1 521 551 2345").values == ("+15215512345",)


@pytest.mark.parametrize(
    ("text", "ways"),
    [
        ("+52 1 55 1234 5678", ["+525512345678", "+5215512345678"]),
        ("+54 9 11 2345 6789", ["+5491123456789", "+541123456789"]),
        ("+54 11 2345 6789", ["+541123456789", "+5491123456789"]),
        ("+54 11 15 2345 6789", ["+5491123456789", "+541123456789"]),
        ("305 555 0141", ["+13055550141"]),
        ("+34 912 345 678", ["+34912345678"]),
    ],
)
def test_line_may_be_stored_in_these_ways(text: str, ways: list[str]) -> None:
    assert spellings(parse(text).best) == ways
    assert all(set(spellings(way)) == set(ways) for way in ways if parse(way).best == way)


@given(st.text(max_size=300) | st.from_regex(r"[0-9()+\-. x/;,]{0,60}", fullmatch=True))
def test_what_was_read_is_read_as_the_same_again(text: str) -> None:
    for number in parse(text).values:
        assert parse(number) == ((number,), "")
