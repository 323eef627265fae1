"""The field configuration is read once in a job, however many of its steps need it."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.queue import runner
from integrations.fields.models import FieldPlace, FieldRule
from integrations.inbox.models import ContactRefresh, InboxEvent
from integrations.outbox.models import OutgoingWrite
from tests.harness.held_sides import HeldSides

pytestmark = pytest.mark.django_db


def reads_of_fields(row: Any) -> list[int]:
    """Run a job; return how often it read the rules and the places of fields."""
    with CaptureQueriesContext(connection) as queries:
        runner.run(type(row), row.pk)
    row.refresh_from_db()
    assert row.status in ("processed", "done"), row.last_error
    tables = (model._meta.db_table for model in (FieldRule, FieldPlace))
    return [sum(f'FROM "{table}"' in query["sql"] for query in queries) for table in tables]


def test_contact_change_reads_the_configuration_of_fields_once_where_it_is_needed(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(eMail="ana@example.com", firstName="Ana", lastName="Ruiz", city="Miami")
    sides.settle()
    sides.nowcerts.edit(insured["id"], city="Tampa")
    sides.deliver(sides.hooks.pop())
    event = InboxEvent.objects.latest("pk")
    assert reads_of_fields(event) == [0, 0]  # it only names the record
    refresh = ContactRefresh.objects.get(status="pending")
    ContactRefresh.objects.update(next_attempt_at=event.received_at)
    assert reads_of_fields(refresh) == [1, 1]
    write = OutgoingWrite.objects.get(status="pending")
    assert reads_of_fields(write) == [1, 1]
