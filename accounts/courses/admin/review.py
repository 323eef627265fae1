"""Questions about completions in *Review*: whose they are, and whether a certificate is the student's."""

from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.courses import candidates
from accounts.courses.admin import certificates
from accounts.courses.admin.completions import open_questions
from accounts.courses.candidates import Candidate
from accounts.courses.models import Completion
from core import phrases
from core.console import review
from core.console.links import NOTHING, list_url, row_link
from core.console.review import Decision, Kind, Question, Rule, Suggestion, Weight

COMPLETIONS, USERS = "admin:accounts_completion", "admin:accounts_user"
KEY = "waiting_completions"
SIDES = 3  # members beside what was reported; the completion's page has up to ten


def _whose(completion: Completion) -> Question:
    all_of_them = candidates.of(completion)
    near = [one for one in all_of_them if one.is_near]
    found = (near or all_of_them)[:SIDES]
    email = completion.email or completion.email_received
    remembered = Rule(
        text=_("with “Remember the address”, %(email)s means this member wherever it comes from.") % {"email": email},
        url=reverse("admin:accounts_contact_changelist"),
    )
    return Question(
        title=_("Whose completion is this? %(email)s") % {"email": email or completion.name or NOTHING},
        why=phrases.shown(completion.reason),
        facts=[(_("activity"), completion.activity), (_("course"), completion.course)],
        heads=[_("as reported"), *(_side(completion, one) for one in found)],
        lines=[
            (_("e-mail"), [email, *(one.user.email for one in found)]),
            (_("name"), [completion.name, *(one.user.get_full_name() for one in found)]),
        ],
        suggestion=Suggestion(action="link", reason=near[0].reason, answers={"member": near[0].user.email})
        if len(near) == 1
        else None,
        rules={"link": remembered} if completion.email else {},
    )


def _side(completion: Completion, candidate: Candidate) -> Any:
    """Return the head of a member's column: who it is, why it may be they, and a link that chooses them."""
    query = {"kind": KEY, "choose": "link", "member": candidate.user.email}
    return format_html(
        '{}<br>{}<br><a href="{}">{}</a>',
        row_link(USERS, candidate.user.pk, candidate.user.get_full_name() or candidate.user.email),
        candidate.reason,
        reverse("admin:review_question", args=[KEY, completion.pk], query=query),
        _("link to %(email)s") % {"email": candidate.user.email},
    )


def _certificate(completion: Completion) -> Question:
    member, url = completion.user, completion.certificate_url
    return Question(
        title=_("Is this certificate the student's? %(student)s")
        % {"student": member or completion.name or completion.email_received},
        why=certificates.reason_of(completion),
        facts=[
            (_("course"), completion.course),
            (
                _("certificate"),
                format_html('<a href="{}" rel="noopener noreferrer nofollow">{}</a>', url, url) if url else "",
            ),
        ],
        heads=[_("as reported"), _("member")],
        lines=[
            (_("name"), [completion.name, member.get_full_name() if member else ""]),
            (_("e-mail"), [completion.email_received, member.email if member else ""]),
        ],
    )


review.register(
    Kind(
        key=KEY,
        label=gettext_lazy("Completions"),
        model=Completion,
        permission="accounts.view_completion",
        weight=Weight.POINTS,
        rows=lambda: open_questions().select_related("activity"),
        occurred="received_at",
        about=review.first_text("email_received", "name", "course"),
        show=_whose,
        decisions=(
            Decision(
                action="link",
                key="l",
                undo=gettext_lazy("It can be taken back: the points go, and it can be linked to somebody else."),
                undo_by=("reverse",),
            ),
            Decision(
                action="create-member",
                key="m",
                undo=gettext_lazy("The points can be taken back. The member stays, and the mail is on its way."),
                undo_by=("reverse",),
            ),
            Decision(
                action="dismiss",
                key="d",
                undo=gettext_lazy("It can be linked to a member later all the same."),
                undo_by=("link",),
            ),
        ),
        url=lambda: list_url(COMPLETIONS, state__exact=Completion.State.RECEIVED.value),
    ),
    Kind(
        key="certificates_in_doubt",
        label=gettext_lazy("Certificates"),
        model=Completion,
        permission="accounts.view_completion",
        weight=Weight.POINTS,
        rows=lambda: certificates.doubtful().select_related("activity", "user", "certificate_check"),
        occurred="certificate_checked_at",
        about=review.first_text("user__email", "email_received", "name"),
        show=_certificate,
        decisions=(
            Decision(
                action="accept-certificate",
                key="a",
                undo=gettext_lazy("It can be checked again later."),
                undo_by=("check-certificate",),
            ),
            Decision(action="check-certificate", key="c", undo=gettext_lazy("It is only read once more.")),
            Decision(
                action="reverse",
                key="t",
                undo=gettext_lazy("It can be taken back: the points can be given again."),
                undo_by=("award",),
            ),
        ),
        url=certificates.list_of_doubtful,
    ),
)
