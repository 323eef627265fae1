"""One value that is too long never stops its record or its event."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from accounts.people.models import Contact, ContactMapping
from core.queue import runner
from integrations import registry
from integrations.contracts.webhook import WebhookRequest
from integrations.inbox import receive
from integrations.inbox.models import InboxEvent

pytestmark = pytest.mark.django_db

PROVIDERS = Path(__file__).resolve().parents[2] / "providers"
DELIVERIES = [
    ("kajabi", "contact.created__leaps_relay.json"),
    ("kajabi", "order_created__native.json"),
    ("kajabi", "form_submission__native.json"),
    ("gohighlevel", "ContactCreate__app.json"),
    ("nowcerts", "POLICY_INSERT__sync.json"),
    ("nowcerts", "INSURED_INSERT__sync.json"),
    ("chatwoot", "contact_created__account_webhook.json"),
]
HOSTILE = {"letters": "x" * 20_000, "marks": "J" + "\u0301\u0323" * 10_000}


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each text that names no event."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        if isinstance(item, str) and key not in ("event", "event_type", "type"):
            yield (*path, key)
        yield from leaves(item, (*path, key))


def processed(provider_key: str, payload: dict[str, Any]) -> InboxEvent:
    provider = registry.provider(provider_key)
    endpoint = provider.endpoints[-1] if provider_key == "chatwoot" else provider.endpoints[0]
    request = WebhookRequest(body=json.dumps(payload).encode(), headers={})
    receipt = receive.receive(provider, endpoint, request, is_signed=True)
    runner.run(InboxEvent, receipt.event.pk)
    return InboxEvent.objects.get(pk=receipt.event.pk)


@pytest.mark.parametrize(("provider", "file"), DELIVERIES)
def test_event_with_one_value_that_is_too_long_is_finished(provider: str, file: str, plan: Any) -> None:
    text = next(PROVIDERS.glob(f"{provider}/tests/fixtures/**/{file}")).read_text(encoding="utf-8")
    for place in leaves(json.loads(text)):
        for name, hostile in HOSTILE.items():
            payload = json.loads(text)
            holder = payload
            for key in place[:-1]:
                holder = holder[key]
            holder[place[-1]] = hostile
            event = processed(provider, payload)
            assert event.status in ("processed", "unmatched"), (place, name, event.last_error)


def test_contact_with_a_long_first_name_is_stored_with_its_beginning() -> None:
    text = next(PROVIDERS.glob("gohighlevel/tests/fixtures/ContactCreate__app.json")).read_text(encoding="utf-8")
    payload = json.loads(text) | {"firstName": "J" * 20_000, "phone": "+1" + "3" * 20_000, "city": "Miami" * 1000}
    assert processed("gohighlevel", payload).status == "processed"
    contact = Contact.objects.get()
    assert contact.first_name == "J" * 60
    assert contact.phone == ""
    assert contact.city == ("Miami" * 1000)[:120]


def test_records_with_long_ids_stay_two_records() -> None:
    text = next(PROVIDERS.glob("gohighlevel/tests/fixtures/ContactCreate__app.json")).read_text(encoding="utf-8")
    for end, email in (("1", "one@example.com"), ("2", "two@example.com")):
        changed = {"id": "x" * 5000 + end, "email": email, "webhookId": f"webhook-{end}", "phone": ""}
        assert processed("gohighlevel", json.loads(text) | changed).status == "processed"
    assert Contact.objects.count() == 2
    assert len(set(ContactMapping.objects.values_list("external_id", flat=True))) == 2
