"""GoHighLevel's API, one method an endpoint; above each its path at https://marketplace.gohighlevel.com/docs.

A contact that exists already is no failure here: the vendor answers 400 with its id, and `create_contact` returns that.
All calls of all processes together stay within the location's limit. Every method may raise TemporaryFailure or Refused
(NotFound where there is no such record).
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from django.conf import settings

from core.phrases import Phrase
from integrations.providers.gohighlevel.permissions import PERMISSIONS
from integrations.toolkit import answers, changes
from integrations.toolkit.changes import Cursor
from integrations.toolkit.client import PATIENCE, READ_TIMEOUT, JsonClient
from integrations.toolkit.failures import NotFound, Refused, require_settings
from integrations.toolkit.pace import Headroom, RateHeaders, SharedPace
from integrations.toolkit.reading import text_at

Record = Mapping[str, Any]
VERSION = "2021-07-28"  # of the API, a header that every call must have
CALLS, WINDOW = 100, 10.0  # calls in seconds, for each location (the vendor's documentation, "Rate limits")
PAGE_SIZE = 100
_EVER = "1970-01-01T00:00:00Z"
_RATE_HEADERS = RateHeaders(
    remaining="X-RateLimit-Remaining",
    interval_ms="X-RateLimit-Interval-Milliseconds",
    daily_remaining="X-RateLimit-Daily-Remaining",
)
_HINTS = {
    401: Phrase("Check GHL_API_KEY (in GoHighLevel: Settings, Private Integrations).")(),
    403: Phrase("Check that GHL_LOCATION_ID is the location of GHL_API_KEY, and the integration's scopes.")(),
}
API_SETTINGS = ("GHL_API_KEY", "GHL_LOCATION_ID")


@dataclass(frozen=True, kw_only=True)
class Written:
    """The result of a create. `record` is empty, and `matched_by` the field, where it existed already.

    `answer` is all that came.
    """

    external_id: str
    is_new: bool
    record: Record = field(default_factory=dict)
    matched_by: str = ""
    answer: Record = field(default_factory=dict, compare=False)


class GoHighLevelClient:
    """Calls about the configured location, for one thread.

    `patience` is the seconds that one call may take with its repetitions. Raises NotConfigured with the variables that
    are not set.
    """

    def __init__(
        self,
        *,
        patience: float = PATIENCE,
        read_timeout: float = READ_TIMEOUT,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        require_settings(API_SETTINGS, provider="GoHighLevel")
        api_key = settings.GHL_API_KEY
        self.base_url, self.location_id = settings.GHL_BASE_URL, settings.GHL_LOCATION_ID
        self._pace = SharedPace(
            "GoHighLevel",
            identity=(self.base_url, self.location_id),
            limit=CALLS,
            seconds=WINDOW,
            headers=_RATE_HEADERS,
            sleep=sleep,
        )
        self._http = JsonClient(
            self.base_url,
            title="GoHighLevel",
            pace=self._pace,
            headers={"Authorization": f"Bearer {api_key}", "Version": VERSION},
            hints=_HINTS,
            explain=_explain,
            secrets=(api_key,),
            permissions=PERMISSIONS,
            patience=patience,
            read_timeout=read_timeout,
            sleep=sleep,
        )

    def headroom(self) -> Headroom:
        """Return how many calls the location has left, by the last answer to any process."""
        return self._pace.headroom()

    # Contacts ---------------------------------------------------------------------------------------------------------

    # GET /contacts/{contactId}
    def contact(self, contact_id: str) -> Record:
        """Return a contact. Raises NotFound where there is none."""
        return self._called("contact", "GET", record_path("/contacts", contact_id))

    # POST /contacts/
    def create_contact(self, fields: Mapping[str, Any]) -> Written:
        """Create a contact, or return the one that has this e-mail or phone already, where the location allows no
        duplicates.

        Not repeated when the answer was lost: in a location that allows duplicates there might be two then.
        """
        return self._created("contact", "/contacts/", fields, known_id="contactId")

    # PUT /contacts/{contactId}
    def update_contact(self, contact_id: str, fields: Mapping[str, Any]) -> Record:
        """Return the contact after the change. `fields` has no locationId.

        `tags` in it would replace all of the contact's. A name that the vendor does not know is refused with 422, and
        an e-mail or phone that another contact has as in a create (see `existing`).
        """
        return self._called("contact", "PUT", record_path("/contacts", contact_id), body=dict(fields))

    # POST and DELETE /contacts/{contactId}/tags
    def change_tags(self, contact_id: str, tags: Sequence[str], *, has: bool) -> list[Any]:
        """Give a contact these tags, or take them away; return the tags that it has then. Others stay as they are.

        Raises NotFound where there is no such contact.
        """
        path = f"{record_path('/contacts', contact_id)}/tags"
        with _not_found():
            answer = self._http.call("POST" if has else "DELETE", path, body={"tags": list(tags)}, repeatable=True)
        found = answer.get("tags") if isinstance(answer, dict) else None
        return found if isinstance(found, list) else []

    # GET /contacts/search/duplicate
    def find_contact(self, *, email: str = "", phone: str = "") -> Record | None:
        """Return the contact with this address or number as the location understands duplicates; None for nobody.

        Of two that have one each, the location's first choice comes.
        """
        given = {name: text for name, text in (("email", email.strip()), ("number", phone.strip())) if text}
        if not given:
            return None
        path = "/contacts/search/duplicate"
        answer = self._http.call("GET", path, query={"locationId": self.location_id, **given})
        contact = answer.get("contact") if isinstance(answer, dict) else None
        return contact if isinstance(contact, dict) and contact else None

    # POST /contacts/search
    def changed_contacts(self, cursor: Cursor) -> list[Record]:
        """Return contacts from where the cursor stands, the oldest change first, at most a page.

        The index lags by seconds.
        """
        return self._searched(cursor)

    # POST /contacts/search
    def contacts_with_phone(self, phone: str) -> list[Record]:
        """Return the contacts with this number (E.164), a page at most; the index lags by seconds."""
        return self._searched(Cursor(since=_EVER), {"field": "phone", "operator": "eq", "value": phone})

    def _searched(self, cursor: Cursor, *filters: Mapping[str, Any]) -> list[Record]:
        changed = {"field": "dateUpdated", "operator": "range", "value": {"gte": cursor.since}}
        body = {
            "locationId": self.location_id,
            "page": cursor.skip // changes.PAGE_SIZE + 1,
            "pageLimit": changes.PAGE_SIZE,
            "filters": [changed, *filters],
            "sort": [{"field": "dateUpdated", "direction": "asc"}],
        }
        answer = self._http.call("POST", "/contacts/search", body=body, repeatable=True)
        return _records(answer, "contacts", called="POST /contacts/search")

    # Opportunities ----------------------------------------------------------------------------------------------------

    # POST /opportunities/
    def create_opportunity(self, fields: Mapping[str, Any]) -> Written:
        """Create an opportunity; `fields` has pipelineId, name, status (open, won, lost, abandoned) and contactId.

        Returns the one that exists already where the location allows a contact only one. Not repeated when the answer
        was lost.
        """
        return self._created("opportunity", "/opportunities/", fields, known_id="existingId")

    # GET /opportunities/{id}
    def opportunity(self, opportunity_id: str) -> Record:
        """Return an opportunity. Raises NotFound where there is none."""
        return self._called("opportunity", "GET", record_path("/opportunities", opportunity_id))

    # PUT /opportunities/{id}
    def update_opportunity(self, opportunity_id: str, fields: Mapping[str, Any]) -> Record:
        return self._called("opportunity", "PUT", record_path("/opportunities", opportunity_id), body=dict(fields))

    # GET /opportunities/search
    def opportunities_of(self, contact_id: str) -> list[Record]:
        """Return a contact's opportunities, a hundred at most; the index lags by seconds."""
        query = {"location_id": self.location_id, "contact_id": contact_id, "limit": str(PAGE_SIZE)}
        answer = self._http.call("GET", "/opportunities/search", query=query)
        return _records(answer, "opportunities", called="GET /opportunities/search")

    # GET /opportunities/pipelines
    def pipelines(self) -> list[Record]:
        """Return the pipelines with their stages: {id, name, stages: [{id, name, position}]}."""
        answer = self._http.call("GET", "/opportunities/pipelines", query={"locationId": self.location_id})
        return _records(answer, "pipelines", called="GET /opportunities/pipelines")

    # GET /locations/{locationId}/customFields
    def custom_fields(self, model: str) -> list[Record]:
        """Return the custom fields of a `model`, contact or opportunity: {id, name, fieldKey, dataType, model}."""
        path = f"{record_path('/locations', self.location_id)}/customFields"
        answer = self._http.call("GET", path, query={"model": model})
        return _records(answer, "customFields", called="GET /locations/{id}/customFields")

    # ------------------------------------------------------------------------------------------------------------------

    def _called(self, name: str, method: str, path: str, *, body: Any = None) -> Record:
        """Return the record under `name` in an answer. Raises Refused where none came, NotFound where there is none."""
        with _not_found():
            answer = self._http.call(method, path, body=body)
        record = answer.get(name) if isinstance(answer, dict) else None
        if not isinstance(record, dict) or not text_at(record, "id"):
            called = f"{method} {path.rsplit('/', 1)[0]}/{{id}}"
            raise Refused(_without_record(called, name), status=200, document=answer)
        return record

    def _created(self, name: str, path: str, fields: Mapping[str, Any], *, known_id: str) -> Written:
        try:
            answer = self._http.call("POST", path, body={**fields, "locationId": self.location_id})
        except Refused as error:
            return existing(error, known_id)
        record = answer.get(name) if isinstance(answer, dict) else None
        if not isinstance(record, dict) or not text_at(record, "id"):
            raise Refused(_without_record(f"POST {path}", name), status=200, document=answer)
        return Written(external_id=str(record["id"]), is_new=True, record=record, answer=answer)


