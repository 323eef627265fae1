"""Actions of staff on subscriptions, e-mails and people: effect, message with its count, audit entry."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.mail import emails
from accounts.mail.models import EmailMessage
from accounts.memberships import staff_actions
from accounts.memberships.models import Plan, PlanOffer, Subscription
from accounts.people.models import User
from accounts.signin.models import LinkRequest
from core.cause import Cause
from tests.harness.statements import counts_a_table


@pytest.fixture
def console(staff: Any, client: Client) -> Client:
    client.force_login(staff)
    return client


@pytest.fixture
def subscription(user: Any, plan: Plan) -> Subscription:
    until = timezone.now() + timedelta(days=100)
    return staff_actions.grant(user, plan, until=until, cause=Cause(text="test")).subscription


def press(client: Client, row: Any, action: str, **answers: Any) -> list[str]:
    """Presses the button on a row's page; the messages."""
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_act"
    url = reverse(name, args=[row.pk, action])
    response = client.post(url, answers | {"answered": "1"} if answers else {}, follow=True)
    assert response.redirect_chain, response.content.decode()
    return [str(message) for message in response.context["messages"]]


def press_in_list(client: Client, rows: list[Any], action: str, **answers: Any) -> Any:
    name = f"admin:{rows[0]._meta.app_label}_{rows[0]._meta.model_name}_changelist"
    chosen = {"action": action, "_selected_action": [row.pk for row in rows]}
    return client.post(reverse(name), chosen | (answers | {"answered": "1"} if answers else {"index": 0}))


def logged(row: Any) -> list[str]:
    entries = LogEntry.objects.filter(content_type__model=row._meta.model_name, object_id=str(row.pk))
    return [entry.change_message for entry in entries.order_by("pk")]


def test_a_subscription_is_canceled_with_a_reason(console: Client, staff: Any, subscription: Subscription) -> None:
    end = subscription.current_period_end
    assert press(console, subscription, "cancel", reason="asked by phone") == ["1 subscription was canceled."]
    subscription.refresh_from_db()
    assert (subscription.status, subscription.current_period_end) == ("canceled", end)
    last = subscription.transitions.last()
    assert (last.staff, last.reason, last.cause) == (staff, "asked by phone", f"staff: {staff.email}")
    assert logged(subscription) == ["cancel: asked by phone"]


def test_without_a_reason_nothing_is_canceled(console: Client, subscription: Subscription) -> None:
    url = reverse("admin:accounts_subscription_act", args=[subscription.pk, "cancel"])
    assert "Reason" in console.get(url).content.decode()
    assert console.post(url, {"answered": "1", "reason": " "}).status_code == 422
    subscription.refresh_from_db()
    assert (subscription.status, logged(subscription)) == ("active", [])


def test_a_second_cancel_changes_nothing_and_says_so(console: Client, subscription: Subscription) -> None:
    press(console, subscription, "cancel", reason="asked")
    again = press(console, subscription, "cancel", reason="asked")
    assert again == ["1 row was left as it is: this does not apply to it."]
    assert (subscription.facts.count(), logged(subscription)) == (2, ["cancel: asked"])


def test_a_subscription_expires_now(console: Client, subscription: Subscription) -> None:
    assert press(console, subscription, "expire", reason="fraud") == ["1 subscription has expired."]
    subscription.refresh_from_db()
    assert (subscription.status, subscription.has_access) == ("expired", False)
    assert logged(subscription) == ["expire: fraud"]


def test_a_subscription_is_extended_to_the_end_of_a_day(console: Client, subscription: Subscription) -> None:
    year = timezone.now().year + 2
    done = press(console, subscription, "extend", until=f"{year}-03-01", reason="present")
    assert done == ["1 subscription has a new end."]
    subscription.refresh_from_db()
    assert subscription.current_period_end == datetime(year, 3, 1, 23, 59, 59, tzinfo=UTC)
    assert logged(subscription) == ["extend: present"]


