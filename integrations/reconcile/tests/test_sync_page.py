"""The page on which staff start a sync: the first one of contacts is not scheduled."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from integrations.reconcile import runs
from integrations.reconcile.models import SyncRun

pytestmark = pytest.mark.django_db
PAGE = "/admin/reading-lists/"


@pytest.fixture(autouse=True)
def _nowcerts_is_connected(settings: Any) -> None:
    settings.NOWCERTS_USERNAME = settings.NOWCERTS_PASSWORD = "configured"
    settings.GHL_API_KEY = settings.KAJABI_CLIENT_ID = ""


def test_first_sync_is_not_scheduled_and_later_ones_are(admin_client: Client) -> None:
    assert runs.start_due() == []
    page = admin_client.post(PAGE, {"provider": "nowcerts"}, follow=True)
    assert "The sync has started" in page.content.decode()
    run = SyncRun.objects.get()
    assert (run.provider, run.kind, run.status) == ("nowcerts", "backfill", "pending")
    ended = timezone.now() - timedelta(hours=2)
    SyncRun.objects.update(status="done", started_at=ended, finished_at=ended, window_to=ended)
    assert [started.kind for started in runs.start_due()] == ["incremental"]


def test_start_page_lists_providers_never_compared(admin_client: Client) -> None:
    assert "never compared" in admin_client.get("/admin/").content.decode()
    SyncRun.objects.create(provider="nowcerts", kind="backfill", status="done", stage="insureds", cause="test")
    assert "never compared" not in admin_client.get("/admin/").content.decode()


def test_second_sync_is_refused_while_one_is_open(admin_client: Client) -> None:
    for _press in range(2):
        page = admin_client.post(PAGE, {"provider": "nowcerts"}, follow=True)
    assert "open already" in page.content.decode()
    assert SyncRun.objects.count() == 1


def test_audit_button_starts_an_audit(admin_client: Client) -> None:
    admin_client.post(PAGE, {"provider": "nowcerts", "kind": "audit"})
    assert SyncRun.objects.get().kind == "audit"


def test_a_look_first_is_offered_until_everything_was_read_once(admin_client: Client) -> None:
    advice = "To look first, start the audit"
    for kind, is_offered in (("", True), ("audit", True), ("backfill", False)):
        if kind:
            SyncRun.objects.create(provider="nowcerts", kind=kind, status="done", stage="insureds", cause="test")
        assert (advice in admin_client.get(PAGE).content.decode()) is is_offered


def test_sync_page_is_for_superusers(client: Client) -> None:
    assert client.post(PAGE, {"provider": "nowcerts"}).status_code in (302, 403)
    assert not SyncRun.objects.exists()
