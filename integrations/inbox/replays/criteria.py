"""The filter of a replay: which events are processed again. Console and command read it by the same form."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.people.models import ContactEmail
from core.text import InvalidAddress, normalise_email
from integrations import registry
from integrations.inbox.models import InboxEvent, Replay
from integrations.inbox.models.event import Status

MOST_IDS = 500
MOMENT = "%Y-%m-%dT%H:%M"  # as browsers write a moment


@dataclass(frozen=True, kw_only=True)
class Criteria:
    """Filter of events; "" and None narrow nothing. `since` is the first moment, `until` the one after."""

    provider: str = ""
    type: str = ""
    status: str = ""
    since: datetime | None = None
    until: datetime | None = None
    person: str = ""
    ids: tuple[int, ...] = ()

    @classmethod
    def of(cls, replay: Replay) -> "Criteria":
        return cls(
            provider=replay.provider,
            type=replay.event_type,
            status=replay.event_status,
            since=replay.since,
            until=replay.until,
            person=replay.person,
            ids=tuple(replay.event_ids),
        )

    @property
    def columns(self) -> dict[str, Any]:
        """Return the values as columns of a replay."""
        return {
            "provider": self.provider,
            "event_type": self.type,
            "event_status": self.status,
            "since": self.since,
            "until": self.until,
            "person": self.person,
            "event_ids": list(self.ids),
        }

    @property
    def stated(self) -> dict[str, str]:
        """Return what narrows, as it is written in an address and to the command."""
        values = {
            "provider": self.provider,
            "type": self.type,
            "status": self.status,
            "since": _written(self.since),
            "until": _written(self.until),
            "person": self.person,
            "ids": ",".join(map(str, self.ids)),
        }
        return {name: value for name, value in values.items() if value}

    @property
    def shown(self) -> str:
        """Return the filter as staff read it."""
        titles = {key: provider.title for key, provider in registry.all_providers().items()}
        parts = [
            (_("provider"), titles.get(self.provider, self.provider)),
            (_("type"), self.type),
            (_("status"), str(Status(self.status).label) if self.status else ""),
            (_("received since"), self.since and _shown(self.since)),
            (_("received before"), self.until and _shown(self.until)),
            (_("person"), self.person),
            (_("numbers"), ", ".join(map(str, self.ids[:10])) + ("…" if len(self.ids) > 10 else "")),
        ]
        return "; ".join(f"{name}: {value}" for name, value in parts if value)

    def matching(self) -> "QuerySet[InboxEvent]":
        """Return the events of this filter. Ignored ones are among them only where it asks for them or names ids."""
        rows = InboxEvent.objects.all()
        for name, value in (("provider", self.provider), ("event_type", self.type), ("status", self.status)):
            rows = rows.filter(**{name: value}) if value else rows
        if self.since:
            rows = rows.filter(received_at__gte=self.since)
        if self.until:
            rows = rows.filter(received_at__lt=self.until)
        if self.person:
            rows = rows.filter(person_email__in=_addresses(self.person))
        if self.ids:
            return rows.filter(pk__in=self.ids)
        return rows if self.status else rows.exclude(status=Status.IGNORED)

    def events(self) -> "QuerySet[InboxEvent]":
        """Return those of them that can be processed again, in the order in which they were received."""
        return self.matching().filter(replayable()).order_by("pk")


def replayable() -> Q:
    """Return the condition that an event can be processed again: its type is handled, its contents are there, and no
    worker is about to take it for the first time.
    """
    is_handled = Q(pk__in=[])
    for key, provider in registry.all_providers().items():
        is_handled |= Q(provider=key, event_type__in=list(provider.handled))
    is_waiting = Q(status=Status.PENDING, failures=0, awaits="")
    return is_handled & ~is_waiting & Q(payload__isnull=False, pruned_at=None)


def _addresses(email: str) -> set[str]:
    """Return the address with the others of its contact."""
    rows = ContactEmail.objects.filter(contact__emails__email=email)
    return {email, *rows.values_list("email", flat=True)}


def _written(moment: datetime | None) -> str:
    return f"{timezone.localtime(moment):{MOMENT}}" if moment else ""


def _shown(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "SHORT_DATETIME_FORMAT")


class _UntilField(forms.DateTimeField):
    """A moment; a day alone means its end."""

    def to_python(self, value: Any) -> datetime | None:
        moment = super().to_python(value)
        is_day = isinstance(value, str) and len(value.strip()) == 10 and parse_date(value.strip()) is not None
        return moment + timedelta(days=1) if moment and is_day else moment


class CriteriaForm(forms.Form):
    """Reads a filter. An empty one is refused."""

    provider = forms.ChoiceField(label=gettext_lazy("Provider"), required=False)
    type = forms.CharField(label=gettext_lazy("Type"), required=False, max_length=100)
    status = forms.ChoiceField(
        label=gettext_lazy("Status"), required=False, choices=[("", gettext_lazy("any but ignored")), *Status.choices]
    )
    since = forms.DateTimeField(label=gettext_lazy("Received since"), required=False)
    until = _UntilField(label=gettext_lazy("Received before"), required=False)
    person = forms.CharField(label=gettext_lazy("E-mail of the person"), required=False, max_length=254)
    ids = forms.CharField(label=gettext_lazy("Numbers of events"), required=False, max_length=MOST_IDS * 20)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        providers = [(provider.key, provider.title) for provider in registry.all_providers().values()]
        self.fields["provider"].choices = [("", _("any")), *providers]  # type: ignore[attr-defined]
        for name in ("since", "until"):
            self.fields[name].widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=MOMENT)

    def clean_person(self) -> str:
        text = self.cleaned_data["person"].strip()
        try:
            return normalise_email(text) if text else ""
        except InvalidAddress as error:
            raise ValidationError(_("Enter a whole e-mail address.")) from error

    def clean_ids(self) -> tuple[int, ...]:
        words = self.cleaned_data["ids"].replace(",", " ").split()
        if any(not word.isascii() or not word.isdecimal() or len(word) > 18 for word in words):
            raise ValidationError(_("Enter numbers of events, with commas between them."))
        if len(words) > MOST_IDS:
            raise ValidationError(_("At most %(count)d events by their numbers.") % {"count": MOST_IDS})
        return tuple(sorted({int(word) for word in words}))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for name in ("since", "until"):  # to the minute, as browsers send it again
            if cleaned.get(name):
                cleaned[name] = cleaned[name].replace(second=0, microsecond=0)
        if not self.errors and not any(cleaned.values()):
            raise ValidationError(
                _("Narrow the events down: all of them at once are not processed again."), code="empty"
            )
        return cleaned

    @property
    def criteria(self) -> Criteria:
        """Return the filter of a valid form."""
        return Criteria(**self.cleaned_data)
