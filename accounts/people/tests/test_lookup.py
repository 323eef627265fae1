"""Look-up of people by id and address, for one and for many at once."""

from typing import Any

import pytest

from accounts.people import lookup
from accounts.people.models import Contact, ContactEmail, ContactMapping, User
from accounts.people.tests.people import known_as

pytestmark = pytest.mark.django_db


def person(email: str, *aliases: str, user: User | None = None, **ids: str) -> Contact:
    contact = Contact.objects.create(email=email, user=user)
    for address in (email, *aliases):
        ContactEmail.objects.create(contact=contact, email=address)
    for kind, external_id in ids.items():
        ContactMapping.objects.create(contact=contact, provider="kajabi", kind=kind, external_id=external_id)
    return contact


def test_known_id_wins_over_the_address() -> None:
    by_id, by_email = person("jane@example.com", contact="1"), person("ann@example.com")

    assert lookup.find(provider="kajabi", identities={"contact": "1"}, email="ann@example.com") == by_id
    assert lookup.find(provider="kajabi", identities={"contact": "2"}, email="Ann@Example.com") == by_email
    assert lookup.find(provider="other", identities={"contact": "1"}) is None
    assert lookup.find(provider="kajabi", identities={}) is None


def test_records_come_in_the_order_of_the_ids_and_only_by_their_own_kind() -> None:
    jane = person("jane@example.com", contact="1", customer="2")

    found = lookup.match(provider="kajabi", identities={"customer": "2", "contact": "1"}).records

    assert [(row.kind, row.contact) for row in found] == [("customer", jane), ("contact", jane)]
    assert lookup.match(provider="kajabi", identities={"customer": "1", "contact": "2"}).records == []


@pytest.mark.parametrize(
    ("address", "is_known"),
    [("jane@example.com", True), (" JANE@Example.com ", True), ("j@work.example.com", True), ("x", False), ("", False)],
)
def test_address_means_a_contact_as_main_address_or_alias(address: str, is_known: bool) -> None:
    jane = person("jane@example.com", "j@work.example.com")

    assert lookup.with_email(address) == (jane if is_known else None)


def test_address_means_a_member_by_their_own_or_by_an_alias(user: User) -> None:
    person(user.email, "j@work.example.com", user=user)
    person("nobody@example.com")

    assert lookup.member_with(user.email) == (user, "the member's address")
    assert lookup.member_with("j@work.example.com") == (user, "an alias of the member")
    assert lookup.member_with("nobody@example.com") is None
    assert lookup.members_with(one for one in ("j@work.example.com", "nobody@example.com")) == [user]


def test_ids_that_contradict_each_other_are_several_users(user: User, staff: User) -> None:
    known_as(user, "customer", "1")
    known_as(staff, "relay", "2")

    assert lookup.users("kajabi", {"customer": "1"}) == [user]
    assert set(lookup.users("kajabi", {"customer": "1", "relay": "2"})) == {user, staff}
    assert lookup.users("kajabi", {"customer": "2"}) == []


def test_many_ids_take_one_query_each_part(monkeypatch: Any, django_assert_num_queries: Any, user: User) -> None:
    jane = person("jane@example.com", contact="1")
    known_as(user, "customer", "1")
    ids = [str(number) for number in range(1000)]

    with django_assert_num_queries(2):
        assert {key: row.contact for key, row in lookup.mappings_by_id("kajabi", "contact", ids).items()} == {"1": jane}
    with django_assert_num_queries(2):
        assert lookup.users_by_id("kajabi", "customer", ids) == {"1": user}
    with django_assert_num_queries(2):
        assert lookup.owners([("kajabi", "contact", "1"), ("kajabi", "customer", "1")]) == ({jane.pk}, {user.pk})


def test_conditions_find_contacts_and_users(user: User) -> None:
    jane = person("jane@work.example.com", "j@home.example.com", contact="981")
    own = known_as(user, "customer", "981").contact

    for on_contacts, on_users in (lookup.having_id("981"), lookup.having_id("981", provider="kajabi")):
        assert (set(Contact.objects.filter(on_contacts)), User.objects.get(on_users)) == ({jane, own}, user)
    on_contacts, on_users = lookup.having_id("981", provider="other")
    assert not Contact.objects.filter(on_contacts).exists()
    assert not User.objects.filter(on_users).exists()
    on_contacts, on_users = lookup.having_email(["j@home.example.com", user.email])
    assert (set(Contact.objects.filter(on_contacts)), User.objects.get(on_users)) == ({jane, own}, user)
