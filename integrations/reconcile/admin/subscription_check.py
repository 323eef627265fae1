"""Buttons on a user's page: compare their subscriptions with the provider's purchases, and make them equal."""

from functools import partial
from typing import Any

from django.contrib import messages
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.text import format_lazy
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.memberships.purchase_state import status_label
from accounts.people.models import User
from core import phrases
from core.console.actions import Action, Answer, Refused, Submission, add_action
from core.console.links import row_link
from integrations import registry
from integrations.contracts.exceptions import Permanent, Retryable
from integrations.contracts.provider import Provider
from integrations.reconcile import subscription_check, syncs
from integrations.reconcile.models import SubscriptionSync

Status = SubscriptionSync.Status
PAGE = "admin:integrations_subscriptionsync"


def _verify(user: User, submission: Submission, *, provider: Provider) -> Answer:
    try:
        verdict = subscription_check.verify(user, provider=provider)
    except (Retryable, Permanent) as error:
        raise Refused(str(error)) from error
    status = status_label(verdict.status)
    remote = _("Status at %(provider)s: %(status)s.") % {"provider": provider.title, "status": status}
    if not verdict.differing and (canceled := verdict.canceled_locally) is not None:
        until = date_format(localtime(canceled.current_period_end), "DATE_FORMAT")
        local = _("Here it is canceled, with access until %(date)s: nothing is wrong.") % {"date": until}
        return Answer(text=f"{remote} {local}")
    if not verdict.differing:
        return Answer(text=f"{remote} {_('It is the same here.')}")
    names = ", ".join(
        f"{comparison.plan}: {comparison.kind.label}" for comparison in verdict.differing if comparison.kind
    )
    return Answer(text=f"{remote} {_('Here it is different:')} {names}.", level=messages.WARNING)


def _sync(user: User, submission: Submission, *, provider: Provider) -> Answer:
    """Let a worker sync, and wait as long as a request may; a longer sync has its own page."""
    sync = syncs.wait(syncs.request(user, provider=provider, cause=submission.cause))
    if sync.status == Status.PENDING:
        text = _("It has not ended yet: a worker continues it.")
        if sync.last_error:
            retried = _("%(provider)s could not be reached: %(error)s. It is retried automatically.")
            text = retried % {"provider": provider.title, "error": phrases.shown(sync.last_error)}
        link = row_link(PAGE, sync.pk, _("Progress"))
        return Answer(text=format_html("{} {}", text, link), level=messages.WARNING)
    if sync.status == Status.FAILED:
        raise Refused(syncs.failure_message(sync))
    old, new = map(status_label, (sync.old_status, sync.new_status))
    status = _("Status before: %(old)s; now: %(new)s.") % {"old": old, "new": new}
    if sync.outcome == SubscriptionSync.Outcome.NO_PURCHASE:
        left = _("The provider has no purchase for this access; nothing was changed.")
        return Answer(text=f"{status} {left}", level=messages.WARNING)
    return Answer(text=status, changed=True)


def _actions(provider: Provider) -> list[Action]:
    common: dict[str, Any] = {"done": "", "calls_out": True}
    return [
        Action(
            name=f"verify-{provider.key}",
            label=format_lazy("{}: {}", provider.title, gettext_lazy("compare")),
            run=partial(_verify, provider=provider),
            **common,
        ),
        Action(
            name=f"sync-{provider.key}",
            label=format_lazy("{}: {}", provider.title, gettext_lazy("synchronise")),
            run=partial(_sync, provider=provider),
            **common,
        ),
    ]


for _provider in registry.all_providers().values():
    if _provider.pulls and _provider.pulls.sells_memberships:
        for _action in _actions(_provider):
            add_action(User, _action)
