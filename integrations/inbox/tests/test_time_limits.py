"""A time limit ends the attempt at a page, and is no fault of the record that is being applied."""

from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.utils import timezone

from core.cause import Cause
from integrations.contracts.events import ContactReported, Event
from integrations.contracts.membership_events import Buyer, OfferPurchased
from integrations.contracts.pull import PulledEvent, PulledRecord
from integrations.reconcile import engine
from integrations.reconcile.lookups import PreparedRecord
from integrations.reconcile.models import ProviderRecord

pytestmark = pytest.mark.django_db
EMAIL = "jane@example.com"
EVENTS = [
    ContactReported(occurred_at=timezone.now(), email=EMAIL),
    OfferPurchased(occurred_at=timezone.now(), buyer=Buyer(email=EMAIL), offers=("off_456",)),
]


@pytest.mark.parametrize("event", EVENTS, ids=["contact", "purchase"])
def test_time_limit_while_a_record_is_applied_ends_the_attempt(event: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: Any, **kwargs: Any) -> Any:
        raise SoftTimeLimitExceeded

    monkeypatch.setattr(engine, "handle", interrupted)
    events = [PulledEvent(event=event)]
    record = PulledRecord(key="record:1", person_id="1", changed_at=None, events=events)
    with pytest.raises(SoftTimeLimitExceeded):
        engine.apply(
            PreparedRecord(record=record, events=events), engine.Terms(provider="kajabi", cause=Cause(text="test"))
        )
    assert not ProviderRecord.objects.exists()
