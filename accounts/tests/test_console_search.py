"""The console's search: people, purchases, companies and events by name, address, number and id."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.commerce.models import Order, Payment, Policy
from accounts.memberships.models import Plan, Purchase, Subscription
from accounts.people.models import Company, Contact, ContactPhone, User
from accounts.people.tests.people import person
from accounts.tests.admin_clients import link_to, page_of, signed_in
from core.console import search
from integrations.inbox.models import InboxEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def console(staff: Any) -> Client:
    return signed_in(staff)


@pytest.fixture
def jane() -> Contact:
    return person(
        ids={"contact": "501", "customer": "cus_901"},
        aliases=["jane@work.example.com"],
        first_name="Jane",
        last_name="de la Cruz",
        phone="+13055550141",
        business_phone="+17865550199",
    )


def event(**values: Any) -> InboxEvent:
    given = {"provider": "kajabi", "endpoint": "relay", "event_type": "offer.purchased", "body": b"{}"}
    defaults = {"key": f"key-{values.get('external_id')}", "body_digest": "0"}
    return InboxEvent.objects.create(**given | defaults | values)


def groups(client: Client, text: str) -> dict[str, list[str]]:
    """Return the titles that are shown under each heading; {"→": address} where the search went straight to a row."""
    answer = client.get("/admin/search/", {"q": text})
    if answer.status_code == 302:
        return {"→": [answer["Location"]]}
    return {str(group.label): [str(hit.title) for hit in group.shown] for group in answer.context["groups"]}


@pytest.mark.parametrize("text", ["jan", "JANE", "jane cruz", "de la", "jane@", "(305) 555-0141", "786.555.0199"])
def test_person_is_listed_by_a_beginning_and_by_a_number_in_any_spelling(
    text: str, console: Client, jane: Contact
) -> None:
    ContactPhone.objects.create(contact=jane, number="+13055550100")
    person("bob@example.com", ids={"contact": "77"}, first_name="Bob")
    assert groups(console, text) == {"People": ["Jane de la Cruz"]}
    assert groups(console, "305 555 0100") == {"People": ["Jane de la Cruz"]}


@pytest.mark.parametrize("text", ["Jane@Example.com", "jane@work.example.com", "501", "cus_901", "  501 "])
def test_whole_address_or_id_of_a_person_leads_straight_to_them(text: str, console: Client, jane: Contact) -> None:
    event(external_id="evt_1", person_email="jane@example.com")
    assert groups(console, text) == {"→": [link_to(jane)]}


def test_login_without_contact_is_found_and_a_contact_with_login_once(console: Client, jane: Contact) -> None:
    login = User.objects.create_user("jane@login.example.com", first_name="Jane", last_name="Login")
    assert groups(console, "jane") == {"People": ["Jane de la Cruz", "Jane Login"]}
    jane.user = login
    jane.save()
    assert groups(console, "jane") == {"People": ["Jane de la Cruz"]}
    assert groups(console, "jane@login.example.com") == {"→": [link_to(jane)]}


@pytest.mark.parametrize("text", ["ane", "example.com", "cruz bob", "%", "_", "' OR 1=1 --", "50", "🦄"])
def test_nothing_else_finds_anybody(text: str, console: Client, jane: Contact) -> None:
    assert groups(console, text) == {}


def test_same_id_of_two_things_is_a_question_and_not_a_choice(console: Client, jane: Contact) -> None:
    person("bob@example.com", ids={"contact": "501"}, provider="chatwoot", first_name="Bob")
    assert groups(console, "501") == {"People": ["Jane de la Cruz", "Bob"]}


def test_purchase_order_payment_and_policy_are_found_by_their_id(console: Client, jane: Contact, plan: Plan) -> None:
    now, of_jane = timezone.now(), {"contact": jane, "provider": "kajabi"}
    user = User.objects.create_user("jane@example.com")
    subscription = Subscription.objects.create(user=user, plan=plan, status="active", provider="kajabi")
    Purchase.objects.create(subscription=subscription, key="k", status="active", external_id="pur_1")
    order = Order.objects.create(**of_jane, external_id="ord_1", number="1001", currency="USD", total=1, placed_at=now)
    payment = Payment.objects.create(
        **of_jane, external_id="txn_1", kind="charge", amount=1, currency="USD", occurred_at=now
    )
    policy = Policy.objects.create(**of_jane, external_id="pol_1", number="HO-7", currency="USD", reported_at=now)
    leads = {
        "pur_1": subscription,
        "ord_1": order,
        "1001": order,
        "txn_1": payment,
        "pol_1": policy,
        "HO-7": policy,
    }
    for text, row in leads.items():
        assert groups(console, text) == {"→": [page_of(row)]}, text


def test_event_is_found_by_its_id_key_and_number_and_by_the_persons_address(console: Client) -> None:
    one = event(external_id="evt_1", key="kajabi:evt_1", person_email="nobody.yet@example.com")
    for text in ("evt_1", "kajabi:evt_1", str(one.pk)):
        assert groups(console, text) == {"→": [page_of(one)]}
    title = f"Kajabi offer.purchased #{one.pk}"
    assert groups(console, "nobody.yet@example.com") == {"Events": [title]}
    assert groups(console, "Nobody.Yet@") == {"Events": [title]}


def test_company_is_found_by_the_beginning_of_its_name_and_by_its_account(console: Client) -> None:
    company = Company.objects.create(
        company_id="chatwoot_7",
        name="Test Company S.A.",
        chatwoot_account_id="7",
        redis_prefix="chatwoot_7:",
        vectorstore_index="chatwoot_7_documents",
    )
    assert groups(console, "test comp") == {"Companies": ["Test Company S.A."]}
    for text in ("chatwoot_7", "7"):
        assert groups(console, text) == {"→": [page_of(company)]}


def test_ten_of_a_sort_are_shown_with_a_link_to_all_of_them(console: Client) -> None:
    for number in range(12):
        person(f"ann{number}@example.com", ids={"contact": f"a{number}"}, first_name="Ann", last_name=f"No{number}")
    answer = console.get("/admin/search/", {"q": "ann"})
    (group,) = answer.context["groups"]
    assert (len(group.shown), group.has_more) == (10, True)
    assert "More: all of them in the list" in answer.content.decode()
    assert len(console.get(group.url).context["cl"].result_list) == 12


@pytest.mark.parametrize("text", ["jane@example.com", "jane", "305 555 0141", "evt_1", "@"])
def test_search_takes_at_most_12_queries(
    text: str, jane: Contact, client: Client, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    support = User.objects.create_user("support@example.com", is_staff=True)
    support.groups.set(Group.objects.filter(name="support"))
    client.force_login(support)
    User.objects.create_user("jane@other.example.com", first_name="Jane")
    event(external_id="evt_2", person_email="jane@example.com")
    person("jane@example.com.mx", ids={"contact": "evt_1"}, first_name="Jane")
    with django_assert_max_num_queries(12):
        client.get("/admin/search/", {"q": text})


def test_search_shows_only_what_somebody_may_see(jane: Contact, client: Client) -> None:
    event(external_id="evt_1", person_email="jane@example.com")
    client.force_login(User.objects.create_user("nobody@example.com", is_staff=True))
    assert groups(client, "jane") == {}
    assert groups(client, "evt_1") == {}


def test_box_stands_on_every_page_and_keeps_what_was_searched_for(console: Client) -> None:
    assert 'action="/admin/search/"' in console.get("/admin/").content.decode()
    page = console.get("/admin/search/", {"q": '"><b>'}).content.decode()
    assert 'value="&quot;&gt;&lt;b&gt;"' in page


@pytest.mark.skipif(connection.vendor != "postgresql", reason="its planner says what it would read")
@pytest.mark.parametrize("text", ["jane@example.com", "jane@", "jane", "jane cruz", "305 555 0141", "evt_1", "77"])
def test_search_reads_by_indexes_alone(text: str, staff: Any) -> None:
    """With scans of tables forbidden, PostgreSQL takes one only where no index serves."""
    with CaptureQueriesContext(connection) as captured:
        search.found(text, staff)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for query in captured.captured_queries:
            cursor.execute(f"EXPLAIN {query['sql']}")
            plan = "\n".join(row[0] for row in cursor.fetchall())
            assert "Seq Scan" not in plan, f"{query['sql']}\n{plan}"


@pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's planner")
@pytest.mark.parametrize("text", ["jane@example.com", "jane@", "jane", "305 555 0141", "evt_1", "77"])
def test_search_reads_by_indexes_alone_on_sqlite(text: str, staff: Any) -> None:
    with CaptureQueriesContext(connection) as captured:
        search.found(text, staff)
    with connection.cursor() as cursor:
        for query in captured.captured_queries:
            cursor.execute(f"EXPLAIN QUERY PLAN {query['sql'].replace('%', '%%')}")
            plan = [row[-1] for row in cursor.fetchall()]
            assert [step for step in plan if step.startswith("SCAN") and "(subquery" not in step] == [], query["sql"]
