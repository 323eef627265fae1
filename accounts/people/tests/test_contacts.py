"""Contacts: whom a report is about, under which address and id, and what it may change."""

from typing import Any

import pytest
from django.db import transaction

from accounts.people import contacts, lookup
from accounts.people.models import Contact, ContactEmail, ContactMapping, PossibleDuplicate, User
from accounts.people.tests.people import (
    CAUSE,
    JANE,
    addresses,
    at,
    columns,
    contact_report,
    ids,
    person,
    record,
    report,
)
from core.text import InvalidAddress

pytestmark = pytest.mark.django_db


def test_new_person_becomes_a_contact_with_an_address_and_ids() -> None:
    made = report(ids={"contact": "5", "customer": "9"}, first_name="Jane", phone="555 1000")
    assert (made.created, made.changed, made.is_stale) == (True, (), False)
    jane = Contact.objects.get()
    assert (jane.email, jane.first_name, jane.phone, jane.user) == (JANE, "Jane", "555 1000", None)
    assert addresses(jane) == [JANE]
    assert ids(jane) == ["Kajabi contact 5", "Kajabi customer 9"]
    assert (record("contact", "5").reported_at, record("customer", "9").reported_at) == (at(0), None)


@pytest.mark.parametrize("spelling", ["JANE@Example.com", " jane@example.com. ", "Jane@EXAMPLE.COM"])
def test_address_in_another_case_is_the_same_person(spelling: str) -> None:
    jane = person()
    assert (report(spelling, minute=1).contact, Contact.objects.count()) == (jane, 1)
    assert lookup.with_email(spelling) == jane
    assert addresses(jane) == [JANE]


def test_alias_means_its_contact() -> None:
    jane = person(aliases=["jane@work.example.com"])
    assert addresses(jane) == [JANE, "jane@work.example.com"]
    assert report("jane@work.example.com", minute=1).contact == jane
    assert columns(jane, "email") == [JANE]


def test_alias_of_another_contact_stays_theirs() -> None:
    bob, jane = person("bob@example.com"), person(aliases=["bob@example.com"])
    assert (addresses(bob), addresses(jane)) == (["bob@example.com"], [JANE])
    assert contacts.add_alias(jane, "BOB@example.com", source="test") is False


def test_address_is_taken_away_unless_it_is_the_main_one() -> None:
    jane = person(aliases=["old@example.com"])
    assert contacts.remove_alias(jane, "OLD@example.com") is True
    assert contacts.remove_alias(jane, "old@example.com") is False
    assert contacts.remove_alias(jane, JANE) is False
    assert addresses(jane) == [JANE]


def test_changed_address_keeps_the_contact_and_the_old_one_stays_an_alias() -> None:
    jane = person(ids={"contact": "5"})
    moved = report("jane@new.example.com", minute=1, ids={"contact": "5"})
    assert (moved.contact, moved.changed) == (jane, ("email",))
    assert columns(jane, "email") == ["jane@new.example.com"]
    assert addresses(jane) == [JANE, "jane@new.example.com"]
    assert lookup.with_email(JANE) == jane


def test_two_records_with_one_address_are_two_contacts_and_one_open_question() -> None:
    first, second = person(ids={"contact": "5"}), person(ids={"contact": "6"})
    for minute in (1, 2):
        assert report(ids={"contact": "6"}, minute=minute).contact == second
    assert (first == second, addresses(first), addresses(second)) == (False, [JANE], [])
    question = PossibleDuplicate.objects.get()
    assert (question.contact, question.other, question.status) == (first, second, "open")
    assert question.reason == "both have the address jane@example.com (test)"


def test_contact_with_the_address_of_another_is_flagged_and_takes_nothing() -> None:
    jane, bob = person(ids={"contact": "5"}), person("bob@example.com", ids={"contact": "6"})
    report(JANE, ids={"contact": "6"}, minute=1)
    assert (addresses(jane), addresses(bob)) == ([JANE], ["bob@example.com"])
    assert columns(bob, "email") == [JANE]
    assert PossibleDuplicate.objects.get().reason == "both have the address jane@example.com (test)"


def test_ids_of_two_contacts_in_one_report_are_a_question_and_move_nowhere() -> None:
    jane, bob = person(ids={"contact": "5"}), person("bob@example.com", ids={"customer": "9"})
    assert report(ids={"contact": "5", "customer": "9"}, minute=1).contact == jane
    assert (ids(jane), ids(bob)) == (["Kajabi contact 5"], ["Kajabi customer 9"])
    assert PossibleDuplicate.objects.get().reason == "ids of both stand in one report (test)"


def test_contact_and_the_customer_of_one_address_are_one_person() -> None:
    jane = person(ids={"contact": "5"})
    assert report(ids={"customer": "9"}, minute=1).contact == jane
    assert ids(jane) == ["Kajabi contact 5", "Kajabi customer 9"]
    assert PossibleDuplicate.objects.count() == 0


def test_same_id_at_another_provider_is_another_record() -> None:
    jane = person(ids={"contact": "5"})
    other = person("bob@example.com", ids={"contact": "5"}, provider="chatwoot")
    assert (jane == other, ids(other)) == (False, ["Chatwoot contact 5"])


