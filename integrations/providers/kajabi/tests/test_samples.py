"""Test deliveries: ignored by what cannot be real, wherever they come from, and no sale is ever taken for one."""

from collections.abc import Mapping
from typing import Any

import pytest
from django.test import Client

from accounts.mail.models import EmailMessage
from accounts.memberships.models import PlanOffer
from accounts.people.models import Contact
from accounts.tests.admin_clients import signed_in
from integrations.inbox.models import InboxEvent
from integrations.operations import alerts
from tests.fakes.kajabi import FakeKajabi

pytestmark = pytest.mark.django_db
HOOK = "/kajabi-webhook/a-token-that-only-tests-know"
WHO = {"email": "john.doe@example.com", "name": "John Doe"}
NATIVE = {
    "id": "0",
    "event": "purchase",
    "payload": [{"id": "0", "type": "purchases"}, {"id": 0, "type": "customers", "attributes": WHO}],
}
FLAT = {"offer_id": 0, "offer_title": "Kajabi Test Offer", "member_id": 0, "member_email": "a@example.com"}
IN_APP = {"id": "a-uuid", "event": "purchase.created", "payload": {**FLAT, "transaction_id": 0}}
PAID = {
    "id": "a-uuid",
    "event": "payment.succeeded",
    "offer": {"id": 0},
    "member": {"id": 0, **WHO},
    "payment_transaction": {"id": 0, "amount_paid": 1000},
}
RELAYED = {"type": "offer.purchased", "id": "evt_1", "member": {"id": "0", **WHO}, "offer": {"id": "0"}}
TESTS: Mapping[str, dict[str, Any]] = {
    "the seed's": {"type": "test", "id": "123"},
    "native": NATIVE,
    "in-app purchase": IN_APP,
    "in-app payment": PAID,
    "relayed": RELAYED,
}
REAL: Mapping[str, dict[str, Any]] = {
    "native, a real customer": NATIVE | {"payload": [NATIVE["payload"][0], {"id": "21", "type": "customers"}]},  # type: ignore[index]
    "native, no id": NATIVE | {"payload": [{"type": "purchases"}]},
    "native, empty": NATIVE | {"payload": []},
    "in-app, a real member": IN_APP | {"payload": {**FLAT, "member_id": 5}},
    "in-app, a real transaction": IN_APP | {"payload": {**FLAT, "transaction_id": 5}},
    "in-app, a real offer": IN_APP | {"payload": {**FLAT, "offer_id": 5}},
    "relayed, 0 where there is no offer": RELAYED | {"member": WHO},
    "relayed, a real member": RELAYED | {"member": {"id": "mem_1", **WHO}},
    "relayed, no offer": RELAYED | {"offer": {}},
    "relayed, the sample's address": RELAYED | {"offer": {"id": "off_456"}, "member": {"id": "mem_1", **WHO}},
}


@pytest.mark.parametrize("name", TESTS)
@pytest.mark.parametrize("has_api", [True, False], ids=["with the API", "without"])
def test_test_delivery_is_answered_200_and_ignored_without_notifying_anybody(
    name: str, has_api: bool, post: Any, drain: Any, kajabi: FakeKajabi, settings: Any, plan: Any
) -> None:
    settings.KAJABI_CLIENT_ID = settings.KAJABI_CLIENT_ID if has_api else ""
    PlanOffer.objects.create(plan=plan, external_id="0")
    for _press in range(30):
        assert post(TESTS[name], HOOK, sign=False).status_code == 200
    drain()
    event = InboxEvent.objects.get()
    assert (event.status, event.reason, event.attempts) == ("ignored", "a test delivery", 0)
    assert (Contact.objects.count(), EmailMessage.objects.count(), len(kajabi.exchanges)) == (0, 0, 0)
    alerts.evaluate()
    assert not EmailMessage.objects.exists(), "neither failed nor unmatched nor repeated too often"


@pytest.mark.parametrize("name", REAL)
def test_delivery_in_which_one_thing_may_be_real_is_processed(name: str, post: Any, plan: Any) -> None:
    assert post(REAL[name]).status_code == 200
    assert InboxEvent.objects.get().status == "pending"


def test_test_delivery_that_staff_replay_leads_to_nothing(receive: Any, drain: Any, staff: Any, plan: Any) -> None:
    event = receive(NATIVE)
    console, page = signed_in(staff), f"/admin/integrations/inboxevent/replay/?ids={event.pk}"
    form = console.get(page).context["start"]
    console.post(page, {name: form[name].value() for name in form.fields})
    drain()
    event.refresh_from_db()
    assert (event.status, event.effects.count(), Contact.objects.count()) == ("processed", 0, 0)


@pytest.mark.parametrize("method", ["get", "head"])
def test_probe_of_the_hooks_address_is_answered_200(method: str) -> None:
    assert getattr(Client(), method)(HOOK).status_code == 200
