"""Names of a contact's values on the way in and out: the fields that staff made one, for a provider."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from accounts.people.contact_report import FIELDS
from core.field_names import custom, is_custom, short
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

    @classmethod
    def of(cls, provider: str, mirror: Mirror) -> "FieldNames":
        """As staff have configured it by now: two queries."""
        rules = FieldRule.objects.exclude(authority="").values_list("name", "authority")
        places = FieldPlace.objects.filter(provider=provider).values_list("rule__name", "remote_name")
        return cls(
            mirror=mirror,
            places={name: f"{mirror.own_prefix}{there}" for name, there in places},
            authorities={stored(name): authority for name, authority in rules},
        )

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
        return {self._outside(name): value for name, value in values.items()}

    def _outside(self, name: str) -> str:
        return custom(self.places.get(short(name), short(name))) if is_custom(name) else name


def stored(name: str) -> str:
    """The name under which a contact's value is kept, for the name in a rule."""
    return name if name in FIELDS or name == "email" else custom(name)


def as_text(value: Any) -> str:
    """A value as it can be written everywhere; several are one text with commas."""
    if isinstance(value, list):
        return ", ".join(map(as_text, value))
    return "" if value is None else str(value).strip()
