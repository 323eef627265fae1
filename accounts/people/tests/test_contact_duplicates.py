"""Two contacts who may be one: asked once, merged or kept apart by staff, and nothing is lost."""

from typing import Any

import pytest

from accounts.commerce import orders, policies
from accounts.commerce.models import FormSubmission, Order, OrderLine, Payment
from accounts.commerce.policies import PolicyReport
from accounts.people import contact_duplicates, contact_tags
from accounts.people.models import Contact, PossibleDuplicate
from accounts.people.outbound import ChangedContact
from accounts.people.tests.people import (
    CAUSE,
    addresses,
    at,
    columns,
    contact_report,
    ids,
    person,
    possible_duplicate,
    report,
    tags,
)
from core.cause import Cause

pytestmark = pytest.mark.django_db


def pair(**of_the_newer: Any) -> tuple[Contact, Contact, PossibleDuplicate]:
    kept = person("old@example.com", ids={"contact": "5"}, first_name="Jane", tags=["a"], custom_fields={"size": "M"})
    gone = person("new@example.com", ids={"contact": "6"}, **of_the_newer)
    return kept, gone, possible_duplicate(kept, gone)


def purchase(contact: Contact, number: str = "1") -> None:
    """An order with a line, its payment, a form answer and a policy."""
    orders.store_order(
        Order(contact=contact, provider="kajabi", external_id=number, currency="USD", total=29900, placed_at=at(0)),
        [OrderLine(external_id="1", title="Membership", total=29900)],
    )
    orders.store_payment(
        Payment(
            contact=contact,
            provider="kajabi",
            external_id=number,
            kind="charge",
            amount=29900,
            currency="USD",
            occurred_at=at(0),
        )
    )
    orders.store_submission(FormSubmission(contact=contact, provider="kajabi", external_id=number, submitted_at=at(0)))
    policy = PolicyReport(occurred_at=at(0), external_id=number, is_quote=False, currency="USD", premium=120000)
    policies.apply_report(policy, provider="kajabi", contact=contact)


def belongings(contact: Contact) -> list[int]:
    return [
        contact.orders.count(),
        contact.payments.count(),
        contact.form_submissions.count(),
        contact.policies.count(),
    ]


def test_pair_is_flagged_once_in_any_order() -> None:
    kept, gone, question = pair()
    assert contact_duplicates.flag(gone, kept, reason="again") is None
    assert contact_duplicates.flag(kept, kept, reason="self") is None
    assert PossibleDuplicate.objects.get() == question
    assert (question.contact, question.other, question.other_name) == (kept, gone, "new@example.com")


def test_merge_moves_everything_to_the_older_contact(staff: Any) -> None:
    kept, gone, question = pair(first_name="J.", phone="1", tags=["b"], custom_fields={"size": "L", "shoe": "38"})
    purchase(kept, "1")
    purchase(gone, "2")
    assert contact_duplicates.merge(question, cause=Cause.by_staff(staff, "one phone")) is not None
    assert Contact.objects.get() == kept
    assert columns(kept, "email", "first_name", "phone") == ["old@example.com", "Jane", "1"]
    assert columns(kept, "custom_fields") == [{"size": "M", "shoe": "38"}]
    assert (addresses(kept), tags(kept)) == (["new@example.com", "old@example.com"], ["a", "b"])
    assert (ids(kept), belongings(kept)) == (["Kajabi contact 5", "Kajabi contact 6"], [2, 2, 2, 2])
    assert list(kept.mappings.order_by("external_id").values_list("is_main", flat=True)) == [True, False]
    question.refresh_from_db()
    assert (question.status, question.staff, question.other, question.other_name) == (
        "merged",
        staff,
        None,
        "new@example.com",
    )


def test_reports_of_either_id_find_the_merged_contact() -> None:
    kept, _gone, question = pair()
    contact_duplicates.merge(question, cause=CAUSE)
    for external_id in ("5", "6"):
        assert report("", minute=1, ids={"contact": external_id}).contact == kept
    assert report("new@example.com", minute=1).contact == kept


def test_account_of_either_stays(user: Any) -> None:
    kept, gone, question = pair()
    Contact.objects.filter(pk=gone.pk).update(user=user)
    contact_duplicates.merge(question, cause=CAUSE)
    assert columns(kept, "user") == [user]


