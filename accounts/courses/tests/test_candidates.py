"""Suggestions for an unknown address, with their reasons."""

from datetime import date
from typing import Any

import pytest

from accounts.courses import candidates
from accounts.courses.candidates import is_one_letter_off
from accounts.courses.models import Activity, Completion
from accounts.people import contact_aliases
from accounts.people.models import Contact, ContactEmail, User
from core.cause import Cause


def suggested(email: str, name: str = "") -> list[tuple[str, str]]:
    completion = Completion.objects.create(
        activity=Activity.objects.get(), source="x", channel="kajabi", email_received=email, email=email, name=name,
        completed_on=date(2024, 9, 2),
    )  # fmt: skip
    return [(found.user.email, found.reason) for found in candidates.of(completion)]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("member", "told", "reason"),
    [
        ("jane@example.com", "jane@example.com", "the same address"),
        ("jane@example.com", "jane+courses@example.com", "the same but for what follows a plus"),
        ("jane+courses@example.com", "jane@example.com", "the same but for what follows a plus"),
        ("jane.doe@gmail.com", "janedoe@gmail.com", "the same to Gmail, which ignores dots"),
        ("janedoe@gmail.com", "j.a.n.e.doe+x@googlemail.com", "the same to Gmail, which ignores dots"),
        ("jane@gmail.com", "jane@gmial.com", "a letter of the mail service differs"),
        ("jane@gmail.com", "jane@gmail.co", "a letter of the mail service differs"),
        ("jane@hotmail.com", "jane@hotmali.com", "a letter of the mail service differs"),
        ("jane@yaho.com", "jane@yahoo.com", "a letter of the mail service differs"),
    ],
)
def test_address_that_resembles_a_members_is_suggested_with_its_reason(member: str, told: str, reason: str) -> None:
    User.objects.create_user(member)
    User.objects.create_user("other@gmail.com", first_name="Other", last_name="Person")
    assert suggested(told) == [(member, reason)]


@pytest.mark.django_db
@pytest.mark.parametrize("told", ["joan@example.com", "joan@exmaple.com", "jane.doe@example.com", "jane", "@"])
def test_unlike_address_is_not_suggested(user: Any, told: str) -> None:
    assert suggested(told) == []


@pytest.mark.django_db
def test_same_name_is_suggested_last(user: Any) -> None:
    User.objects.create_user("jane@gmail.com", first_name="Jane", last_name="Doe")
    User.objects.create_user("other@example.com", first_name="JANET", last_name="original")
    assert suggested("jane@gmial.com", "Janet  Original") == [
        ("jane@gmail.com", "a letter of the mail service differs"),
        ("jane@example.com", "the same name"),
        ("other@example.com", "the same name"),
    ]


@pytest.mark.django_db
def test_first_name_alone_suggests_nobody(user: Any) -> None:
    assert suggested("x@example.com", "Janet") == []


@pytest.mark.django_db
def test_alias_is_suggested_like_an_address(user: Any) -> None:
    contact = Contact.objects.create(user=user, email=user.email)
    ContactEmail.objects.create(contact=contact, email="janet@gmail.com")
    assert suggested("janet@gmial.com") == [("jane@example.com", "a letter of the mail service differs")]


@pytest.mark.parametrize(
    ("one", "other", "off"),
    [
        ("gmail.com", "gmail.com", False),
        ("gmial.com", "gmail.com", True),
        ("gmai.com", "gmail.com", True),
        ("gmaill.com", "gmail.com", True),
        ("gnail.com", "gmail.com", True),
        ("gnial.com", "gmail.com", False),
        ("gmail.comm", "gmail.com", True),
        ("gmail.c", "gmail.com", False),
        ("", "g", True),
        ("mgail.com", "gmail.com", True),
    ],
)
def test_one_letter_off(one: str, other: str, off: bool) -> None:
    assert is_one_letter_off(one, other) is off
    assert is_one_letter_off(other, one) is off


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("member3@exmaple.com", "1 letter differs"),
        ("memebr3@example.com", "1 letter differs"),
        ("member3@exmaple.con", "2 letters differ"),
        ("member3@example,com", "1 letter differs"),
        ("member3example.com", "1 letter differs"),
        ("member3@exampl.com", "1 letter differs"),
    ],
)
def test_members_address_a_slip_away_is_suggested(written: str, reason: str) -> None:
    User.objects.create_user("member3@example.com", None)
    User.objects.create_user("somebody@example.com", None)
    assert suggested(written) == [("member3@example.com", reason)]


@pytest.mark.django_db
def test_alias_a_slip_away_is_suggested(user: Any) -> None:
    contact_aliases.assign(user, "jane.rivera@school.example.org", cause=Cause(text="test"))
    assert suggested("jane.rivera@school.exmaple.org") == [("jane@example.com", "1 letter differs")]


@pytest.mark.django_db
def test_nearest_addresses_are_suggested_first_and_few_of_them() -> None:
    User.objects.bulk_create(User(email=f"member{n}@example.com") for n in range(300))
    found = suggested("member31@exmaple.com")
    assert found[0] == ("member31@example.com", "1 letter differs")
    assert len(found) == 10


@pytest.mark.django_db
def test_suggestions_among_many_members_take_few_statements(django_assert_max_num_queries: Any) -> None:
    User.objects.bulk_create((User(email=f"member{n}@example.com") for n in range(20_000)), batch_size=2_000)
    completion = Completion(email="membr19999@example.com", email_received="", name="")
    with django_assert_max_num_queries(12):
        found = candidates.of(completion)
    assert found[0].user.email == "member19999@example.com"
