"""Hooks, relays and reconciliation tell the same histories in any order and number: members and mails end the same."""

import random
from datetime import timedelta
from typing import Any

import pytest

from accounts.mail.models import EmailMessage
from accounts.memberships.models import Subscription
from accounts.people.models import User
from core.queue import runner
from integrations.inbox.models import InboxEvent
from integrations.providers.kajabi.tests.sales import ago, pay, sell, stamp
from integrations.reconcile.models import SyncRun
from tests.fakes.kajabi import FakeKajabi

pytestmark = pytest.mark.django_db
MEMBERS = 24
Delivery = tuple[dict[str, Any], str]  # a body, and where it is posted


@pytest.fixture
def deliveries(kajabi: FakeKajabi, fixture: Any, relay: Any) -> list[Delivery]:
    """Members at Kajabi, some ended, some renewed; and what hooks and relays tell of two thirds of them."""
    chance, told = random.Random(11), []
    for number in range(MEMBERS):
        sold = sell(kajabi, number, days_ago=chance.choice((40, 200, 380, 500)))
        bought = kajabi.records["purchases"][str(4000 + number)]
        ended = sold + timedelta(days=30) if number % 4 == 1 else None
        bought["attributes"]["deactivated_at"] = stamp(ended) if ended else None
        pay(kajabi, number, f"6{number}", days_ago=(ago() - sold).days)
        renewed = sold + timedelta(days=364)
        renews = renewed < ago(1) and ended is None
        if renews:
            pay(kajabi, number, f"7{number}", days_ago=(ago() - renewed).days, action="subscription_charge")
        if number % 3 == 0:
            continue
        email = f"member{number}@example.com"
        hook = fixture("purchase__native") | {"id": bought["id"]}
        told.append((hook | {"payload": [bought, kajabi.records["customers"][str(number)]]}, "/kajabi-webhook"))
        member = {"id": f"mem_{number}", "email": email, "first_name": "Jane"}
        if ended:
            body = relay("member.subscription.expired", f"evt_{number}", member=member, occurred_at=stamp(ended))
            told.append((body, "/api/webhook/kajabi/"))
        if renews:
            paid = fixture("payment.succeeded__in_app")
            created = kajabi.records["transactions"][f"7{number}"]["attributes"]["created_at"]
            paid |= {"id": f"pay-{number}", "created_at": created, "member": {"email": email, "id": number}}
            paid["payment_transaction"] = paid["payment_transaction"] | {"id": f"7{number}"}
            paid["offer"] = paid["offer"] | {"id": "off_456"}
            told.append((paid, "/kajabi-webhook"))
    return told


def ended_as() -> tuple[Any, Any]:
    """Return what members have, and who of those with access was greeted: each by one mail, whatever came first."""
    columns = ("user__email", "status", "started_at", "current_period_end", "canceled_at")
    return (
        sorted(Subscription.objects.values_list(*columns)),
        sorted(
            EmailMessage.objects.filter(
                key__startswith="granted:", user__subscriptions__in=Subscription.objects.giving_access()
            ).values_list("to", flat=True)
        ),
    )


def forget_everything() -> None:
    for model in (EmailMessage, InboxEvent, SyncRun):
        model.objects.all().delete()
    Subscription.objects.all().delete()
    from accounts.commerce.models import Payment
    from accounts.people.models import Contact
    from integrations.inbox.models import ContactRefresh
    from integrations.reconcile.models import ProviderRecord

    for other in (Payment, Contact, ContactRefresh, ProviderRecord, User):
        other.objects.all().delete()


@pytest.mark.once
def test_any_order_of_hooks_and_reconciliations_ends_the_same(
    kajabi: Any, deliveries: list[Delivery], receive: Any, reconciled: Any, settings: Any
) -> None:

    settings.RATE_LIMIT_VERIFIED = 10**6
    settings.ADMIN_EMAIL = []
    assert len(deliveries) > 20

    def tell(steps: list[Delivery | None]) -> tuple[Any, Any]:
        """A delivery is posted and processed; None is a reconciliation."""
        forget_everything()
        SyncRun.objects.create(
            provider="kajabi", kind="backfill", status="done", stage="", window_to=ago(2000), next_attempt_at=None
        )
        for step in steps:
            if step is None:
                run = reconciled()
                assert (run.status, run.errors) == ("done", 0), run.problems
                SyncRun.objects.update(window_to=ago(2000))
            else:
                runner.run(InboxEvent, receive(*step).pk)
        assert set(InboxEvent.objects.values_list("status", flat=True)) == {"processed"}
        return ended_as()

    hooks_first = tell([*deliveries, None])
    members, mails = hooks_first
    assert len(members) == MEMBERS
    assert {status for _email, status, *_rest in members} == {"active", "expired"}
    active = [email for email, status, *_rest in members if status == "active"]
    assert mails == active, "each is greeted once"
    assert tell([None, *deliveries]) == hooks_first
    for seed in range(3):
        chance = random.Random(seed)
        steps: list[Delivery | None] = [*deliveries, *chance.sample(deliveries, 10), None, None]
        chance.shuffle(steps)
        assert tell([*steps, None]) == hooks_first
