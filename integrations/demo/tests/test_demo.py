"""`manage.py demo`: made by the real code at past times, marked, refused where it could do harm, and removed whole."""

import io
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core import mail
from django.core.management import CommandError, call_command
from django.db.models import Q
from django.template import Context, Template
from django.utils import timezone

from accounts.courses.models import Completion
from accounts.demo import marks
from accounts.mail.models import EmailMessage
from accounts.memberships.models import Plan, Subscription
from accounts.people.models import Contact, PossibleDuplicate, User
from accounts.staff.models import AuditEntry
from core.queue import runner
from integrations.demo import play
from integrations.demo.clock import standing_at
from integrations.demo.story import tell
from integrations.inbox.models import InboxEvent
from integrations.operations import closing
from integrations.operations.models import DailyClose, Figure
from integrations.outbox.models import OutgoingWrite

pytestmark = pytest.mark.django_db
DAYS = 6


def demo(*arguments: str) -> str:
    out = io.StringIO()
    call_command("demo", *arguments, stdout=out)
    return out.getvalue()


def make() -> str:
    return demo("--members", "12", "--days", str(DAYS))


def rows() -> Counter[str]:
    """Return the number of rows of each model, but what is counted anew and what staff did."""
    models = [model for model in apps.get_models() if model not in (Figure, AuditEntry)]
    return Counter({model._meta.label: number for model in models if (number := model._base_manager.count())})


def test_demo_is_a_business_of_the_last_days_with_something_to_decide() -> None:
    first = timezone.now() - timedelta(days=DAYS)
    said = make()

    assert said.startswith("12 members, ")
    assert User.objects.filter(email__endswith="@demo.example").count() == 12
    events = InboxEvent.objects.all()
    assert events.filter(received_at__lt=first).count() == 0
    assert events.filter(received_at__lt=timezone.now() - timedelta(days=1)).count() > 20
    assert {event.provider for event in events} == {"kajabi", "nowcerts", "gohighlevel", "chatwoot"}
    assert Counter(events.exclude(status="processed").values_list("status", flat=True)) == {"unmatched": 2, "failed": 1}
    assert Completion.objects.filter(state="received").count() == 2
    assert PossibleDuplicate.objects.count() >= 1
    assert EmailMessage.objects.filter(status="bounced").exists()
    assert Subscription.objects.filter(status="active").exists()


def test_demo_leaves_no_job_and_no_mail_behind_and_shows_its_writes_as_they_would_be() -> None:
    make()

    assert mail.outbox == []
    assert [kind.name for kind in runner.KINDS.values() if kind.model.objects.filter(status="pending").exists()] == []
    written = OutgoingWrite.objects.filter(status="done", operation="create")
    assert written.exists()
    assert all(write.request and write.response and write.after for write in written)
    elsewhere = Q(email__endswith="@demo.example")
    assert not Contact.objects.exclude(elsewhere).exists()
    assert not EmailMessage.objects.exclude(to__endswith="@demo.example").exists()


def test_clear_removes_the_demo_and_nothing_else(process: Any, relay: Any) -> None:
    staff = User.objects.create_user("staff@example.com", is_staff=True)
    before = rows()
    make()
    process(relay("offer.purchased", "evt_real", "jane@example.com"))  # a real purchase came meanwhile
    EmailMessage.objects.create(kind="staff_alert", key="alert", to=staff.email, language="en")
    real = {"accounts.Contact": 1, "accounts.User": 1, "integrations.InboxEvent": 1}

    assert "The demo is removed" in demo("--clear")

    assert not marks.is_shown()
    added = rows() - before
    assert {label: added[label] for label in real} == real
    assert [event.person_email for event in InboxEvent.objects.all()] == ["jane@example.com"]
    assert [contact.email for contact in Contact.objects.all()] == ["jane@example.com"]
    assert EmailMessage.objects.filter(to=staff.email).exists()
    assert demo("--clear") == "There is no demo here.\n"


def test_clear_without_real_rows_leaves_what_was_there_before() -> None:
    before = rows()
    make()
    assert rows() != before
    demo("--clear")
    assert rows() == before


def test_daily_close_misses_no_event_of_a_demo_that_was_removed() -> None:
    make()
    closing.tick()
    assert DailyClose.objects.filter(events__gt=0).exists()
    demo("--clear")
    closing.tick()
    assert not [row for row in DailyClose.objects.all() if row.lost]


