"""Names of a contact's values on the way in and out: the fields that staff made one, for a provider."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from accounts.people.contact_report import FIELDS
from core.field_names import CUSTOM, split
from integrations.contracts.mirror import Mirror
from integrations.fields.models import FieldPlace, FieldRule


@dataclass(frozen=True, kw_only=True)
class FieldNames:
    """`places`: what our custom fields are called at the provider. `authorities`: stored name → provider that is right
    in a conflict.
    """

    mirror: Mirror
    places: Mapping[str, str] = field(default_factory=dict)
    authorities: Mapping[str, str] = field(default_factory=dict)

    @property
    def sent(self) -> list[str]:
        """The stored names of what the provider is told, in a stable order."""
        return sorted(self.mirror.fields | {stored(name) for name in self.places})

    def taken_in(self, custom_fields: Mapping[str, Any]) -> dict[str, Any]:
        """Custom fields as the provider reports them, by our names; those that are one of ours as texts."""
        ours = {there: name for name, there in self.places.items()}
        return {
            ours.get(there, there): as_text(value) if there in ours else value for there, value in custom_fields.items()
        }

    def sent_out(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values by their stored names, by the names that the provider's book knows."""
        columns, custom_fields = split(values)
        return columns | {f"{CUSTOM}{self.places.get(name, name)}": value for name, value in custom_fields.items()}


class FieldConfiguration:
    """The fields as staff have configured them, read when they are first needed: two queries at most.

    Whoever begins a job makes one and passes it on; it does not outlive the job, so that it is never out of date.
    """

    def names(self, provider: str, mirror: Mirror) -> FieldNames:
        return FieldNames(
            mirror=mirror,
            places={name: f"{mirror.own_prefix}{there}" for key, name, there in self._places if key == provider},
            authorities=self._authorities,
        )

    @cached_property
    def _places(self) -> list[tuple[str, str, str]]:
        return list(FieldPlace.objects.values_list("provider", "rule__name", "remote_name"))

    @cached_property
    def _authorities(self) -> dict[str, str]:
        rules = FieldRule.objects.exclude(authority="").values_list("name", "authority")
        return {stored(name): authority for name, authority in rules}


def stored(name: str) -> str:
    """The name under which a contact's value is kept, for the name in a rule."""
    return name if name in FIELDS or name == "email" else f"{CUSTOM}{name}"


def as_text(value: Any) -> str:
    """A value as it can be written everywhere; several are one text with commas."""
    if isinstance(value, list):
        return ", ".join(map(as_text, value))
    return "" if value is None else str(value).strip()
