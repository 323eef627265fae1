"""A location in memory, with the answers of the API that our writes need. Only for `manage.py demo`."""

import hashlib
from typing import Any
from urllib.parse import parse_qs

from django.utils import timezone

_PIPELINE = {
    "id": "demoPipeline",
    "name": "Policies",
    "stages": [{"id": "demoStage", "name": "New policy", "position": 0}],
}


class DemoLocation:
    """Contacts and opportunities by id: made, changed, read and searched for by address or number."""

    def __init__(self) -> None:
        self._records: dict[str, dict[str, dict[str, Any]]] = {"contacts": {}, "opportunities": {}}

    def add(self, contact: dict[str, Any]) -> None:
        """Add or change a contact, as a webhook reports it."""
        self._records["contacts"].setdefault(contact["id"], {}).update(contact)

    def answer(self, method: str, path: str, query: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return status and document of a call."""
        _empty, kind, *rest = path.split("/")
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        if kind == "locations":
            return 200, {"customFields": []}
        if rest == ["pipelines"]:
            return 200, {"pipelines": [_PIPELINE]}
        if rest[0] == "search":
            return 200, self._search(kind, asked, body)
        return self._record(method, kind, rest[0], body)

    def _record(self, method: str, kind: str, external_id: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        records, name = self._records[kind], {"contacts": "contact", "opportunities": "opportunity"}[kind]
        now = timezone.now().isoformat()
        if method == "POST" and not external_id:
            external_id = hashlib.sha256(f"{kind} {len(records)}".encode()).hexdigest()[:20]
            records[external_id] = {"id": external_id, "dateAdded": now, "createdAt": now}
        if external_id not in records:
            return 404, {"message": f"{name} not found"}
        if method in ("POST", "PUT"):
            records[external_id] |= {**body, "dateUpdated": now, "updatedAt": now}
        return 201 if method == "POST" else 200, {name: records[external_id]}

    def _search(self, kind: str, asked: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
        """Return the records that a search means: opportunities of a contact, or contacts by address or number."""
        records = list(self._records[kind].values())
        if kind == "opportunities":
            return {kind: [one for one in records if one.get("contactId") == asked.get("contact_id")]}
        filters = {one["field"]: one["value"] for one in body.get("filters", []) if one.get("operator") == "eq"}
        phone = asked.get("number") or filters.get("phone")
        found = [
            one
            for one in records
            if (asked.get("email") and one.get("email") == asked["email"]) or (phone and one.get("phone") == phone)
        ]
        return {"contact": next(iter(found), None), "contacts": found}
