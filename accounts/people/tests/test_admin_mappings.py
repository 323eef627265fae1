"""The list of contacts' records at providers: which record of one provider is which of another one."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.people.models import Contact, ContactEmail, ContactMapping
from accounts.people.tests.people import person, report
from accounts.tests.admin_clients import clerk, link_to, page_of, signed_in
from accounts.tests.presses import list_of, queries_of, rows_of
from tests.harness.statements import counts_a_table

pytestmark = pytest.mark.django_db
INSURED = "5b1d7c1e-6f0a-4a63-9c52-0d8a1f0b7e01"


@pytest.fixture
def console(staff: Any) -> Client:
    return signed_in(staff)


@pytest.fixture
def ana() -> Contact:
    """Known to both sides of the two-way sync."""
    made = person("ana@example.com", ids={"contact": INSURED}, provider="nowcerts", first_name="Ana", last_name="Ruiz")
    ContactMapping.objects.create(contact=made, provider="gohighlevel", kind="contact", external_id="ghl0001")
    return made


@pytest.fixture
def ben() -> Contact:
    return person("ben@example.com", ids={"contact": "ghl0002"}, provider="gohighlevel", first_name="Ben")


def ids(rows: list[ContactMapping]) -> list[str]:
    return [row.external_id for row in rows]


@pytest.mark.parametrize("search", [INSURED, "ghl0001", "ana@exam", "ANA@EXAMPLE.COM", "Ana", "ruiz ana", " ghl0001 "])
def test_id_of_either_side_address_and_name_find_both_records(
    search: str, console: Client, ana: Contact, ben: Contact
) -> None:
    assert ids(rows_of(console, ContactMapping, q=search)) == ["ghl0001", INSURED]


@pytest.mark.parametrize("search", ["ghl", "000", "example.com", "%", "_", "' OR 1=1 --", "x" * 500])
def test_nothing_else_finds_a_record(search: str, console: Client, ana: Contact, ben: Contact) -> None:
    assert rows_of(console, ContactMapping, q=search) == []


def test_filters(console: Client, ana: Contact, ben: Contact) -> None:
    report("ben@example.com", ids={"customer": "901"}, provider="kajabi")
    ContactMapping.objects.filter(external_id="ghl0002").update(gone_at=timezone.now())
    assert ids(rows_of(console, ContactMapping)) == ["901", "ghl0002", "ghl0001", INSURED]
    assert ids(rows_of(console, ContactMapping, provider="gohighlevel")) == ["ghl0002", "ghl0001"]
    assert ids(rows_of(console, ContactMapping, kind="customer")) == ["901"]
    assert ids(rows_of(console, ContactMapping, gone="yes")) == ["ghl0002"]
    assert ids(rows_of(console, ContactMapping, gone="no", provider="gohighlevel")) == ["ghl0001"]
    assert ids(rows_of(console, ContactMapping, contact__exact=ana.pk)) == ["ghl0001", INSURED]
    assert rows_of(console, ContactMapping, provider="nowhere") == []


def test_line_shows_the_id_of_the_other_side_beside_its_own(console: Client, ana: Contact, ben: Contact) -> None:
    page = console.get(list_of(ContactMapping), {"provider": "nowcerts"}).content.decode()
    (line,) = re.findall(r"<tr><td.*?</tr>", page, re.DOTALL)
    theirs = ContactMapping.objects.get(external_id="ghl0001")
    assert INSURED in line
    assert f'GoHighLevel contact <a href="{link_to(theirs)}">ghl0001</a>' in line
    assert f'<a href="{link_to(ana)}">Ana Ruiz &lt;ana@example.com&gt;</a>' in line
    assert line.count("<time") == 2, "since, and last synced"
    (alone,) = re.findall(
        r'field-elsewhere">([^<]*)<', console.get(f"{list_of(ContactMapping)}?q=ghl0002").content.decode()
    )
    assert alone == "–"


def test_record_that_is_gone_or_was_merged_says_so(console: Client, ana: Contact) -> None:
    ContactMapping.objects.filter(external_id="ghl0001").update(gone_at=timezone.now())
    ContactMapping.objects.create(
        contact=ana, provider="gohighlevel", kind="contact", external_id="ghl0009", is_main=False
    )
    page = console.get(list_of(ContactMapping)).content.decode()
    assert ("deleted</span>" in page, "merged into the main one" in page) == (True, True)
    line = console.get(f"{list_of(ContactMapping)}?provider=nowcerts").content.decode()
    assert "ghl0009" not in line, "beside another record stands the main one alone"


def test_page_of_a_record_links_to_the_contact_its_events_and_its_writes(console: Client, ana: Contact) -> None:
    mapping = ContactMapping.objects.get(external_id=INSURED)
    page = console.get(page_of(mapping)).content.decode()
    for link in (
        link_to(ana),
        f"/admin/integrations/inboxevent/?q={INSURED}",
        f"/admin/integrations/outgoingwrite/?contact__exact={ana.pk}",
        f"{list_of(ContactMapping)}?contact__exact={ana.pk}",
    ):
        assert f'href="{link}"' in page
    assert "ghl0001" in page
    contact_page = console.get(page_of(ana)).content.decode()
    assert f'href="{page_of(mapping)}"' in contact_page
    assert f'href="{list_of(ContactMapping)}?contact__exact={ana.pk}"' in contact_page


def test_records_are_not_written_here(console: Client, ana: Contact) -> None:
    mapping = ContactMapping.objects.get(external_id=INSURED)
    assert console.get(f"{list_of(ContactMapping)}add/").status_code == 403
    assert console.post(page_of(mapping), {"external_id": "other"}).status_code == 403
    assert console.post(f"/admin/accounts/contactmapping/{mapping.pk}/delete/", {"post": "yes"}).status_code == 403
    mapping.refresh_from_db()
    assert mapping.external_id == INSURED


@pytest.mark.parametrize(("permission", "status"), [("view_contactmapping", 200), ("view_policy", 403)])
def test_list_is_for_staff_who_may_view_records(ana: Contact, permission: str, status: int) -> None:
    assert clerk(permission).get(list_of(ContactMapping)).status_code == status
    assert Client().get(list_of(ContactMapping)).status_code == 302


def test_list_costs_the_same_for_4_and_for_50_records_and_counts_nothing(console: Client) -> None:
    costs = []
    for first, last in ((0, 2), (2, 25)):
        for number in range(first, last):
            contact = Contact.objects.create(email=f"p{number}@example.com")
            ContactEmail.objects.create(contact=contact, email=contact.email)
            for provider in ("gohighlevel", "nowcerts"):
                ContactMapping.objects.create(
                    contact=contact, provider=provider, kind="contact", external_id=f"{provider}{number}"
                )
        queries = queries_of(console, list_of(ContactMapping))
        assert [sql for sql in queries if counts_a_table(sql)] == []
        costs.append(len(queries))
    assert costs[0] == costs[1] <= 14


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("", "SCAN accounts_contactmapping"),  # by its key
        ("provider=nowcerts", "mapping_by_provider"),
        ("kind=contact", "mapping_by_kind"),
        ("provider=nowcerts&kind=contact", "mapping_by_"),
        ("gone=yes", "mapping_gone"),
        ("q=ghl0001", "accounts_contactmapping_contact_id"),
    ],
)
def test_list_is_read_in_its_order_and_never_sorted(console: Client, ana: Contact, query: str, index: str) -> None:
    """Sorting all rows for the first fifty would take seconds with a million."""
    if connection.vendor != "sqlite":
        pytest.skip("with three rows PostgreSQL reads the table")
    changelist = console.get(f"{list_of(ContactMapping)}?{query}").context["cl"]
    sql, parameters = changelist.queryset[:51].query.get_compiler(using="default").as_sql()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)
        plan = "\n".join(str(line) for line in cursor.fetchall())
    assert index in plan
    assert "TEMP B-TREE" not in plan.upper() or query.startswith("q="), plan
