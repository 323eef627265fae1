"""A fake of GoHighLevel's API over real HTTP: contacts and opportunities in memory, its limits and its refusals.

Bad days: `misbehave(too_many(), Reset(), Lost(), …)` for single requests; the attributes for what lasts.
"""

import json
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from tests.fakes.http_server import Answer, Asked, FakeServer, Hang, Lost, Reset

__all__ = ["API_KEY", "LOCATION_ID", "Answer", "FakeGoHighLevel", "Hang", "Lost", "Reset", "too_many"]

API_KEY = "pit-of-tests-0123456789"
LOCATION_ID = "ve9EPM428h8vShlRW1KT"
Record = dict[str, Any]


def too_many() -> Answer:
    """429 as the vendor gives it: without a Retry-After."""
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
        self._called: deque[float] = deque()
        self._number = 0

    def add_contact(self, **fields: Any) -> Record:
        contact = {"id": self._next_id("contact"), "locationId": LOCATION_ID, "tags": [], "customFields": []} | fields
        self.contacts[contact["id"]] = contact
        return contact

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
            case "POST", ["contacts", "upsert"]:
                known = self._matching(body)
                if known is None:
                    return 201, {"new": True, "contact": self.add_contact(**_written(body)), "traceId": "t"}
                known.update(_written(body))
                return 200, {"new": False, "contact": known, "traceId": "t"}
            case "POST", ["contacts", "search"]:
                return self._search(body)
            case "GET", ["contacts", "search", "duplicate"]:
                wanted = {"email": query.get("email"), "phone": query.get("number")}
                return 200, {"contact": self._matching(wanted)}
            case method, ["contacts", contact_id, *rest]:
                return self._one_contact(method, contact_id, rest, body)
            case "POST", ["opportunities"]:
                return self._create_opportunity(body)
            case "PUT", ["opportunities", external_id] if external_id in self.opportunities:
                self.opportunities[external_id].update(body)
                return 200, {"opportunity": self.opportunities[external_id]}
            case "GET", ["opportunities", "search"]:
                found = [one for one in self.opportunities.values() if one["contactId"] == query["contact_id"]]
                return 200, {"opportunities": found, "meta": {"total": len(found)}}
            case "GET", ["opportunities", "pipelines"]:
                return 200, {"pipelines": self.pipelines}
            case "GET", ["locations", location_id, "customFields"] if location_id == LOCATION_ID:
                found = [one for one in self.custom_fields if one["model"] == query.get("model")]
                return 200, {"customFields": found}
        return 404, {"statusCode": 404, "message": f"Cannot {asked.method} {asked.path}"}

    def _create_contact(self, body: Record) -> tuple[int, Any]:
        if "locationId" not in body:
            return 422, {"statusCode": 422, "message": ["locationId should not be empty"], "error": "Unprocessable"}
        known = None if self.allows_duplicates else self._matching(body)
        if known is None:
            return 201, {"contact": self.add_contact(**_written(body))}
        same_email = bool(body.get("email")) and body["email"].lower() == str(known.get("email", "")).lower()
        meta = {"contactId": known["id"], "contactName": "", "matchingField": "email" if same_email else "phone"}
        message = "This location does not allow duplicated contacts."
        return 400, {"statusCode": 400, "message": message, "meta": meta}

    def _one_contact(self, method: str, contact_id: str, rest: list[str], body: Record) -> tuple[int, Any]:
        contact = self.contacts.get(contact_id)
        if contact is None:
            return self.unknown_is, {
                "statusCode": self.unknown_is,
                "message": f"Contact with id {contact_id} not found",
            }
        match method, rest:
            case "GET", []:
                return 200, {"contact": contact}
            case "PUT", [] if "locationId" not in body:
                contact.update(_written(body))
                return 200, {"succeded": True, "contact": contact}
            case "POST", ["tags"]:
                contact["tags"] = _unique([*contact["tags"], *body["tags"]])
                return 201, {"tags": contact["tags"]}
            case "DELETE", ["tags"]:
                contact["tags"] = [tag for tag in contact["tags"] if tag not in body["tags"]]
                return 200, {"tags": contact["tags"]}
        return 422, {"statusCode": 422, "message": ["property locationId should not exist"], "error": "Unprocessable"}

    def _create_opportunity(self, body: Record) -> tuple[int, Any]:
        same = [one for one in self.opportunities.values() if one["contactId"] == body["contactId"]]
        if same and not self.allows_duplicates:
            message = "Can not create duplicate opportunity for the contact."
            document = {"statusCode": 400, "message": message, "code": "OPPORTUNITY_NO_DUPLICATE"}
            return 400, document | {"meta": {"existingId": same[0]["id"]}}
        made = {"id": self._next_id("opportunity")} | body
        self.opportunities[made["id"]] = made
        return 201, {"opportunity": made}

    def _search(self, body: Record) -> tuple[int, Any]:
        since = body["filters"][0]["value"]["gte"]
        found = sorted(
            (one for one in self.contacts.values() if one.get("dateUpdated", "") >= since),
            key=lambda one: str(one["dateUpdated"]),
        )
        first = (body["page"] - 1) * body["pageLimit"]
        return 200, {"contacts": found[first : first + body["pageLimit"]], "total": len(found)}

    def _matching(self, wanted: Record) -> Record | None:
        email, phone = str(wanted.get("email") or "").lower(), wanted.get("phone") or ""
        by_email = (one for one in self.contacts.values() if email and str(one.get("email", "")).lower() == email)
        by_phone = (one for one in self.contacts.values() if phone and one.get("phone") == phone)
        return next(by_email, None) or next(by_phone, None)

    def _next_id(self, kind: str) -> str:
        self._number += 1
        return f"{kind}{self._number:013}"


def _written(body: Record) -> Record:
    """What is written as {"id", "field_value"} is read as {"id", "value"}."""
    written = dict(body)
    if "customFields" in body:
        written["customFields"] = [{"id": one["id"], "value": one["field_value"]} for one in body["customFields"]]
    return written


def _unique(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def _answer(status: int, document: Any, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status=status, body=json.dumps(document).encode(), headers=headers or {})
