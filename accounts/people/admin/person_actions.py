"""Erasing a person and exporting their data, on the pages of contacts and logins."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.people import person
from accounts.people.models import User
from accounts.people.person import Person
from accounts.privacy import erase, export
from accounts.privacy.erase import NotErased, Report, StaffAccount
from core.console.actions import Action, Answer, Download, Refused, Submission
from core.provider_names import kind_title, provider_title


class ConfirmForm(forms.Form):
    sure = forms.BooleanField(
        label=gettext_lazy("I know that this cannot be undone"),
        help_text=gettext_lazy("Export the data first, if the person wants to have it."),
    )


def actions_on(person_of: Callable[[Any], Person]) -> tuple[Action, Action]:
    """Return the actions for a page whose rows `person_of` turns into a person."""
    return (
        Action(
            name="export",
            label=gettext_lazy("export the person's data"),
            done="",
            run=lambda row, submission: _export(row, submission, person_of),
            in_list=False,
            calls_out=True,
        ),
        Action(
            name="forget",
            label=gettext_lazy("erase the person"),
            explanation=gettext_lazy(
                "Name, addresses, phones, mails and contents of events are removed everywhere here. Subscriptions,"
                " points and amounts stay without a name. Old records at providers do not bring the person back; a"
                " later payment does."
            ),
            done="",
            run=lambda row, submission: _forget(row, submission, person_of),
            applies_to=_is_no_staff,
            form=ConfirmForm,
            shown=lambda row: _outlook(row, person_of),
            in_list=False,
            calls_out=True,  # it is many short transactions
        ),
    )


def _export(row: Any, submission: Submission, person_of: Callable[[Any], Person]) -> Download:
    content = export.export(person_of(row), actor=submission.staff)
    return Download(name=f"person-{row._meta.model_name}-{row.pk}.json", content=content.encode())


def _forget(row: Any, submission: Submission, person_of: Callable[[Any], Person]) -> Answer:
    try:
        report = erase.forget(person_of(row), actor=submission.staff)
    except (StaffAccount, NotErased) as error:
        raise Refused(str(error)) from error
    level = messages.WARNING if report.still_known else messages.SUCCESS
    # Not `changed`: the logs of an action say what the row was before. The erasure has written its own entry.
    return Answer(text=f"{_('Erased.')} {_said(report)}", level=level)


def _outlook(row: Any, person_of: Callable[[Any], Person]) -> str:
    try:
        report = erase.forget(person_of(row), dry_run=True)
    except StaffAccount as error:
        return str(error)
    return f"{row}: {_said(report)}"


def _said(report: Report) -> str:
    """Return the number of rows and tables, and where the person is still known, in words."""
    count = sum(deleted + emptied + scrubbed for _label, deleted, emptied, scrubbed in report.as_rows())
    text = ngettext("%(count)d row", "%(count)d rows", count) % {"count": count}
    text += " " + ngettext("in %(count)d table.", "in %(count)d tables.", len(report.tables)) % {
        "count": len(report.tables)
    }
    for provider, kind, external_id in report.still_known:
        record = {"provider": provider_title(provider), "kind": kind_title(kind), "id": external_id}
        text += " " + _("Still known at %(provider)s as %(kind)s %(id)s: delete there first.") % record
    return text


def _is_no_staff(row: Any) -> bool:
    user = row if isinstance(row, User) else row.user
    return user is None or not (user.is_staff or user.is_superuser)


ON_CONTACTS = actions_on(person.of_contact)
ON_USERS = actions_on(person.of_user)
