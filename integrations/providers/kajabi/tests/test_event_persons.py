"""Each event is found under its person, also where Kajabi's delivery is a hint that names a contact by an id alone."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.tests.admin_clients import signed_in
from integrations.inbox.models import InboxEvent
from integrations.inbox.models.contact_refresh import QUIET
from tests.fakes import kajabi_records as records
from tests.fakes.kajabi import FakeKajabi

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("impatient")]
HOOK = "/kajabi-webhook/a-token-that-only-tests-know"


@pytest.fixture(autouse=True)
def _known_there(kajabi: FakeKajabi) -> None:
    kajabi.add(records.tag("5", name="vip"), records.contact("11", email="jane@example.com", tags=("5",)))


@pytest.fixture
def found(staff: Any) -> Callable[[str], list[str]]:
    """The types of the events that staff find by an address."""
    browser: Client = signed_in(staff)

    def look(email: str) -> list[str]:
        page = browser.get("/admin/integrations/inboxevent/", {"q": email})
        return sorted(event.event_type for event in page.context["cl"].result_list)

    return look


def tagged(event: str, *, email: str = "jane@example.com", contact_id: str = "11", tag: str = "vip") -> dict[str, Any]:
    resources = [records.contact(contact_id, email=email), records.tag("5", name=tag)]
    return {"id": contact_id, "event": event, "payload": resources}


def test_tags_of_somebody_new_are_found_under_them_once_they_are_read(
    process: Any, drain: Any, travel: Any, found: Any
) -> None:
    process(tagged("tag_added", email="mallory@example.com"), HOOK, sign=False)
    travel(QUIET + timedelta(seconds=1))
    drain()
    assert found("jane@example.com") == ["tag_added"], "as Kajabi has them, not as anybody with the token says"
    assert found("mallory@example.com") == []


def test_tags_of_somebody_known_are_found_under_them_at_once(process: Any, drain: Any, travel: Any, found: Any) -> None:
    process(tagged("tag_added"), HOOK, sign=False)
    travel(QUIET + timedelta(seconds=1))
    drain()
    process(tagged("tag_removed", email="mallory@example.com"), HOOK, sign=False)
    assert found("jane@example.com") == ["tag_added", "tag_removed"]


def test_tags_without_an_api_are_found_under_whom_they_state(process: Any, found: Any, settings: Any) -> None:
    settings.KAJABI_CLIENT_ID = ""
    process(tagged("tag_added"), HOOK, sign=False)
    assert found("jane@example.com") == ["tag_added"]


def test_relay_event_with_an_id_alone_is_found_under_whose_it_is(
    process: Any, drain: Any, travel: Any, found: Any
) -> None:
    body = {"event_type": "contact.updated", "event_id": "evt_1", "data": {"contact": {"id": "11"}}}
    process(body, "/api/kajabi/webhook")
    travel(QUIET + timedelta(seconds=1))
    drain()
    assert found("jane@example.com") == ["contact.updated"]


def test_hint_that_kajabi_does_not_confirm_is_found_under_whom_it_claims(process: Any, found: Any) -> None:
    bought = [
        records.purchase("999", customer_id="21", offer_id="2150456456"),
        records.customer("21", email="new@example.com"),
    ]
    process({"id": "999", "event": "purchase", "payload": bought}, HOOK, sign=False)
    assert InboxEvent.objects.get().last_error == "Kajabi does not know purchase 999"
    assert found("new@example.com") == ["purchase"]
