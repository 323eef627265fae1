"""The page of an event names the rows that it changed, in as many queries for three of a type as for one."""

from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.people.models import Contact
from integrations.inbox.models import Effect, InboxEvent


def page_of(client: Client, event: InboxEvent) -> str:
    return client.get(f"/admin/integrations/inboxevent/{event.pk}/change/").content.decode()


def test_effects_are_named(staff: Any, client: Client, process: Any, relay: Any) -> None:
    client.force_login(staff)
    event = process(relay(member={"email": "jane@example.com", "first_name": "Jane"}))
    text = page_of(client, event)
    assert "Contact: jane@example.com" in text
    assert "Subscription: jane@example.com · " in text


def test_effect_on_a_row_that_is_gone_has_its_number(staff: Any, client: Client, process: Any, relay: Any) -> None:
    client.force_login(staff)
    event = process(relay())
    kind = ContentType.objects.get_for_model(Contact)
    Effect.objects.create(event=event, description="x", content_type=kind, object_id=987654)
    assert "Contact: 987654" in page_of(client, event)


def test_names_cost_no_query_a_row(staff: Any, client: Client, process: Any, relay: Any) -> None:
    client.force_login(staff)
    event = process(relay())
    kind = ContentType.objects.get_for_model(Contact)
    page_of(client, event)
    costs = []
    for number in (1, 3):
        for one in range(number):
            contact = Contact.objects.create(email=f"c{number}{one}@example.com")
            Effect.objects.create(event=event, description="x", content_type=kind, object_id=contact.pk)
        with CaptureQueriesContext(connection) as queries:
            page_of(client, event)
        costs.append(len(queries))
    assert costs[0] == costs[1]
