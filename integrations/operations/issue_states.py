"""States of issues, followed each minute: what is settled is resolved, and each change of state goes to Slack once."""

from django.db import transaction

from integrations.issues import failed
from integrations.issues.models import Issue
from integrations.operations import notices
from integrations.operations.drift import drifts, texts

AT_ONCE = 100
_SAID = {
    Issue.Status.OPEN: "ISSUE",
    Issue.Status.ACKNOWLEDGED: "Acknowledged",
    Issue.Status.RESOLVED: "Resolved",
    Issue.Status.IGNORED: "Ignored",
}


def follow() -> None:
    """Resolve what nothing is left of, and announce every change. Safe to run twice at once."""
    failed.resolve_settled()
    for issue in failed.unannounced().order_by("pk")[:AT_ONCE]:
        with transaction.atomic():
            if not Issue.objects.filter(pk=issue.pk, announced__lt=issue.changes).update(announced=issue.changes):
                continue
            text = f"{_SAID[Issue.Status(issue.status)]}: {_about(issue)}"
            notices.enqueue(text, key=f"issue:{issue.pk}:{issue.changes}")


def _about(issue: Issue) -> str:
    by = f", by {issue.staff}" if issue.staff else ""
    if issue.kind != Issue.Kind.DRIFT:
        return f"{issue} ({issue.failures} failed{by})"
    rows = [row for row in drifts.of_issue(issue) if row.ended_at is None]
    return " ".join(texts.for_staff(issue, rows[: drifts.MOST_NAMED]) or [str(issue)]) + by
