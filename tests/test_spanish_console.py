"""A Spanish member of staff reads the reasons, effects and errors of rows in Spanish, on the pages that show them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.admin import site
from django.contrib.admin.utils import flatten_fieldsets
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise

from accounts.courses.admin.review import KEY as COMPLETIONS
from accounts.courses.models import Activity, Completion
from accounts.people.lookup import ANOTHER_MEMBER
from accounts.people.models import Contact, PossibleDuplicate
from accounts.tests.admin_clients import signed_in
from core.queue.delivery import FAILED
from core.queue.runner import GAVE_UP
from integrations.handlers.doubts import TO_COME
from integrations.handlers.missing_plan import MissingPlan
from integrations.inbox.models import ContactRefresh, Effect, InboxAttempt, InboxEvent
from integrations.issues import failed
from integrations.outbox.matching import RECORD
from integrations.outbox.models import OutgoingWrite
from integrations.toolkit.answers import answered

pytestmark = pytest.mark.django_db
# Written as rows of before this release hold them, too.
ENGLISH = {
    "the event names no e-mail": "No indica ningún correo, así que no es de nadie",
    "starts_at: '03/04/2027' is ambiguous: day and month could be either": "no se sabe cuál es el día y cuál el mes",
    "policy 77 belongs to 9, whom neither NowCerts nor we know": "que ni NowCerts ni nosotros conocemos",
    "the person was erased on 2026-03-31; only a later purchase makes an account again": "se borró el 31 mar 2026",
    GAVE_UP(count=3, noun="event"): "Abandonado: el programa terminó 3 veces",
}


@pytest.fixture
def spanish(staff: Any) -> Client:
    client = signed_in(staff)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "es"
    return client


def event(reason: str, **columns: Any) -> InboxEvent:
    now = timezone.now()
    return InboxEvent.objects.create(
        **{
            "provider": "kajabi",
            "endpoint": "webhooks",
            "event_type": "offer.purchased",
            "key": f"key-{InboxEvent.objects.count()}",
            "body": b"{}",
            "payload": {},
            "received_at": now,
            "status": "unmatched",
            "reason": reason,
            "next_attempt_at": None,
            "finished_at": now,
            **columns,
        }
    )


def read(client: Client, name: str, *arguments: Any) -> str:
    answer = client.get(reverse(f"admin:{name}", args=arguments), follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize(("stored", "said"), ENGLISH.items(), ids=range(len(ENGLISH)))
def test_reason_of_an_event_is_in_spanish_on_its_page_and_in_the_list(spanish: Client, stored: str, said: str) -> None:
    row = event(stored)
    InboxAttempt.objects.create(event=row, number=1, outcome="unmatched", error=stored, started_at=timezone.now())
    page = read(spanish, "integrations_inboxevent_change", row.pk)
    assert page.count(said) >= 2, "the reason, and the error of its attempt"
    assert stored not in page
    assert stored not in read(spanish, "integrations_inboxevent_changelist")


def test_every_effect_of_an_event_is_in_spanish(spanish: Client) -> None:
    row, contact = event("", status="processed"), Contact.objects.create(email="ana@example.com")
    said = {
        "contact created": "Contacto creado",
        "subscription trialing → active, access until 2027-03-04": "activa, acceso hasta 4 mar 2027",
        "completion waits for a person: nobody has this address": "requiere tu decisión: nadie tiene esta dirección",
        "left out: phone: '12' is no telephone number that can be called from elsewhere": "Omitido: teléfono",
        "e-mail enqueued: welcome": "Correo en cola",
    }
    for description in said:
        Effect.objects.create(event=row, description=description, target=contact)
    page = read(spanish, "integrations_inboxevent_change", row.pk)
    for description, spanish_text in said.items():
        assert spanish_text in page
        assert description not in page


def test_error_of_a_write_and_its_issue_are_in_spanish(spanish: Client) -> None:
    error = answered("GoHighLevel", "PUT /contacts/{id}", 422, reason="email is taken", hint="Check the credentials.")
    contact = Contact.objects.create(email="ana@example.com")
    write = OutgoingWrite.objects.create(
        kind="contact", provider="gohighlevel", contact=contact, cause="test", status=FAILED, last_error=error
    )
    issue = failed.note(write, provider="gohighlevel", kind="write", event_type=RECORD, error=error)
    said = "tuvo la respuesta 422: email is taken. Revisa las credenciales."
    for name, key in [("outgoingwrite", write.pk), ("issue", issue.pk)]:
        page = read(spanish, f"integrations_{name}_change", key)
        assert said in page, name
        assert "was answered with" not in page
    assert "was answered with" not in read(spanish, "integrations_issue_changelist")


def test_questions_of_review_are_in_spanish(spanish: Client) -> None:
    offer = event(MissingPlan(offers=["off_9"], title="Gold").reason)
    first, other = (Contact.objects.create(email=f"{name}@example.com") for name in "ab")
    pair = PossibleDuplicate.objects.create(contact=first, other=other, reason="both have the address ana@example.com")
    activity = Activity.objects.create(code="course", name="Course", points=5)
    completion = Completion.objects.create(
        activity=activity,
        source="x:1",
        email_received="c@example.com",
        email="c@example.com",
        course="Excel",
        completed_on=timezone.localdate(),
        reason="the event does not say whether the assessment was passed (score 60)",
    )
    claimed = event(ANOTHER_MEMBER(known="a@example.com", named="b@example.com"))
    odd = event(TO_COME(day="2031-02-01"))
    said = {
        ("repeated_ids", claimed.pk): "Conflicto: el ID es de a@example.com, el correo de b@example.com",
        ("unreadable_dates", odd.pk): "Lleva la fecha 1 feb 2031, que aún no ha llegado",
        ("unmatched_events", offer.pk): "La oferta «Gold» no tiene plan: elige uno",
        ("possible_duplicates", pair.pk): "Ambos tienen la dirección ana@example.com",
        (COMPLETIONS, completion.pk): "El evento no dice si la evaluación se aprobó (nota 60)",
    }
    for question, text in said.items():
        assert text in read(spanish, "review_question", *question), question


def test_a_waiting_event_says_until_when_in_the_readers_form(spanish: Client) -> None:
    until = datetime(2026, 12, 24, 18, 30, tzinfo=UTC)
    row = event(
        f"waits for contact 9, until {until:%Y-%m-%d %H:%M} UTC at most: policy 7 belongs to 9, who is not known here"
        " and is not named by an e-mail",
        status="pending",
        next_attempt_at=until,
        finished_at=None,
    )
    page = read(spanish, "integrations_inboxevent_change", row.pk)
    assert "Espera a que se conozca el contacto 9, como máximo hasta 24 dic 2026, 18:30" in page


def test_reading_that_failed_says_why_in_spanish(spanish: Client) -> None:
    row = ContactRefresh.objects.create(
        provider="kajabi",
        external_id="9",
        requested_at=timezone.now() - timedelta(hours=1),
        status=FAILED,
        last_error="Kajabi cannot be asked: its API is not configured",
    )
    page = read(spanish, "integrations_contactrefresh_change", row.pk)
    assert "No se puede consultar Kajabi: su API no está configurada" in page


def test_every_column_that_a_page_shows_has_a_label_of_ours(rf: Any, staff: Any) -> None:
    """Django makes a label of a name in English where a field has none, and nobody translates that."""
    request = rf.get("/")
    request.user = staff
    nameless = set()
    for model, page in site._registry.items():
        if model._meta.app_label not in ("accounts", "integrations"):
            continue
        shown = {*flatten_fieldsets(page.get_fieldsets(request, model())), *page.get_list_display(request)}
        fields = {field.name: field for field in model._meta.fields}
        for name in fields.keys() & {name for name in shown if not hasattr(page, str(name))}:
            if not isinstance(fields[name].verbose_name, Promise):
                nameless.add(f"{model._meta.label}.{name}")
    assert nameless == set()
