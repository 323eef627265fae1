"""A person's data as JSON, by the same declarations as erasure."""

import json
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest
from django.utils import timezone

from accounts.people.mentions import Mentions
from accounts.people.person import Person
from accounts.privacy.holdings import Holding, all_holdings
from accounts.privacy.rows import matching_keys
from accounts.staff import audit


def export(person: Person, *, actor: Any = None, request: HttpRequest | None = None) -> str:
    """Return everything that is stored about a person, as JSON: table → rows. Secrets are left out."""
    mentions = person.mentions()
    tables = {holding.label: _rows(holding, person, mentions) for holding in all_holdings()}
    content = {
        "exported_at": timezone.now(),
        "addresses": sorted(person.emails | person.shared),
        "ids": [
            {"provider": provider, "kind": kind, "id": external_id}
            for provider, kind, external_id in sorted(person.ids)
        ],
        "tables": {label: rows for label, rows in tables.items() if rows},
    }
    key = min(person.contacts or person.users, default=None)
    label = "accounts.contact" if person.contacts else "accounts.user"
    counts = {label: len(rows) for label, rows in tables.items() if rows}
    audit.record("person.exported", actor=actor, request=request, target=(label, key) if key else None, rows=counts)
    return json.dumps(content, cls=_Encoder, ensure_ascii=False, indent=2)


def _rows(holding: Holding, person: Person, mentions: Mentions) -> list[dict[str, Any]]:
    own = holding.own_keys(person)
    keys = sorted(own) if holding.exports is None else list(matching_keys(holding, own, mentions))
    parts = (keys[start : start + 200] for start in range(0, len(keys), 200))
    rows = (row for part in parts for row in holding.rows.filter(pk__in=part).order_by("pk"))
    return [
        {**_row(holding, row), **(holding.exports(row, person, mentions) if holding.exports else {})} for row in rows
    ]


def _row(holding: Holding, row: Any) -> dict[str, Any]:
    columns = [column.attname for column in holding.model._meta.concrete_fields]
    return {name: getattr(row, name) for name in columns if name not in holding.secret}


class _Encoder(DjangoJSONEncoder):
    def default(self, value: Any) -> Any:
        if isinstance(value, bytes | memoryview):
            return bytes(value).decode("utf-8", "replace")
        return super().default(value)
