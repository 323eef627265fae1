"""Mails of plans: switched on or off and in staff's own words, with a preview in both languages."""

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.mail import deliver
from accounts.memberships.models import Plan, PlanMail
from accounts.memberships.models.plan_mail import KINDS, OFF_UNLESS_SET
from accounts.signin.password_links import WITH_LINK
from core import dates
from core.console.actions import Action, ActionsMixin, Page, Submission
from core.console.base import BoundedLists

TEXTS = ("text_en", "text_es")


def _preview(plan: Plan, kind: str, setting: PlanMail | None) -> dict[str, Any]:
    """Return how a mail of the plan reads in both languages, for an example member without a password."""
    until = timezone.now() + timedelta(days=7)
    shown = []
    for code, name in (("en", _("English")), ("es", _("Spanish"))):
        with translation.override(code):
            base = settings.FRONTEND_URL
            subject, text, _html = deliver.render(
                kind,
                {
                    "language": code,
                    "plan_name": plan.name,
                    "partner": plan.partner,
                    "first_name": "Jane",
                    "end": date_format(dates.last_day(until)),
                    "link": f"{base}/nssa/setup-password?token=•••" if kind in WITH_LINK else None,
                    "has_password": kind not in WITH_LINK,
                    "sign_in_url": f"{base}/sign-in",
                    "dashboard_url": f"{base}/dashboard",
                    "own": setting.own_text(code) if setting else None,
                },
            )
        shown.append({"language": name, "code": code, "subject": subject, "text": text})
    is_sent = setting.is_enabled if setting else kind not in OFF_UNLESS_SET
    change = (
        reverse("admin:accounts_planmail_change", args=[setting.pk])
        if setting
        else f"{reverse('admin:accounts_planmail_add')}?plan={plan.pk}&kind={kind}"
    )
    label = dict(PlanMail._meta.get_field("kind").flatchoices)[kind]
    return {"label": label, "is_sent": is_sent, "is_own": bool(setting), "shown": shown, "url": change}


def _all(plan: Plan, submission: Submission) -> Page:
    settings_of = {one.kind: one for one in plan.mails.all()}
    mails = [_preview(plan, kind.value, settings_of.get(kind.value)) for kind in KINDS]
    return Page(template="admin/plan_mails.html", context={"subtitle": str(plan), "mails": mails})


def _one(setting: PlanMail, submission: Submission) -> Page:
    mails = [_preview(setting.plan, setting.kind, setting)]
    return Page(template="admin/plan_mails.html", context={"subtitle": str(setting), "mails": mails})


ALL_MAILS = Action(name="mails", label=gettext_lazy("mails"), done="", run=_all, in_list=False)


@admin.register(PlanMail)
class PlanMailAdmin(ActionsMixin, BoundedLists):
    list_display = ("plan", "kind", "is_enabled")
    list_filter = ("plan", "kind")
    list_select_related = ("plan",)
    fields = ("plan", "kind", "is_enabled", "subject_en", "text_en", "subject_es", "text_es")
    row_actions = (Action(name="preview", label=gettext_lazy("preview"), done="", run=_one, in_list=False),)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> forms.Field | None:
        formfield = super().formfield_for_dbfield(db_field, request, **kwargs)
        if formfield is not None and db_field.name in TEXTS:
            formfield.help_text = _(
                "Empty: the built-in text. Placeholders: {first_name}, {plan}, {end} (last day of access), {link} "
                "(to choose a password, or to sign in). An empty line begins a paragraph."
            )
        return formfield
