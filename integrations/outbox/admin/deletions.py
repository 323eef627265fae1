"""The question to staff about a record that was deleted at its provider: what follows for the person's others."""

from django.conf import settings
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from accounts.people.models import ContactMapping
from core.console import attention
from core.console.actions import Action, ReasonForm, Submission, add_action
from core.console.links import list_url
from core.provider_names import provider_title
from integrations.outbox import deletions

Deletion = ContactMapping.Deletion
_TO_BE_DECIDED = gettext_lazy("Deleted records of contacts that are still at another provider")
_NOT_MARKED = format_lazy(
    gettext_lazy(
        "Deleted records that are marked nowhere else: no mark can be made, or more than {count} within an hour"
    ),
    count=deletions.MARKED_AT_MOST,
)


@attention.source
def deletions_to_be_decided() -> list[attention.Item]:
    return [
        attention.Item(
            key="deleted_records",
            label=_NOT_MARKED if settings.CONTACT_DELETIONS == deletions.MARK else _TO_BE_DECIDED,
            rows=ContactMapping.objects.questions(),
            occurred="gone_at",
            action=gettext_lazy("Decide"),
            url=list_url("admin:accounts_contactmapping", gone="asked"),
            permission="accounts.view_contactmapping",
        )
    ]


def _leave(mapping: ContactMapping, submission: Submission) -> bool:
    return deletions.answer(mapping, Deletion.LEFT, cause=submission.cause)


def _mark(mapping: ContactMapping, submission: Submission) -> bool:
    return deletions.answer(mapping, Deletion.MARKED, cause=submission.cause)


def _can_be_marked(mapping: ContactMapping) -> bool:
    elsewhere = deletions.records_elsewhere(mapping) if mapping.is_question else []
    return any(deletions.can_be_marked(row.provider) for row in elsewhere)


def _what_stays(mapping: ContactMapping) -> str:
    elsewhere = ", ".join(
        f"{provider_title(row.provider)} {row.external_id}" for row in deletions.records_elsewhere(mapping)
    )
    return _("%(person)s: %(deleted)s was deleted. Still there: %(others)s.") % {
        "person": mapping.contact,
        "deleted": f"{provider_title(mapping.provider)} {mapping.external_id}",
        "others": elsewhere or "–",
    }


LEAVE = Action(
    name="leave-others",
    label=gettext_lazy("leave the others"),
    explanation=gettext_lazy(
        "The records at other providers stay as they are and go on being synced among each other. Nobody is asked about"
        " this deletion again."
    ),
    done=ngettext_lazy("%(count)d deletion is decided.", "%(count)d deletions are decided.", "count"),
    run=_leave,
    applies_to=lambda mapping: bool(mapping.is_question),
    form=ReasonForm,
    shown=_what_stays,
)
MARK = Action(
    name="mark-others",
    label=gettext_lazy("mark the others"),
    explanation=gettext_lazy(
        "The records at other providers get a mark where that is possible: a tag in GoHighLevel. It is taken away once"
        " the deleted record is there again. Nothing is deleted."
    ),
    done=ngettext_lazy(
        "%(count)d person is marked at other providers.", "%(count)d people are marked at other providers.", "count"
    ),
    run=_mark,
    applies_to=_can_be_marked,
    form=ReasonForm,
    shown=_what_stays,
)
add_action(ContactMapping, LEAVE)
add_action(ContactMapping, MARK)
