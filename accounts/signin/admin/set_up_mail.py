"""The action *send set-up mail*, on a user's page and on the pages of their subscriptions."""

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from accounts.people.models import User
from accounts.signin import password_links
from core.console.actions import Action


def send_set_up_mail(user_of: Callable[[Any], User]) -> Action:
    """Return the action for rows whose user `user_of` gives: a new link by mail, to set or to reset the password."""
    return Action(
        name="send-set-up-mail",
        label=_("send set-up mail"),
        done=ngettext_lazy(
            "%(count)d link is on its way; links sent before no longer work.",
            "%(count)d links are on their way; links sent before no longer work.",
            "count",
        ),
        run=lambda row, submission: bool(password_links.send_new_link(user_of(row))),
        applies_to=lambda row: user_of(row).is_active,
    )
