"""Fake of Kajabi's API over real HTTP: records in memory, answers in the vendor's form, and its failures.

`add` what there is, point a client at `url`, look at `exchanges`. Bad days: `misbehave(too_many(), html(), Reset(), …)`
for single requests; the attributes for what lasts.
"""

import json
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode

from tests.fakes import kajabi_records as records
from tests.fakes.http_server import Answer, Asked, Drip, FakeServer, Hang, Reset
from tests.fakes.kajabi_records import Record

__all__ = ["Answer", "Drip", "FakeKajabi", "Hang", "Reset", "errors", "html", "too_many"]

CLIENT_ID = "client-id-of-tests"
CLIENT_SECRET = "client-secret-of-tests"
JSON_API = "application/vnd.api+json"
KINDS = frozenset(
    {
        *("sites", "hooks", "contacts", "contact_tags", "customers", "purchases", "transactions"),
        *("orders", "order_items", "offers", "forms", "form_submissions"),
    }
)
HOOK_EVENTS = ("purchase", "payment_succeeded", "order_created", "form_submission", "tag_added", "tag_removed")
_KIND_OF = {"tags": "contact_tags", "offers": "offers"}
_WITHOUT_SITE_OF_THEIR_OWN = frozenset({"purchases", "transactions", "order_items"})


