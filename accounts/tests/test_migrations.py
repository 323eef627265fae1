"""Migrations that carry rows over: contacts and their ids, subscriptions, titles of courses.

One database is emptied and brought forward for the whole file, which takes as long as hundreds of other tests. Each
test has people of its own in it.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from accounts.courses.models import Activity, Completion, CourseProgress, Requirement
from accounts.mail.models import EmailMessage
from accounts.memberships import subscriptions
from accounts.memberships.models import Subscription
from accounts.people.models import Contact, ContactEmail, ContactMapping, PossibleDuplicate, User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("migrated_people")]

BEFORE_DATES = ("accounts", "0014_members")
BEFORE_PURCHASES = ("accounts", "0019_plain_columns")
BEFORE_ONE_TABLE = ("accounts", "0021_plan_mails")
BEFORE_FOLDED_TITLES = ("accounts", "0022_one_identity")
DAY = timedelta(days=1)
NOW = timezone.now()
# Status of a subscription of before → when it began, and its end.
SUBSCRIPTIONS = {
    "active": (NOW - 30 * DAY, NOW + 335 * DAY),
    "canceled": (NOW - 30 * DAY, NOW + 10 * DAY),
    "expired": (NOW - 400 * DAY, NOW - 35 * DAY),
    "refunded": (NOW - 30 * DAY, NOW - 1 * DAY),
}
TITLES = ("Beginner's Guide - Part 1", "Beginner’s Guide – Part 1")


class OldRows:
    """Rows as they were stored at a state of the past."""

    def __init__(self, apps: Any) -> None:
        self.apps = apps

    def add(self, model: str, **fields: Any) -> Any:
        return self.apps.get_model("accounts", model).objects.create(**fields)

    def user(self, name: str, **fields: Any) -> Any:
        return self.add("User", email=f"{name}@example.com", password="!", first_name=name, **fields)

    def contact(self, name: str, user: Any = None, **ids: str) -> Any:
        contact = self.add("Contact", email=f"{name}@example.com", user=user)
        self.add("ContactEmail", contact=contact, email=contact.email)
        for kind, external_id in ids.items():
            self.add("ContactMapping", provider="kajabi", kind=kind, external_id=external_id, contact=contact)
        return contact

    def id_of_login(self, user: Any, kind: str, external_id: str) -> None:
        self.add("ExternalIdentity", provider="kajabi", kind=kind, external_id=external_id, user=user)


def _migrate(*targets: tuple[str, str]) -> OldRows:
    executor = MigrationExecutor(connection)
    wanted = list(targets) or executor.loader.graph.leaf_nodes()
    executor.migrate(wanted)
    return OldRows(executor.loader.project_state(wanted).apps if targets else None)


def _store_rows_before_dates(old: OldRows) -> None:
    old.contact("undated", contact="undated_1")


def _store_rows_before_purchases(old: OldRows) -> None:
    plan, _is_new = old.apps.get_model("accounts", "Plan").objects.get_or_create(code="nssa_annual")
    for status, (began, end) in SUBSCRIPTIONS.items():
        stored = old.add(
            "Subscription", user=old.user(status), plan=plan, status=status, started_at=began, current_period_end=end
        )
        fact = {"key": f"old:{status}", "kind": "purchased", "occurred_at": began, "cause": "before"}
        old.add("SubscriptionFact", subscription=stored, **fact)


def _store_rows_before_folded_titles(old: OldRows) -> None:
    reader = old.user("reader")
    course = old.add("Activity", code="COURSE", name="Course", points=10)
    path = old.add("Activity", code="PATH", name="Path", points=50, needed=2)
    for number, title in enumerate(TITLES):
        names = {"course": title, "course_key": title.casefold()}
        sent = {"source": f"s{number}", "channel": "import", "state": "awarded", "cause": "before"}
        old.add("Completion", activity=course, completed_on=NOW.date(), user=reader, **names, **sent)
        reached = {"percent": 80 - 50 * number, "highest": 80 - 50 * number, "highest_at": NOW}
        moment = NOW + number * DAY
        user = reader if number else None
        old.add("CourseProgress", email=reader.email, user=user, occurred_at=moment, cause="before", **names, **reached)
        old.add("Requirement", activity=path, share=50 + 10 * number, **names)
    mail = {"kind": "staff_value_frozen", "to": "staff@example.com", "language": "en", "status": "sent"}
    old.add("EmailMessage", key="frozen:7:staff@example.com", **mail)


def _store_rows_before_one_table(old: OldRows) -> None:
    linked, alone, by_address = (old.user(name) for name in ("linked", "alone", "by_address"))
    old.contact("linked", linked, contact="1")
    old.contact("by_address")
    for user, external_id in ((linked, "mem_linked"), (alone, "mem_alone"), (by_address, "mem_by_address")):
        old.id_of_login(user, "relay", external_id)

    claimed = old.user("claimed")
    old.contact("claimed", claimed)
    old.contact("claimant", relay="mem_claimed")
    old.id_of_login(claimed, "relay", "mem_claimed")

    moved = old.user("moved")
    old.contact("moved.before", customer="9")
    old.id_of_login(moved, "customer", "9")

    twice = old.user("twice")
    old.contact("twice", twice, relay="mem_first")
    old.id_of_login(twice, "relay", "mem_second")

    old.user("addressless")
    old.contact("addressless", old.user("holder"))

    old.user("staff", is_staff=True)
    old.add("User", email="forgotten-7@forgotten.invalid", password="!")


def _empty_database() -> None:
    with connection.cursor() as cursor, connection.constraint_checks_disabled():
        if connection.vendor == "postgresql":
            cursor.execute("DROP SCHEMA public CASCADE")
            cursor.execute("CREATE SCHEMA public")
            return
        virtual = "SELECT name FROM sqlite_schema WHERE sql LIKE 'CREATE VIRTUAL TABLE%'"
        for table in [name for (name,) in cursor.execute(virtual)]:  # the tables of its parts go with it
            cursor.execute(f"DROP TABLE {connection.ops.quote_name(table)}")
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"DROP TABLE {connection.ops.quote_name(table)}")


@pytest.fixture(scope="module")
def migrated_people(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Store the rows of each state of the past, from the first on, and bring the database to the present again."""
    with django_db_blocker.unblock():
        try:
            _empty_database()
            _store_rows_before_dates(_migrate(BEFORE_DATES))
            _store_rows_before_purchases(_migrate(BEFORE_PURCHASES))
            _store_rows_before_one_table(_migrate(BEFORE_ONE_TABLE))
            _store_rows_before_folded_titles(_migrate(BEFORE_FOLDED_TITLES))
        finally:
            _migrate()
    yield
    with django_db_blocker.unblock():
        call_command("flush", verbosity=0, interactive=False)


