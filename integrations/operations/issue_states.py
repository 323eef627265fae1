"""States of issues, followed each minute: what is settled is resolved, and each change of state goes to Slack once."""

from functools import partial

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integrations.issues import failed
from integrations.issues.models import Issue
from integrations.operations import notices
from integrations.operations.drift import drifts, texts

AT_ONCE = 100
_SAID = {
    Issue.Status.OPEN: gettext_lazy("ISSUE: %(issue)s"),
    Issue.Status.ACKNOWLEDGED: gettext_lazy("Acknowledged: %(issue)s"),
    Issue.Status.RESOLVED: gettext_lazy("Resolved: %(issue)s"),
    Issue.Status.IGNORED: gettext_lazy("Ignored: %(issue)s"),
}


def follow() -> None:
    """Resolve what nothing is left of, and announce every change. Safe to run twice at once."""
    failed.resolve_settled()
    for issue in failed.unannounced().order_by("pk")[:AT_ONCE]:
        with transaction.atomic():
            if not Issue.objects.filter(pk=issue.pk, announced__lt=issue.changes).update(announced=issue.changes):
                continue
            notices.enqueue(partial(_text, issue), key=f"issue:{issue.pk}:{issue.changes}")


def _text(issue: Issue) -> str:
    return str(_SAID[Issue.Status(issue.status)]) % {"issue": _about(issue)}


def _about(issue: Issue) -> str:
    by = _(", by %(staff)s") % {"staff": issue.staff} if issue.staff else ""
    if issue.kind != Issue.Kind.DRIFT:
        return _("%(issue)s (%(count)d failed%(by)s)") % {"issue": issue, "count": issue.failures, "by": by}
    rows = [row for row in drifts.of_issue(issue) if row.ended_at is None]
    return " ".join(texts.sentences(issue, rows[: drifts.MOST_NAMED]) or [str(issue)]) + by
