"""Circuits in the console: which provider is left alone and why, paused, and closed again."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.tests.admin_clients import clerk, page_of, signed_in
from accounts.tests.presses import act_url, list_of, logged, press, rows_of
from integrations.outbox.models import Circuit, OutgoingWrite

pytestmark = pytest.mark.django_db
LEFT = "1 row was left as it is: this does not apply to it."


@pytest.fixture
def console(staff: Any) -> Client:
    return signed_in(staff)


def circuit(provider: str = "gohighlevel", **columns: Any) -> Circuit:
    return Circuit.objects.create(provider=provider, **columns)


def opened(provider: str = "gohighlevel", *, trial_in: float | None = 60, **columns: Any) -> Circuit:
    now = timezone.now()
    trial = None if trial_in is None else now + timedelta(seconds=trial_in)
    return circuit(provider, opened_at=now, trial_at=trial, failures=6, **columns)


@pytest.mark.parametrize(
    ("columns", "state"),
    [
        ({}, "written to"),
        ({"trial_in": 60}, "paused after errors"),
        ({"trial_in": -1}, "being tried again"),
        ({"trial_in": None}, "paused by staff"),
    ],
)
def test_circuit_shows_its_state_and_its_error(columns: dict[str, Any], state: str, console: Client) -> None:
    row = opened(last_error="<b>503</b>", **columns) if columns else circuit(last_error="<b>503</b>")
    for url in (list_of(Circuit), page_of(row)):
        page = console.get(url).content.decode()
        assert f"{state}</span>" in page
        assert "&lt;b&gt;503&lt;/b&gt;" in page


def test_circuit_list_shows_every_written_provider_before_any_failure(console: Client, settings: Any) -> None:
    assert rows_of(console, Circuit) == []
    settings.CONTACT_SYNC = True
    settings.GHL_API_KEY, settings.GHL_LOCATION_ID = "a-key", "a-location"
    known = rows_of(console, Circuit)
    assert [(row.provider, row.state) for row in known] == [("gohighlevel", "closed")]
    assert rows_of(console, Circuit) == known


def test_a_provider_is_paused_with_a_reason_until_it_is_closed(console: Client) -> None:
    row = circuit()
    write = OutgoingWrite.objects.create(kind="contact", provider="gohighlevel", cause="test")
    OutgoingWrite.objects.filter(pk=write.pk).update(next_attempt_at=timezone.now() + timedelta(hours=1))
    assert press(console, row, "pause", reason="they move house") == ["1 provider is paused."]
    row.refresh_from_db()
    assert (row.state, row.trial_at, logged(row)) == ("open", None, ["pause: they move house"])
    assert press(console, row, "pause", reason="again") == [LEFT]

    asked = console.get(act_url(row, "close")).content.decode()
    assert "GoHighLevel: 1 write waits" in asked
    assert Circuit.objects.get().state == "open", "it only asks"
    assert press(console, row, "close", reason="") == ["1 provider is written to again."]
    row.refresh_from_db(), write.refresh_from_db()
    assert (row.state, row.failures, write.next_attempt_at <= timezone.now()) == ("closed", 0, True)
    assert logged(row) == ["pause: they move house", "close"]
    assert press(console, row, "close", reason="") == [LEFT]


def test_open_circuit_is_on_the_start_page_and_in_the_filter(console: Client) -> None:
    resting, fine = opened(), circuit("nowcerts")
    items = {item.key: (item.count, item.url) for item in console.get("/admin/").context["attention"]}
    assert items == {"open_circuits": (1, f"{list_of(Circuit)}?state=open")}
    assert rows_of(console, Circuit, state="open") == [resting]
    assert rows_of(console, Circuit, state="closed") == [fine]


def test_a_circuit_leads_to_the_writes_that_wait_for_it(console: Client) -> None:
    opened()
    waiting = OutgoingWrite.objects.create(kind="contact", provider="gohighlevel", cause="test")
    OutgoingWrite.objects.create(kind="contact", provider="nowcerts", cause="test")
    page = console.get(list_of(Circuit)).content.decode()
    assert f'href="{list_of(OutgoingWrite)}?provider=gohighlevel&amp;status__exact=pending"' in page
    assert rows_of(console, OutgoingWrite, provider="gohighlevel", status__exact="pending") == [waiting]


def test_viewer_cannot_pause_a_circuit(db: None) -> None:
    row = circuit()
    client = clerk("view_circuit")
    assert "/act/" not in client.get(page_of(row)).content.decode()
    for act in ("pause", "close"):
        assert client.post(act_url(row, act), {"answered": "1", "reason": "x"}).status_code == 403
    row.refresh_from_db()
    assert row.state == "closed"
