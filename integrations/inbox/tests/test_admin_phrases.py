"""Texts that are stored in English are shown in the reader's language, as far as their form is known."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import timezone, translation

from accounts.tests.admin_clients import signed_in
from core.console.links import moment
from core.phrases import shown
from core.queue.outcomes import Wait
from integrations.handlers.missing_plan import MissingPlan
from integrations.inbox.models import Effect
from integrations.outbox import deliver
from integrations.outbox.models import Circuit, OutgoingWrite


@pytest.fixture(autouse=True)
def _console() -> None:
    import integrations.admin  # noqa: F401 (its pages register what they can say)


@pytest.mark.parametrize(
    ("title", "english", "spanish"),
    [
        ("Gold", "Offer “Gold” has no plan: choose one", "La oferta «Gold» no tiene plan: elige uno"),
        ("", "Offer “off_9” has no plan: choose one", "La oferta «off_9» no tiene plan: elige uno"),
    ],
)
def test_reason_of_a_missing_plan_is_shown_in_the_readers_language(title: str, english: str, spanish: str) -> None:
    stored = MissingPlan(offers=["off_9"], title=title).reason
    assert shown(stored) == english
    with translation.override("es"):
        assert shown(stored) == spanish
        assert shown(f"{stored}; something else") == f"{spanish}; something else"


def test_two_reasons_of_one_event_are_both_shown() -> None:
    stored = "; ".join(MissingPlan(offers=[offer], title=title).reason for offer, title in [("1", ""), ("2", "Gold")])
    assert shown(stored) == "Offer “1” has no plan: choose one; Offer “Gold” has no plan: choose one"


def test_unknown_text_is_shown_as_it_is_stored() -> None:
    assert shown("GoHighLevel: 422 <b>%(no)s</b> 100 %") == "GoHighLevel: 422 <b>%(no)s</b> 100 %"


@pytest.mark.django_db
def test_write_to_a_paused_connection_says_so_in_the_readers_language(settings: Any) -> None:
    Circuit.objects.create(provider="gohighlevel", opened_at=timezone.now(), trial_at=None)
    row = OutgoingWrite.objects.create(kind="contact", provider="gohighlevel", cause="test")
    with pytest.raises(Wait) as waits:
        deliver._deliver(row)
    assert shown(str(waits.value)) == "Writing to GoHighLevel is paused"
    with translation.override("es"):
        assert shown(str(waits.value)) == "La escritura en GoHighLevel está en pausa"


@pytest.mark.parametrize(
    "stored",
    [
        "the address mary@example.com is contact gc10 there, who is Mary Gomes (contact 7) here:"
        " see possible duplicates",
        "contact gc10 there is Mary Gomes (contact 7) here",
    ],
)
def test_record_of_somebody_else_is_asked_about_by_name(stored: str) -> None:
    assert shown(stored) == "Already there as Mary Gomes (gc10). Same person?"


@pytest.mark.django_db
def test_effects_of_a_purchase_are_shown_in_spanish(process: Any, relay: Any) -> None:
    event = process(relay())
    assert event.status == "processed"
    descriptions = list(Effect.objects.filter(event=event).values_list("description", flat=True))
    with translation.override("es"):
        said = [shown(description) for description in descriptions]
    assert said[:1] == ["Miembro creado"]
    assert said[1].startswith("Suscripción: activa, acceso hasta ")


def test_moment_is_of_one_style_a_language_with_the_seconds_and_the_zone_in_its_title() -> None:
    when = datetime(2026, 3, 31, 14, 5, 9, tzinfo=UTC)
    assert ">31 Mar 2026, 14:05<" in moment(when)
    assert 'title="2026-03-31 14:05:09 UTC"' in moment(when)
    with translation.override("es"):
        assert ">31 mar 2026, 14:05<" in moment(when)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/admin/", "/admin/integrations/inboxevent/", "/admin/metrics/"])
def test_page_names_the_time_zone_once(path: str, staff: Any) -> None:
    page = signed_in(staff).get(path).content.decode()
    assert page.count("Times are in UTC.") == 1
