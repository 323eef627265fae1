"""E-mail addresses as people type them into the column of a CRM."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.addresses import parse
from core.text import normalise_email

ANA, BEA = "ana@example.com", "bea@example.org"


@pytest.mark.parametrize(
    "text",
    [
        ANA,
        f" {ANA} ",
        f"{ANA}.",
        f"{ANA};",
        f"mailto:{ANA}",
        f"MAILTO:{ANA}?subject=Hello",
        "mailto:ana%40example.com",
        f"<{ANA}>",
        f'"Ana Pérez" <{ANA}>',
        f"Pérez, Ana <{ANA}>",
        f"E-mail: {ANA}",
        f"{ANA} (work)",
        f"'{ANA}'",
        f"\u202a{ANA}\u202c",
        f"\ufeff{ANA}",
        "ana @ example.com",
        f"{ANA} / N/A",
        f"{ANA}, {ANA}",
    ],
)
def test_one_address_is_read_from_what_stands_around_it(text: str) -> None:
    assert parse(text) == ((ANA,), "")


@pytest.mark.parametrize("between", ["; ", ";", ", ", ",", " ", "\n", " or ", " y ", " / ", " | ", " & "])
def test_several_addresses_are_read_in_their_order(between: str) -> None:
    assert parse(f"{ANA}{between}{BEA}") == ((ANA, BEA), "")


@pytest.mark.parametrize(
    "text", ["", "N/A", "none", "NULL", "-", "no email", "sin correo", "{{contact.email}}", "n.a."]
)
def test_text_without_an_address_is_none(text: str) -> None:
    assert parse(text) == ((), "")


@pytest.mark.parametrize(
    "text",
    [
        "josé@example.com",
        "ana@example,com",
        "ana@",
        "@example.com",
        "ana@@example.com",
        "juan perez@example.com",
        "ana at example dot com",
        "ana\u200b@example.com",
        "\u0430na@example.com",
        "none@none.com",
        "noemail@gmail.com",
        "call first",
        "a" * 5000,
    ],
)
def test_text_that_is_no_usable_address_is_left_out(text: str) -> None:
    """A word beside an address may be a piece of it: perez@example.com is somebody else."""
    addresses, left_out = parse(text)
    assert addresses == ()
    assert left_out
    assert len(left_out) < 200


def test_good_address_beside_a_bad_one_is_used() -> None:
    assert parse(f"josé@example.com; {ANA}") == ((ANA,), "'josé@example.com': not usable as an e-mail address")


def test_capitals_stay_as_they_are_written() -> None:
    assert parse("Ana@Example.com").values == ("Ana@Example.com",)


PARTS = [ANA, BEA, ";", ",", " ", "<", ">", "ana", "@", "é"]


@given(st.text(max_size=600) | st.lists(st.sampled_from(PARTS)).map("".join))
def test_what_was_read_is_an_address_and_is_read_as_the_same_again(text: str) -> None:
    for address in parse(text).values:
        assert normalise_email(address) == address.lower()
        assert parse(address) == ((address,), "")