def _contact(name: str) -> Contact:
    return Contact.objects.get(email=f"{name}@example.com")


def _contact_of(login: str) -> Contact:
    return Contact.objects.get(user__email=f"{login}@example.com")


def _questions(contact: Contact) -> list[tuple[str, str]]:
    """Return the possible duplicates of a contact: the address of the other one, and the reason."""
    found = PossibleDuplicate.objects.filter(contact=contact).select_related("other")
    return [(row.other.email, row.reason) for row in found]


def _ids(contact: Contact) -> dict[str, bool]:
    """Return the ids of a contact, and whether each is the main one of its kind."""
    return dict(contact.mappings.values_list("external_id", "is_main"))


# 0015: ids of contacts have the date since when they are known


def test_id_from_before_dates_stays_without_one_and_a_new_id_gets_one() -> None:
    stored = ContactMapping.objects.get(external_id="undated_1")
    assert (stored.contact.email, stored.known_since) == ("undated@example.com", None)
    made = ContactMapping.objects.create(contact=stored.contact, provider="kajabi", kind="customer", external_id="501")
    assert made.known_since is not None


# 0022: the ids of logins become ids of their contacts, and nobody is merged


def test_ids_of_a_login_join_those_of_its_contact() -> None:
    assert _ids(_contact_of("linked")).keys() == {"1", "mem_linked"}
    assert not PossibleDuplicate.objects.filter(contact=_contact_of("linked")).exists()