def test_plan_of_the_demo_that_a_real_member_has_is_kept_and_named() -> None:
    make()
    jane = User.objects.create_user("jane@example.com")
    plan = Plan.objects.get(code="demo_annual")
    Subscription.objects.create(user=jane, plan=plan, status="active")

    assert "kept, because real rows need it: Annual Membership" in demo("--clear")

    assert Plan.objects.filter(code__startswith="demo_").count() == 1
    assert Subscription.objects.get().user == jane


def test_demo_that_died_in_the_middle_is_made_anew_or_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    before = rows()
    end_day, ended = play._Player.end_day, []

    def die(self: Any, **options: Any) -> None:
        ended.append(1)
        if len(ended) == 3:
            raise KeyboardInterrupt
        end_day(self, **options)

    with monkeypatch.context() as patched:
        patched.setattr(play._Player, "end_day", die)
        with pytest.raises(KeyboardInterrupt):
            make()
    assert marks.is_shown()
    half = InboxEvent.objects.count()
    assert "12 members" in make()
    assert InboxEvent.objects.count() > half
    demo("--clear")
    assert rows() == before


@pytest.mark.parametrize(
    ("setting", "value", "reason"),
    [
        ("HTTPS", True, "an installation in use"),
        ("EMAIL_BACKEND", "django.core.mail.backends.smtp.EmailBackend", "Mail would leave"),
        ("SLACK_WEBHOOK_URL", "https://hooks.example.com/1", "SLACK_WEBHOOK_URL is set"),
        ("COMPANY_WEBHOOK_URL", "https://hooks.example.com/2", "COMPANY_WEBHOOK_URL is set"),
    ],
)
def test_demo_is_refused_where_something_would_leave(settings: Any, setting: str, value: Any, reason: str) -> None:
    before = rows()
    setattr(settings, setting, value)
    with pytest.raises(CommandError, match=reason):
        make()
    assert rows() == before


def test_demo_is_refused_where_a_provider_is_connected(settings: Any) -> None:
    settings.GHL_API_KEY, settings.GHL_LOCATION_ID = "key", "location"
    with pytest.raises(CommandError, match="The API of GoHighLevel is connected here"):
        make()


@pytest.mark.parametrize("model", [User, Contact])
def test_demo_is_refused_beside_real_people(model: Any) -> None:
    model.objects.create(email="jane@example.com")
    with pytest.raises(CommandError, match="There are 1 real members or contacts here"):
        make()


@pytest.mark.parametrize("arguments", [("--members", "5"), ("--members", "9999"), ("--days", "0")])
def test_demo_of_no_sensible_size_is_refused(arguments: tuple[str, str]) -> None:
    with pytest.raises(CommandError, match="--members takes 6 to 2000, --days 2 to 365"):
        demo(*arguments)


def test_story_is_the_same_for_the_same_seed() -> None:
    until = timezone.now()
    since = until - timedelta(days=30)
    one, again, other = (tell(members=20, since=since, until=until, seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert one != other
    assert {address.partition("@")[2] for one in (one.spanish, one.bouncing) for address in one} == {"demo.example"}


def test_clock_stands_for_whatever_asks_the_time() -> None:
    moment = timezone.now() - timedelta(days=40)
    with standing_at(moment):
        assert timezone.now() == moment
        assert User._meta.get_field("date_joined").get_default() == moment
        assert Contact.objects.create(email="jane@example.com").created_at == moment
        shown = Template('{{ moment|date:"Y-m-d" }}').render(Context({"moment": moment}))
    assert shown == f"{moment:%Y-%m-%d}"
    assert timezone.now() - moment > timedelta(days=39)


def test_mail_to_the_demo_is_handed_to_no_server_later_either() -> None:
    row = EmailMessage.objects.create(kind="password_changed", key="1", to="jane@demo.example", language="en")
    runner.run(EmailMessage, row.pk)
    row.refresh_from_db()
    assert (row.status, row.provider_message_id, mail.outbox) == ("sent", f"demo-{row.pk}", [])


def test_contact_of_the_demo_is_written_nowhere_once_providers_are_connected() -> None:
    contact = Contact.objects.create(email="jane@demo.example")
    write = OutgoingWrite.objects.create(kind="contact", provider="gohighlevel", contact=contact, cause="test")
    runner.run(OutgoingWrite, write.pk)
    write.refresh_from_db()
    assert (write.status, write.last_error) == ("skipped", "of the demo, which is written nowhere")
