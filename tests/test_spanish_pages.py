"""Pages that show stored texts, in Spanish: no phrase is left in English, and no date in ISO's form."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import translation

from accounts.courses import decisions
from accounts.courses.models import Activity, Completion
from accounts.mail import emails
from accounts.mail.models import EmailMessage
from accounts.memberships import staff_actions
from accounts.people.models import Contact, ContactChange, ContactEmail, User
from accounts.staff.audit import record
from accounts.tests.admin_clients import signed_in
from core import phrases
from core.cause import SCHEDULE, Cause
from core.queue.delivery import FAILED
from integrations.inbox.models import Effect, InboxAttempt, InboxEvent
from integrations.issues import failed
from integrations.operations import alerts, notices
from integrations.operations.alerts import RULES
from integrations.operations.models import AlertState, Notice
from integrations.outbox.matching import RECORD
from integrations.outbox.models import OutgoingWrite

pytestmark = pytest.mark.django_db
ERROR = "Kajabi cannot be asked: its API is not configured"
AT = datetime(2026, 3, 31, 14, 5, tzinfo=UTC)
_ISO = re.compile(r"\b20\d\d-\d\d-\d\d\b")
_HIDDEN = re.compile(r"<(script|style|head)\b.*?</\1>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")


def readable(page: str) -> str:
    """Return what a reader sees of a page: no scripts, no marks, nothing in attributes."""
    return " ".join(unescape(_TAG.sub("\n", _HIDDEN.sub("", page))).split(" "))


def english_in(text: str) -> Iterator[str]:
    """Yield the lines that are phrases in English, and are said otherwise in Spanish."""
    for line in filter(None, map(str.strip, text.splitlines())):
        with translation.override("es"):
            spanish = phrases.shown(line)
        if any(one.phrase and one.phrase.weight > 5 for one in phrases.found_in(line)) and spanish != line:
            yield line


def left_over(text: str) -> list[str]:
    """Return what a Spanish reader would stumble over: English of ours, and dates in ISO's form."""
    return [*english_in(text), *_ISO.findall(text)]


@pytest.fixture
def spanish(staff: Any) -> Client:
    client = signed_in(staff)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "es"
    return client


@pytest.fixture
def person(staff: Any, user: User, plan: Any) -> Contact:
    """A member with a row of each kind that stores texts."""
    contact = Contact.objects.create(email=user.email, user=user, first_name="Jane")
    by_staff, now = Cause.by_staff(staff, "asked by phone"), AT
    staff_actions.grant(user, plan, until=datetime(2030, 3, 1, tzinfo=UTC), cause=SCHEDULE)
    staff_actions.extend(user.subscriptions.get(), until=datetime(2031, 3, 1, tzinfo=UTC), cause=by_staff)
    ContactEmail.objects.create(contact=contact, email="j@work.example.com", source=by_staff.text)
    event = InboxEvent.objects.create(
        provider="kajabi", endpoint="webhooks", event_type="offer.purchased", key="k", external_id="evt_1", body=b"{}",
        payload={}, received_at=now, status="unmatched", next_attempt_at=None, finished_at=now,
        person_email=user.email, reason="the event names no e-mail",
    )  # fmt: skip
    InboxAttempt.objects.create(event=event, number=1, outcome="failed", error=ERROR, started_at=now)
    Effect.objects.create(event=event, description="contact created", target=contact)
    write = OutgoingWrite.objects.create(
        kind="contact", provider="gohighlevel", contact=contact, cause=SCHEDULE.text, status=FAILED, last_error=ERROR
    )
    failed.note(write, provider="gohighlevel", kind="write", event_type=RECORD, error=ERROR)
    ContactChange.objects.create(
        contact=contact, kind="changed", name="city", before="Austin", after="Miami",
        cause=f"outgoing write {write.pk}: {by_staff.text}",
    )  # fmt: skip
    activity = Activity.objects.create(code="course", name="Course", points=5)
    completion = Completion.objects.create(
        activity=activity, source="x:1", email_received=user.email, email=user.email, course="Excel",
        completed_on=now.date(), reason="", cause=SCHEDULE.text,
    )  # fmt: skip
    decisions.link(completion, user, remember=False, cause=by_staff)
    emails.enqueue(EmailMessage.Kind.WELCOME, key="w", to=user.email, user=user)
    EmailMessage.objects.filter(key="w").update(
        status="suppressed", last_error="not sent: the member has no access now", next_attempt_at=None
    )
    record("sign_in.failed", target=user, outcome="failed", reason="no staff")
    record("contact.merge", actor=staff, target=contact, answers={"until": "2027-03-04"}, note=ERROR)
    record("user.changed", actor=staff, target=user, before={"date_joined": "2026-03-31T14:05:00Z"}, after={})
    return contact


