"""Buttons on a contact's page: sync it now, and preview that."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.people.admin.contacts import person_link
from accounts.people.models import Contact
from core import phrases
from core.console.actions import Action, Answer, Page, Refused, Submission, add_action
from core.console.links import badge, list_link
from integrations import registry
from integrations.contracts.exceptions import Permanent, Retryable
from integrations.inbox.admin.format import before_and_after
from integrations.outbox import enqueue, preview, switch
from integrations.outbox.admin.writes import WRITES
from integrations.outbox.preview import Difference

_OPERATIONS = {
    "create": ("pending", gettext_lazy("a record would be created")),
    "update": ("pending", gettext_lazy("would be changed")),
    "none": ("processed", gettext_lazy("equal already")),
    "unknown": ("failed", gettext_lazy("cannot be written")),
}


def _is_mirrored(contact: Contact) -> bool:
    return bool(enqueue.mirrored_providers())


def _sync(contact: Contact, submission: Submission) -> Answer:
    if held := switch.reason():
        raise Refused(held)
    writes = enqueue.enqueue_everywhere(contact, cause=submission.cause)
    if not writes:
        text = _("Nothing can be written: there is neither an e-mail nor a phone number.")
        return Answer(text=text, level=messages.WARNING)
    count = ngettext("%(count)d write is under way.", "%(count)d writes are under way.", len(writes))
    link = list_link(WRITES, _("See its writes"), contact__exact=contact.pk)
    return Answer(text=format_html("{} {}", count % {"count": len(writes)}, link), changed=True)


def _preview(contact: Contact, submission: Submission) -> Page:
    try:
        planned = preview.preview(contact)
    except (Retryable, Permanent) as error:
        raise Refused(str(error)) from error
    context = {
        "subtitle": str(contact),
        "person": person_link(contact),
        "here": _table(planned.local, _("Here")),
        "sides": [_side(difference) for difference in planned.remote],
        "sync_url": reverse("admin:accounts_contact_act", args=[contact.pk, SYNC.name]),
    }
    return Page(template="admin/preview.html", context=context)


def _side(difference: Difference) -> dict[str, Any]:
    title = registry.provider(difference.provider).title
    return {
        "title": title,
        "external_id": difference.external_id,
        "state": badge(*_OPERATIONS[difference.operation]),
        "problem": phrases.shown(difference.problem),
        "changes": _table(difference.changes, title),
    }


def _table(changes: Mapping[str, tuple[Any, Any]], label: str) -> SafeString | None:
    return before_and_after(changes, label=label) if changes else None


SYNC = Action(
    name="sync-now",
    label=gettext_lazy("sync now"),
    done="",
    run=_sync,
    applies_to=_is_mirrored,
    in_list=False,
)
PREVIEW = Action(
    name="preview",
    label=gettext_lazy("preview"),
    done="",
    run=_preview,
    applies_to=_is_mirrored,
    calls_out=True,
    in_list=False,
)
add_action(Contact, SYNC)
add_action(Contact, PREVIEW)
