"""Questions about differences in *Review*: whether what a provider's list says is applied here."""

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import phrases
from core.console import review
from core.console.links import list_url
from core.console.review import Decision, Kind, Question, Suggestion, Weight
from core.provider_names import provider_title
from integrations.reconcile import access_audit
from integrations.reconcile.admin.runs import FINDINGS, open_findings, value_shown
from integrations.reconcile.models import SyncFinding

Difference = SyncFinding.Kind
_WITHOUT_ACCESS = Q(kind__in=[Difference.MISSING_HERE, Difference.ENDED_HERE, Difference.NO_PLAN])


def _difference(finding: SyncFinding) -> Question:
    person = finding.user or finding.contact or finding.person
    is_applicable = finding.kind in access_audit.APPLICABLE
    values = [value_shown(finding, text) for text in (finding.remote_value, finding.local_value)]
    return Question(
        title=f"{person or finding.person_id}: {finding.get_kind_display()}",
        why=phrases.shown(finding.remedy),
        facts=[
            (_("plan"), finding.plan),
            (_("purchase"), finding.purchase_id),
            (_("remote person"), finding.person_id),
        ],
        heads=[provider_title(finding.run.provider), _("here")],
        lines=[(_("what differs"), values)],
        suggestion=Suggestion(action="apply", reason=_("it is what the provider's own record says"))
        if is_applicable
        else None,
    )


review.register(
    Kind(
        key="differences",
        label=gettext_lazy("Differences"),
        model=SyncFinding,
        permission="integrations.view_syncfinding",
        weight=Weight.RECORDS,
        rows=lambda: open_findings().select_related("run", "user", "contact", "plan"),
        occurred="run__started_at",
        about=review.first_text("person", "person_id", "remote_value"),
        show=_difference,
        urgent=_WITHOUT_ACCESS,
        decisions=(
            Decision(
                action="apply",
                key="a",
                undo=gettext_lazy("This cannot be undone here; access can be changed on the subscription's page."),
            ),
            Decision(
                action="set-aside",
                key="s",
                undo=gettext_lazy("The next comparison asks again if it still differs."),
            ),
        ),
        url=lambda: list_url(FINDINGS, status__exact=SyncFinding.Status.OPEN.value),
    )
)