def _change(model: str, **query: Any) -> Callable[[], str]:
    def address() -> str:
        row = apps.get_model(model).objects.filter(**query).order_by("pk").first()
        assert row is not None, model
        return reverse(f"admin:{model.lower().replace('.', '_')}_change", args=[row.pk])

    return address


def _list(model: str) -> Callable[[], str]:
    return lambda: reverse(f"admin:{model.lower().replace('.', '_')}_changelist")


PAGES: dict[str, Callable[[], str]] = {
    "person": lambda: f"/admin/accounts/contact/{Contact.objects.get().pk}/person/",
    **{
        f"{model}, its page": _change(model)
        for model in (
            *("accounts.Contact", "accounts.ContactChange", "accounts.Subscription", "accounts.SubscriptionFact"),
            *("accounts.PointsEntry", "accounts.Completion", "accounts.EmailMessage"),
            *("integrations.InboxEvent", "integrations.OutgoingWrite", "integrations.Issue"),
        )
    },
    **{
        f"{model}, the list": _list(model)
        for model in (
            *("accounts.ContactChange", "accounts.SubscriptionFact", "accounts.PointsEntry", "accounts.Completion"),
            *("accounts.EmailMessage", "accounts.AuditEntry", "integrations.InboxEvent"),
            *("integrations.OutgoingWrite", "integrations.Issue"),
        )
    },
    **{
        f"audit, {action}": _change("accounts.AuditEntry", action=action)
        for action in ("sign_in.failed", "contact.merge", "user.changed")
    },
    "review": lambda: reverse("admin:review_question", args=["unmatched_events", InboxEvent.objects.get().pk]),
}


@pytest.mark.parametrize("name", PAGES)
def test_page_has_no_english_phrase_and_no_iso_date(spanish: Client, person: Contact, name: str) -> None:
    answer = spanish.get(PAGES[name](), follow=True)
    assert answer.status_code == 200
    assert left_over(readable(answer.content.decode())) == []


@pytest.mark.parametrize("text", ["contact created", "\n  Contact created\n", "schedule", "on 2026-03-31"])
def test_what_is_looked_for_is_found(text: str) -> None:
    assert left_over(text.lower()) != []


def test_causes_are_said_in_the_readers_words(spanish: Client, person: Contact, staff: Any) -> None:
    page = readable(spanish.get(PAGES["person"]()).content.decode())
    for said in (f"Equipo: {staff.email}: asked by phone", "Tarea programada", "Inicio de sesión fallido"):
        assert said in page, said
    assert "gohighlevel" not in page
    assert "GoHighLevel" in page


def test_audit_entry_names_action_values_and_dates_in_spanish(spanish: Client, person: Contact) -> None:
    entry = readable(spanish.get(PAGES["audit, sign_in.failed"]()).content.decode())
    assert "Inicio de sesión fallido" in entry
    assert '"motivo": "no es personal"' in entry
    assert "31 mar 2026, 14:05" in readable(spanish.get(PAGES["audit, user.changed"]()).content.decode())


@pytest.mark.parametrize(("language", "said"), [("es", "31 mar 2026, 14:05"), ("", "31 Mar 2026, 14:05")])
def test_mail_to_staff_is_in_the_language_of_its_reader(
    staff: Any, settings: Any, mailoutbox: Any, drain: Any, language: str, said: str
) -> None:
    settings.ADMIN_EMAIL = [staff.email]
    User.objects.filter(pk=staff.pk).update(language=language)
    state = AlertState.objects.create(rule=RULES[0].name, subject="gohighlevel", is_raised=True, since=AT, value=1)
    emails.notify_staff(EmailMessage.Kind.STAFF_ALERT, key="a", context=lambda: alerts.mail_context(RULES[0], state))
    drain()
    (mail,) = mailoutbox
    assert said in mail.body
    assert "GoHighLevel" in mail.body
    assert _ISO.findall(mail.body) == []
    assert ("Desde" in mail.body) == (language == "es")


def test_message_to_slack_is_in_the_language_of_the_installation(settings: Any) -> None:
    settings.SLACK_WEBHOOK_URL, settings.LANGUAGE_CODE = "https://slack.example/x", "es"
    state = AlertState(rule=RULES[0].name, subject="kajabi", is_raised=True, since=AT, value=1)
    notices.enqueue(lambda: alerts.notice_text(RULES[0], state), key="a")
    assert Notice.objects.get().text.startswith("ALERTA: ")
