"""Names of a contact's values at the providers, by the fields that staff configured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from accounts.people.contact_report import FIELDS
from core.field_names import CUSTOM
from integrations import registry
from integrations.contracts.mirror import TAGS, Mirror, TagsParser
from integrations.fields.models import FieldPlace, FieldRule


@dataclass(frozen=True, kw_only=True)
class FieldNames:
    """Names of a contact's values at one provider.

    `sent`: the stored names of what is written there, in a stable order. `remote`: stored name → name there, for custom
    fields of ours. `local`: custom field there → custom field of ours. `authorities`: stored name → the provider whose
    value wins a conflict. `tags`: the custom field of ours that the provider's tags are, "" for none. `lists`: stored
    name → what brings a value to its stored form, for each field that is tags at one of the providers.
    """

    sent: Sequence[str]
    remote: Mapping[str, str]
    local: Mapping[str, str]
    authorities: Mapping[str, str]
    tags: str
    lists: Mapping[str, TagsParser]


class FieldConfiguration:
    """The fields as staff have configured them, read when they are first needed: two queries.

    Whoever begins a job makes one and passes it on; it does not outlive the job, so that it is never out of date.
    """

    _places: Sequence[tuple[str, str, str]] | None = None
    _authorities: Mapping[str, str]

    def names(self, provider: str, mirror: Mirror) -> FieldNames:
        """Return the names of values at a provider."""
        if self._places is None:
            rules = FieldRule.objects.exclude(authority="").values_list("name", "authority")
            self._authorities = {stored_name(name): authority for name, authority in rules}
            self._places = list(FieldPlace.objects.values_list("provider", "rule__name", "remote_name"))
        sides = registry.all_providers()
        places = [(name, f"{mirror.own_prefix}{there}") for key, name, there in self._places if key == provider]
        return FieldNames(
            sent=sorted(mirror.fields | {stored_name(name) for name, _there in places}),
            remote={f"{CUSTOM}{name}": f"{CUSTOM}{there}" for name, there in places},
            local={there: name for name, there in places},
            authorities=self._authorities,
            tags=next((name for name, there in places if mirror.tags and there == f"{mirror.own_prefix}{TAGS}"), ""),
            lists={
                stored_name(name): side.mirror.tags
                for key, name, there in self._places
                if there == TAGS and (side := sides.get(key)) and side.mirror and side.mirror.tags
            },
        )


def stored_name(name: str) -> str:
    """Return the name under which a contact's value is stored, for the name in a rule."""
    return name if name in FIELDS or name == "email" else f"{CUSTOM}{name}"


def as_text(value: Any) -> str:
    """Return a value as every provider can store it: a text, lists with commas."""
    if isinstance(value, list):
        return ", ".join(map(as_text, value))
    return "" if value is None else str(value).strip()
