"""Two spellings of an address are one person; two look-alikes never are."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from accounts.people.models import User
from core.text import InvalidAddress, normalise_email


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("jane@example.com", "jane@example.com"),
        ("Jane@Example.COM", "jane@example.com"),
        ("  jane@example.com \t\n", "jane@example.com"),
        ("jane@example.com.", "jane@example.com"),
        ("jane@example.com. .", "jane@example.com"),
        ("jane@example.com\u3000", "jane@example.com"),
        ("jane@ｅｘａｍｐｌｅ.com", "jane@example.com"),
        ("jane@bücher.example.com", "jane@xn--bcher-kva.example.com"),
        ("j.a.n.e+news@example.com", "j.a.n.e+news@example.com"),
        ("o'neill_1%x@example.com", "o'neill_1%x@example.com"),
        ("admin@localhost", "admin@localhost"),
    ],
)
def test_an_address_has_one_stored_form(written: str, stored: str) -> None:
    assert normalise_email(written) == stored


@pytest.mark.parametrize(
    "written",
    [
        "mi\u212ae@example.com",  # Kelvin sign
        "m\u0131ke@example.com",  # dotless i
        "\uff4dike@example.com",  # full-width m
        "mi\u00adke@example.com",  # soft hyphen
        "mi\u200bke@example.com",  # zero-width space
        "m\u0456ke@example.com",  # Cyrillic i
        "mike@example.com\u0000",
        "mike\uff20example.com",
        "mi ke@example.com",
        "mike@@example.com",
        "mike@",
        "@example.com",
        "mike",
        "",
        "a@b@example.com",
        ".mike@example.com",
        "mike..x@example.com",
        "mike@exa mple.com",
        "mike@-example.com",
        "mike@example..com",
        "mike@example.com\nBcc: all@example.com",
        "mike@" + "x" * 250 + ".com",
        "\ud800@example.com",
    ],
)
def test_what_could_be_taken_for_somebody_else_or_is_no_address_is_refused(written: str) -> None:
    with pytest.raises(InvalidAddress):
        normalise_email(written)


@given(st.text(max_size=40) | st.emails() | st.builds("{}@example.com".format, st.text(max_size=10)))
def test_any_text_is_refused_or_has_a_form_that_stays_the_same(text: str) -> None:
    try:
        stored = normalise_email(text)
    except InvalidAddress:
        return
    assert normalise_email(stored) == stored
    assert stored.isascii()
    assert stored == stored.lower()
    assert not any(letter.isspace() or letter == "\x00" for letter in stored)


@pytest.mark.django_db
def test_an_address_belongs_to_one_user_whatever_its_case(user: Any) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user("JANE@Example.com")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.bulk_create([User(email="Jane@example.com")])
    assert User.objects.count() == 1
