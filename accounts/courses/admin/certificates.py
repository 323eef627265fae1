"""Certificates in the console: whether they name the student, what is in doubt, and the actions on them."""

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from accounts.courses import certificates
from accounts.courses.models import CertificateCheck, CertificateState, Completion
from accounts.courses.models.certificate import DOUBTFUL_STATES, SHOWN_STATES
from core import phrases
from core.console import attention
from core.console.actions import Action, ReasonForm, Submission
from core.console.links import NOTHING, badge, list_url

State = CertificateState
_WANTED = (Completion.State.RECEIVED, Completion.State.MATCHED, Completion.State.AWARDED)
# The badges are shared with other pages' statuses of the same meaning.
BADGES = {
    State.NOT_CHECKED: "ignored",
    State.VALID: "processed",
    State.ACCEPTED: "processed",
    State.NAME_NOT_FOUND: "unmatched",
    State.UNDECIDED: "unmatched",
    State.REFUSED: "unmatched",
    State.UNREACHABLE: "failed",
}


def doubtful() -> QuerySet[Completion]:
    return Completion.objects.filter(certificate_state__in=DOUBTFUL_STATES, state__in=_WANTED)


def list_of_doubtful() -> str:
    return list_url(
        "admin:accounts_completion",
        certificate_state__in=",".join(DOUBTFUL_STATES),
        state__in=",".join(state.value for state in _WANTED),
    )


@attention.source
def certificates_in_doubt() -> list[attention.Item]:
    return [
        attention.Item(
            key="certificates_in_doubt",
            label=gettext("Certificates to look at"),
            rows=doubtful(),
            occurred="certificate_checked_at",
            url=list_of_doubtful(),
            permission="accounts.view_completion",
        )
    ]


def state_of(completion: Completion) -> str:
    """Return the state of a completion's certificate as a badge."""
    if not completion.certificate_url and completion.certificate_state == State.NOT_CHECKED:
        return NOTHING
    check = _check_of(completion)
    if completion.certificate_state == State.NOT_CHECKED and check is not None:
        if check.status == CertificateCheck.Status.PENDING:
            return badge("pending", gettext("being checked"))
        if check.status == CertificateCheck.Status.FAILED:
            return badge("failed", gettext("check failed"))
    return badge(BADGES[State(completion.certificate_state)], completion.get_certificate_state_display())


def reason_of(completion: Completion) -> str:
    """Return what was found, or why nothing was looked for yet."""
    check = _check_of(completion)
    if completion.certificate_reason:
        return phrases.shown(completion.certificate_reason)
    if completion.certificate_state != State.NOT_CHECKED or not completion.certificate_url:
        return NOTHING
    if check is not None and (check.last_error or check.status != CertificateCheck.Status.DONE):
        return phrases.shown(check.last_error) or gettext("It is checked in a moment.")
    if not settings.CERTIFICATE_HOSTS:
        return gettext("Certificates are not checked: CERTIFICATE_HOSTS names no host.")
    if not completion.name and completion.user_id is None:
        return gettext("It is checked once the student is known.")
    return NOTHING


def _check_of(completion: Completion) -> CertificateCheck | None:
    return getattr(completion, "certificate_check", None)


def _accept(completion: Completion, submission: Submission) -> bool:
    return certificates.accept(completion, cause=submission.cause)


ACTIONS = (
    Action(
        name="check-certificate",
        label=_("check the certificate again"),
        done=ngettext_lazy("%(count)d certificate is checked.", "%(count)d certificates are checked.", "count"),
        run=lambda completion, submission: certificates.check_again(completion),
        applies_to=lambda completion: bool(completion.certificate_url and settings.CERTIFICATE_HOSTS),
    ),
    Action(
        name="accept-certificate",
        label=_("accept the certificate"),
        explanation=_("You looked at it and it is the student's. The member sees it on their dashboard."),
        done=ngettext_lazy("%(count)d certificate was accepted.", "%(count)d certificates were accepted.", "count"),
        run=_accept,
        applies_to=lambda completion: (
            bool(completion.certificate_url) and completion.certificate_state not in SHOWN_STATES
        ),
        form=ReasonForm,
    ),
)
