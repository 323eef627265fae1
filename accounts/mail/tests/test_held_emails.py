"""Greetings that are held back: they occupy their reason, and go when staff let them."""

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.mail import emails
from accounts.mail.models import EmailMessage
from accounts.memberships import subscriptions
from accounts.memberships.facts import Fact, FactKind
from accounts.memberships.models import Subscription
from accounts.people.models import User
from accounts.tests.admin_clients import signed_in
from core.cause import SCHEDULE

pytestmark = pytest.mark.django_db


@pytest.fixture
def subscribed(plan: Any) -> Any:
    """Makes a member with a subscription and a greeting that is held."""

    def make(name: str, *kinds: FactKind) -> Subscription:
        user = User.objects.create_user(f"{name}@example.com", auth_provider="kajabi")
        for days, kind in enumerate([FactKind.PURCHASED, *kinds]):
            moment = timezone.now() - timedelta(days=10 - days)
            fact = Fact(key=f"{name}{days}", kind=kind, occurred_at=moment)
            recorded = subscriptions.record(user, plan, fact, cause=SCHEDULE)
            if kind is FactKind.PURCHASED:
                assert len(emails.greet(recorded.subscription, held=True)) == 1
        return recorded.subscription

    return make


def test_held_greeting_is_not_sent_and_staff_get_none(subscribed: Any, drain: Any, mailoutbox: Any) -> None:
    subscribed("ada")
    drain()
    assert list(EmailMessage.objects.values_list("kind", "status", "next_attempt_at")) == [("welcome", "held", None)]
    assert mailoutbox == []


def test_later_reason_to_greet_does_not_greet_beside_a_held_one(subscribed: Any, drain: Any, mailoutbox: Any) -> None:
    assert emails.greet(subscribed("ada")) == []
    drain()
    assert EmailMessage.objects.get().status == "held"
    assert mailoutbox == []


def test_released_greetings_go_to_members_with_access_one_after_the_other(
    subscribed: Any, drain: Any, travel: Any, mailoutbox: Any
) -> None:
    for name in ("ada", "bob", "cleo"):
        subscribed(name)
    subscribed("gone", FactKind.EXPIRED)
    assert emails.release_greetings(per_minute=2) == 3
    assert emails.release_greetings(per_minute=2) == 0
    drain()
    assert [mail.to for mail in mailoutbox] == [["ada@example.com"]]
    travel(timedelta(seconds=31))
    drain()
    travel(timedelta(seconds=61))
    drain()
    assert [mail.to[0] for mail in mailoutbox] == ["ada@example.com", "bob@example.com", "cleo@example.com"]
    assert EmailMessage.objects.get(to="gone@example.com").status == "held"


def test_mail_is_released_once(subscribed: Any) -> None:
    subscribed("ada")
    message = EmailMessage.objects.get()
    assert [emails.release(message), emails.release(message)] == [True, False]


def test_staff_send_a_held_mail_now(subscribed: Any, staff: Any, drain: Any, mailoutbox: Any) -> None:
    subscribed("ada")
    message = EmailMessage.objects.get()
    url = reverse("admin:accounts_emailmessage_act", args=[message.pk, "send-now"])
    assert signed_in(staff).post(url).status_code == 302
    drain()
    assert [mail.to for mail in mailoutbox] == [["ada@example.com"]]
    assert signed_in(staff).post(url).status_code == 302
    drain()
    assert len(mailoutbox) == 1, "pressed again, it does not apply any more"
