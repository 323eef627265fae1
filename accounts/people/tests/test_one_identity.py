"""Migration 0022: the ids of logins become ids of their contacts, and nobody is merged."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from accounts.people.models import Contact, ContactEmail, ContactMapping, PossibleDuplicate, User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def before() -> Iterator[Any]:
    """Yield the models of before the migration; afterwards the database is brought to the present again."""
    executor = MigrationExecutor(connection)
    executor.migrate([("accounts", "0021_plan_mails")])
    try:
        yield executor.loader.project_state([("accounts", "0021_plan_mails")]).apps
    finally:
        _migrate()


def _migrate() -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def _user(apps: Any, email: str, **fields: Any) -> Any:
    return apps.get_model("accounts", "User").objects.create(email=email, password="!", **fields)


def _contact(apps: Any, email: str, user: Any = None, **ids: str) -> Any:
    contact = apps.get_model("accounts", "Contact").objects.create(email=email, user=user)
    apps.get_model("accounts", "ContactEmail").objects.create(contact=contact, email=email)
    for kind, external_id in ids.items():
        _give(apps, "ContactMapping", contact, kind, external_id)
    return contact


def _give(apps: Any, model: str, owner: Any, kind: str, external_id: str) -> None:
    owned_by = "contact" if model == "ContactMapping" else "user"
    apps.get_model("accounts", model).objects.create(
        provider="kajabi", kind=kind, external_id=external_id, **{owned_by: owner}
    )


def _ids(email: str) -> set[str]:
    return {row.external_id for row in ContactMapping.objects.filter(contact__user__email=email)}


def test_ids_of_logins_become_ids_of_their_contacts(before: Any) -> None:
    linked, alone, by_address = (_user(before, f"{name}@example.com", first_name=name) for name in ("a", "b", "c"))
    _contact(before, linked.email, linked, contact="1")
    found = _contact(before, by_address.email)
    for user, external_id in ((linked, "mem_1"), (alone, "mem_2"), (by_address, "mem_3")):
        _give(before, "ExternalIdentity", user, "relay", external_id)
    _migrate()

    assert [_ids(f"{name}@example.com") for name in "abc"] == [{"1", "mem_1"}, {"mem_2"}, {"mem_3"}]
    made = Contact.objects.get(user__email=alone.email)
    assert (made.email, made.first_name) == (alone.email, "b")
    assert ContactEmail.objects.get(contact=made).email == alone.email
    assert Contact.objects.get(user__email=by_address.email).pk == found.pk
    assert PossibleDuplicate.objects.count() == 0
    assert ContactMapping.objects.get(external_id="mem_2").known_since is None


def test_id_that_is_another_contacts_stays_there_and_is_a_question(before: Any) -> None:
    user = _user(before, "jane@example.com")
    own, other = _contact(before, user.email, user), _contact(before, "other@example.com", relay="mem_1")
    _give(before, "ExternalIdentity", user, "relay", "mem_1")
    _migrate()

    assert ContactMapping.objects.get(external_id="mem_1").contact_id == other.pk
    question = PossibleDuplicate.objects.get()
    assert (question.contact_id, question.other_id) == (own.pk, other.pk)
    assert question.reason == "both are kajabi relay mem_1"


def test_contact_with_the_id_who_is_nobodys_is_the_members(before: Any) -> None:
    user = _user(before, "jane@example.com")
    known = _contact(before, "jane.old@example.com", customer="9")
    _give(before, "ExternalIdentity", user, "customer", "9")
    _migrate()
    assert Contact.objects.get(user__email="jane@example.com").pk == known.pk


def test_second_id_of_a_kind_is_known_beside_the_main_one(before: Any) -> None:
    user = _user(before, "jane@example.com")
    _contact(before, user.email, user, relay="mem_0")
    _give(before, "ExternalIdentity", user, "relay", "mem_1")
    _migrate()
    assert dict(ContactMapping.objects.values_list("external_id", "is_main")) == {"mem_0": True, "mem_1": False}


def test_member_whose_address_is_another_members_contact_gets_one_of_their_own(before: Any) -> None:
    user, other = _user(before, "jane@example.com"), _user(before, "other@example.com")
    taken = _contact(before, user.email, other)
    _migrate()
    own = Contact.objects.get(user__email=user.email)
    assert own.pk != taken.pk
    assert PossibleDuplicate.objects.get().other_id == own.pk


def test_staff_and_erased_logins_get_no_contact(before: Any) -> None:
    _user(before, "staff@example.com", is_staff=True)
    _user(before, "forgotten-7@forgotten.invalid")
    _migrate()
    assert (Contact.objects.count(), User.objects.count()) == (0, 2)
