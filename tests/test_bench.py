"""The view with which `make bench` compares Enlace stores a row of today's inbox."""

import json

import pytest
from django.test import RequestFactory

from integrations.inbox.models import InboxEvent
from tests.harness.webhooks import RELAY_PATH, WEBHOOK_SECRET, purchase, sign


@pytest.mark.django_db
def test_bare_view_has_an_event_stored_once_and_none_with_a_wrong_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.bench import bare  # it reads the secret, which is configured by now

    monkeypatch.setattr(bare, "SECRET", WEBHOOK_SECRET.encode())
    body = json.dumps(purchase("evt_1", "jane@example.com")).encode()

    def status(signature: str) -> int:
        request = RequestFactory().post(RELAY_PATH, body, "application/json", headers={"X-Kajabi-Signature": signature})
        return bare.webhook(request).status_code

    assert [status(signature) for signature in (sign(body), sign(body), "0" * 64)] == [200, 200, 403]
    event = InboxEvent.objects.get()
    assert (event.status, event.external_id, bytes(event.body)) == ("pending", "evt_1", body)
