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
    emails_of,
    faults_of,
    filtered,
    phones_of,
    tag_faults,
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
        self.unique_by: tuple[str, ...] = (
            "email",
            "phone",
        )  # what makes a duplicate, first choice first
        self.without_scope: set[str] = set()  # prefixes of paths that the token has no scope for
        self.refuses: dict[str, str] = {}  # field of a contact → the reason why no value of it is taken
        self.lists_names = ""  # or "lower", "renamed": how a search gives names
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
            contact |= {"customFields": [], "dnd": False}
            contact |= {"dateAdded": self._moment(), "dateUpdated": self._moment()} | fields
            self.contacts[contact["id"]] = contact
            self._record(contact, "ContactCreate", "ContactUpdate", versions=self._contact_versions)
            return contact

    def edit(self, contact_id: str, **fields: Any) -> Record:
        with self._lock:
            contact = self.contacts[contact_id]
            disturbs = {name for name in ("dnd", "dndSettings") if name in fields and fields[name] != contact.get(name)}
            is_tagged = "tags" in fields and fields["tags"] != contact.get("tags")
            contact.update({"dateUpdated": self._moment()} | fields)
            names = ["ContactUpdate", *(["ContactDndUpdate"] * bool(disturbs)), *(["ContactTagUpdate"] * is_tagged)]
            self._record(contact, *names, versions=self._contact_versions)
            return contact

    def merge_contacts(self, survivor_id: str, loser_id: str) -> Record:
        """Merge two contacts: the loser is gone; its addresses, numbers, tags and opportunities are the survivor's."""
        with self._lock:
            survivor, loser = self.contacts[survivor_id], self.contacts[loser_id]
            gained = {name: value for name, value in loser.items() if value and not survivor.get(name)}
            merged = survivor | gained
            emails = [one for one in emails_of(loser) if one not in emails_of(merged)]
            phones = [one for one in phones_of(loser) if one not in phones_of(merged)]
            gained["additionalEmails"] = [*(merged.get("additionalEmails") or []), *({"email": one} for one in emails)]
            gained["additionalPhones"] = [*(merged.get("additionalPhones") or []), *({"phone": one} for one in phones)]
            gained["tags"] = list(dict.fromkeys([*survivor["tags"], *loser["tags"]]))
            for one in self.opportunities.values():
                if one["contactId"] == loser_id:
                    one["contactId"] = survivor_id
            self.delete_contact(loser_id)
            return self.edit(survivor_id, **gained)

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
        if asked.path.startswith(tuple(self.without_scope)):
            return _answer(401, {"statusCode": 401, "message": "The token is not authorized for this scope."})
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
                first = ("email", "phone") if self.allows_duplicates else self.unique_by
                found = self._matching({"email": query.get("email"), "phone": query.get("number")}, by=first)
                return 200, {"contact": found[0] if found else None}
            case ("GET" | "PUT") as method, ["contacts", contact_id]:
                return self._one_contact(method, contact_id, body)
            case ("POST" | "DELETE") as method, ["contacts", contact_id, "tags"]:
                return self._change_tags(method, contact_id, body)
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
        if faults := [*faults_of(body, known=OF_A_NEW_CONTACT), *self._refused(body)]:
            return unprocessable(*faults)
        if known := self._duplicate(body):
            return duplicate(known[0], by=known[1])
        return 201, {"contact": self.add_contact(**written(body))}

    def _one_contact(self, method: str, contact_id: str, body: Record) -> tuple[int, Any]:
        contact = self.contacts.get(contact_id)
        if contact is None:
            return self._unknown(f"Contact with id {contact_id} not found")
        if method == "GET":
            return 200, {"contact": contact}
        if faults := [*faults_of(body, known=OF_A_CONTACT), *self._refused(body)]:
            return unprocessable(*faults)
        if same := self._duplicate(body, but=contact_id):
            return duplicate(same[0], by=same[1])
        self.edit(contact_id, **written(body, had=contact))
        return 200, {"succeded": True, "contact": contact}

    def _change_tags(self, method: str, contact_id: str, body: Record) -> tuple[int, Any]:
        if contact_id not in self.contacts:
            return self._unknown(f"Contact with id {contact_id} not found")
        if faults := tag_faults(body):
            return unprocessable(*faults)
        before, named = self.contacts[contact_id]["tags"], written(body)["tags"]
        others = [tag for tag in before if tag.lower() not in named]
        tags = [*before, *(tag for tag in named if tag not in before)] if method == "POST" else others
        self.edit(contact_id, tags=tags)
        return 201 if method == "POST" else 200, {"tags": tags}

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
        try:
            holds = filtered(body.get("filters", []))
            found = [one for one in self._shown(self.contacts, self._contact_versions) if holds(one)]
        except KeyError as error:
            return unprocessable(f"filters: {error} is not valid")
        found.sort(key=lambda one: datetime.fromisoformat(one["dateUpdated"]))
        first = (body["page"] - 1) * body["pageLimit"]
        page = [as_indexed(one, names=self.lists_names) for one in found[first : first + body["pageLimit"]]]
        return 200, {"contacts": page, "total": len(found)}

    def _shown(self, live: Mapping[str, Record], versions: Versions) -> list[Record]:
        return versions.at(self.now() - timedelta(seconds=self.lag)) if self.lag else list(live.values())

    def _refused(self, body: Record) -> list[str]:
        return [reason for name, reason in self.refuses.items() if body.get(name)]

    def _duplicate(self, body: Record, *, but: str = "") -> tuple[Record, str] | None:
        """Return the contact that a written one would be a duplicate of, and by what."""
        return None if self.allows_duplicates else self._matching(written(body), by=self.unique_by, but=but)

    def _matching(self, wanted: Record, *, by: tuple[str, ...], but: str = "") -> tuple[Record, str] | None:
        """Return the first contact with this address or this number, additional ones too, and by which it matches."""
        others = [one for one in self.contacts.values() if one["id"] != but]
        email, phone = str(wanted.get("email") or "").lower(), wanted.get("phone")
        for name in by:
            for one in others:
                has = email in emails_of(one) if name == "email" else phone in phones_of(one)
                if has:
                    return one, name
        return None

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
