"""Buttons on a user's page: compare their subscription with a provider's word, and make it equal to that."""

from functools import partial
from typing import Any

from django.contrib import messages
from django.utils.formats import date_format
from django.utils.text import format_lazy
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.admin.acts import Act, Answer, Pressed, Refused, offer
from accounts.models import User
from integrations import registry
from integrations.contracts.exceptions import Permanent, Retryable, Unmatched
from integrations.contracts.provider import Provider
from integrations.contracts.pull import PurchaseSource
from integrations.reconcile import check


def _verify(user: User, pressed: Pressed, *, provider: Provider) -> Answer:
    try:
        verdict = check.verify(user, provider=provider)
    except (Retryable, Permanent) as error:
        raise Refused(str(error)) from error
    there = _("%(provider)s says: %(status)s.") % {"provider": provider.title, "status": verdict.standing}
    if not verdict.differing and (canceled := verdict.runs_out_here) is not None:
        until = date_format(localtime(canceled.current_period_end), "DATE_FORMAT")
        here = _("Here it is canceled, with access until %(date)s: nothing is wrong.") % {"date": until}
        return Answer(text=f"{there} {here}")
    if not verdict.differing:
        return Answer(text=f"{there} {_('It is the same here.')}")
    names = ", ".join(f"{one.plan}: {one.kind.label}" for one in verdict.differing if one.kind)
    return Answer(text=f"{there} {_('Here it is different:')} {names}.", level=messages.WARNING)


def _sync(user: User, pressed: Pressed, *, provider: Provider) -> Answer:
    try:
        synced = check.sync(user, provider=provider, cause=pressed.cause)
    except (Retryable, Permanent, Unmatched) as error:
        raise Refused(str(error)) from error
    told = _("Status before: %(old)s; now: %(new)s.") % {"old": synced.old_status, "new": synced.new_status}
    if synced.verdict.recommended_action is not None:
        left = _("The provider has no purchase for this access; nothing was changed.")
        return Answer(text=f"{told} {left}", level=messages.WARNING)
    return Answer(text=told, changed=True)


def _acts(provider: Provider) -> list[Act]:
    common: dict[str, Any] = {"done": "", "calls_out": True}
    return [
        Act(
            name=f"verify-{provider.key}",
            label=format_lazy("{}: {}", provider.title, gettext_lazy("compare")),
            run=partial(_verify, provider=provider),
            **common,
        ),
        Act(
            name=f"sync-{provider.key}",
            label=format_lazy("{}: {}", provider.title, gettext_lazy("synchronise")),
            run=partial(_sync, provider=provider),
            **common,
        ),
    ]


for _provider in registry.all_providers().values():
    if isinstance(_provider.pulls, PurchaseSource):
        for _act in _acts(_provider):
            offer(User, _act)
