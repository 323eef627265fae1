"""People whom PERSON means, and what is theirs alone."""

import pytest

from accounts.people import person
from accounts.people.models import Contact, ContactEmail, ContactMapping, User
from accounts.people.person import NobodyFound, SeveralFound
from accounts.people.tests.people import known_as

pytestmark = pytest.mark.django_db


@pytest.fixture
def jane(user: User) -> Contact:
    contact = Contact.objects.create(user=user, email="jane@example.com", first_name="Jane", phone="207 555 0100")
    ContactEmail.objects.create(contact=contact, email="jane@example.com")
    ContactEmail.objects.create(contact=contact, email="alias@example.com")
    ContactMapping.objects.create(contact=contact, provider="kajabi", kind="contact", external_id="c-1")
    known_as(user, "customer", "981")
    return contact


def test_person_is_found_by_every_address_and_id(jane: Contact) -> None:
    given = ("jane@example.com", " JANE@Example.com", "alias@example.com", "c-1", "981", "kajabi:981", "kajabi:c-1")
    for text in (*given, f"contact:{jane.pk}", f"user:{jane.user_id}"):
        found = person.find(text)
        assert (found.contacts, found.users) == ({jane.pk}, {jane.user_id}), text
    assert found.emails == {"jane@example.com", "alias@example.com"}
    assert found.ids == {("kajabi", "contact", "c-1"), ("kajabi", "customer", "981")}


def test_login_without_a_contact_is_found(user: User) -> None:
    assert person.find("jane@example.com").users == {user.pk}
    assert person.find(f"user:{user.pk}").contacts == set()


def test_number_that_means_several_is_refused_with_their_names(jane: Contact) -> None:
    other = Contact.objects.create(first_name="Tom")
    ContactMapping.objects.create(contact=other, provider="nowcerts", kind="contact", external_id="981")
    with pytest.raises(SeveralFound, match=f"contact:{jane.pk}, contact:{other.pk}"):
        person.find("981")
    assert person.find("nowcerts:981").contacts == {other.pk}


@pytest.mark.parametrize("text", ["nobody", "contact:99", "user:99", "kajabi:99", "99", "", "@", "a@b@c", "contact:x"])
def test_unknown_person_is_reported_with_valid_inputs(text: str, db: None) -> None:
    with pytest.raises(NobodyFound):
        person.find(text)


def test_address_that_is_nobodys_stands_for_itself(db: None) -> None:
    found = person.find("Unmatched@Example.com")
    assert (found.is_known, found.emails) == (False, {"unmatched@example.com"})


def test_masked_address_matches_where_no_other_address_has_that_mask(jane: Contact) -> None:
    masked = "signed in: j•••@example.com"
    assert person.find(f"contact:{jane.pk}").mentions().match(masked)
    Contact.objects.create(email="john@example.com")
    assert not person.find(f"contact:{jane.pk}").mentions().match(masked)


def test_shared_values_are_not_the_persons_own(jane: Contact) -> None:
    Contact.objects.create(email="alias@example.com", first_name="JANE", phone="+1 (207) 555-0100")
    found = person.find(f"contact:{jane.pk}")
    assert (found.emails, found.shared) == ({"jane@example.com"}, {"alias@example.com"})
    mentions = found.mentions()
    assert not mentions.match("207-555-0100")
    assert not mentions.match("alias@example.com")
    assert mentions.scrubbed("jane@example.com is Jane", own=False).endswith(" is Jane")