def test_second_id_of_a_kind_is_stored_beside_the_main_one() -> None:
    person(ids={"customer": "9", "contact": "5"})
    report(ids={"customer": "9", "contact": "6"}, minute=1)
    assert [record("contact", key).is_main for key in ("5", "6")] == [True, False]


def test_who_has_neither_id_nor_address_is_nobody() -> None:
    with pytest.raises(contacts.Unidentified):
        report("")
    assert Contact.objects.count() == 0


@pytest.mark.parametrize("broken", ["jane", "jane@", "@example.com", "ĸane@example.com", "a@b@c"])
def test_invalid_address_is_refused_and_creates_nothing(broken: str) -> None:
    with pytest.raises(InvalidAddress):
        report(broken, ids={"contact": "5"})
    assert (Contact.objects.count(), ContactMapping.objects.count()) == (0, 0)
    assert lookup.with_email(broken) is None


def test_contact_without_an_address_is_known_by_id_and_gets_it_later() -> None:
    jane = person("", ids={"contact": "5"}, first_name="Jane")
    assert addresses(jane) == []
    report(JANE, ids={"contact": "5"}, minute=1)
    assert (addresses(jane), columns(jane, "email")) == ([JANE], [JANE])


# Members --------------------------------------------------------------------------------------------------------------


def test_member_is_linked_to_the_contact_with_their_id_or_address(user: Any) -> None:
    jane = person()
    linked = contacts.apply_member_report(user, contact_report(minute=1), provider="kajabi", cause=CAUSE)
    assert (linked.contact, linked.created, columns(jane, "user_id")) == (jane, False, [user.pk])


def test_member_without_a_contact_gets_one(newcomer: Any) -> None:
    made = contacts.apply_member_report(
        newcomer, contact_report(newcomer.email), provider="kajabi", cause=CAUSE, is_new=True
    )
    assert (made.created, Contact.objects.get().user) == (True, newcomer)


def test_member_who_is_two_contacts_is_a_question(user: Any) -> None:
    first = contacts.apply_member_report(user, contact_report(), provider="kajabi", cause=CAUSE).contact
    second = person("bob@example.com", ids={"contact": "6"})
    contacts.apply_member_report(user, contact_report("bob@example.com", minute=1), provider="kajabi", cause=CAUSE)
    question = PossibleDuplicate.objects.get()
    assert (question.contact, question.other, columns(second, "user_id")) == (first, second, [None])


def test_contact_who_is_another_member_already_is_a_question(user: Any, newcomer: Any) -> None:
    jane = contacts.apply_member_report(user, contact_report(), provider="kajabi", cause=CAUSE).contact
    contacts.apply_member_report(newcomer, contact_report(minute=1), provider="kajabi", cause=CAUSE)
    question = PossibleDuplicate.objects.get()
    assert (question.contact, question.other.user, columns(jane, "user_id")) == (jane, newcomer, [user.pk])


# At once --------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_twenty_first_reports_of_one_person_at_once_make_one_contact(at_once: Any) -> None:
    results = at_once([lambda: report(ids={"contact": "5", "customer": "9"}, first_name="Jane")] * 20)
    assert [result for result in results if isinstance(result, Exception)] == []
    assert (sum(result.created for result in results), Contact.objects.count()) == (1, 1)
    assert (ContactEmail.objects.count(), ContactMapping.objects.count()) == (1, 2)


@pytest.mark.django_db(transaction=True)
def test_contact_and_the_customer_of_one_person_at_once_make_one_contact(at_once: Any) -> None:
    books: list[dict[str, str]] = [{"contact": "5"}, {"customer": "9"}]
    results = at_once([lambda book=book: report(ids=book) for book in books * 8])
    assert [result for result in results if isinstance(result, Exception)] == []
    assert ids(Contact.objects.get()) == ["Kajabi contact 5", "Kajabi customer 9"]
    assert PossibleDuplicate.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_of_many_reports_at_once_the_newest_holds(at_once: Any) -> None:
    jane = person(ids={"contact": "5"}, first_name="Jane")
    at_once(
        [
            lambda minute=minute: report(ids={"contact": "5"}, minute=minute, first_name="J" + "abcdefghijkl"[minute])
            for minute in range(1, 12)
        ]
    )
    assert columns(jane, "first_name") == ["Jl"]
    assert (record("contact", "5").reported_at, record("contact", "5").last_synced_values["first_name"]) == (
        at(11),
        "Jl",
    )


@pytest.mark.django_db(transaction=True)
def test_one_member_reported_twice_at_once_under_two_addresses_is_one_contact_of_theirs(at_once: Any) -> None:
    user = User.objects.create_user("jane@example.com")

    def of_member(email: str) -> Any:
        with transaction.atomic():
            return contacts.apply_member_report(user, contact_report(email), provider="kajabi", cause=CAUSE)

    results = at_once([lambda email=email: of_member(email) for email in (JANE, "j@example.com")])
    assert [result for result in results if isinstance(result, Exception)] == []
    assert Contact.objects.filter(user=user).count() == 1
    assert (Contact.objects.count(), PossibleDuplicate.objects.count()) == (1, 0)
    assert addresses(Contact.objects.get()) == ["j@example.com", JANE]
