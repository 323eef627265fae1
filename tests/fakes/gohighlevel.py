"""Fake of GoHighLevel's API over real HTTP: contacts and opportunities in memory, its limits and refusals.

Bad days: `misbehave(too_many(), Reset(), Lost(), …)` for single requests; the attributes for what lasts. `on_change`
hears of every record that is made or changed, by whomever, under the name of its webhook; a creation is reported as a
change too.
"""

import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

from tests.fakes import versions
from tests.fakes.gohighlevel_records import (
    OF_A_CONTACT,
    OF_A_NEW_CONTACT,
    OF_A_NEW_OPPORTUNITY,
    OF_AN_OPPORTUNITY,
    as_indexed,
    duplicate,
    faults_of,
    unprocessable,
    written,
)
from tests.fakes.http_server import Answer, Asked, FakeServer, Hang, Lost, Reset
from tests.fakes.versions import OnChange, Versions, stamp

__all__ = ["API_KEY", "LOCATION_ID", "Answer", "FakeGoHighLevel", "Hang", "Lost", "Reset", "too_many"]

API_KEY = "pit-of-tests-0123456789"
LOCATION_ID = "ve9EPM428h8vShlRW1KT"
Record = dict[str, Any]


def too_many() -> Answer:
    """Return 429 as the vendor does: without a Retry-After."""
    return _answer(429, {"statusCode": 429, "message": "Too Many Requests"}, {"X-RateLimit-Remaining": "0"})


