"""A time limit ends the attempt at a page: it is no fault of the record that happened to be in hand."""

from types import SimpleNamespace
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from core.cause import Cause
from integrations.contracts.pull import PulledEvent
from integrations.reconcile import applying, telling

pytestmark = pytest.mark.django_db


def interrupted(*args: Any, **kwargs: Any) -> Any:
    raise SoftTimeLimitExceeded


def test_time_limit_while_a_record_is_told_ends_the_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "_tell", interrupted)
    event: Any = SimpleNamespace()
    pulled = PulledEvent(key="contact:1", changed_at=None, event=event)
    with pytest.raises(SoftTimeLimitExceeded):
        telling.tell(pulled, provider="kajabi", cause=Cause(text="test"), run_id=None)


def test_time_limit_while_an_item_is_applied_ends_the_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applying, "_confirmation", interrupted)
    told: Any = SimpleNamespace(event=SimpleNamespace(offers=("off_456",)))
    item: Any = SimpleNamespace(problem="", told=[told], person_id="1", key="purchase:1")
    prepared: Any = SimpleNamespace(
        plans={applying._offers(told): object()}, people={"1": SimpleNamespace(email="jane@example.com")}
    )
    with pytest.raises(SoftTimeLimitExceeded):
        applying._apply_item(item, None, prepared, SimpleNamespace(provider="kajabi"), applying.Tally())
