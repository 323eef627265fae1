"""Needs attention: each kind of problem shows itself, ends by itself, and can be dismissed until it happens again."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.courses.models import Activity, Completion
from accounts.mail.models import EmailMessage, SuppressedAddress
from accounts.memberships.models import Plan, Subscription, SubscriptionFact
from accounts.people.lookup import ANOTHER_MEMBER
from accounts.people.models import (
    Company,
    Contact,
    ContactChange,
    ContactMapping,
    PossibleDuplicate,
    ProvisioningStep,
    User,
)
from accounts.staff import dismissals
from accounts.staff.models import AuditEntry, Dismissal
from accounts.tests.admin_clients import clerk, page_of, signed_in
from core.console import attention
from integrations.handlers.doubts import TO_COME
from integrations.history.models import HistoryImport
from integrations.inbox.models import ContactRefresh, InboxEvent, Replay
from integrations.issues.models import Issue
from integrations.operations.models import AlertState, DailyClose, Silence
from integrations.outbox.models import Circuit, OutgoingWrite, RefusedValue
from integrations.reconcile.models import ProviderRecord, SyncFinding, SyncRun

pytestmark = pytest.mark.django_db


@dataclass(frozen=True, kw_only=True)
class Kind:
    """`make` lets the problem occur for the n-th time, now; `over` are the columns of the row when it is gone."""

    key: str
    make: Callable[[int], Any]
    over: dict[str, Any]
    forward: timedelta = timedelta(0)  # how much later it can happen again


def event(number: int, **columns: Any) -> InboxEvent:
    now = timezone.now()
    values = {"provider": "kajabi", "key": f"k{number}", "body": b"{}", "payload": {}, "finished_at": now}
    return InboxEvent.objects.create(**values | columns)


def mail(number: int, **columns: Any) -> EmailMessage:
    values = {"to": f"m{number}@example.com", "kind": "welcome", "key": f"k{number}", "finished_at": timezone.now()}
    return EmailMessage.objects.create(**values | columns)


def greeting(number: int) -> EmailMessage:
    user = User.objects.create_user(f"member{number}@example.com")
    plan = Plan.objects.get_or_create(code="gold", defaults={"name": "Gold"})[0]
    until = timezone.now() + timedelta(days=9)
    Subscription.objects.create(user=user, plan=plan, status="active", access_from=timezone.now(), access_until=until)
    return mail(number, user=user, to=user.email, status="held", key=f"granted:{user.pk}:{plan.pk}")


def finding(number: int) -> SyncFinding:
    run = SyncRun.objects.create(provider="kajabi", kind="audit", status="done", cause="test")
    return SyncFinding.objects.create(run=run, key=str(number), kind="status", remedy="look")


def completion(number: int, **columns: Any) -> Completion:
    activity = Activity.objects.get_or_create(code="course", defaults={"name": "Course", "points": 1})[0]
    today = timezone.now().date()
    values = {"activity": activity, "source": f"s{number}", "channel": "kajabi", "completed_on": today}
    return Completion.objects.create(**values | columns)


def question(number: int) -> SubscriptionFact:
    subscription = Subscription.objects.first() or Subscription.objects.create(
        user=User.objects.create_user("asked@example.com"),
        plan=Plan.objects.create(code="gold", name="Gold"),
        status="active",
    )
    return SubscriptionFact.objects.create(
        subscription=subscription,
        key=str(number),
        kind="purchased",
        occurred_at=timezone.now(),
        question="which_purchase",
        cause="test",
    )


def duplicate(number: int) -> PossibleDuplicate:
    one, other = (Contact.objects.create(first_name=f"Ana {number}") for _side in range(2))
    return PossibleDuplicate.objects.create(contact=one, other=other, other_name="Ana", reason="same number")


def deleted(number: int) -> ContactMapping:
    contact = Contact.objects.create(first_name=f"Ana {number}")
    return ContactMapping.objects.create(
        contact=contact,
        provider="nowcerts",
        kind="contact",
        external_id=str(number),
        gone_at=timezone.now(),
        deletion="asked",
    )


def unusable(number: int) -> ContactMapping:
    return ContactMapping.objects.create(
        contact=Contact.objects.create(first_name=f"Ana {number}"),
        provider="nowcerts",
        kind="contact",
        external_id=f"u{number}",
        left_out={"phone": "'12' is no telephone number"},
        left_out_at=timezone.now(),
    )


def refused_value(number: int) -> RefusedValue:
    return RefusedValue.objects.create(
        contact=Contact.objects.create(first_name=f"Ana {number}"),
        provider="gohighlevel",
        name="city",
        value="Nowhere",
        reason="refused there: no such city",
    )


def frozen(number: int) -> ContactChange:
    return ContactChange.objects.create(contact=Contact.objects.create(), kind="frozen", name="city")


def step(number: int) -> ProvisioningStep:
    company = Company.objects.create(
        chatwoot_account_id=str(number),
        company_id=f"chatwoot_{number}",
        redis_prefix=f"chatwoot_{number}:",
        vectorstore_index=f"chatwoot_{number}_documents",
    )
    return ProvisioningStep.objects.create(company=company, step="x", status="failed", finished_at=timezone.now())


def complaint(number: int) -> SuppressedAddress:
    return SuppressedAddress.objects.create(
        email=["staff@example.com", "other@example.com"][number - 1], complained_at=timezone.now(), reason="spam"
    )


LIFTED = {"lifted_at": timezone.now(), "lift_reason": "asked"}
KINDS = [
    Kind(key="failed_events", make=lambda n: event(n, status="failed"), over={"status": "processed"}),
    Kind(key="unmatched_events", make=lambda n: event(n, status="unmatched"), over={"status": "processed"}),
    Kind(
        key="repeated_ids",
        make=lambda n: event(n, status="unmatched", reason=ANOTHER_MEMBER(known="a", named="b")),
        over={"status": "processed"},
    ),
    Kind(
        key="unreadable_dates",
        make=lambda n: event(n, status="unmatched", reason=TO_COME(day="2031-02-01")),
        over={"status": "processed"},
    ),
    Kind(
        key="late_events",
        make=lambda n: event(n, finished_at=None, next_attempt_at=timezone.now() - timedelta(minutes=3)),
        over={"status": "processed"},
        forward=timedelta(minutes=5),
    ),
    Kind(
        key="failed_writes",
        make=lambda n: OutgoingWrite.objects.create(
            kind="contact", provider="nowcerts", status="failed", cause="test", finished_at=timezone.now()
        ),
        over={"status": "skipped"},
    ),
    Kind(key="delayed_emails", make=lambda n: mail(n, status="pending", failures=1), over={"status": "sent"}),
    Kind(key="failed_emails", make=lambda n: mail(n, status="failed"), over={"status": "sent"}),
    Kind(
        key="bounced_emails",
        make=lambda n: mail(n, status="bounced", bounced_at=timezone.now()),
        over={"status": "delivered"},
    ),
    Kind(key="held_emails", make=lambda n: mail(n, status="held"), over={"status": "sent"}),
    Kind(key="held_greetings", make=greeting, over={"status": "sent"}),
    Kind(
        key="open_circuits",
        make=lambda n: Circuit.objects.create(provider="nowcerts", resource=str(n), opened_at=timezone.now()),
        over={"opened_at": None},
    ),
    Kind(
        key="failed_readings",
        make=lambda n: ContactRefresh.objects.create(
            provider="nowcerts", external_id=str(n), status="failed", finished_at=timezone.now()
        ),
        over={"status": "done"},
    ),
    Kind(
        key="failed_runs",
        make=lambda n: SyncRun.objects.create(
            provider=["kajabi", "nowcerts"][n - 1],
            kind="incremental",
            status="failed",
            cause="test",
            finished_at=timezone.now(),
        ),
        over={"status": "done"},
    ),
    Kind(
        key="stopped_runs",
        make=lambda n: SyncRun.objects.create(
            provider=["kajabi", "nowcerts"][n - 1], kind="incremental", status="stopped", cause="test"
        ),
        over={"status": "done"},
    ),
    Kind(
        key="failed_replays",
        make=lambda n: Replay.objects.create(
            status="failed", pace=1, last_id=1, total=1, cause="test", finished_at=timezone.now()
        ),
        over={"status": "done"},
    ),
    Kind(key="differences", make=finding, over={"status": "applied", "settled_at": timezone.now()}),
    Kind(
        key="history_imports",
        make=lambda n: HistoryImport.objects.create(
            provider="kajabi", kind="members", status="ready", file_name="f", cause="test"
        ),
        over={"status": "done"},
    ),
    Kind(key="waiting_completions", make=lambda n: completion(n, state="received"), over={"state": "dismissed"}),
    Kind(
        key="certificates_in_doubt",
        make=lambda n: completion(
            n,
            state="matched",
            user=User.objects.get_or_create(email="learner@example.com")[0],
            certificate_state="refused",
            certificate_checked_at=timezone.now(),
        ),
        over={"certificate_state": "accepted"},
    ),
    Kind(key="membership_questions", make=question, over={"answered_at": timezone.now()}),
    Kind(key="possible_duplicates", make=duplicate, over={"status": "apart"}),
    Kind(key="deleted_records", make=deleted, over={"deletion": "left"}),
    Kind(key="unusable_values", make=unusable, over={"left_out_at": None}),
    Kind(key="refused_values", make=refused_value, over={"status": "left_out"}),
    Kind(key="frozen_values", make=frozen, over={"settled_at": timezone.now()}),
    Kind(key="failed_steps", make=step, over={"status": "done"}),
    Kind(
        key="raised_alerts",
        make=lambda n: AlertState.objects.create(rule="failed", subject=str(n), is_raised=True),
        over={"is_raised": False},
    ),
    Kind(
        key="unbalanced_days",
        make=lambda n: DailyClose.objects.create(
            provider="kajabi", day=date(2026, 6, n), state="differs", differed_at=timezone.now()
        ),
        over={"state": "healed"},
    ),
    Kind(
        key="silences",
        make=lambda n: Silence.objects.create(provider=["kajabi", "nowcerts"][n - 1], since=timezone.now()),
        over={"ended_at": timezone.now()},
    ),
    Kind(
        key="drift",
        make=lambda n: Issue.objects.create(
            provider="kajabi", kind="drift", type=f"type {n}", cause="fields are missing"
        ),
        over={"status": "resolved"},
    ),
    Kind(key="suppressed_staff", make=complaint, over=LIFTED),
]
STATES = {"first_sync", "never_read", "api_setup", "offers_without_plan"}  # they count no rows: see below


def shown(client: Client, key: str) -> Any:
    """Return the tile of a kind as the start page has it, None where it has none."""
    return next((item for item in client.get("/admin/").context["attention"] if item.key == key), None)


def dismiss(client: Client, key: str, reason: str = "known") -> Any:
    """Dismiss a tile by its page, as a browser does."""
    url = reverse("admin:dismiss", args=[key])
    until = client.get(url).context["form"]["until"].value()
    return client.post(url, {"reason": reason, "until": until})


@pytest.fixture
def console(staff: Any, settings: Any) -> Client:
    settings.ADMIN_EMAIL = ["staff@example.com", "other@example.com"]
    return signed_in(staff)


def test_every_kind_is_specified() -> None:
    known = {item.key for ask in attention._sources for item in ask()}
    assert known == {kind.key for kind in KINDS} | STATES


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.key)
def test_problem_is_shown_while_its_cause_is_there_and_dismissed_until_it_happens_again(
    kind: Kind, console: Client, travel: Any
) -> None:
    assert shown(console, kind.key) is None
    first = kind.make(1)
    tile = shown(console, kind.key)
    assert (tile.count, console.get(tile.action_url).status_code) == (1, 200)

    type(first)._base_manager.filter(pk=first.pk).update(**kind.over)
    assert shown(console, kind.key) is None, "its cause is gone"

    before = {name: getattr(first, name) for name in kind.over}
    type(first)._base_manager.filter(pk=first.pk).update(**before)
    assert dismiss(console, kind.key).status_code == 302
    assert shown(console, kind.key) is None, "it was dismissed"

    travel(kind.forward)
    second = kind.make(2)
    again = shown(console, kind.key)
    assert again.count == 1, "it happened again; the first one stays dismissed"
    listed = console.get(again.url).context["cl"]
    assert [row.pk for row in listed.result_list] == [second.pk], "the figure is a link to its rows"


def test_a_single_problem_leads_to_its_row_and_several_to_their_list(console: Client) -> None:
    row = event(1, status="failed")
    assert shown(console, "failed_events").action_url == page_of(row)
    event(2, status="failed")
    tile = shown(console, "failed_events")
    assert tile.action_url == tile.url == f"{reverse('admin:integrations_inboxevent_changelist')}?status__exact=failed"


# What counts no rows --------------------------------------------------------------------------------------------------


def test_offers_without_plan_are_dismissed_until_another_one_waits(console: Client) -> None:
    def left_out(number: int, offer: str) -> None:
        ProviderRecord.objects.create(
            provider="kajabi", key=f"purchase:{number}", content={"offers": [offer]}, unsold_offer=offer
        )

    left_out(1, "501")
    left_out(2, "501")
    tile = shown(console, "offers_without_plan")
    assert (tile.count, tile.url) == (1, "/admin/accounts/plan/")
    dismiss(console, "offers_without_plan")
    assert shown(console, "offers_without_plan") is None
    left_out(3, "502")
    assert shown(console, "offers_without_plan").count == 2
    ProviderRecord.objects.update(unsold_offer="")  # they were applied
    assert shown(console, "offers_without_plan") is None


def test_half_set_up_api_is_dismissed_until_something_else_is_missing(console: Client, settings: Any) -> None:
    settings.GHL_API_KEY = "a-key"
    assert shown(console, "api_setup").count == 1
    dismiss(console, "api_setup")
    assert shown(console, "api_setup") is None
    settings.NOWCERTS_USERNAME = "somebody"
    assert shown(console, "api_setup").count == 2
    settings.GHL_API_KEY = settings.NOWCERTS_USERNAME = ""
    assert shown(console, "api_setup") is None


def test_providers_that_were_never_compared_are_named_until_they_are(console: Client, settings: Any) -> None:
    settings.NOWCERTS_USERNAME, settings.NOWCERTS_PASSWORD = "somebody", "secret"
    assert shown(console, "never_read").count == 1
    dismiss(console, "never_read")
    assert shown(console, "never_read") is None
    dismissals.show_again("never_read", request=None)  # type: ignore[arg-type]
    SyncRun.objects.create(provider="nowcerts", kind="backfill", cause="test")
    assert shown(console, "never_read") is None


def test_dismissal_of_what_counts_no_rows_lapses_when_it_is_over(console: Client, settings: Any) -> None:
    settings.GHL_API_KEY = "a-key"
    dismiss(console, "api_setup")
    assert (dismissals.lapse(), shown(console, "api_setup")) == (0, None)
    settings.GHL_API_KEY = ""
    assert dismissals.lapse() == 1
    settings.GHL_API_KEY = "a-key"
    assert shown(console, "api_setup").count == 1, "it happened again"


# Dismissing -----------------------------------------------------------------------------------------------------------


def test_dismissal_has_a_reason_is_audited_and_listed_and_can_be_taken_back(console: Client, staff: Any) -> None:
    event(1, status="failed")
    assert dismiss(console, "failed_events", reason="").status_code == 422
    assert not Dismissal.objects.exists()
    dismiss(console, "failed_events", reason="the sender tests")
    row = Dismissal.objects.get()
    assert (row.reason, row.staff) == ("the sender tests", staff)
    entry = AuditEntry.objects.get(action="problem.dismissed")
    assert (entry.actor_id, entry.facts["reason"]) == (staff.pk, "the sender tests")
    assert "the sender tests" in console.get("/admin/").content.decode()

    console.post(reverse("admin:dismiss", args=["failed_events"]), {"again": "1"})
    assert (Dismissal.objects.count(), shown(console, "failed_events").count) == (0, 1)
    assert AuditEntry.objects.filter(action="problem.shown_again").count() == 1


def test_what_occurs_while_somebody_writes_the_reason_is_not_dismissed(console: Client) -> None:
    event(1, status="failed")
    url = reverse("admin:dismiss", args=["failed_events"])
    until = console.get(url).context["form"]["until"].value()
    event(2, status="failed")
    console.post(url, {"reason": "known", "until": until})
    assert shown(console, "failed_events").count == 1


def test_event_that_fails_again_after_its_dismissal_is_shown(console: Client) -> None:
    row = event(1, status="failed")
    dismiss(console, "failed_events")
    InboxEvent.objects.filter(pk=row.pk).update(finished_at=timezone.now())
    assert shown(console, "failed_events").count == 1


def test_dismissing_needs_its_permission_and_shows_only_what_one_may_see() -> None:
    event(1, status="failed")
    url = reverse("admin:dismiss", args=["failed_events"])
    assert clerk("view_inboxevent").get(url).status_code == 403
    User.objects.filter(email="clerk@example.com").delete()
    blind = clerk("add_dismissal")
    assert blind.get(url).status_code == 404
    User.objects.filter(email="clerk@example.com").delete()
    assert dismiss(clerk("add_dismissal", "view_inboxevent"), "failed_events").status_code == 302


def test_problem_that_ended_meanwhile_is_not_dismissed(console: Client) -> None:
    row = event(1, status="failed")
    url = reverse("admin:dismiss", args=["failed_events"])
    until = console.get(url).context["form"]["until"].value()
    InboxEvent.objects.filter(pk=row.pk).update(status="processed")
    assert console.post(url, {"reason": "known", "until": until}).status_code == 302
    assert not Dismissal.objects.exists()