def too_many(*, retry_after: str | None = None) -> Answer:
    """Return 429, which the vendor does not document, with or without a Retry-After."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return errors(429, "Too Many Requests", "slow down", headers=headers)


def html(status: int = 502) -> Answer:
    """Return an HTML page as a proxy in front of the API sends."""
    page = f"<!DOCTYPE html><html><body><h1>{status}</h1></body></html>"
    return Answer(status=status, body=page.encode(), content_type="text/html; charset=UTF-8")


class FakeKajabi(FakeServer):
    def __init__(self) -> None:
        super().__init__()
        self.records: dict[str, dict[str, Record]] = {kind: {} for kind in sorted(KINDS)}
        self.largest_page = 100
        self.with_meta = True
        self.next_link_is = "absolute"  # or "relative", or "query": ?page[number]=2
        self.last_link_is: str | None = None  # "missing" or None: how the last page says that it is the last
        self.ignored_filters: set[str] = {"email"}
        self.ignored_sorts: set[str] = set()  # names of attributes, with which a list comes in the order of its ids
        self.token_life: Any = 7200  # seconds
        self.after_each_page: Callable[[int], None] = lambda number: None  # change something here while it is read
        self.welcome_mails: list[str] = []  # ids of the contacts that Kajabi would have written to
        self._tokens: set[str] = set()
        self._tokens_given = 0
        self._expires_in: int | None = None
        self._next_id = 9_000_000_001  # ids exceed 2^31
        self._changing = threading.RLock()

    def add(self, *new: Record) -> None:
        """Store records in place of those with their ids."""
        for record in new:
            self.records[record["type"]][record["id"]] = record

    def remove(self, kind: str, external_id: str) -> None:
        del self.records[kind][external_id]

    def expire_tokens(self, *, after: int = 0) -> None:
        """Expire every token issued so far, after that many more requests."""
        self._expires_in = after

    @property
    def token_calls(self) -> int:
        return len(self.asked_for("/v1/oauth/token"))

    def answer(self, asked: Asked) -> Answer:
        with self._changing:
            if asked.path == "/v1/oauth/token":
                return self._token(asked)
            if self._expires_in is not None:
                if self._expires_in == 0:
                    self._tokens.clear()
                self._expires_in = None if self._expires_in == 0 else self._expires_in - 1
            if asked.headers.get("authorization", "").removeprefix("Bearer ") not in self._tokens:
                return errors(401, "Unauthorized", "Access token is invalid")
            return self._routed(asked)

    def _token(self, asked: Asked) -> Answer:
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        right = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        if asked.method != "POST" or form != right:
            return Answer(status=401, body=b'{"error": "invalid_client"}')
        self._tokens_given += 1
        token = f"token-{self._tokens_given}-of-the-fake-server"
        self._tokens.add(token)
        granted = {"access_token": token, "refresh_token": f"refresh-{self._tokens_given}", "token_type": "Bearer"}
        return Answer(status=200, body=json.dumps(granted | {"expires_in": self.token_life}).encode())

    def _routed(self, asked: Asked) -> Answer:
        match asked.method, asked.path.removeprefix("/v1/").split("/"):
            case "GET", [kind] if kind in KINDS:
                return self._list(asked, kind)
            case "POST", ["hooks"]:
                return self._new_hook(json.loads(asked.body)["data"])
            case "GET", ["hooks", sample] if sample.endswith("_sample"):
                return _document(200, self._sample(sample.removesuffix("_sample")))
            case "GET", [kind, external_id] if external_id in self.records.get(kind, {}):
                return self._show(asked, self.records[kind][external_id])
            case "DELETE", ["hooks", external_id] if external_id in self.records["hooks"]:
                self.remove("hooks", external_id)
                return Answer(status=204)
            case method, ["contacts", external_id, "relationships", ("tags" | "offers") as name]:
                if external_id in self.records["contacts"]:
                    return self._related(method, self.records["contacts"][external_id], name, asked)
        return errors(404, "Record not found", f"Nothing is at {asked.path}")

    def _list(self, asked: Asked, kind: str) -> Answer:
        query = dict(asked.query)
        filters = {name[7:-1]: value for name, value in query.items() if name.startswith("filter[")}
        found = [record for record in self.records[kind].values() if self._passes(record, filters)]
        sort = query.get("sort", "")
        key = sort.removeprefix("-")
        if sort and key not in self.ignored_sorts:
            found.sort(key=lambda record: str(record["attributes"].get(key)), reverse=sort.startswith("-"))
        size = min(int(query.get("page[size]", 10)), self.largest_page)
        number = int(query.get("page[number]", 1))
        pages = -(-len(found) // size)
        document: Record = {
            "data": [_as_listed(record) for record in found[(number - 1) * size : number * size]],
            "links": {"self": f"{self.url}{asked.path}"},
        }
        if number < pages:
            document["links"]["next"] = self._next_link(asked.path, query | {"page[number]": str(number + 1)})
        elif self.last_link_is is None:
            document["links"]["next"] = None
        if self.with_meta:
            document["meta"] = {"total_pages": pages, "total_count": len(found), "current_page": number}
        self.after_each_page(number)
        return _document(200, document)

    def _next_link(self, path: str, query: dict[str, str]) -> str:
        encoded = urlencode(query)
        before = {"absolute": f"{self.url}{path}", "relative": path, "query": ""}[self.next_link_is]
        return f"{before}?{encoded}"

    def _passes(self, record: Record, filters: dict[str, str]) -> bool:
        attributes = record["attributes"]
        tests: dict[str, Callable[[str], bool]] = {
            "site_id": lambda value: (
                record["type"] in _WITHOUT_SITE_OF_THEIR_OWN or _linked_id(record, "site") == value
            ),
            "customer_id": lambda value: _linked_id(record, "customer") == value,
            "form_id": lambda value: _linked_id(record, "form") == value,
            "email_contains": lambda value: value.lower() in attributes["email"].lower(),
            "search": lambda value: value.lower() in f"{attributes['name']} {attributes['email']}".lower(),
            "name_cont": lambda value: value.lower() in attributes["name"].lower(),
            "event_eq": lambda value: attributes["event"] == value,
            "deactivated": lambda value: bool(attributes["deactivated_at"]) == (value == "true"),
            "start_date": lambda value: attributes["created_at"][:10] >= value,
            "end_date": lambda value: attributes["created_at"][:10] <= value,
        }
        return all(
            tests[name](value) for name, value in filters.items() if name in tests and name not in self.ignored_filters
        )

    def _show(self, asked: Asked, record: Record) -> Answer:
        document: Record = {"data": record, "links": {"self": f"{self.url}{asked.path}"}}
        names = [name for name in dict(asked.query).get("include", "").split(",") if name]
        if names:
            linked = [record.get("relationships", {}).get(name, {}).get("data") or [] for name in names]
            identifiers = [one for some in linked for one in (some if isinstance(some, list) else [some])]
            known = [self.records[one["type"]].get(one["id"]) for one in identifiers if one["type"] in KINDS]
            document["included"] = [_as_listed(found) for found in known if found]
        return _document(200, document)

    def _new_hook(self, given: Record) -> Answer:
        attributes = given["attributes"]
        if attributes.get("event") not in HOOK_EVENTS:
            return errors(422, "is not included in the list", "event - unknown", pointer="/data/attributes/event")
        external_id, self._next_id = str(self._next_id), self._next_id + 1
        site_id = given["relationships"]["site"]["data"]["id"]
        self.add(records.hook(external_id, site_id=site_id, **attributes))
        return _document(201, {"data": self.records["hooks"][external_id]})

    def _related(self, method: str, contact: Record, name: str, asked: Asked) -> Answer:
        relationship = contact["relationships"].setdefault(name, {"data": []})
        if method != "GET":
            body = json.loads(asked.body)
            if any(given["id"] not in self.records[_KIND_OF[name]] for given in body["data"]):
                return errors(404, "Record not found", f"one of the {name} does not exist")
            remaining = [one for one in relationship["data"] if one not in body["data"]]
            relationship["data"] = remaining + body["data"] if method == "POST" else remaining
            welcome = body.get("meta", {}).get("send_customer_welcome_email", True)
            if method == "POST" and name == "offers" and welcome:
                self.welcome_mails.append(contact["id"])
        return _document(200, {"data": relationship["data"], "links": {"self": f"{self.url}{asked.path}"}})

    def _sample(self, event: str) -> list[Record]:
        """Return a webhook body by kind; without relationships, which samples name differently."""
        email = "sample@example.com"
        customer, contact = records.customer("0", email=email), records.contact("0", email=email)
        bought, paid = records.purchase("0", customer_id="0", offer_id="0"), records.transaction("0", customer_id="0")
        item = records.order_item("0", order_id="0", offer_id="0")
        samples = {
            "purchase": [bought, records.offer("0", title="Sample"), customer],
            "payment_succeeded": [paid, customer],
            "order_created": [paid, customer, records.order("0", customer_id="0"), item],
            "form_submission": [records.form_submission("0", form_id="0", email=email), records.form("0", title="A")],
        }
        tagged = [contact, records.tag("0", name="Sample")]
        return [
            {part: value for part, value in record.items() if part != "relationships"}
            for record in samples.get(event, tagged)
        ]


def _as_listed(record: Record) -> Record:
    """Return a record as lists do: the offers of a contact or customer are only a link."""
    if record["type"] not in {"contacts", "customers"}:
        return record
    link = {"links": {"self": f"/v1/{record['type']}/{record['id']}/relationships/offers"}}
    return record | {"relationships": record["relationships"] | {"offers": link}}


def _linked_id(record: Record, name: str) -> str:
    return str(record.get("relationships", {}).get(name, {}).get("data", {}).get("id", ""))


def _document(status: int, document: Any) -> Answer:
    return Answer(status=status, body=json.dumps(document).encode(), content_type=f"{JSON_API}; charset=utf-8")


def errors(status: int, title: str, detail: str, *, pointer: str = "", headers: dict[str, str] | None = None) -> Answer:
    error = {"status": str(status), "source": {"pointer": pointer} if pointer else None}
    body = json.dumps({"errors": [error | {"title": title, "detail": detail}]}).encode()
    return Answer(status=status, body=body, content_type=JSON_API, headers=headers or {})
