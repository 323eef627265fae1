"""Webhooks as hints: the id of a contact is all that is needed, and nothing strange beside it decides or refuses."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.people.models import Contact, ContactMapping
from integrations.contracts.exceptions import Unreadable
from integrations.inbox.models import InboxEvent
from integrations.providers.gohighlevel import webhooks
from integrations.providers.gohighlevel.provider import PROVIDER
from tests.fakes.gohighlevel import FakeGoHighLevel
from tests.harness.environment import examples

pytestmark = pytest.mark.django_db
CONTACT_ID = "nmFmQEsNgz6AVpgLVUJ0"
OTHER_ID = "otg8dTQqGLh3Q6iQI55w"
NOTE = {"type": "NoteCreate", "locationId": "ve9EPM428h8vShlRW1KT", "id": OTHER_ID, "body": "called", "webhookId": "w"}


def finished(drain: Any, travel: Any) -> InboxEvent:
    """Return the only event once everything that it leads to is done."""
    drain()
    travel(timedelta(minutes=1))
    drain()
    return InboxEvent.objects.get()


def paths(ghl: FakeGoHighLevel) -> list[str]:
    return [exchange.asked.path for exchange in ghl.exchanges]


@pytest.mark.parametrize("name", ["workflow", "workflow_action", "workflow_labels"])
def test_workflow_body_is_read_without_the_api(deliver: Any, drain: Any, travel: Any, sample: Any, name: str) -> None:
    assert deliver(sample(f"contact.updated__{name}"), by="token").status_code == 200
    event = finished(drain, travel)
    assert (event.status, event.reason, event.event_type) == ("processed", "", "contact.updated")
    contact = Contact.objects.get()
    assert (contact.email, contact.name, contact.phone) == ("jane@example.com", "Jane Rivera", "+13055550100")
    assert contact.city == "Orlando"
    assert "website" not in contact.custom_fields
    assert contact.custom_fields.get("source", "quote form") == "quote form"
    assert sorted(row.tag.name for row in contact.tag_rows.all()) == ["newsletter", "vip"]
    assert ContactMapping.objects.get().external_id == CONTACT_ID


@pytest.mark.parametrize("name", ["workflow", "workflow_action", "workflow_labels"])
def test_workflow_body_is_only_an_id_where_the_api_can_be_asked(
    deliver: Any, drain: Any, travel: Any, sample: Any, ghl: FakeGoHighLevel, name: str
) -> None:
    ghl.add_contact(id=CONTACT_ID, email="jane@example.com", firstName="Jane", city="Tampa")
    assert deliver(sample(f"contact.updated__{name}"), by="token").status_code == 200
    assert finished(drain, travel).status == "processed"
    contact = Contact.objects.get()
    assert (contact.city, contact.address_line_1, contact.tag_rows.count()) == ("Tampa", "", 0)
    assert paths(ghl) == [f"/contacts/{CONTACT_ID}"]


DIALECTS = [
    *("contact.updated__workflow_action", "contact.updated__workflow_labels", "contact.updated__sync_with_id"),
    "ContactUpdate__app",
]
STRANGE: list[Any] = [None, True, 5, 5.5, "", "strange", [], ["x"], [[1]], {}, {"id": "x"}, {"a": {"b": []}}]


@pytest.mark.parametrize("strange", STRANGE, ids=repr)
def test_no_strange_field_refuses_a_hint(sample: Any, settings: Any, strange: Any) -> None:
    """Put the value into each field but the id, in each dialect, and look at what is taken."""
    for name in DIALECTS:
        for api_key in ("", "a-key"):
            settings.GHL_API_KEY = api_key
            payload = sample(name)
            inner = payload.get("contact")
            for holder in (payload, inner if isinstance(inner, dict) else {}):
                for field in list(holder):
                    if field in ("contact_id", "contactId") or (field == "id" and name.endswith(("id", "app"))):
                        continue
                    if field in ("contact", "type", "event") and not name.startswith("contact.updated__workflow"):
                        continue
                    before, holder[field] = holder[field], strange
                    envelope = webhooks.read(payload)
                    if field not in ("location", "workflow", "triggerData", "customData"):
                        assert envelope.event_type in PROVIDER.handled, field
                        assert CONTACT_ID in (envelope.external_id, named(payload)), field
                    holder[field] = before


def named(payload: Mapping[str, Any]) -> str:
    from django.utils import timezone

    from integrations.contracts.webhook import StoredWebhook

    stored = StoredWebhook(
        endpoint="webhooks", event_type="contact.updated", external_id="", payload=payload, received_at=timezone.now()
    )
    return webhooks.named_contact(stored)


@pytest.mark.parametrize(
    ("payload", "contact_id"),
    [
        ({**NOTE, "contactId": CONTACT_ID}, CONTACT_ID),
        ({**NOTE, "type": "OpportunityX", "contact_id": CONTACT_ID}, CONTACT_ID),
        ({**NOTE, "type": "ContactMerge", "id": CONTACT_ID}, CONTACT_ID),
        ({**NOTE, "type": "ContactMerge", "id": OTHER_ID, "contactId": CONTACT_ID}, CONTACT_ID),
        ({**NOTE, "type": "InvoiceCreate", "contact": {"id": CONTACT_ID, "name": "Jane"}}, CONTACT_ID),
        ({"event": "Wedding", "contact": {"id": CONTACT_ID, "email": "j@x.com"}}, CONTACT_ID),
        ({"event": ["contact.updated"], "contact_id": CONTACT_ID}, CONTACT_ID),
        ({"contactId": CONTACT_ID, "customData": {"event": "anything"}}, CONTACT_ID),
        ({"email": "jane@example.com", "location": {}, "customData": {"contact_id": CONTACT_ID}}, CONTACT_ID),
        ({"id": CONTACT_ID, "email": "jane@example.com", "locationId": "ve9EPM428h8vShlRW1KT"}, CONTACT_ID),
        (NOTE, ""),
        ({**NOTE, "type": "OpportunityX"}, ""),
        ({**NOTE, "type": "InvoiceCreate", "name": "Invoice 7", "email": "j@x.com"}, ""),
    ],
)
def test_unknown_event_is_a_hint_where_it_names_a_contact(
    deliver: Any, drain: Any, travel: Any, ghl: FakeGoHighLevel, payload: dict[str, Any], contact_id: str
) -> None:
    ghl.add_contact(id=CONTACT_ID, email="jane@example.com", city="Tampa")
    assert deliver(payload, by="token").status_code == 200
    event = finished(drain, travel)
    if contact_id:
        assert (event.status, event.event_type) == ("processed", "contact.updated")
        assert Contact.objects.get().city == "Tampa"
    else:
        assert (event.status, event.reason) == ("ignored", f"unknown type {payload['type']}")
    assert paths(ghl) == ([f"/contacts/{contact_id}"] if contact_id else [])


def test_app_event_about_something_else_decides_nothing_without_the_api(deliver: Any, drain: Any, travel: Any) -> None:
    assert deliver({**NOTE, "contactId": CONTACT_ID, "email": "jane@example.com"}).status_code == 200
    assert finished(drain, travel).status == "ignored"
    assert Contact.objects.count() == 0


def test_opportunity_is_ignored_though_it_names_a_contact(
    deliver: Any, drain: Any, travel: Any, sample: Any, ghl: FakeGoHighLevel
) -> None:
    deliver(sample("OpportunityCreate__app"))
    assert finished(drain, travel).reason == "opportunities are written there, not read"
    assert paths(ghl) == []


def test_event_named_in_custom_data_counts(sample: Any) -> None:
    payload = sample("contact.updated__workflow_labels") | {"customData": {"event": "contact.created"}}
    assert webhooks.read(payload).event_type == "contact.created"


def test_fields_of_a_form_are_a_contact(deliver: Any, drain: Any, travel: Any, post: Any) -> None:
    from integrations.providers.gohighlevel.tests.conftest import ENDPOINT, TOKEN

    form = b"event=contact.created&email=jane%40example.com&first_name=Jane&tags=vip"
    environ = {"CONTENT_TYPE": "application/x-www-form-urlencoded"}
    assert post(form, f"{ENDPOINT}?token={TOKEN}", sign=False, **environ).status_code == 200
    assert finished(drain, travel).status == "processed"
    assert Contact.objects.get().first_name == "Jane"


def test_signed_body_with_a_label_for_its_type_is_not_whole(post: Any, sign: Any, drain: Any, sample: Any) -> None:
    """A whole record would empty what it does not hold."""
    from integrations.providers.gohighlevel.tests.conftest import ENDPOINT, SECRET

    body = json.dumps(sample("contact.updated__workflow_labels")).encode()
    assert post(body, ENDPOINT, sign=False, headers={"X-Webhook-Signature": sign(body, SECRET)}).status_code == 200
    drain()
    [fact] = PROVIDER.parse(_stored(InboxEvent.objects.get()))
    assert not getattr(fact, "is_whole", True)


def _stored(event: InboxEvent) -> Any:
    from integrations.inbox.reading import as_webhook

    return as_webhook(event)


WORDS = st.sampled_from(
    [
        *("contact", "contact_id", "contactId", "id", "event", "type", "customData", "location", "workflow", "email"),
        *("phone", "first_name", "Website", "tags", "customFields", "webhookId", "locationId", "timestamp"),
        "additionalEmails",
    ]
)
LEAF = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["contact.updated", "c1", "a@x.y"])
)
ANYTHING = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=5), max_leaves=15
)


@settings(max_examples=examples(200))
@given(payload=st.dictionaries(WORDS, ANYTHING, max_size=8))
def test_any_payload_with_the_id_of_a_contact_is_understood(payload: dict[str, Any]) -> None:
    """Others are refused, by the name of a field, or understood too."""
    refused: tuple[str, ...] | None = None
    try:
        webhooks.read(payload)
    except Unreadable as error:
        refused = error.at
    assert refused is None or refused
    assert not (refused and str(payload.get("contact_id") or "").strip() and isinstance(payload["contact_id"], str))
    webhooks.read({**payload, "contact_id": CONTACT_ID})
