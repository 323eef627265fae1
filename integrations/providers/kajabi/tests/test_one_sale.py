"""One sale told in several dialects, in any order, is one subscription and one welcome mail."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dateutil.relativedelta import relativedelta

from accounts.mail.models import EmailMessage
from accounts.memberships.models import Subscription
from accounts.people.models import User
from integrations.inbox.models import InboxEvent

pytestmark = pytest.mark.django_db
ENDPOINTS = {"nssa": "/api/webhook/kajabi/", "leaps": "/api/kajabi/webhook", "native": "/kajabi-webhook"}
A_YEAR = relativedelta(years=1)
SOLD = datetime.now(UTC).replace(microsecond=0) - timedelta(days=100)  # so that the paid year has not passed


def stamp(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


@pytest.fixture
def tellings(fixture: Any) -> list[tuple[str, dict[str, Any]]]:
    """(endpoint, payload) of each dialect for the same sale; each has its own idea of its second."""
    nssa = fixture("offer.purchased__nssa_relay") | {"occurred_at": stamp(SOLD + timedelta(seconds=3))}
    leaps = fixture("purchase.created__leaps_relay")
    leaps["data"]["purchase"]["created_at"] = stamp(SOLD)
    native = fixture("purchase__native")
    native["payload"][0]["attributes"]["created_at"] = stamp(SOLD + timedelta(milliseconds=700))
    flat = fixture("purchase.created__in_app")
    flat["payload"]["transaction_created_at"] = stamp(SOLD + timedelta(seconds=1))
    nested = fixture("purchase.created__in_app_nested")
    nested["payload"]["transaction_created_at"] = stamp(SOLD + timedelta(seconds=1))
    paid = fixture("payment.succeeded__in_app") | {"created_at": stamp(SOLD + timedelta(seconds=2))}
    return [
        (ENDPOINTS["nssa"], nssa),
        (ENDPOINTS["leaps"], leaps),
        (ENDPOINTS["native"], native),
        (ENDPOINTS["native"], flat),
        (ENDPOINTS["native"], nested),
        (ENDPOINTS["native"], paid),
    ]


ORDERS = [(0, 1, 2, 3, 4, 5), *itertools.islice(itertools.permutations(range(6)), 83, 720, 71), (5, 4, 3, 2, 1, 0)]


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_same_sale_in_any_order_is_one_subscription_and_one_welcome(
    tellings: Any, receive: Any, drain: Any, order: tuple[int, ...], mailoutbox: Any
) -> None:
    for number in order:
        endpoint, payload = tellings[number]
        receive(payload, endpoint)
        drain()

    assert set(InboxEvent.objects.values_list("status", "attempts")) == {("processed", 1)}
    user = User.objects.get()
    assert user.email == "jane@example.com"
    subscription = Subscription.objects.get()
    assert subscription.status == "active"
    assert subscription.started_at == SOLD
    assert subscription.current_period_end == SOLD + A_YEAR
    assert subscription.external_purchase_id == "3100001"
    assert subscription.facts.count() == 6
    assert subscription.transitions.count() == 1
    assert sorted(mail.to[0] for mail in mailoutbox) == ["jane@example.com", "staff@example.com"]
    assert sorted(EmailMessage.objects.values_list("kind", flat=True)) == ["staff_new_member", "welcome"]
    identities = dict(user.contact.mappings.values_list("kind", "external_id"))
    contact = {"contact": "2149000001"}
    assert identities == {"relay": "mem_1001", "member": "2148001001", "customer": "2148900001"} | contact


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_renewal_told_by_a_payment_and_by_the_relay_extends_once(
    tellings: Any, fixture: Any, receive: Any, drain: Any, order: tuple[int, ...]
) -> None:
    renewed_at = SOLD - A_YEAR + timedelta(days=364)
    sale = tellings[0][1] | {"occurred_at": stamp(SOLD - A_YEAR)}
    paid = fixture("payment.succeeded__in_app") | {"created_at": stamp(renewed_at)}
    paid["payment_transaction"]["id"] = 2149700777
    renewed = fixture("member.subscription.renewed__nssa_relay") | {
        "occurred_at": stamp(renewed_at + timedelta(minutes=5))
    }
    told = [(ENDPOINTS["nssa"], sale), (ENDPOINTS["native"], paid), (ENDPOINTS["nssa"], renewed)]
    for number in order:
        receive(told[number][1], told[number][0])
        drain()
    subscription = Subscription.objects.get()
    assert (subscription.status, subscription.current_period_end) == ("active", SOLD - A_YEAR + 2 * A_YEAR)


def test_refund_names_the_purchase_of_the_native_hook(tellings: Any, fixture: Any, receive: Any, drain: Any) -> None:
    refund = fixture("purchase.refunded__leaps_relay")
    refund["data"]["refunded_at"] = stamp(SOLD + timedelta(days=7))
    receive(refund, ENDPOINTS["leaps"])
    drain()
    receive(tellings[2][1], ENDPOINTS["native"])
    drain()
    subscription = Subscription.objects.get()
    assert (subscription.status, subscription.current_period_end) == ("refunded", SOLD + timedelta(days=7))
    assert not User.objects.get().has_access("nssa_annual")


def test_order_created_is_left_to_the_events_that_say_more(receive: Any, drain: Any) -> None:
    order = {
        "id": "1",
        "event": "order.created",
        "order": {"id": 1, "order_items": [{"id": 2150456456, "unit_cost": 1}]},
    }
    event = receive(order | {"payment_transaction": {"customer": {"email": "jane@example.com"}}}, ENDPOINTS["native"])
    drain()
    event.refresh_from_db()
    assert (event.status, event.reason) == ("ignored", "the sale is reported by purchase.created and payment.succeeded")
    assert User.objects.count() == 0