@pytest.mark.parametrize("until", ["2020-01-01", "tomorrow", ""])
def test_an_end_that_is_no_day_to_come_is_refused(until: str, console: Client, subscription: Subscription) -> None:
    url = reverse("admin:accounts_subscription_act", args=[subscription.pk, "extend"])
    response = console.post(url, {"answered": "1", "by": "day", "until": until, "reason": "present"})
    assert (response.status_code, list(response.context["form"].errors)) == (422, ["until"])
    assert subscription.facts.count() == 1


def test_several_are_canceled_from_the_list_after_one_question(
    console: Client, plan: Plan, subscription: Subscription, newcomer: Any
) -> None:
    until = timezone.now() + timedelta(days=9)
    other = staff_actions.grant(newcomer, plan, until=until, cause=Cause(text="test")).subscription
    staff_actions.expire(other, cause=Cause(text="test"))
    question = press_in_list(console, [subscription, other], "cancel").content.decode()
    assert "jane@example.com" in question
    assert "1 row was left as it is" in question
    done = press_in_list(console, [subscription, other], "cancel", reason="closing")
    messages = [str(message) for message in get_messages(done.wsgi_request)]
    assert messages == ["1 subscription was canceled.", "1 row was left as it is: this does not apply to it."]
    assert (logged(subscription), logged(other)) == (["cancel: closing"], [])


def test_a_subscription_is_granted_by_hand(console: Client, staff: Any, user: Any, plan: Plan) -> None:
    day = f"{timezone.now().year + 1}-06-30"
    console.post(
        reverse("admin:accounts_subscription_add"),
        {"user": user.pk, "plan": plan.pk, "until": day, "reason": "paid by cheque"},
    )
    granted = Subscription.objects.get()
    assert (granted.user, granted.status, f"{granted.current_period_end:%Y-%m-%d}") == (user, "active", day)
    assert granted.transitions.get().reason == "paid by cheque"
    assert LogEntry.objects.get().object_id == str(granted.pk)


def test_a_second_subscription_to_a_plan_is_refused(console: Client, subscription: Subscription) -> None:
    response = console.post(
        reverse("admin:accounts_subscription_add"),
        {"user": subscription.user_id, "plan": subscription.plan_id, "until": "2090-01-01", "reason": "again"},
    )
    assert (response.status_code, subscription.facts.count()) == (200, 1)


def test_the_page_of_a_subscription_shows_its_history_with_the_event(console: Client, process: Any, relay: Any) -> None:
    event = process(relay())
    page = console.get(reverse("admin:accounts_subscription_change", args=[Subscription.objects.get().pk]))
    assert reverse("admin:integrations_inboxevent_change", args=[event.pk]) in page.content.decode()
    assert 'name="status"' not in page.content.decode()


def test_a_subscription_cannot_be_written(console: Client, subscription: Subscription) -> None:
    url = reverse("admin:accounts_subscription_change", args=[subscription.pk])
    assert console.post(url, {"status": "refunded"}).status_code == 403
    assert console.post(reverse("admin:accounts_subscription_delete", args=[subscription.pk])).status_code == 403
    subscription.refresh_from_db()
    assert subscription.status == "active"


def test_an_e_mail_is_sent_again_as_a_new_one(console: Client, process: Any, relay: Any, drain: Any) -> None:
    process(relay())
    welcome = EmailMessage.objects.get(kind="welcome")
    assert press(console, welcome, "resend") == ["1 e-mail is sent again, as a new one."]
    drain()
    again = EmailMessage.objects.filter(kind="welcome").latest("pk")
    assert (again.pk != welcome.pk, again.status, again.to) == (True, "sent", welcome.to)
    assert logged(welcome) == ["resend"]


def test_the_preview_of_a_mail_has_no_link_that_works(
    console: Client, process: Any, relay: Any, mailoutbox: Any, link_in: Any
) -> None:
    process(relay())
    welcome = EmailMessage.objects.get(kind="welcome")
    page = console.get(reverse("admin:accounts_emailmessage_change", args=[welcome.pk])).content.decode()
    assert "token=•••" in page
    link = link_in(next(mail for mail in mailoutbox if mail.to == ["jane@example.com"]))
    assert link.token not in page
    assert 'name="password"' in Client().get(link.url).content.decode()  # looking ended nobody's link


