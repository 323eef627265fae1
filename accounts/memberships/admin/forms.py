"""Forms of what staff do to subscriptions: extend, shorten, give."""

from datetime import datetime, time
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.memberships.models import Subscription
from core.console.actions import ReasonForm


class LastDayField(forms.DateField):
    """A day in the future; gives the moment at which it ends."""

    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "class": "vDateInput"})
    input_formats = ("%Y-%m-%d",)

    def clean(self, value: Any) -> datetime | None:
        day = super().clean(value)
        if day is None:
            return None
        end = timezone.make_aware(datetime.combine(day, time(23, 59, 59)))
        if end <= timezone.now():
            raise ValidationError(_("Choose a day that has not passed."))
        return end


class ExtendForm(ReasonForm):
    field_order = ("by", "until", "reason")
    by = forms.ChoiceField(
        label=_("Extend by"),
        choices=[("month", _("1 month")), ("year", _("1 year")), ("day", _("until a day"))],
        widget=forms.RadioSelect,
        required=False,
        initial="month",
        help_text=_("Counted from the present end; from today where access has ended."),
    )
    until = LastDayField(label=_("Last day of access"), required=False)

    def clean(self) -> dict[str, Any]:
        answers: dict[str, Any] = super().clean() or {}
        answers["by"] = answers.get("by") or ("day" if answers.get("until") else "month")
        if answers["by"] == "day" and not answers.get("until") and "until" not in self.errors:
            self.add_error("until", _("Choose the last day of access."))
        if answers["by"] != "day" and answers.get("until"):
            self.add_error("until", _("Leave the day empty, or choose “until a day”."))
        return answers


class ShortenForm(ReasonForm):
    field_order = ("until", "reason")
    until = LastDayField(label=_("Last day of access"))


class GrantForm(forms.ModelForm):
    """A subscription by hand, for somebody who paid elsewhere or is to have it as a present."""

    until = LastDayField(label=_("Last day of access"))
    reason = forms.CharField(
        label=_("Reason"), max_length=200, help_text=_("Kept in the history, for whoever asks later."),
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )  # fmt: skip

    class Meta:
        model = Subscription
        fields = ("user", "plan")