@contextmanager
def _not_found() -> Iterator[None]:
    """Raise NotFound for a record that does not exist, which the vendor answers with 400 as well as with 404."""
    try:
        yield
    except Refused as error:
        if error.status == 400 and "not found" in _explain(error.document).lower():
            raise NotFound(str(error), status=400, document=error.document) from error
        raise


def existing(error: Refused, name: str = "contactId") -> Written:
    """Return the record that a refusal says is there already, its id under `name`. Raises any other refusal."""
    external_id = text_at(error.document, "meta", name) if error.status == 400 else ""
    if not external_id:
        raise error
    matched_by = text_at(error.document, "meta", "matchingField")
    return Written(external_id=external_id, is_new=False, matched_by=matched_by, answer=error.document)


def record_path(path: str, external_id: str) -> str:
    """Return the path of one record. Raises ValueError for an id that would lead elsewhere."""
    if not external_id.strip() or external_id in {".", ".."}:
        raise ValueError(f"{path}: an id is expected, {external_id!r} came")
    return f"{path}/{quote(external_id, safe='')}"


def _without_record(called: str, name: str) -> str:
    return answers.WITHOUT_RECORD(provider="GoHighLevel", call=called, name=name)


def _records(answer: Any, name: str, *, called: str) -> list[Record]:
    records = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise Refused(answers.WITHOUT_LIST(provider="GoHighLevel", call=called, name=name), status=200, document=answer)
    return records


def _explain(document: Any) -> str:
    """Return the vendor's `message`, which is a text or, with 422, a list of them."""
    message = document.get("message") if isinstance(document, dict) else None
    return "; ".join(str(part) for part in message) if isinstance(message, list) else text_at(document, "message")