def test_two_with_an_account_each_are_not_merged(user: Any, newcomer: Any) -> None:
    kept, gone, question = pair()
    purchase(gone)
    Contact.objects.filter(pk=kept.pk).update(user=user)
    Contact.objects.filter(pk=gone.pk).update(user=newcomer)
    with pytest.raises(contact_duplicates.CannotMerge, match="both have an account"):
        contact_duplicates.merge(question, cause=CAUSE)
    question.refresh_from_db()
    assert (question.status, question.decided_at) == ("open", None)
    assert (addresses(gone), belongings(gone), ids(gone)) == (["new@example.com"], [1, 1, 1, 1], ["Kajabi contact 6"])
    assert columns(gone, "user") == [newcomer]


def test_second_merge_changes_nothing() -> None:
    _kept, _gone, question = pair()
    assert contact_duplicates.merge(question, cause=CAUSE) is not None
    question.refresh_from_db()
    decided_at = question.decided_at
    assert contact_duplicates.merge(question, cause=CAUSE) is None
    assert contact_duplicates.keep_apart(question, cause=CAUSE) is False
    question.refresh_from_db()
    assert (question.status, question.decided_at) == ("merged", decided_at)


def test_two_people_stay_two_and_are_not_asked_about_again(staff: Any) -> None:
    kept, gone, question = pair()
    assert contact_duplicates.keep_apart(question, cause=Cause.by_staff(staff)) is True
    assert contact_duplicates.merge(question, cause=CAUSE) is None
    assert contact_duplicates.flag(kept, gone, reason="again") is None
    question.refresh_from_db()
    assert (question.status, question.staff, Contact.objects.count()) == ("apart", staff, 2)


def test_merge_keeps_the_later_state_of_a_tag() -> None:
    kept, gone, question = pair()
    contact_tags.apply(kept, contact_report(minute=1, tags_added=["x"], tags_removed=["y"]), provider="kajabi")
    contact_tags.apply(gone, contact_report(minute=2, tags_added=["y"], tags_removed=["x"]), provider="kajabi")
    contact_tags.apply(gone, contact_report(minute=-1, tags_removed=["a"]), provider="kajabi")
    contact_duplicates.merge(question, cause=CAUSE)
    assert tags(kept) == ["a", "y"]


def test_open_pairs_of_the_merged_contact_move_to_the_other() -> None:
    first = person("first@example.com", ids={"contact": "1"})
    kept, gone, question = pair()
    last = person("last@example.com", ids={"contact": "9"})
    possible_duplicate(first, gone, "one phone")
    possible_duplicate(gone, last, "one street")
    contact_duplicates.merge(question, cause=CAUSE)
    still_open = PossibleDuplicate.objects.filter(status="open").order_by("contact_id")
    assert list(still_open.values_list("contact", "other", "reason")) == [
        (first.pk, kept.pk, "one phone"),
        (kept.pk, last.pk, "one street"),
    ]


def test_three_who_are_one_are_merged_one_after_the_other() -> None:
    kept, gone, question = pair()
    third = person("third@example.com", ids={"contact": "7"})
    also = possible_duplicate(kept, third)
    possible_duplicate(gone, third)
    contact_duplicates.merge(question, cause=CAUSE)
    contact_duplicates.merge(also, cause=CAUSE)
    assert addresses(Contact.objects.get()) == ["new@example.com", "old@example.com", "third@example.com"]
    assert PossibleDuplicate.objects.filter(status="open").count() == 0


@pytest.mark.django_db(transaction=True)
def test_eight_merges_and_reports_at_once_end_in_one_contact(at_once: Any) -> None:
    kept, _gone, question = pair()
    merges: list[Any] = [lambda: contact_duplicates.merge(question, cause=CAUSE)] * 8
    reports: list[Any] = [lambda: report("new@example.com", minute=1, ids={"contact": "6"}, phone="1")] * 8
    results = at_once([call for both in zip(merges, reports, strict=True) for call in both])
    assert [result for result in results if isinstance(result, Exception)] == []
    assert sum(isinstance(result, ChangedContact) and result.provider == "" for result in results) == 1
    assert (Contact.objects.get(), ids(kept)) == (kept, ["Kajabi contact 5", "Kajabi contact 6"])