def test_login_without_a_contact_gets_one_with_its_name_address_and_ids() -> None:
    made = _contact_of("alone")
    assert (made.email, made.first_name) == ("alone@example.com", "alone")
    assert ContactEmail.objects.get(contact=made).email == made.email
    assert _ids(made).keys() == {"mem_alone"}
    assert ContactMapping.objects.get(external_id="mem_alone").known_since is None


def test_contact_with_the_address_of_a_login_becomes_its_contact() -> None:
    assert _contact_of("by_address") == _contact("by_address")
    assert _ids(_contact("by_address")).keys() == {"mem_by_address"}


def test_id_of_another_contact_stays_there_and_is_a_question() -> None:
    assert ContactMapping.objects.get(external_id="mem_claimed").contact == _contact("claimant")
    assert _questions(_contact_of("claimed")) == [("claimant@example.com", "both are kajabi relay mem_claimed")]


def test_contact_without_a_login_that_has_the_id_becomes_the_logins() -> None:
    assert _contact_of("moved") == _contact("moved.before")


def test_second_id_of_a_kind_is_stored_beside_the_main_one() -> None:
    assert _ids(_contact_of("twice")) == {"mem_first": True, "mem_second": False}


def test_login_whose_address_is_another_members_contact_gets_a_contact_of_its_own() -> None:
    taken, own = _contact_of("holder"), _contact_of("addressless")
    assert taken.email == "addressless@example.com"
    assert own != taken
    assert PossibleDuplicate.objects.get(other=own).contact == taken


def test_nobody_is_merged_or_asked_about_without_need() -> None:
    assert PossibleDuplicate.objects.count() == 2


@pytest.mark.parametrize("address", ["staff@example.com", "forgotten-7@forgotten.invalid"])
def test_login_of_staff_or_of_an_erased_person_gets_no_contact(address: str) -> None:
    assert not Contact.objects.filter(user=User.objects.get(email=address)).exists()


# 0020: subscriptions of before give the access that their columns gave


@pytest.mark.parametrize(("status", "has_access"), list(zip(SUBSCRIPTIONS, [True, True, False, False], strict=True)))
def test_subscription_of_before_gives_the_access_that_it_gave(status: str, has_access: bool) -> None:
    stored = Subscription.objects.get(user__email=f"{status}@example.com")
    assert (stored.status, stored.has_access) == (status, has_access)
    assert (stored.access_from, stored.access_until) == SUBSCRIPTIONS[status]
    assert (stored.next_change_at is not None) == has_access
    assert subscriptions.history_by_facts(stored).purchases


# 0023: titles that differ by quotes and dashes alone are one course


def test_spellings_of_a_title_become_one_course_and_nobody_loses_points_or_progress() -> None:
    key = "beginner's guide-part 1"
    awarded = Completion.objects.filter(user__email="reader@example.com", state="awarded")
    assert {(one.course_key, one.retake) for one in awarded} == {(key, 0), (key, 1)}
    progress = CourseProgress.objects.get(email="reader@example.com")
    assert (progress.percent, progress.highest, progress.user) == (30, 80, User.objects.get(first_name="reader"))
    requirement = Requirement.objects.get(activity__code="PATH")
    assert (requirement.course_key, requirement.share) == (key, 60)
    path = Activity.objects.get(code="PATH")
    assert path.needed == 1
    assert path.sweep_since is not None


# 0032: a kind of mail has the name of the glossary


def test_mail_about_a_frozen_field_keeps_its_row_under_its_new_kind() -> None:
    mail = EmailMessage.objects.get(key="frozen:7:staff@example.com")
    assert (mail.kind, mail.status, mail.to) == (EmailMessage.Kind.STAFF_FIELD_FROZEN, "sent", "staff@example.com")