class FakeGoHighLevel(FakeServer):
    def __init__(self) -> None:
        super().__init__()
        self.contacts: dict[str, Record] = {}
        self.opportunities: dict[str, Record] = {}
        self.pipelines: list[Record] = [
            {"id": "pipe1", "name": "Policies", "stages": [{"id": "stage1", "name": "New", "position": 0}]}
        ]
        self.custom_fields: list[Record] = []
        self.allows_duplicates = False
        self.unknown_is = 400  # or 404: with what an unknown contact is answered
        self.limit, self.window = 100, 10.0  # calls in seconds
        self.daily_remaining = 200_000
        self.clock: Callable[[], float] = time.monotonic
        self.now: Callable[[], datetime] = versions.now
        self.lag = 0.0  # seconds after which a search shows what was written
        self.opportunity_value = "fieldValue"  # or fieldValueString: the name of a custom field's value
        self.on_change: OnChange | None = None
        self._contact_versions, self._opportunity_versions = Versions(), Versions()
        self._called: deque[float] = deque()
        self._number = 0

    # Changes by people at the provider --------------------------------------------------------------------------------

    def add_contact(self, **fields: Any) -> Record:
        with self._lock:
            contact: Record = {"id": self._next_id("contact"), "locationId": LOCATION_ID, "tags": []}
            contact |= {"customFields": [], "dateAdded": self._moment(), "dateUpdated": self._moment()} | fields
            self.contacts[contact["id"]] = contact
            self._record(contact, "ContactCreate", "ContactUpdate", versions=self._contact_versions)
            return contact

    def edit(self, contact_id: str, **fields: Any) -> Record:
        with self._lock:
            contact = self.contacts[contact_id]
            contact.update({"dateUpdated": self._moment()} | fields)
            self._record(contact, "ContactUpdate", versions=self._contact_versions)
            return contact

    def delete_contact(self, contact_id: str) -> None:
        with self._lock:
            contact = self.contacts.pop(contact_id)
            self._contact_versions.note(contact_id, None, at=self.now())
            self._notify("ContactDelete", contact)

    def add_opportunity(self, **fields: Any) -> Record:
        with self._lock:
            made: Record = {"id": self._next_id("opportunity"), "locationId": LOCATION_ID, "customFields": []}
            made |= {"status": "open", "createdAt": self._moment(), "updatedAt": self._moment()} | fields
            self.opportunities[made["id"]] = made
            self._record(made, "OpportunityCreate", "OpportunityUpdate", versions=self._opportunity_versions)
            return made

    def edit_opportunity(self, opportunity_id: str, **fields: Any) -> Record:
        with self._lock:
            changed = self.opportunities[opportunity_id]
            changed.update({"updatedAt": self._moment()} | fields)
            self._record(changed, "OpportunityUpdate", versions=self._opportunity_versions)
            return changed

    # ------------------------------------------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Answer:
        left = self._left()
        if left < 0:
            return too_many()
        if asked.headers.get("authorization") != f"Bearer {API_KEY}":
            return _answer(401, {"statusCode": 401, "message": "Invalid JWT"})
        if asked.headers.get("version") != "2021-07-28":
            return _answer(401, {"statusCode": 401, "message": "version header was not found."})
        body = json.loads(asked.body) if asked.body else {}
        named = body.get("locationId") or dict(asked.query).get("locationId") or dict(asked.query).get("location_id")
        if named not in (None, LOCATION_ID):
            return _answer(403, {"statusCode": 403, "message": "The token does not have access to this location."})
        status, document = self._routed(asked, body)
        headers = {
            "X-RateLimit-Max": str(self.limit),
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Interval-Milliseconds": str(int(self.window * 1000)),
            "X-RateLimit-Daily-Remaining": str(self.daily_remaining),
        }
        return _answer(status, document, headers)

    def _left(self) -> int:
        now = self.clock()
        while self._called and self._called[0] <= now - self.window:
            self._called.popleft()
        if len(self._called) >= self.limit:
            return -1
        self._called.append(now)
        self.daily_remaining -= 1
        return self.limit - len(self._called)

    def _routed(self, asked: Asked, body: Record) -> tuple[int, Any]:
        query = dict(asked.query)
        match asked.method, asked.path.strip("/").split("/"):
            case "POST", ["contacts"]:
                return self._create_contact(body)
            case "POST", ["contacts", "search"]:
                return self._search(body)
            case "GET", ["contacts", "search", "duplicate"]:
                wanted = {"email": query.get("email"), "phone": query.get("number")}
                return 200, {"contact": self._matching(wanted)}
            case ("GET" | "PUT") as method, ["contacts", contact_id]:
                return self._one_contact(method, contact_id, body)
            case "POST", ["opportunities"]:
                return self._create_opportunity(body)
            case "GET", ["opportunities", "search"]:
                everyone = self._shown(self.opportunities, self._opportunity_versions)
                found = [one for one in everyone if one["contactId"] == query["contact_id"]]
                return 200, {"opportunities": found[::-1], "meta": {"total": len(found)}}  # the newest first
            case "GET", ["opportunities", "pipelines"]:
                return 200, {"pipelines": self.pipelines}
            case ("GET" | "PUT") as method, ["opportunities", external_id]:
                return self._one_opportunity(method, external_id, body)
            case "GET", ["locations", location_id, "customFields"] if location_id == LOCATION_ID:
                found = [one for one in self.custom_fields if one["model"] == query.get("model")]
                return 200, {"customFields": found}
        return 404, {"statusCode": 404, "message": f"Cannot {asked.method} {asked.path}"}

    def _create_contact(self, body: Record) -> tuple[int, Any]:
        if "locationId" not in body:
            return unprocessable("locationId should not be empty")
        if faults := faults_of(body, known=OF_A_NEW_CONTACT):
            return unprocessable(*faults)
        known = None if self.allows_duplicates else self._matching(body)
        if known is None:
            return 201, {"contact": self.add_contact(**written(body))}
        return duplicate(body, known)

    def _one_contact(self, method: str, contact_id: str, body: Record) -> tuple[int, Any]:
        contact = self.contacts.get(contact_id)
        if contact is None:
            return self._unknown(f"Contact with id {contact_id} not found")
        if method == "GET":
            return 200, {"contact": contact}
        if faults := faults_of(body, known=OF_A_CONTACT):
            return unprocessable(*faults)
        same = None if self.allows_duplicates else self._matching(body, but=contact_id)
        if same is not None:
            return duplicate(body, same)
        self.edit(contact_id, **written(body, had=contact["customFields"]))
        return 200, {"succeded": True, "contact": contact}

    def _create_opportunity(self, body: Record) -> tuple[int, Any]:
        if faults := faults_of(body, known=OF_A_NEW_OPPORTUNITY):
            return unprocessable(*faults)
        same = [one for one in self.opportunities.values() if one["contactId"] == body["contactId"]]
        if same and not self.allows_duplicates:
            message = "Can not create duplicate opportunity for the contact."
            document = {"statusCode": 400, "message": message, "code": "OPPORTUNITY_NO_DUPLICATE"}
            return 400, document | {"meta": {"existingId": same[0]["id"]}}
        return 201, {"opportunity": self.add_opportunity(**self._opportunity_written(body, had=[]))}

    def _one_opportunity(self, method: str, external_id: str, body: Record) -> tuple[int, Any]:
        known = self.opportunities.get(external_id)
        if known is None:
            return self._unknown(f"Opportunity with id {external_id} not found")
        if method == "PUT":
            if faults := faults_of(body, known=OF_AN_OPPORTUNITY):
                return unprocessable(*faults)
            self.edit_opportunity(external_id, **self._opportunity_written(body, had=known["customFields"]))
        return 200, {"opportunity": known}

    def _opportunity_written(self, body: Record, *, had: list[Record]) -> Record:
        """Return custom fields by id, whether written by id or key; unknown ones are dropped silently."""
        if "customFields" not in body:
            return body
        keys = {one["fieldKey"]: one["id"] for one in self.custom_fields if one["model"] == "opportunity"}
        named = [
            (one.get("id") or keys.get(f"opportunity.{one['key']}") or keys.get(one["key"]), one["field_value"])
            for one in body["customFields"]
        ]
        values = {one["id"]: one[self.opportunity_value] for one in had}
        values |= {external_id: value for external_id, value in named if external_id in keys.values()}
        return body | {"customFields": [{"id": key, self.opportunity_value: value} for key, value in values.items()]}

    def _unknown(self, message: str) -> tuple[int, Any]:
        return self.unknown_is, {"statusCode": self.unknown_is, "message": message}

    def _search(self, body: Record) -> tuple[int, Any]:
        since = datetime.fromisoformat(body["filters"][0]["value"]["gte"])
        everybody = self._shown(self.contacts, self._contact_versions)
        dated = [(datetime.fromisoformat(one["dateUpdated"]), one) for one in everybody]
        found = [one for moment, one in sorted(dated, key=lambda pair: pair[0]) if moment >= since]
        first = (body["page"] - 1) * body["pageLimit"]
        page = [as_indexed(one) for one in found[first : first + body["pageLimit"]]]
        return 200, {"contacts": page, "total": len(found)}

    def _shown(self, live: Mapping[str, Record], versions: Versions) -> list[Record]:
        return versions.at(self.now() - timedelta(seconds=self.lag)) if self.lag else list(live.values())

    def _matching(self, wanted: Record, *, but: str = "") -> Record | None:
        email, phone = str(wanted.get("email") or "").lower(), wanted.get("phone") or ""
        others = [one for one in self.contacts.values() if one["id"] != but]
        by_email = (one for one in others if email and str(one.get("email") or "").lower() == email)
        by_phone = (one for one in others if phone and one.get("phone") == phone)
        return next(by_email, None) or next(by_phone, None)

    def _moment(self) -> str:
        return stamp(self.now())

    def _record(self, record: Record, *names: str, versions: Versions) -> None:
        versions.note(record["id"], record, at=self.now())
        for name in names:
            self._notify(name, record)

    def _notify(self, name: str, record: Record) -> None:
        if self.on_change:
            self.on_change(name, deepcopy(record))

    def _next_id(self, kind: str) -> str:
        self._number += 1
        return f"{kind}{self._number:013}"


def _answer(status: int, document: Any, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status=status, body=json.dumps(document).encode(), headers=headers or {})
