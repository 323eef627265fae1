"""Note failures on their issues, and close the issues that nothing is left of."""

from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.db.models import Count, Exists, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.mail import emails
from accounts.mail.models import EmailMessage
from core.cause import Cause
from core.insert_once import insert_once
from core.queue.delivery import FAILED, PENDING
from integrations.inbox.models import ContactRefresh, InboxEvent
from integrations.issues.causes import cause_of
from integrations.issues.models import Issue
from integrations.operations.models import FieldDrift
from integrations.outbox.models import OutgoingWrite

Status = Issue.Status
MODELS: dict[Issue.Kind, type[models.Model]] = {
    Issue.Kind.EVENT: InboxEvent,
    Issue.Kind.READING: ContactRefresh,
    Issue.Kind.WRITE: OutgoingWrite,
    Issue.Kind.DRIFT: FieldDrift,
}
UNSETTLED = (Status.OPEN, Status.ACKNOWLEDGED)


def note(row: models.Model, *, provider: str, kind: Issue.Kind, event_type: str = "", error: str) -> Issue:
    """Count a row that failed on the issue of its cause, which opens where it was new or resolved: staff get a mail.

    In the transaction that stores the failure. An acknowledged or ignored issue goes on in silence.
    """
    issue, is_new, is_back = count(provider=provider, kind=kind, event_type=event_type, cause=cause_of(error))
    type(row)._default_manager.filter(pk=row.pk).update(issue=issue)
    if is_new or is_back:
        _tell(issue, row, error, is_back=is_back)
    return issue


def count(*, provider: str, kind: Issue.Kind, event_type: str, cause: str, number: int = 1) -> tuple[Issue, bool, bool]:
    """Count `number` failures on the issue of a cause; return it, whether it is new, and whether it is open again."""
    named = {"provider": provider, "kind": kind, "type": event_type[:100], "cause": cause}
    is_new = insert_once(Issue(**named))
    issue = Issue.objects.select_for_update().get(**named)
    now = timezone.now()
    issue.failures, issue.last_seen_at = issue.failures + number, now
    is_back = issue.status == Status.RESOLVED
    if is_back:
        _change(issue, Status.OPEN, at=now)
    issue.save()
    return issue, is_new, is_back


def note_event(event: InboxEvent, error: str) -> Issue:
    """Count an event that failed, or that could not be read when it came, on its issue."""
    return note(event, provider=event.provider, kind=Issue.Kind.EVENT, event_type=event.event_type, error=error)


def decide(issue: Issue, status: Issue.Status, *, cause: Cause) -> bool:
    """Set the state of an issue for staff; False where it has it already. Failed rows stay as they are."""
    with transaction.atomic():
        newest = Issue.objects.select_for_update().get(pk=issue.pk)
        if newest.status == status:
            return False
        newest.staff, newest.reason = cause.staff, cause.reason[:200]
        _change(newest, status, at=timezone.now())
        newest.save()
    return True


def rows_of(issue: Issue) -> "models.QuerySet[Any]":
    """Return the rows whose newest failure this is, whatever became of them since."""
    return MODELS[Issue.Kind(issue.kind)]._default_manager.filter(issue=issue)


def with_left(issues: "models.QuerySet[Issue]") -> "models.QuerySet[Any]":
    """Return the issues with `left`: how many of their rows are failed still, or tried again just now, or drift."""
    counts = []
    for model in MODELS.values():
        unsettled = Q(ended_at=None) if model is FieldDrift else Q(status__in=[FAILED, PENDING])
        rows = model._default_manager.filter(unsettled, issue=OuterRef("pk")).order_by()
        left = Subquery(rows.values("issue").annotate(number=Count("pk")).values("number"))
        counts.append(Coalesce(left, 0, output_field=models.IntegerField()))
    return issues.annotate(left=sum(counts[1:], counts[0]))


def resolve_settled() -> int:
    """Resolve the issues of which nothing is left: retried, ignored, skipped. Returns how many."""
    resolved = 0
    for issue in with_left(Issue.objects.filter(status__in=UNSETTLED)).filter(left=0):
        with transaction.atomic():
            newest = Issue.objects.select_for_update().get(pk=issue.pk)
            # A failure that was noted meanwhile has moved it.
            if newest.status not in UNSETTLED or newest.failures != issue.failures:
                continue
            newest.staff, newest.reason = None, ""
            _change(newest, Status.RESOLVED, at=timezone.now())
            newest.save()
            resolved += 1
    return resolved


def delete_empty() -> int:
    """Delete the issues whose rows are all gone, and return how many."""
    no_rows = [~Exists(model._default_manager.filter(issue=OuterRef("pk"))) for model in MODELS.values()]
    return Issue.objects.filter(*no_rows).delete()[0]


def unannounced() -> "models.QuerySet[Issue]":
    """Return the issues whose newest change of state nobody announced."""
    return Issue.objects.filter(announced__lt=F("changes")).select_related("staff")


def _change(issue: Issue, status: Issue.Status, *, at: datetime) -> None:
    issue.status, issue.changed_at, issue.changes = status, at, issue.changes + 1
    if status == Status.OPEN:
        issue.staff, issue.reason = None, ""


def _tell(issue: Issue, row: models.Model, error: str, *, is_back: bool) -> None:
    """Send staff one mail for an opening, with the row that opened it."""
    name = row._meta.model_name
    emails.notify_staff(
        EmailMessage.Kind.STAFF_EVENT_FAILED,
        key=f"issue:{issue.pk}:{issue.changes}",
        context={
            "provider": issue.provider,
            "event_type": issue.type,
            "what": issue.kind,
            "event_id": row.pk,
            "error": error[:500],
            "is_back": is_back,
            "admin_path": f"/admin/integrations/{name}/{row.pk}/change/",
            "issue_path": f"/admin/integrations/issue/{issue.pk}/change/",
        },
    )
