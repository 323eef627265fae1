"""Forms of the rules for fields and pipelines, with choices from the providers."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.models import BaseInlineFormSet
from django.utils.text import capfirst, format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.people.contact_report import FIELDS
from core.field_names import CUSTOM
from integrations import registry
from integrations.contracts.mirror import Stage
from integrations.fields.admin.choices import (
    Offered,
    mirrored_providers,
    offered_fields,
    offered_stages,
    opportunity_providers,
)
from integrations.fields.models import FieldPlace, FieldRule, PipelineRule, PolicyStatusRule
from integrations.toolkit.fields import loose

COLUMNS = (*FIELDS, "email")
FIELDS_LIST = "offered-fields"  # the datalist of templates/admin/integrations/fieldrule/change_form.html
_OWN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


class FieldRuleForm(forms.ModelForm):
    authority = forms.ChoiceField(
        label=capfirst(FieldRule._meta.get_field("authority").verbose_name),
        required=False,
        help_text=gettext_lazy(
            "The provider whose value wins where a contact's value was changed at two providers since the last sync."
        ),
    )

    class Meta:
        model = FieldRule
        fields = ("name", "authority")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        titles = [(provider.key, provider.title) for provider in mirrored_providers()]
        _choices(self, "authority", [("", _("nobody: the newest value wins")), *titles])

    def clean_name(self) -> str:
        """Return a column's name, or one that cannot be taken for a provider's own."""
        name: str = self.cleaned_data["name"].strip()
        for prefix in (provider.mirror.own_prefix for provider in mirrored_providers() if provider.mirror):
            if name.startswith(prefix):
                raise ValidationError(
                    _("%(prefix)s begins the names of a provider's own fields: choose a name of yours.")
                    % {"prefix": prefix}
                )
        if name not in COLUMNS and not _OWN_NAME.fullmatch(name):
            raise ValidationError(
                _("A name of your own has letters, digits, _ and - only. Standard fields: %(names)s.")
                % {"names": ", ".join(COLUMNS)}
            )
        return name


class FieldPlaceForm(forms.ModelForm):
    provider = forms.ChoiceField(label=capfirst(FieldPlace._meta.get_field("provider").verbose_name))

    class Meta:
        model = FieldPlace
        fields = ("provider", "remote_name")
        widgets = {"remote_name": forms.TextInput(attrs={"list": FIELDS_LIST, "class": "vTextField"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _choices(
            self, "provider", [("", "---"), *((provider.key, provider.title) for provider in mirrored_providers())]
        )

    def clean_remote_name(self) -> str:
        """Return the name without our prefix."""
        name: str = self.cleaned_data["remote_name"].strip()
        provider = registry.all_providers().get(self.cleaned_data.get("provider", ""))
        return name.removeprefix(provider.mirror.own_prefix) if provider and provider.mirror else name


class FieldPlaces(BaseInlineFormSet):
    """Formset of the places of one rule, which must be existing custom fields of the providers."""

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        filled = [form for form in self.forms if form.cleaned_data.get("remote_name") and not _is_deleted(form)]
        if not filled:
            return
        name = self.instance.name
        if name in COLUMNS:
            raise ValidationError(
                _("%(name)s is a standard field of every provider: only a custom field of your own has places.")
                % {"name": name}
            )
        offered = offered_fields() if any(form.has_changed() for form in filled) else []
        for form in filled:
            self._check(form, name, offered)

    def _check(self, form: Any, name: str, offered: list[Offered]) -> None:
        key, remote_name = form.cleaned_data["provider"], form.cleaned_data["remote_name"]
        provider = registry.provider(key)
        if provider.mirror is not None and f"{CUSTOM}{name}" in provider.mirror.fields:
            names = {"provider": provider.title, "name": name}
            form.add_error("provider", _("%(name)s is a standard field of %(provider)s.") % names)
        choices = next((offer.choices for offer in offered if offer.provider.key == key), None)
        if (
            form.has_changed()
            and choices is not None
            and remote_name not in {external_id for external_id, _name in choices}
        ):
            form.add_error("remote_name", _("%(provider)s has no such custom field.") % {"provider": provider.title})


class PipelineRuleForm(forms.ModelForm):
    """Form of a pipeline rule: a stage is chosen where the provider lists its stages, else ids are typed."""

    provider = forms.ChoiceField(label=capfirst(PipelineRule._meta.get_field("provider").verbose_name))

    class Meta:
        model = PipelineRule
        fields = ("provider", "line_of_business", "pipeline_id", "stage_id")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "stage_id" not in self.fields:  # shown to somebody who may only look
            return
        _choices(self, "provider", [(provider.key, provider.title) for provider in opportunity_providers()])
        offered = offered_stages()
        self._stages: dict[tuple[str, str], Stage] = {
            (offer.provider.key, stage.stage_id): stage for offer in offered for stage in offer.choices or ()
        }
        if self._stages:
            self.fields["pipeline_id"].required = False
            self.fields["pipeline_id"].widget = forms.HiddenInput()
            self.fields["stage_id"].widget = forms.Select(choices=self._grouped())
            return
        problems = "; ".join(offer.problem for offer in offered if offer.problem)
        help_text = format_lazy("{} {}", gettext_lazy("The remote ID: the stages cannot be read now."), problems)
        self.fields["pipeline_id"].help_text = self.fields["stage_id"].help_text = help_text

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        provider, stage_id = cleaned.get("provider", ""), cleaned.get("stage_id", "")
        if self._stages and provider and stage_id:
            stage = self._stages.get((provider, stage_id))
            if stage is None:
                self.add_error("stage_id", _("The provider has no such stage."))
            else:
                cleaned["pipeline_id"] = stage.pipeline_id
                self.instance.pipeline_name = stage.pipeline_name[:200]
                self.instance.stage_name = stage.stage_name[:200]
        elif {"pipeline_id", "stage_id"} & set(self.changed_data):
            self.instance.pipeline_name = self.instance.stage_name = ""  # those of the ids of before
        line = cleaned["line_of_business"] = cleaned.get("line_of_business", "").strip()
        others = PipelineRule.objects.filter(provider=provider).exclude(pk=self.instance.pk)
        if line.casefold() in {other.casefold() for other in others.values_list("line_of_business", flat=True)}:
            self.add_error("line_of_business", _("There is a rule for this line of business already."))
        return cleaned

    def _grouped(self) -> list[tuple[str, Any]]:
        """Return the stages under the names of their pipelines; one that no longer exists stays visible."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for stage in self._stages.values():
            pipeline = stage.pipeline_name or stage.pipeline_id
            groups.setdefault(pipeline, []).append((stage.stage_id, stage.stage_name or stage.stage_id))
        now = self.instance.stage_id
        is_gone = bool(now) and now not in {stage_id for _provider, stage_id in self._stages}
        gone = [(now, _("%(stage)s (no longer exists)") % {"stage": now})] if is_gone else []
        return [("", "---"), *gone, *groups.items()]


class PolicyStatusRuleForm(forms.ModelForm):
    class Meta:
        model = PolicyStatusRule
        fields = ("policy_status", "opportunity_status")

    def clean_policy_status(self) -> str:
        """Return a status that no other rule is for: they are compared without case, spaces and dashes."""
        status: str = self.cleaned_data["policy_status"].strip()
        others = PolicyStatusRule.objects.exclude(pk=self.instance.pk).values_list("policy_status", flat=True)
        if loose(status) in {loose(other) for other in others}:
            raise ValidationError(_("There is a rule for this status already."))
        if not loose(status):
            raise ValidationError(_("A status has letters or digits."))
        return status


def _is_deleted(form: forms.BaseForm) -> bool:
    return bool(form.cleaned_data.get("DELETE"))


def _choices(form: forms.ModelForm, name: str, choices: list[tuple[str, str]]) -> None:
    """Offer `choices`, and the row's value even if it is none of them any more; not where the form is read-only."""
    field = form.fields.get(name)
    if isinstance(field, forms.ChoiceField):
        now = getattr(form.instance, name)
        field.choices = [*choices, *([(now, now)] if now and now not in dict(choices) else [])]