@pytest.mark.parametrize("search", ["jane@example.com", " JANE@Example.com"])
def test_mails_are_found_by_the_whole_address(search: str, console: Client, user: Any) -> None:
    for to in ("jane@example.com", "jane@example.com.mx"):
        emails.enqueue(EmailMessage.Kind.PASSWORD_RESET, key=to, to=to)
    response = console.get(reverse("admin:accounts_emailmessage_changelist"), {"q": search})
    assert [message.to for message in response.context["cl"].result_list] == ["jane@example.com"]


@pytest.mark.parametrize("model", [EmailMessage, LinkRequest])
def test_mails_and_requests_are_read_only(model: Any, console: Client) -> None:
    row = model.objects.create(
        language="en",
        **(
            {"email": "a@example.com"}
            if model is LinkRequest
            else {"to": "a@example.com", "kind": "welcome", "key": "1"}
        ),
    )
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    assert console.get(reverse(f"{name}_add")).status_code == 403
    assert console.post(reverse(f"{name}_change", args=[row.pk]), {"status": "sent"}).status_code == 403
    assert console.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    row.refresh_from_db()
    assert row.status == "pending"


def test_a_set_up_mail_is_sent(console: Client, newcomer: Any) -> None:
    assert press(console, newcomer, "send-set-up-mail") == ["1 link is on its way; links sent before no longer work."]
    assert EmailMessage.objects.get().kind == "password_setup"
    assert logged(newcomer) == ["send-set-up-mail"]


def test_a_set_up_mail_is_sent_from_the_page_of_a_subscription_too(console: Client, process: Any, relay: Any) -> None:
    process(relay())
    subscription = Subscription.objects.get()
    said = press(console, subscription, "send-set-up-mail")
    assert said == ["1 link is on its way; links sent before no longer work."]
    sent = EmailMessage.objects.get(kind="password_setup")
    assert (sent.user, sent.to) == (subscription.user, "jane@example.com")


def test_a_button_needs_a_post_and_a_token_of_the_page(staff: Any, newcomer: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff)
    url = reverse("admin:accounts_user_act", args=[newcomer.pk, "send-set-up-mail"])
    assert client.get(url).status_code == 405
    assert client.post(url).status_code == 403
    assert EmailMessage.objects.count() == 0


def test_an_act_that_does_not_exist_is_not_found(console: Client, newcomer: Any) -> None:
    assert console.post(reverse("admin:accounts_user_act", args=[newcomer.pk, "promote"])).status_code == 404
    assert console.post(reverse("admin:accounts_user_act", args=[10**6, "send-set-up-mail"])).status_code == 404


def test_mapping_an_offer_processes_the_events_that_wait(console: Client, process: Any, relay: Any, plan: Plan) -> None:
    process(relay(offer={"id": "off_new", "name": "New"}))
    rows = {"offers-TOTAL_FORMS": 1, "offers-INITIAL_FORMS": 0, "offers-0-plan": plan.pk}
    rows |= {"offers-0-provider": "kajabi", "offers-0-external_id": "off_new"}
    fields = {"code": plan.code, "name": plan.name, "price_cents": 1, "currency": "USD", "period_months": 12}
    fields |= {"billing": "subscription", "trial_days": 0, "grace_days": 3, "early_payments": "last_quarter"}
    fields |= {"partial_refunds": "keep", "disputes": "suspend"}
    url = reverse("admin:accounts_plan_change", args=[plan.pk])
    page = console.post(url, fields | rows, follow=True).content.decode()
    assert PlanOffer.objects.get().external_id == "off_new"
    assert "1 event that waited for this plan is processed now." in page


def test_lists_of_people_and_mails_never_count(console: Client, django_assert_num_queries: Any) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    User.objects.bulk_create(User(email=f"u{n}@example.com", password="!") for n in range(60))
    for name in ("accounts_user", "accounts_emailmessage", "accounts_subscription"):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert console.get(reverse(f"admin:{name}_changelist")).status_code == 200
        assert [query["sql"] for query in queries if counts_a_table(query["sql"])] == []
