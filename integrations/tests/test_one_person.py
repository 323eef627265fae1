"""Matching of a purchase: a known id, else the exact address, main or alias, else a new person. Never a merge."""

from typing import Any

import pytest
from django.utils import timezone

from accounts.mail.models import EmailMessage
from accounts.memberships.models import Subscription
from accounts.people import contacts, new_address
from accounts.people.models import Contact, ContactMapping, PossibleDuplicate, User
from core.cause import Cause
from integrations.contracts.events import ContactReported
from integrations.tests.test_membership_histories import Story

pytestmark = pytest.mark.django_db
BY_STAFF = Cause(text="test")
JANE, WRONG = "jane@example.com", "jnae@example.com"


@pytest.fixture
def story(process: Any, relay: Any) -> Story:
    return Story(process, relay)


def member(external_id: str, email: str, **names: str) -> dict[str, str]:
    return {"id": external_id, "email": email, **names}


def known(email: str, user: User | None = None, **ids: str) -> Contact:
    contact = Contact.objects.create(email=email, user=user)
    contacts.add_alias(contact, email, source="test")
    for kind, external_id in ids.items():
        ContactMapping.objects.create(contact=contact, provider="kajabi", kind=kind, external_id=external_id)
    return contact


def test_further_addresses_of_an_event_are_in_their_stored_form() -> None:
    event = ContactReported(occurred_at=timezone.now(), aliases=("Jane@Work.example.com", "", "no address"))
    assert event.aliases == ("jane@work.example.com",)


def test_every_member_has_a_contact_with_the_ids(story: Story) -> None:
    story.p(-1)
    user = User.objects.get()
    assert (user.contact.email, user.contact.mappings.get().external_id) == (JANE, "mem_1001")
    assert Contact.objects.count() == ContactMapping.objects.count() == 1


@pytest.mark.parametrize("how", ["action", "form", "column"])
def test_renewal_with_the_mistyped_address_and_no_id_is_the_same_member(story: Story, how: str, staff: User) -> None:
    story.p(-363, email=WRONG, member={"email": WRONG})
    user = User.objects.get(email=WRONG)
    if how == "column":
        User.objects.filter(pk=user.pk).update(email=JANE)
    else:
        new_address.use(user, JANE, cause=Cause.by_staff(staff))
    story.s("renewed", -0.01, email=WRONG, member={"email": WRONG})
    assert User.objects.filter(is_staff=False).get().email == JANE
    assert story.ends_in() > 360
    assert Contact.objects.count() == 1


def test_purchase_by_an_alias_changes_nothing_of_the_login(story: Story, user: User) -> None:
    contacts.add_alias(contacts.of_member(user), "j@work.example.com", source="kajabi")
    before = User.objects.filter(pk=user.pk).values().get()
    story.p(-1, member=member("mem_7", "j@work.example.com", first_name="Mallory"))
    assert User.objects.values().get() == before
    assert Subscription.objects.get().user == user
    assert set(EmailMessage.objects.exclude(to="staff@example.com").values_list("to", flat=True)) == {JANE}


def test_purchase_by_an_alias_of_staff_is_left_to_staff(story: Story, staff: User) -> None:
    contacts.add_alias(contacts.of_member(staff), "boss@example.com", source="kajabi")
    event = story.p(-1, member=member("mem_7", "boss@example.com"))
    assert (event.status, Subscription.objects.count()) == ("unmatched", 0)
    assert "staff account" in event.reason


def test_address_that_changed_at_the_provider_keeps_the_login(story: Story) -> None:
    story.p(-363)
    event = story.s("renewed", -1, member=member("mem_1001", "jane.new@example.com"))
    assert event.status == "processed"
    user = User.objects.get()
    assert (user.email, sorted(user.contact.emails.values_list("email", flat=True))) == (
        JANE,
        ["jane.new@example.com", JANE],
    )
    story.p(-0.01, member={"email": "jane.new@example.com"})
    assert User.objects.get() == user, "the new address is an alias from now on"


def test_id_of_one_member_with_an_alias_of_another_is_a_question_with_both(story: Story) -> None:
    story.p(-2)
    story.p(-1, member=member("mem_2", "bob@example.com"))
    contacts.add_alias(Contact.objects.get(user__email="bob@example.com"), "b@work.example.com", source="kajabi")
    event = story.s("renewed", -0.5, member=member("mem_1001", "b@work.example.com"))
    assert (event.status, event.reason) == (
        "unmatched",
        "conflict: the id belongs to jane@example.com, the e-mail to bob@example.com",
    )


def test_other_id_under_an_alias_is_another_customer(story: Story) -> None:
    story.p(-2)
    contacts.add_alias(Contact.objects.get(), "j@work.example.com", source="kajabi")
    event = story.p(-1, member=member("mem_2", "j@work.example.com"))
    assert event.status == "unmatched"
    assert event.reason.startswith("conflict: jane@example.com is kajabi relay mem_1001, this event says mem_2")


def test_id_of_a_contact_who_is_no_member_and_address_of_a_member_are_doubted_and_access_is_given(
    story: Story, user: User
) -> None:
    other = known("ann@example.com", relay="mem_9")
    own = contacts.of_member(user)
    event = story.p(-1, member=member("mem_9", JANE))
    assert event.status == "processed"
    assert story.subscription.user == user
    question = PossibleDuplicate.objects.get()
    assert {question.contact, question.other} == {own, other}
    other.refresh_from_db()
    assert other.user is None


def test_contact_that_was_known_before_becomes_the_members(story: Story) -> None:
    contact = known(JANE, contact="55")
    story.p(-1)
    contact.refresh_from_db()
    assert contact.user == User.objects.get()
    assert Contact.objects.count() == 1


@pytest.mark.parametrize("placeholder", ["null", "undefined", "{{member.id}}", "N/A", "None"])
def test_placeholder_ids_make_two_members_and_cross_no_names(story: Story, placeholder: str) -> None:
    for email, name in (("a@example.com", "Ann"), ("b@example.com", "null")):
        story.p(-1, email=email, member=member(placeholder, email, first_name=name))
    assert dict(User.objects.values_list("email", "first_name")) == {"a@example.com": "Ann", "b@example.com": ""}
    assert dict(Contact.objects.values_list("email", "first_name")) == {"a@example.com": "Ann", "b@example.com": ""}
    assert not ContactMapping.objects.exists()


def test_processing_again_makes_nobody_twice(story: Story, drain: Any) -> None:
    event = story.p(-1)
    event.requeue()
    drain()
    assert (User.objects.count(), Contact.objects.count(), ContactMapping.objects.count()) == (1, 1, 1)
