"""Effects of an event, which come once: retried, replayed, unmatched, ignored."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dateutil.relativedelta import relativedelta
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.mail import emails
from accounts.mail.models import EmailMessage
from accounts.memberships.models import Plan, PlanOffer, Subscription, SubscriptionFact, SubscriptionTransition
from accounts.people.models import Contact, ContactEmail, ContactMapping, User
from core.cause import Cause
from core.queue import runner
from integrations.inbox import process as inbox
from integrations.inbox.models import InboxEvent

pytestmark = pytest.mark.django_db
A_YEAR = relativedelta(years=1)
SOLD = datetime.now(UTC).replace(microsecond=0) - timedelta(days=100)
BUSINESS = (
    *(User, Subscription, SubscriptionFact, SubscriptionTransition, EmailMessage),
    *(Contact, ContactEmail, ContactMapping),
)


def business() -> dict[str, list[Any]]:
    """Return every row that an event can change, whole."""
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in BUSINESS}


def test_purchase_makes_a_member_a_subscription_and_their_mails(process: Any, relay: Any) -> None:
    event = process(relay(occurred_at=SOLD.isoformat()))

    assert (event.status, event.attempts, event.person_email) == ("processed", 1, "jane@example.com")
    user = User.objects.get()
    assert (user.email, user.first_name, user.last_name) == ("jane@example.com", "Jane", "Rivera")
    assert (user.auth_provider, user.is_active, user.has_usable_password()) == ("kajabi", True, False)
    subscription = user.subscriptions.get()
    assert (subscription.plan.code, subscription.status, subscription.provider) == ("nssa_annual", "active", "kajabi")
    assert subscription.started_at == SOLD
    assert subscription.current_period_end == SOLD + A_YEAR
    assert (subscription.external_member_id, subscription.external_offer_id) == ("mem_1001", "off_456")
    transition = subscription.transitions.get()
    assert (transition.from_status, transition.to_status) == ("", "active")
    assert transition.occurred_at == SOLD
    assert transition.learned_at >= event.received_at
    assert (transition.event_id, transition.staff) == (event.pk, None)
    assert transition.cause == "kajabi offer.purchased evt_1"
    mails = [(mail.kind, mail.to, mail.status) for mail in EmailMessage.objects.order_by("pk")]
    assert mails == [("welcome", "jane@example.com", "sent"), ("staff_new_member", "staff@example.com", "sent")]


def test_event_lists_its_changes_with_links(process: Any, relay: Any) -> None:
    event = process(relay(occurred_at=SOLD.isoformat()))
    told = [(effect.description, effect.target) for effect in event.effects.all()]
    welcome, to_staff = EmailMessage.objects.order_by("pk")
    assert told == [
        ("member created", User.objects.get()),
        (f"subscription active, access until {SOLD + A_YEAR:%Y-%m-%d}", Subscription.objects.get()),
        ("contact created", Contact.objects.get()),
        ("e-mail enqueued: welcome, with the set-up link", welcome),
        ("e-mail enqueued: to staff: new member", to_staff),
    ]


def test_processing_a_purchase_costs_a_fixed_number_of_queries(
    receive: Any, relay: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emails, "_languages", lambda minute, addresses: {})  # read once a minute, of which one may end
    runner.run(
        InboxEvent, receive(relay(event_id="evt_0", email="first@example.com", member={"email": "a@example.com"})).pk
    )
    counts = []
    for name in ("offer.purchased", "member.subscription.renewed"):
        for number in (1, 2):
            member = {"id": f"mem_{number}", "email": f"jane{number}@example.com"}
            event = receive(relay(name, event_id=f"{name}_{number}", member=member))
            with CaptureQueriesContext(connection) as captured:
                runner.run(InboxEvent, event.pk)
            words = [query["sql"].split()[0] for query in captured.captured_queries]
            counts.append(sum(word in ("SELECT", "INSERT", "UPDATE", "DELETE") for word in words))
    assert counts == [24, 24, 19, 19]


def test_replaying_processed_events_changes_nothing(process: Any, relay: Any, drain: Any, mailoutbox: Any) -> None:
    process(relay("offer.purchased", "evt_1", occurred_at="2026-06-01T10:00:00Z"))
    process(relay("member.subscription.canceled", "evt_2", occurred_at="2026-07-01T10:00:00Z"))
    process(relay("member.subscription.renewed", "evt_3", occurred_at="2026-08-01T10:00:00Z"))
    process(relay("offer.purchased", "evt_4"))
    before, mails = business(), len(mailoutbox)

    for _time in range(3):
        assert inbox.retry(InboxEvent.objects.order_by("-pk")) == 4
        drain()

    assert business() == before
    assert len(mailoutbox) == mails
    assert set(InboxEvent.objects.values_list("status", "attempts", "last_error")) == {("processed", 4, "")}


def test_pending_event_is_not_queued_twice_and_an_unreadable_one_not_at_all(
    receive: Any, post: Any, relay: Any
) -> None:
    receive(relay())
    post(b"{nonsense")
    assert inbox.retry(InboxEvent.objects.all()) == 0
    assert set(InboxEvent.objects.values_list("status", flat=True)) == {"pending", "failed"}


def test_offer_without_a_plan_waits_for_staff_and_a_retry_finishes_it(
    process: Any, relay: Any, drain: Any, mailoutbox: Any
) -> None:
    event = process(relay(offer={"id": "off_789", "name": "Something new"}))

    assert (event.status, event.attempts, event.next_attempt_at) == ("unmatched", 1, None)
    assert event.reason == "no plan for offer off_789 (Something new); map it to a plan, then retry"
    assert event.last_error == ""
    assert event.person_email == "jane@example.com", "so that staff find it"
    assert User.objects.count() == 0
    assert [mail.subject for mail in mailoutbox] == ["An offer has no plan: off_789 (Something new)"], "to staff"
    mailoutbox.clear()

    plan = Plan.objects.create(code="other", name="Something new", period_months=1)
    PlanOffer.objects.create(plan=plan, external_id="off_789")
    assert inbox.retry([event]) == 1
    drain()
    event.refresh_from_db()
    assert (event.status, event.attempts, event.reason) == ("processed", 2, "")
    assert list(event.attempt_rows.values_list("outcome", flat=True)) == ["unmatched", "done"]
    assert User.objects.get().subscriptions.get().plan == plan
    assert [mail.to for mail in mailoutbox] == [["jane@example.com"], ["staff@example.com"]]


def test_offer_zero_is_an_offer(process: Any, relay: Any) -> None:
    event = process(relay(offer={"id": 0}))
    assert (event.status, event.reason) == ("unmatched", "no plan for offer 0; map it to a plan, then retry")


def test_mapping_in_the_console_wins_over_the_one_in_the_settings(process: Any, relay: Any) -> None:
    other = Plan.objects.create(code="other", name="Other")
    PlanOffer.objects.create(plan=other, external_id="off_456")
    process(relay())
    assert Subscription.objects.get().plan == other


def test_event_without_an_offer_means_the_only_plan_and_is_never_guessed(process: Any, relay: Any) -> None:
    body = relay()
    del body["offer"]
    assert process(body).status == "processed"
    Plan.objects.create(code="other", name="Other")
    event = process(body | {"id": "evt_2"})
    assert (event.status, event.reason) == (
        "unmatched",
        "no plan: the event names no offer; map it to a plan, then retry",
    )


@pytest.mark.parametrize("member", [{}, {"id": "mem_1"}, {"email": ""}, {"email": None}, None, "jane@example.com"])
def test_event_without_an_address_is_unmatched(process: Any, relay: Any, member: Any) -> None:
    event = process(relay(member=member))
    assert (event.status, event.reason) == ("unmatched", "the event names no e-mail")
    assert User.objects.count() == 0


def test_staff_set_an_event_aside_with_a_reason(process: Any, relay: Any, staff: Any, drain: Any) -> None:
    event = process(relay(offer={"id": "off_789"}))
    assert inbox.ignore([event], reason="a trial of ours", cause=Cause.by_staff(staff)) == 1
    drain()
    event.refresh_from_db()
    assert (event.status, event.reason) == ("ignored", "a trial of ours (staff: staff@example.com)")
    assert inbox.ignore([event], reason="again", cause=Cause.by_staff(staff)) == 0


def test_processed_event_cannot_be_set_aside(process: Any, relay: Any, staff: Any) -> None:
    event = process(relay())
    assert inbox.ignore([event], reason="no", cause=Cause.by_staff(staff)) == 0
    event.refresh_from_db()
    assert (event.status, event.reason) == ("processed", "")


def test_pending_event_that_was_set_aside_is_not_processed(receive: Any, relay: Any, staff: Any, drain: Any) -> None:
    event = receive(relay())
    inbox.ignore([event], reason="no", cause=Cause.by_staff(staff))
    drain()
    event.refresh_from_db()
    assert (event.status, event.attempts) == ("ignored", 0)
    assert User.objects.get() == staff
