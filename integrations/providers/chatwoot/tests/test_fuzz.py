"""Whatever is posted about accounts, it is answered, kept, and makes nothing that its account's number does not say."""

import json
from typing import Any

import pytest
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.people.models import Company
from core.queue import runner
from integrations.inbox.models import InboxEvent
from integrations.providers.chatwoot.tests.conftest import EVENTS, INSTALLATION, TOKEN
from integrations.providers.chatwoot.webhooks import HANDLED
from tests.harness.environment import examples

pytestmark = pytest.mark.django_db

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(["", "0", "12", "\x00", "\ud800", "9" * 300, "jane@example.com", "2026-06-01", "12:3"]),
)
WORDS = st.sampled_from(
    ["id", "event", "event_type", "account", "account_id", "name", "users", "data", "payload", "email", "phone_number",
     "additional_attributes", "custom_attributes", "city", "identifier", "updated_at", "timestamp"]
)  # fmt: skip
LIKE_AN_EVENT = st.recursive(
    ODD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=6), max_leaves=15
)
BODY = st.dictionaries(WORDS, LIKE_AN_EVENT, max_size=8).flatmap(
    lambda body: st.sampled_from([*sorted(HANDLED), ""]).map(lambda kind: body | ({"event": kind} if kind else {}))
)


@settings(max_examples=examples(150))
@given(body=BODY, path=st.sampled_from([INSTALLATION, EVENTS]))
def test_any_body_is_kept_and_answered(body: dict[str, Any], path: str) -> None:
    answer = Client().post(f"{path}/{TOKEN}", json.dumps(body), "application/json")
    assert answer.status_code in (200, 400), answer.content
    for event in InboxEvent.objects.filter(status="pending"):
        runner.run(InboxEvent, event.pk)
        event.refresh_from_db()
        assert event.status in ("processed", "failed", "unmatched"), event.last_error
    assert not InboxEvent.objects.filter(status="pending").exists()
    for company in Company.objects.all():
        assert company.chatwoot_account_id.isdigit()
        assert company.redis_prefix == f"chatwoot_{company.chatwoot_account_id}:"
