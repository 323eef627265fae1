"""The page of a person: why they have access, what happened and why, and what staff can do, in one place."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.mail import emails
from accounts.mail.models import EmailMessage
from accounts.memberships import staff_actions
from accounts.memberships.models import Plan, Subscription
from accounts.people.models import Company, Contact, ContactChange, User
from accounts.people.tests.people import at, person, possible_duplicate, report
from accounts.people.tests.test_contact_duplicates import purchase
from accounts.tests.admin_clients import clerk, page_of, signed_in
from accounts.tests.presses import act_url, list_of, queries_of
from core.cause import Cause
from core.console import timeline
from integrations.handlers import missing_plan
from integrations.inbox.models import InboxEvent
from integrations.outbox.models import OutgoingWrite

pytestmark = pytest.mark.django_db


@pytest.fixture
def console(staff: Any) -> Client:
    return signed_in(staff)


@pytest.fixture
def jane(newcomer: User, plan: Plan) -> Contact:
    """Return somebody with everything: a login without a password, a membership, a company, records, a sale."""
    made = person(
        "new@example.com",
        ids={"contact": "501"},
        aliases=["jane@work.example.com"],
        first_name="Jane",
        last_name="Doe",
        phone="+13055550141",
        custom_fields={"size": "<script>"},
    )
    made.user = newcomer
    made.company = Company.objects.create(
        company_id="chatwoot_7",
        name="Acme",
        chatwoot_account_id="7",
        redis_prefix="chatwoot_7:",
        vectorstore_index="chatwoot_7_documents",
    )
    made.save()
    User.objects.filter(pk=newcomer.pk).update(first_name="Jane", last_name="Doe")
    until = timezone.now() + timedelta(days=100)
    staff_actions.grant(newcomer, plan, until=until, cause=Cause(text="kajabi offer.purchased evt_1", event_id=4))
    purchase(made)
    return made


def here(row: Any) -> str:
    return f"/admin/accounts/{row._meta.model_name}/{row.pk}/person/"


def event(**values: Any) -> InboxEvent:
    given = {"provider": "kajabi", "endpoint": "relay", "event_type": "offer.purchased", "body": b"{}"}
    return InboxEvent.objects.create(
        **given | {"key": f"key-{InboxEvent.objects.count()}", "body_digest": "0"} | values
    )


def support() -> Client:
    user = User.objects.create_user("support@example.com", is_staff=True)
    user.groups.set(Group.objects.filter(name="support"))
    return signed_in(user)


def test_page_shows_the_whole_person(console: Client, jane: Contact) -> None:
    page = console.get(here(jane)).content.decode()
    assert "Jane Doe has access to NSSA Annual Membership until" in page
    assert "No password chosen yet, since" in page
    for text in ("new@example.com", "jane@work.example.com", "+13055550141", "Kajabi contact 501", "299.00 USD"):
        assert text in page
    assert "&lt;script&gt;" in page
    rows = (jane.user.subscriptions.get(), jane.orders.get(), jane.payments.get(), jane.company, jane.mappings.get())
    for row in rows:
        assert f'href="{page_of(row)}"' in page
    assert f'href="{list_of(jane.user.points.model)}?user__exact={jane.user_id}"' in page
    assert f'href="/admin/accounts/contact/{jane.pk}/change/"' in page
    assert f'href="/admin/accounts/user/{jane.user_id}/change/"' in page


def test_sentence_is_that_of_the_explanation(console: Client, jane: Contact) -> None:
    shown = console.get(here(jane)).context["explanation"].sentence
    said = console.get("/api/admin/explain/", {"person": f"contact:{jane.pk}"}).json()["sentence"]
    assert shown == said


def test_login_leads_to_its_contact_and_stands_alone_without_one(console: Client, jane: Contact, staff: Any) -> None:
    assert console.get(here(jane.user))["Location"] == here(jane)
    page = console.get(here(staff))
    assert page.status_code == 200
    assert page.context["contact"] is None
    assert console.get("/admin/accounts/contact/999999/person/").status_code == 404


def test_contact_without_a_login_says_so(console: Client) -> None:
    bob = person("bob@example.com", first_name="Bob")
    page = console.get(here(bob)).content.decode()
    assert "Bob has no membership: no purchase of theirs was processed." in page
    assert "None: nothing that was bought gave one." in page


def test_value_has_its_source_and_since_when(console: Client, jane: Contact) -> None:
    report("new@example.com", provider="chatwoot", ids={"contact": "9"}, minute=30, city="Miami")
    values = {one.label: one for one in console.get(here(jane)).context["values"]}
    assert (values["city"].value, values["city"].source) == ("Miami", "Chatwoot")
    assert at(30).isoformat() in str(values["city"].since)
    assert values["phone"].source == "Kajabi"
    assert "business phone" not in values


def test_timeline_holds_every_sort_newest_first_with_cause_and_link(console: Client, jane: Contact, staff: Any) -> None:
    emails.enqueue("welcome", to="new@example.com", user=jane.user, key="granted:1", context={})
    got = event(person_email="jane@work.example.com", status="processed", received_at=at(5))
    report("new@example.com", ids={"contact": "501"}, minute=30, city="Miami")
    report("new@example.com", ids={"contact": "501"}, minute=31, city="Tampa")
    write = OutgoingWrite.objects.create(kind="contact", provider="chatwoot", contact=jane, cause="contact changed")
    console.post(act_url(jane.user.subscriptions.get(), "cancel"), {"reason": "asked", "answered": "1"})
    entries = console.get(here(jane)).context["timeline"].entries
    assert [entry.at for entry in entries] == sorted((entry.at for entry in entries), reverse=True)
    sorts = {str(entry.sort) for entry in entries}
    assert {"Membership", "Mail", "Event", "Sync", "Value", "Staff"} <= sorts
    urls = {entry.url for entry in entries}
    assert {page_of(got), page_of(write)} <= urls
    causes = {(str(entry.sort), entry.cause_shown, entry.cause_url) for entry in entries}
    assert ("Membership", f"Staff: {staff.email}: asked", "") in causes
    assert ("Membership", "Kajabi offer.purchased evt_1", "/admin/integrations/inboxevent/4/change/") in causes


def test_what_is_open_stands_on_top_however_old_it_is(console: Client, jane: Contact) -> None:
    unmatched = event(person_email="new@example.com", status="unmatched", reason="no plan", received_at=at(0))
    for number in range(timeline.SHOWN + 5):
        event(person_email="new@example.com", status="processed", received_at=at(10 + number))
    question = possible_duplicate(jane, person("bob@example.com", first_name="Bob"))
    page = console.get(here(jane))
    (opened,) = page.context["timeline"].opened
    assert (opened.url, opened.cause, opened.is_open) == (page_of(unmatched), "no plan", True)
    assert f'href="{page_of(question)}"' in page.content.decode()
    unmatched.status = "processed"
    unmatched.save()
    assert console.get(here(jane)).context["timeline"].opened == []


def test_what_is_wrong_is_said_in_the_readers_language(console: Client, jane: Contact) -> None:
    reason = missing_plan.MissingPlan(offers=("off_9",), title="Gold").reason
    event(person_email="new@example.com", status="unmatched", reason=reason)
    event(person_email="new@example.com", status="failed", last_error="the database went away")
    OutgoingWrite.objects.create(
        kind="contact", provider="chatwoot", contact=jane, cause="changed", status="failed", last_error="refused"
    )
    answer = console.get(here(jane), headers={"Accept-Language": "es"})
    said = {str(entry.cause_shown) for entry in answer.context["timeline"].opened}
    assert said == {"La oferta «Gold» no tiene plan: elige uno", "the database went away", "refused"}


def test_mail_that_bounced_is_open_until_a_later_one_arrives(console: Client, jane: Contact) -> None:
    def mail(key: str, **values: Any) -> EmailMessage:
        made = emails.enqueue("welcome", to="new@example.com", user=jane.user, key=key, context={})
        EmailMessage.objects.filter(pk=made.pk).update(**values)
        return made

    bounced = mail("granted:1", status="bounced", last_error="mailbox full")
    (opened,) = console.get(here(jane)).context["timeline"].opened
    assert (opened.url, opened.cause) == (page_of(bounced), "mailbox full")
    arrived = mail("granted:2", status="delivered")
    happened = console.get(here(jane)).context["timeline"]
    assert happened.opened == []
    assert {entry.url: entry.cause for entry in happened.entries}[page_of(arrived)] == "purchase"


def test_pages_of_the_timeline_tear_no_moment_apart_and_lose_nothing(console: Client, jane: Contact) -> None:
    ContactChange.objects.filter(contact=jane).delete()
    for number in range(timeline.SHOWN * 2):
        event(person_email="new@example.com", status="processed", received_at=at(number // 3))
    seen, url = [], here(jane)
    for _page in range(5):
        happened = console.get(url).context["timeline"]
        seen += [entry.url for entry in happened.entries if "inboxevent" in entry.url]
        if happened.before is None:
            break
        url = f"{here(jane)}?before={happened.before.isoformat().replace('+', '%2B')}"
    assert len(seen) == len(set(seen)) == timeline.SHOWN * 2


@pytest.mark.parametrize("before", ["nonsense", "2026-99-99T00:00Z", "2026-11-01T00:00", "0001-01-01T00:00+14:00"])
def test_what_is_no_moment_begins_with_the_newest(before: str, console: Client, jane: Contact) -> None:
    assert [one.url for one in console.get(here(jane)).context["timeline"].entries] == [
        one.url for one in console.get(here(jane), {"before": before}).context["timeline"].entries
    ]


def test_buttons_are_the_actions_that_apply_and_that_somebody_may_run(console: Client, jane: Contact) -> None:
    def shown(client: Client) -> set[str]:
        context = client.get(here(jane)).context
        theirs = [button["name"] for row in context["memberships"] for button in row["buttons"]]
        assert len(context["buttons"]) == len({button["name"] for button in context["buttons"]})
        return {button["name"] for button in context["buttons"]} | set(theirs)

    every = shown(console)
    assert {"send-set-up-mail", "use-new-address", "forget", "export", "award-points", "add-alias"} <= every
    assert {"extend", "cancel", "expire"} <= every
    few = shown(support())
    assert "send-set-up-mail" in few
    assert few & {"forget", "extend", "cancel", "use-new-address"} == set()


def test_button_leads_back_to_the_person(console: Client, jane: Contact) -> None:
    context = console.get(here(jane)).context
    urls = {button["name"]: button["url"] for button in context["buttons"]}
    assert console.post(urls["send-set-up-mail"])["Location"] == here(jane)
    asked = console.get(urls["add-alias"]).content.decode()
    assert f'href="{here(jane)}" class="closelink"' in asked
    done = console.post(urls["add-alias"], {"email": "j@example.com", "answered": "1"})
    assert done["Location"] == here(jane)
    foreign = act_url(jane.user, "send-set-up-mail") + "?back=https://evil.example/"
    assert console.post(foreign)["Location"] == page_of(jane.user)


def test_page_shows_only_what_somebody_may_see(jane: Contact) -> None:
    event(person_email="new@example.com", status="unmatched", reason="no plan")
    client = clerk("view_contact", "view_user")
    answer = client.get(here(jane))
    page = answer.content.decode()
    assert answer.status_code == 200
    for text in ("NSSA Annual Membership", "299.00 USD", "no plan", 'class="row-action"'):
        assert text not in page
    assert [str(entry.sort) for entry in answer.context["timeline"].entries] == []


def test_page_is_refused_without_both_permissions(jane: Contact) -> None:
    assert clerk("view_contact").get(here(jane)).status_code == 403


def test_page_says_what_became_of_the_link_to_a_first_password(console: Client, jane: Contact) -> None:
    assert "Link to choose it" not in console.get(here(jane)).content.decode()
    mail = {"user": jane.user, "to": "new@example.com", "status": "pending", "failures": 2}
    EmailMessage.objects.create(kind="welcome", key="a", last_error="an earlier one", **mail)
    newest = EmailMessage.objects.create(kind="password_setup", key="b", last_error="421 not available", **mail)
    page = console.get(here(jane)).content.decode()
    (line,) = [one for one in page.splitlines() if "Link to choose it" in one]
    assert page_of(newest) in line
    assert "badge--pending" in line
    assert "421 not available" in line
    assert "421 not available" in page.partition("What happened")[2], "the timeline says it, too"
    assert jane.user is not None
    jane.user.set_password("violet kettle under the stairs")
    jane.user.save()
    assert "Link to choose it" not in console.get(here(jane)).content.decode()


def test_extension_stands_in_the_timeline_with_its_reason_and_once(console: Client, jane: Contact, staff: Any) -> None:
    subscription = Subscription.objects.get(user=jane.user)
    until = timezone.now() + timedelta(days=130)
    staff_actions.extend(subscription, until=until, cause=Cause.by_staff(staff, "a month as a present"))
    staff_actions.cancel(subscription, cause=Cause.by_staff(staff, "they moved away"))
    timeline = console.get(here(jane)).content.decode().partition("What happened")[2]
    assert timeline.count("Staff: staff@example.com: a month as a present") == 1
    assert timeline.count("they moved away") == 1
    assert "given by staff" in console.get(here(jane)).content.decode()


def test_page_takes_at_most_12_queries_whatever_there_is(console: Client, jane: Contact) -> None:
    few = len(queries_of(console, here(jane)))
    for number in range(30):
        event(person_email="new@example.com", status="failed")
        purchase(jane, f"more-{number}")
    assert len(queries_of(console, here(jane))) == few <= 12


def test_role_takes_two_more_for_its_permissions(jane: Contact) -> None:
    """Permissions of the user and of their groups are a query each."""
    assert len(queries_of(support(), here(jane))) <= 14


def test_lists_and_rows_lead_to_the_person(console: Client, jane: Contact) -> None:
    for model in (Contact, User):
        assert here(jane if model is Contact else jane.user) in console.get(list_of(model)).content.decode()
    order = jane.orders.get()
    assert f'href="{here(jane)}"' in console.get(page_of(order)).content.decode()
    for row in (jane, jane.user):
        assert f'href="{here(row)}"' in console.get(page_of(row)).content.decode()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="its planner says what it would read")
def test_page_reads_by_indexes_alone(console: Client, jane: Contact) -> None:
    """With scans of tables forbidden, PostgreSQL takes one only where no index serves."""
    queries = [sql for sql in queries_of(console, here(jane)) if sql.startswith(("SELECT", "("))]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for sql in queries:
            cursor.execute(f"EXPLAIN {sql}")
            plan = "\n".join(row[0] for row in cursor.fetchall())
            assert "Seq Scan" not in plan, f"{sql}\n{plan}"
